"""A key/value cache with room to grow in place, and rows that can be left out, repeated and joined.

Rows are aligned at their right end: column `width - 1` holds every row's last token, and shorter rows have masked columns
on their left. Works with every model whose layers keep one key and one value per token.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer

ROOM = 64
"""Columns set aside at a time: a step then writes one column instead of copying all of them."""


class RoomyLayer(DynamicLayer):  # type: ignore[no-untyped-call]
    """One layer's keys and values, `[rows, heads, width, dim]`, as views of buffers with spare columns."""

    def __init__(self, keys: torch.Tensor, values: torch.Tensor, width: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.dtype, self.device = keys.dtype, keys.device
        self.buffers = [keys, values]
        self.is_initialized = True
        self._show(width)

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append the new columns; gives the keys and values of all columns."""
        start, added = self.width, key_states.shape[-2]
        if start + added > self.buffers[0].shape[-2]:
            self.buffers = [_widen(buffer, added + ROOM) for buffer in self.buffers]
        for buffer, states in zip(self.buffers, (key_states, value_states), strict=True):
            buffer[:, :, start : start + added] = states
        return self._show(start + added)

    def _show(self, width: int) -> tuple[torch.Tensor, torch.Tensor]:
        self.width = width
        keys, values = (buffer[:, :, :width] for buffer in self.buffers)
        self.keys, self.values = keys, values
        return keys, values


def _widen(buffer: torch.Tensor, columns: int) -> torch.Tensor:
    rows, heads, _, dim = buffer.shape
    return torch.cat([buffer, buffer.new_empty(rows, heads, columns, dim)], dim=2)


def join(parts: list[tuple[Cache, torch.Tensor]], width: int) -> Cache:
    """One cache of `width` columns from the chosen rows of several; `parts` are caches with the indices of their rows.

    A row may be chosen several times. Columns beyond `width` are dropped on the left; missing ones are zero.
    """
    layers: list[Any] = []
    for same in zip(*(cache.layers for cache, _ in parts), strict=True):
        if not all(layer.is_initialized for layer in same):
            layers.append(DynamicLayer())  # type: ignore[no-untyped-call]
            continue
        rows = [index for _, index in parts]
        keys, values = ([getattr(layer, name) for layer in same] for name in ("keys", "values"))
        layers.append(RoomyLayer(_gather(keys, rows, width), _gather(values, rows, width), width))
    return Cache(layers=layers)


def _gather(tensors: list[torch.Tensor], rows: list[torch.Tensor], width: int) -> torch.Tensor:
    _, heads, _, dim = tensors[0].shape
    out = tensors[0].new_empty(sum(map(len, rows)), heads, width + ROOM, dim)
    done = 0
    for tensor, index in zip(tensors, rows, strict=True):
        kept = min(width, tensor.shape[2])
        part = out[done : done + len(index)]
        part[:, :, : width - kept] = 0  # masked, but a stray NaN would still spoil the row
        part[:, :, width - kept : width] = tensor[index, :, tensor.shape[2] - kept :]
        done += len(index)
    return out


def fresh() -> Cache:
    """An empty cache for a prefill: every layer keeps all columns, sliding windows are left to the mask."""
    return DynamicCache()
