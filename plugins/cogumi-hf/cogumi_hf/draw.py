"""Drawing the next token of many rows at once.

A token is drawn by the Gumbel-max rule: the id with the greatest `logit / temperature + gumbel` has exactly the softmax
distribution (Gumbel 1954; Maddison, Tarlow and Minka 2014). Chosen over inverting the cumulative distribution because noise
in the logits can then change a draw only when the two greatest sums nearly tie, which gets no likelier with the
vocabulary's size, while a cumulative distribution has a border at every token. At temperature 0 the greatest logit wins,
the lowest id on ties. `top_k` is applied first and `top_p` to what it leaves, as transformers and vLLM do.

The Gumbel number of a token is a function of the sample's seed, the position and the token's id alone (SplitMix64, Steele,
Lea and Flood 2014: a generator whose state is a counter), so it is the same in every batch and on every device.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from cogumi.records import Sampling

GAMMA, MIX1, MIX2 = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
"""SplitMix64's constants."""


def keys(seeds: npt.NDArray[np.uint64], steps: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """The 64-bit key of each row's next draw: number `steps[r]` of the stream that `seeds[r]` starts."""
    z = seeds + (steps + np.uint64(1)) * np.uint64(GAMMA)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(MIX1)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(MIX2)
    out: npt.NDArray[np.int64] = (z ^ (z >> np.uint64(31))).view(np.int64)
    return out


def gumbels(keys: torch.Tensor, size: int) -> torch.Tensor:
    """Standard Gumbel numbers, float32 `[rows, size]`: numbers 0 to size - 1 of the stream that each key (int64) starts."""
    counter = torch.arange(1, size + 1, device=keys.device) * _signed(GAMMA)
    z = keys[:, None] + counter
    z.bitwise_xor_(_shifted(z, 30)).mul_(_signed(MIX1))
    z.bitwise_xor_(_shifted(z, 27)).mul_(_signed(MIX2))
    z.bitwise_xor_(_shifted(z, 31))
    # (0, 1) in steps of 2^-53, rounded to float32 only here: small numbers, which make great Gumbels, keep their precision
    small = _shifted(z, 11).to(torch.float32).add_(0.5).mul_(2.0**-53)
    return small.neg_().log1p_().neg_().log_().neg_()


def _shifted(z: torch.Tensor, bits: int) -> torch.Tensor:
    """A logical right shift; torch's own repeats the sign."""
    return (z >> bits).bitwise_and_((1 << (64 - bits)) - 1)


def _signed(constant: int) -> int:
    return constant - (1 << 64) if constant >= 1 << 63 else constant


@dataclass(frozen=True, slots=True)
class Knobs:
    """How each row of a batch is drawn; tensors of shape `[rows, 1]`."""

    temperature: torch.Tensor
    """float32; 1.0 where greedy."""
    greedy: torch.Tensor
    """bool."""
    top_p: torch.Tensor
    """float64."""
    top_k: torch.Tensor
    """int64; a number beyond any vocabulary where switched off."""
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
            temperature=column([s.temperature or 1.0 for s in rows], torch.float32),
            greedy=column(greedy, torch.bool),
            top_p=column([s.top_p for s in rows], torch.float64),
            top_k=column([s.top_k or 2**31 for s in rows], torch.int64),
            all_greedy=all(greedy),
            any_cut=any(s.temperature and (s.top_p < 1 or s.top_k) for s in rows),
        )


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was drawn; tensors of shape `[rows]`."""

    ids: torch.Tensor
    """int64."""
    logprobs: torch.Tensor
    """float32, natural logarithms at temperature 1 over the whole vocabulary; not finite where the logits are not."""
    close: torch.Tensor
    """bool: an error of `margin` in every logit could have changed the id."""


def draw(logits: torch.Tensor, knobs: Knobs, keys: torch.Tensor, margin: float) -> Drawn:
    """One id per row of `logits` (float32, `[rows, vocabulary]`) with the key of each row's draw (int64, `[rows]`)."""
    noise = 2 * margin / knobs.temperature  # two logits may move apart by twice the error of one
    scores, unsure = logits / knobs.temperature, torch.zeros_like(knobs.greedy)
    if knobs.any_cut:
        scores, unsure = _cut(scores, knobs, noise)
    if not knobs.all_greedy:
        scores = scores + gumbels(keys, logits.shape[1]).masked_fill_(knobs.greedy, 0)
    ids = scores.argmax(1, keepdim=True)  # of equal scores, the lowest id
    best = scores.topk(min(2, scores.shape[1]), dim=1).values
    close = unsure | (best[:, :1] - best[:, -1:] <= noise)
    logprobs = logits.gather(1, ids) - logits.logsumexp(1, keepdim=True)
    return Drawn(ids[:, 0], logprobs[:, 0], close[:, 0])


def _cut(scores: torch.Tensor, knobs: Knobs, noise: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The scores with those outside `top_k` and `top_p` at -inf, and whether noise could have changed which these are."""
    size = scores.shape[1]
    ranked, order = scores.sort(dim=1, descending=True, stable=True)  # equal scores are ranked by id
    rank = torch.arange(size, device=scores.device)[None]
    weights = (ranked - ranked[:, :1]).double().exp().masked_fill(rank >= knobs.top_k, 0)
    shares = weights.cumsum(1) / weights.sum(1, keepdim=True)
    before = torch.nn.functional.pad(shares[:, :-1], (1, 0))
    inside = ((before < knobs.top_p) | (knobs.top_p >= 1)) & (rank < knobs.top_k) & ~knobs.greedy | (rank == 0)
    kept = inside.sum(1, keepdim=True)
    edge = ranked.gather(1, kept - 1) - ranked.gather(1, kept.clamp(max=size - 1)) <= noise
    unsure = edge & (kept < size)
    for share in (before.gather(1, kept - 1), shares.gather(1, kept - 1)):
        # scores that move by `noise` against each other move a share by noise * share * (1 - share), to first order
        reach = noise * share * (1 - share) + 1e-12
        unsure |= ((share - knobs.top_p).abs() <= reach) & (share > 0) & (share < 1) & (knobs.top_p < 1)
    keep = torch.zeros_like(inside).scatter(1, order, inside)
    return scores.masked_fill(~keep, -torch.inf), unsure & ~knobs.greedy
