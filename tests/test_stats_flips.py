"""The sign-flip test against enumeration, against scipy, and against the 5 % of false alarms it may give."""

import math
import random
from collections import defaultdict
from statistics import fmean

import pytest

from cogumi.stats_flips import LEAST_P, common_unit, sign_flip


def enumerated(steps: list[int]) -> float:
    """The share of all sign patterns with a sum as far from zero, in whole numbers."""
    ways = {0: 1}
    for step in steps:
        further: dict[int, int] = defaultdict(int)
        for total, number in ways.items():
            further[total + step] += number
            further[total - step] += number
        ways = further
    return sum(number for total, number in ways.items() if abs(total) >= abs(sum(steps))) / 2 ** len(steps)


@pytest.mark.parametrize("parts", [10, 12, 7, 90])
@pytest.mark.parametrize("n", [8, 30, 150])
@pytest.mark.parametrize("gain", [0.0, 0.05, 0.15])
def test_it_is_exact_on_shares(n: int, parts: int, gain: float) -> None:
    draw = random.Random(n * parts)
    steps = [round(draw.gauss(gain, 0.3) * parts) for _ in range(n)]
    assert sign_flip([step / parts for step in steps]) == pytest.approx(enumerated(steps), abs=1e-10)


def test_it_is_exact_where_one_odd_size_is_among_even_ones() -> None:
    steps = [2] * 30 + [4] * 110 + [-2] * 10 + [1] + [-6] * 60
    assert sign_flip([step / 10 for step in steps]) == pytest.approx(enumerated(steps), abs=1e-10)


def test_sums_that_are_no_steps_apart_agree_with_scipy() -> None:
    stats, np = pytest.importorskip("scipy.stats"), pytest.importorskip("numpy")
    draw = random.Random(3)
    differences = [draw.gauss(0.05, 0.3) for _ in range(14)]
    peer = stats.permutation_test((differences,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert sign_flip(differences) == pytest.approx(peer.pvalue, abs=1e-3)


def test_many_sums_that_are_no_steps_apart_are_normal() -> None:
    draw = random.Random(4)
    differences = [draw.gauss(0.015, 0.3) for _ in range(1_319)]
    z = abs(math.fsum(differences)) / math.sqrt(math.fsum(d * d for d in differences))
    assert sign_flip(differences) == pytest.approx(math.erfc(z / math.sqrt(2)), rel=0.01)


def test_right_or_wrong_is_the_binomial_test_however_many_change() -> None:
    stats = pytest.importorskip("scipy.stats")
    for learned, lost in ((12, 3), (5, 5), (900, 800), (6_000, 5_700)):
        peer = stats.binomtest(learned, learned + lost).pvalue
        assert sign_flip([1.0] * learned + [-1.0] * lost) == pytest.approx(peer, rel=1e-9)


def test_nothing_is_more_surprising_than_can_be_computed() -> None:
    assert sign_flip([0.1, 0.2, 0.3] * 300) == LEAST_P
    assert sign_flip([0.0] * 10) == 1.0
    assert sign_flip([0.3, -0.3] * 200 + [0.1, -0.1] * 200) == 1.0


def test_false_alarms_stay_at_five_percent() -> None:
    draw, alarms = random.Random(1), []
    for _ in range(600):
        chances = [draw.random() for _ in range(60)]
        sides = [[sum(draw.random() < chance for _ in range(10)) / 10 for chance in chances] for _ in range(2)]
        alarms.append(sign_flip([b - a for a, b in zip(*sides, strict=True)]) < 0.05)
    assert 0.025 <= fmean(alarms) <= 0.075


@pytest.mark.parametrize(("sizes", "unit"), [([0.3, -0.2, 0.0], 0.1), ([1.0], 1.0), ([0.5, 1 / 3], 1 / 6), ([], 0.0)])
def test_the_common_unit_of_sizes(sizes: list[float], unit: float) -> None:
    assert common_unit(sizes) == pytest.approx(unit)
