"""Attention of many samples to a prompt they share, which is kept once: an attention function for transformers models.

A sample's tokens are in two places: the keys and values of its prompt, one copy for all samples of that prompt, and those
of the tokens drawn since, its own. Attention to each is computed on its own, the first as one matrix product for all
samples of a prompt, and the two are joined by their softmax denominators (Juravsky et al. 2024, "Hydragen"). Reading the
prompt's keys once instead of once per sample is most of the sampler's speed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask
from transformers.modeling_utils import AttentionInterface

NAME = "cogumi_shared_prompt"
"""The name under which transformers knows this attention function."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Which rows share which prompt; the same for all layers. `n` is the most rows that one prompt has."""

    family: torch.Tensor
    """int64 `[rows]`: the prompt of each row."""
    slot: torch.Tensor
    """int64 `[rows]`: the row's place among its prompt's rows."""
    members: torch.Tensor
    """int64 `[prompts, n]`: the rows of each prompt, filled up with row 0."""
    prompt_padding: torch.Tensor | None
    """float32 `[prompts, 1, 1, columns]`: -inf at first columns that are empty in shorter prompts; None where none is."""
    own_padding: torch.Tensor | None
    """float32 `[rows, 1, 1, columns]`: the same for the rows' own columns."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What the attention function needs beside a row's own keys and values."""

    layout: Layout
    keys: torch.Tensor
    """`[prompts, heads, columns, dim]`"""
    values: torch.Tensor
    """`[prompts, heads, columns, dim]`"""


def register() -> None:
    """Make the attention function known to transformers."""
    AttentionInterface.register(NAME, attention)
    AttentionMaskInterface.register(NAME, sdpa_mask)


def attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """Attention where `key` carries a `Shared` (see `cache.GrowingLayer`); transformers' own `sdpa` where it does not."""
    shared: Shared | None = getattr(key, "shared", None)
    if shared is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **options)
    rows, heads, _, dim = query.shape
    groups = key.shape[1]  # heads that share keys and values are neighbours
    query = (query * (dim**-0.5 if scaling is None else scaling)).view(rows, groups, heads // groups, dim)
    own = _partial(query.flatten(0, 1), key.flatten(0, 1), value.flatten(0, 1), shared.layout.own_padding, groups)
    prompt = _prompt_part(query, shared)
    return _joined(own.view(rows, groups, heads // groups, -1), prompt).view(rows, 1, heads, -1).to(value.dtype), None


def _partial(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, padding: torch.Tensor | None, groups: int
) -> torch.Tensor:
    """Attention to some columns, not yet divided by the denominator: float32 `[batch, queries, dim + 2]`.

    The last two numbers are the denominator and the greatest score, which the exponentials are relative to.
    """
    scores = torch.bmm(query, key.transpose(1, 2)).float()
    if padding is not None:
        scores.view(-1, groups, *scores.shape[1:])[..., : padding.shape[-1]].add_(padding)
    top = scores.amax(2, keepdim=True)
    weights = scores.sub_(top).exp_()
    return torch.cat([torch.bmm(weights.to(value.dtype), value).float(), weights.sum(2, keepdim=True), top], dim=2)


def _prompt_part(query: torch.Tensor, shared: Shared) -> torch.Tensor:
    """`_partial` of every row to its prompt: `[rows, groups, queries, dim + 2]`."""
    layout = shared.layout
    _, groups, each, dim = query.shape
    prompts, most = layout.members.shape
    together = query[layout.members].transpose(1, 2).reshape(prompts * groups, most * each, dim)
    part = _partial(together, shared.keys.flatten(0, 1), shared.values.flatten(0, 1), layout.prompt_padding, groups)
    return part.view(prompts, groups, most, each, -1)[layout.family, :, layout.slot]


def _joined(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    top = torch.maximum(one[..., -1:], other[..., -1:])
    total = one[..., :-1] * (one[..., -1:] - top).exp() + other[..., :-1] * (other[..., -1:] - top).exp()
    return total[..., :-1] / total[..., -1:]
