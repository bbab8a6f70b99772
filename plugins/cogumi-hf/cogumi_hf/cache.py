"""What the rows of a batch remember: keys and values that grow in place, and rows that leave and join.

Two memories with one interface. `SharedMemory` keeps each prompt once for all its samples (see `attention`); it is used
for every model that passes the engine's check of it. `RowMemory` keeps every row whole and works with any model whose
layers hold one key and one value per token. In both, rows are aligned at their right end, so that a step writes one column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import torch
from transformers.cache_utils import Cache, DynamicLayer

from cogumi_hf.attention import Layout, Shared

ROOM = 32
"""Columns set aside at a time: a step then writes one column instead of copying all of them."""

KeysValues: TypeAlias = tuple[torch.Tensor, torch.Tensor]
"""Each `[rows, heads, columns, dim]`; the two may differ in `dim`."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The keys and values of some rows, aligned right."""

    layers: list[KeysValues]
    """Per layer; there may be spare columns beyond `width`."""
    width: int
    """Columns in use."""
    padding: list[int]
    """Per row, how many of its first columns are empty."""

    @classmethod
    def of(cls, cache: Cache, padding: list[int]) -> Columns:
        """The columns that a cache holds."""
        layers: list[Any] = list(cache.layers)
        return cls([(layer.keys, layer.values) for layer in layers], cache.get_seq_length(), padding)

    def none(self) -> Columns:
        """The same rows without a column."""
        return Columns([(keys[:, :, :0], values[:, :, :0]) for keys, values in self.layers], 0, [0] * len(self.padding))


Part: TypeAlias = tuple[Columns, list[int]]
"""Some columns and the indices of the rows to take; a row may be taken several times."""


def stacked(parts: Sequence[Part], room: int = 0) -> Columns:
    """The chosen rows of all parts, no wider than they need, with spare columns on the right."""
    lengths = [columns.width - columns.padding[i] for columns, rows in parts for i in rows]
    width = max(lengths)
    layers = [
        (_stacked(parts, layer, 0, width, room), _stacked(parts, layer, 1, width, room))
        for layer in range(len(parts[0][0].layers))
    ]
    return Columns(layers, width, [width - length for length in lengths])


def _stacked(parts: Sequence[Part], layer: int, side: int, width: int, room: int) -> torch.Tensor:
    first = parts[0][0].layers[layer][side]
    out = first.new_empty(sum(len(rows) for _, rows in parts), first.shape[1], width + room, first.shape[3])
    done = 0
    for columns, rows in parts:
        source = columns.layers[layer][side]
        kept = min(width, columns.width)
        target = out[done : done + len(rows), :, :width]
        target[:, :, : width - kept] = 0  # masked, but a stray NaN would still spoil the row
        target[:, :, width - kept :] = source[torch.tensor(rows, device=source.device), :, columns.width - kept : columns.width]
        done += len(rows)
    return out


class GrowingLayer(DynamicLayer):  # type: ignore[no-untyped-call]
    """One layer's keys and values as views of buffers with spare columns."""

    def __init__(self, buffers: KeysValues, width: int, shared: Shared | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.dtype, self.device = buffers[0].dtype, buffers[0].device
        self.buffers, self.shared = buffers, shared
        self.is_initialized = True
        self._show(width)

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any) -> KeysValues:
        """Append columns; gives those of all tokens, or a row's own, which then carry the shared ones as an attribute."""
        start, end = self.width, self.width + key_states.shape[-2]
        if end > self.buffers[0].shape[-2]:
            keys, values = self.buffers
            self.buffers = _widened(keys, end + ROOM), _widened(values, end + ROOM)
        for buffer, states in zip(self.buffers, (key_states, value_states), strict=True):
            buffer[:, :, start:end] = states
        keys, values = self._show(end)
        keys.shared = self.shared  # type: ignore[attr-defined]
        return keys, values

    def _show(self, width: int) -> KeysValues:
        self.width = width
        keys, values = (buffer[:, :, :width] for buffer in self.buffers)
        self.keys, self.values = keys, values
        return keys, values


def _widened(buffer: torch.Tensor, columns: int) -> torch.Tensor:
    rows, heads, width, dim = buffer.shape
    out = buffer.new_empty(rows, heads, columns, dim)
    out[:, :, :width] = buffer
    return out


@dataclass(frozen=True, slots=True)
class Prefill:
    """Prompts that were just computed."""

    columns: Columns
    """One row per prompt."""
    sizes: list[int]
    """Samples per prompt."""

    @property
    def owners(self) -> list[int]:
        """The prompt of each sample."""
        return [prompt for prompt, size in enumerate(self.sizes) for _ in range(size)]


class Memory(Protocol):
    """The keys and values of a batch's rows."""

    cache: Cache
    """For the model's forward pass, which appends a column to it."""

    def mask(self) -> torch.Tensor | None:
        """The attention mask of a step, `[rows, columns]`, the new column included; None where none is needed."""

    def joined(self, kept: list[int], new: Prefill | None) -> Memory:
        """The memory of the rows `kept`, followed by those of `new`."""


class RowMemory:
    """Every row whole."""

    def __init__(self, columns: Columns) -> None:
        layers: list[Any] = [GrowingLayer(layer, columns.width) for layer in columns.layers]
        self.cache = Cache(layers=layers)
        self._padding = columns.padding
        device = columns.layers[0][0].device
        self._start = torch.tensor(columns.padding, device=device)[:, None]

    @classmethod
    def of(cls, new: Prefill) -> RowMemory:
        """The memory of a batch that begins."""
        return cls(stacked([(new.columns, new.owners)], ROOM))

    def mask(self) -> torch.Tensor:
        """See `Memory`."""
        columns = torch.arange(self.cache.get_seq_length() + 1, device=self._start.device)
        return (columns >= self._start).long()

    def joined(self, kept: list[int], new: Prefill | None) -> RowMemory:
        """See `Memory`."""
        parts = [(Columns.of(self.cache, self._padding), kept)]
        return RowMemory(stacked(parts if new is None else [*parts, (new.columns, new.owners)], ROOM))


class SharedMemory:
    """Each prompt once, and each row's own columns."""

    def __init__(self, prompts: Columns, own: Columns, owners: list[int]) -> None:
        layout = _layout(prompts, own, owners)
        layers: list[Any] = [
            GrowingLayer(buffers, own.width, Shared(layout, *shared))
            for buffers, shared in zip(own.layers, prompts.layers, strict=True)
        ]
        self.cache = Cache(layers=layers)
        self._prompts, self._owners, self._padding = prompts, owners, own.padding

    @classmethod
    def of(cls, new: Prefill) -> SharedMemory:
        """The memory of a batch that begins."""
        everyone = list(range(len(new.sizes)))
        own = stacked([(new.columns.none(), new.owners)], ROOM)
        return cls(stacked([(new.columns, everyone)]), own, new.owners)

    def mask(self) -> None:
        """See `Memory`: the attention function knows what is padding."""

    def joined(self, kept: list[int], new: Prefill | None) -> SharedMemory:
        """See `Memory`."""
        alive = sorted({self._owners[i] for i in kept})
        place = {prompt: i for i, prompt in enumerate(alive)}
        owners = [place[self._owners[i]] for i in kept]
        prompts = [(self._prompts, alive)]
        own = [(Columns.of(self.cache, self._padding), kept)]
        if new is not None:
            owners += [len(alive) + owner for owner in new.owners]
            prompts.append((new.columns, list(range(len(new.sizes)))))
            own.append((new.columns.none(), new.owners))
        return SharedMemory(stacked(prompts), stacked(own, ROOM), owners)


def _layout(prompts: Columns, own: Columns, owners: list[int]) -> Layout:
    device = prompts.layers[0][0].device
    members: list[list[int]] = [[] for _ in prompts.padding]
    slots: list[int] = []
    for row, owner in enumerate(owners):
        slots.append(len(members[owner]))
        members[owner].append(row)
    most = max(map(len, members))
    return Layout(
        family=torch.tensor(owners, device=device),
        slot=torch.tensor(slots, device=device),
        members=torch.tensor([rows + [0] * (most - len(rows)) for rows in members], device=device),
        prompt_padding=_padding(prompts, device),
        own_padding=_padding(own, device),
    )


def _padding(columns: Columns, device: torch.device) -> torch.Tensor | None:
    """float32 `[rows, 1, 1, columns]`: -inf at empty columns, 0 elsewhere."""
    if not any(columns.padding):
        return None
    empty = torch.arange(max(columns.padding), device=device) < torch.tensor(columns.padding, device=device)[:, None]
    return torch.zeros(empty.shape, device=device).masked_fill_(empty, -torch.inf)[:, None, None]
