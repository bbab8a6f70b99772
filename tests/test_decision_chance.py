"""Trainings that are drawn: nothing changed never goes on by more than luck, and good ones do."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from decision_tables import GUARD, diagnosis, drawn, judged, verdict

from cogumi.results import ProblemResult, Verdict

KINDS = ("sure", "mixed", "flat", "weak at temperature 0")


def chances(kind: str, draw: random.Random, n: int = 100) -> list[float]:
    """Each problem's chance to be right; every gate of `minimal` is met."""
    shapes = {"sure": (4.0, 1.0), "mixed": (2.0, 1.2), "weak at temperature 0": (4.0, 1.0)}
    return [0.75] * n if kind == "flat" else [draw.betavariate(*shapes[kind]) for _ in range(n)]


def greedy(kind: str, values: list[float], draw: random.Random) -> dict[int, bool]:
    """Right at temperature 0 as often as a sample is, or far less often."""
    return {i: draw.random() < (0.3 if kind.startswith("weak") else value) for i, value in enumerate(values)}


def unchanged(kind: str, seed: int, categories: int) -> Verdict:
    """A run in which nothing changed but the seeds of the samples."""
    draw = random.Random(seed)
    before: dict[str, list[ProblemResult]] = {}
    after: dict[str, list[ProblemResult]] = {}
    for number in range(categories):
        values = chances(kind, draw)
        first = greedy(kind, values, draw)
        name = "math" if number == 0 else f"other{number}"
        before[name], after[name] = (drawn(values, first, 1000 * seed + 2 * number + side) for side in (0, 1))
    return verdict(diagnosis(**before, mmlu=GUARD), diagnosis(**after, mmlu=GUARD))


def trained(old: float, new: float, greedy_old: float, greedy_new: float, seed: int) -> Verdict:
    """A training that closes the same share of every problem's distance to always right."""
    draw = random.Random(seed)
    before = [draw.betavariate(4 * old, 4 * (1 - old)) for _ in range(100)]
    after = [value + (new - old) / (1 - old) * (1 - value) for value in before]
    ranks = [draw.random() for _ in range(100)]
    first = {i: rank < greedy_old for i, rank in enumerate(ranks)}
    second = {i: (rank if draw.random() < 0.7 else draw.random()) < greedy_new for i, rank in enumerate(ranks)}
    return judged(drawn(before, first, 2 * seed, others=9), drawn(after, second, 2 * seed + 1, others=9))


def test_nothing_changed_never_goes_on_in_a_quick_look() -> None:
    found = Counter(unchanged(KINDS[seed % 4], seed, 1).verdict for seed in range(200))
    assert found["PROCEED"] <= 4  # a rate of 1 % gives more in 0.3 % of such looks


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_changed_goes_on_in_one_run_of_a_hundred_at_most(kind: str) -> None:
    found = Counter(unchanged(kind, seed, 1).verdict for seed in range(1000))
    assert found["PROCEED"] <= 10


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_nor_does_it_with_four_categories(kind: str) -> None:
    found = Counter(unchanged(kind, seed, 4).verdict for seed in range(250))
    assert found["PROCEED"] <= 6


def test_a_good_training_goes_on_in_a_quick_look() -> None:
    found = Counter(trained(0.5, 0.8, 0.55, 0.82, seed).verdict for seed in range(20))
    assert found["PROCEED"] >= 18


@pytest.mark.slow
def test_good_trainings_go_on() -> None:
    large = Counter(trained(0.5, 0.8, 0.55, 0.82, seed).verdict for seed in range(200))
    small = Counter(trained(0.5, 0.67, 0.52, 0.72, seed).verdict for seed in range(200))
    assert large["PROCEED"] >= 190
    assert small["PROCEED"] >= 120
