"""Drawing: the random numbers, the distribution, and what counts as close."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from cogumi_hf.draw import Drawn, Knobs, draw, gumbels, keys

from cogumi.records import Sampling

CPU = torch.device("cpu")
LOGITS = torch.tensor([1.0, 0.5, 0.2, 0.1, 0.0, -0.5, -1.0, -2.0, 0.5])


def settings(**changes: Any) -> Sampling:
    return Sampling(**{"temperature": 1.0, "max_tokens": 1, **changes})


def many(logits: torch.Tensor, sampling: Sampling, count: int, margin: float = 0.0) -> Drawn:
    """One draw for each of `count` seeds."""
    key = torch.from_numpy(keys(np.arange(count, dtype=np.uint64), np.full(count, 3, dtype=np.uint64)))
    return draw(logits.expand(count, -1), Knobs.of([sampling] * count, CPU), key, margin)


def test_the_generator_is_splitmix64() -> None:
    steps = np.arange(3, dtype=np.uint64)
    first = keys(np.zeros(3, dtype=np.uint64), steps).view(np.uint64).tolist()
    assert first == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]  # the published sequence of seed 0


def test_gumbel_numbers_have_their_moments_and_do_not_depend_on_the_row() -> None:
    key = torch.from_numpy(keys(np.arange(64, dtype=np.uint64), np.zeros(64, dtype=np.uint64)))
    g = gumbels(key, 5000).double()
    assert float(g.mean()) == pytest.approx(0.57722, abs=0.01)
    assert float(g.var()) == pytest.approx(math.pi**2 / 6, abs=0.02)
    assert torch.equal(gumbels(key[[40]], 700), gumbels(key, 5000)[[40], :700].clone())


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.7])
@pytest.mark.parametrize(("top_k", "top_p"), [(0, 1.0), (4, 1.0), (0, 0.6), (5, 0.8), (1, 1.0), (0, 1e-9)])
def test_draws_follow_the_softmax(temperature: float, top_k: int, top_p: float) -> None:
    count = 40_000
    drawn = many(LOGITS, settings(temperature=temperature, top_k=top_k, top_p=top_p), count)
    expected = reference(temperature, top_k, top_p) * count
    seen = torch.bincount(drawn.ids, minlength=len(LOGITS)).double()
    assert seen[expected == 0].sum() == 0
    support = expected > 0
    chi2 = float(((seen - expected) ** 2 / expected)[support].sum())
    freedom = int(support.sum()) - 1
    assert chi2 <= freedom + 5 * math.sqrt(2 * freedom)


def reference(temperature: float, top_k: int, top_p: float) -> torch.Tensor:
    """The distribution, token by token: the top_k likeliest, of these the smallest set whose share reaches top_p."""
    p = (LOGITS.double() / temperature).softmax(0)
    ranked = sorted(range(len(p)), key=lambda i: (-float(p[i]), i))[: top_k or None]
    total = sum(float(p[i]) for i in ranked)
    kept: list[int] = []
    while ranked and (not kept or sum(float(p[i]) for i in kept) < top_p * total):
        kept.append(ranked.pop(0))
    out = torch.zeros_like(p)
    out[kept] = p[kept] / p[kept].sum()
    return out


def test_log_probabilities_are_at_temperature_1_over_everything() -> None:
    drawn = many(LOGITS, settings(temperature=0.3, top_k=2), 50)
    assert torch.allclose(drawn.logprobs, LOGITS.log_softmax(0)[drawn.ids])


def test_greedy_takes_the_lowest_of_equals_and_mixes_with_others() -> None:
    logits = torch.tensor([[0.0, 3.0, 3.0], [0.0, 3.0, 3.0]])
    both = Knobs.of([settings(temperature=0.0), settings(temperature=50.0)], CPU)
    ids = {tuple(draw(logits, both, torch.tensor([k, k + 1]), 0.0).ids.tolist()) for k in range(60)}
    assert {a for a, _ in ids} == {1}
    assert {b for _, b in ids} == {0, 1, 2}


@pytest.mark.parametrize("sampling", [{"temperature": 0.0}, {}, {"top_k": 3}, {"top_p": 0.7}, {"top_k": 6, "top_p": 0.5}])
def test_a_draw_that_noise_can_change_is_called_close(sampling: dict[str, Any]) -> None:
    margin, count = 0.01, 4000
    steady = many(LOGITS, settings(**sampling), count, margin)
    generator = torch.Generator().manual_seed(1)
    changed = torch.zeros(count, dtype=torch.bool)
    for _ in range(20):
        noise = (torch.rand(len(LOGITS), generator=generator) * 2 - 1) * margin
        changed |= many(LOGITS + noise, settings(**sampling), count).ids != steady.ids
    assert not (changed & ~steady.close).any()
    if sampling != {"top_k": 3} and "top_p" not in sampling and sampling.get("temperature") != 0.0:
        assert changed.any()
        assert steady.close.float().mean() < 0.1
