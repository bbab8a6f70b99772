"""Drawing the next token of many rows at once.

A token is drawn by inverting the cumulative distribution at a uniform number, in float64 over ids in ascending order; at
temperature 0 it is the most probable one, the lowest id on ties. `top_k` is applied first and `top_p` to what it leaves,
as transformers and vLLM do. Uniform number t of a sample is a function of the sample's seed and t alone (SplitMix64,
Steele, Lea and Flood 2014, a generator whose state is a counter).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from cogumi.records import Sampling

GAMMA, MIX1, MIX2 = (np.uint64(c) for c in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


def uniforms(seeds: npt.NDArray[np.uint64], steps: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    """One number in [0, 1) per row: number `steps[r]` of the stream that `seeds[r]` starts."""
    z = seeds + (steps + np.uint64(1)) * GAMMA
    z = (z ^ (z >> np.uint64(30))) * MIX1
    z = (z ^ (z >> np.uint64(27))) * MIX2
    z ^= z >> np.uint64(31)
    numbers: npt.NDArray[np.float64] = (z >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return numbers


@dataclass(frozen=True, slots=True)
class Knobs:
    """How each row of a batch is drawn; tensors of shape `[rows, 1]`."""

    temperature: torch.Tensor
    """float64; 1.0 where greedy."""
    greedy: torch.Tensor
    """bool."""
    top_p: torch.Tensor
    """float64."""
    top_k: torch.Tensor
    """int64; a number beyond any vocabulary where switched off."""
    any_greedy: bool
    all_greedy: bool
    any_cut: bool
    """Some row has `top_p` or `top_k` switched on."""

    @classmethod
    def of(cls, rows: Sequence[Sampling], device: torch.device) -> Knobs:
        """The settings of a batch's rows."""

        def column(values: list[float] | list[int] | list[bool], dtype: torch.dtype) -> torch.Tensor:
            return torch.tensor(values, dtype=dtype, device=device)[:, None]

        greedy = [s.temperature == 0 for s in rows]
        return cls(
            temperature=column([s.temperature or 1.0 for s in rows], torch.float64),
            greedy=column(greedy, torch.bool),
            top_p=column([s.top_p for s in rows], torch.float64),
            top_k=column([s.top_k or 2**31 for s in rows], torch.int64),
            any_greedy=any(greedy),
            all_greedy=all(greedy),
            any_cut=any(s.top_p < 1 or s.top_k for s in rows),
        )


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was drawn; tensors of shape `[rows]`."""

    ids: torch.Tensor
    """int64."""
    logprobs: torch.Tensor
    """float64, natural logarithms at temperature 1 over the whole vocabulary."""
    close: torch.Tensor
    """bool: noise of `margin` in the logits could have changed the id."""


def draw(logits: torch.Tensor, knobs: Knobs, u: torch.Tensor, margin: float) -> Drawn:
    """One id per row of `logits` (float, `[rows, vocabulary]`) at the uniform numbers `u` (float64, `[rows]`)."""
    logits = logits.double()
    if knobs.all_greedy:
        ids, close = _greedy(logits, margin)
    else:
        ids, close = _sampled(logits, knobs, u[:, None], margin)
        if knobs.any_greedy:
            best, tied = _greedy(logits, margin)
            ids, close = torch.where(knobs.greedy, best, ids), torch.where(knobs.greedy, tied, close)
    logprobs = logits.gather(1, ids) - logits.logsumexp(1, keepdim=True)
    return Drawn(ids[:, 0], logprobs[:, 0], close[:, 0])


def _greedy(logits: torch.Tensor, margin: float) -> tuple[torch.Tensor, torch.Tensor]:
    best = logits.topk(min(2, logits.shape[1]), dim=1).values
    return logits.argmax(dim=1, keepdim=True), best[:, :1] - best[:, -1:] <= 2 * margin  # argmax: the lowest of equals


def _sampled(logits: torch.Tensor, knobs: Knobs, u: torch.Tensor, margin: float) -> tuple[torch.Tensor, torch.Tensor]:
    scaled = logits / knobs.temperature
    noise = 2 * margin / knobs.temperature  # two logits may move apart by twice the noise of one
    weights = (scaled - scaled.amax(1, keepdim=True)).exp_()
    unsure = torch.zeros_like(u, dtype=torch.bool)
    if knobs.any_cut:
        weights, unsure = _cut(scaled, weights, knobs, noise)
    ends = weights.cumsum(1)
    total = ends[:, -1:]
    target = u * total
    ids = torch.searchsorted(ends, target, right=True).clamp(max=ends.shape[1] - 1)
    after = ends.gather(1, ids)
    before = after - weights.gather(1, ids)
    unsure |= _near(before, target, total, noise) | _near(after, target, total, noise)
    return ids, unsure


def _near(border: torch.Tensor, target: torch.Tensor, total: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Whether noise in the logits could move a border of the cumulative distribution across the target.

    Scaling some weights by exp(+-noise) moves a share c by at most noise * c * (1 - c), to first order.
    """
    reach = noise * (border / total) * (total - border) + 1e-12 * total
    return ((border - target).abs() <= reach) & (border > 0) & (border < total)


def _cut(scaled: torch.Tensor, weights: torch.Tensor, knobs: Knobs, noise: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The weights with those outside `top_k` and `top_p` set to 0; equal logits are ranked by id."""
    size = scaled.shape[1]
    ranked, order = scaled.sort(dim=1, descending=True, stable=True)
    sorted_weights = weights.gather(1, order)
    rank = torch.arange(size, device=scaled.device)[None]
    sorted_weights = sorted_weights.masked_fill(rank >= knobs.top_k, 0)
    ends = sorted_weights.cumsum(1)
    total = ends[:, -1:]
    limit = knobs.top_p * total
    inside = (ends - sorted_weights < limit) | (knobs.top_p >= 1) | (rank == 0)
    inside &= rank < knobs.top_k
    kept = inside.sum(1, keepdim=True)
    edge = ranked.gather(1, kept - 1) - ranked.gather(1, kept.clamp(max=size - 1)) <= noise
    unsure = edge & (kept < size)
    for last in (kept - 1, kept - 2):
        border = ends.gather(1, last.clamp(min=0))
        unsure |= _near(border, limit, total, noise) & (last >= 0) & (knobs.top_p < 1)
    keep = torch.zeros_like(inside).scatter(1, order, inside)
    return weights.masked_fill(~keep, 0), unsure
