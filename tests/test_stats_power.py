"""What a number of problems can show: the figures that are printed before sampling."""

import itertools

import pytest

from cogumi import stats
from cogumi.stats_power import (
    Assumptions,
    Planned,
    Sizes,
    detectable_change,
    detectable_flips,
    flips_power,
    half_width,
    problems_needed,
    problems_to_decide,
    problems_to_tell,
)

METRICS: tuple[Planned, ...] = ("accuracy", "majority_accuracy", "greedy_accuracy")


@pytest.mark.parametrize(("n", "points"), [(100, (9, 15, 12)), (500, (4, 7, 5))])
def test_the_changes_that_are_not_seen(n: int, points: tuple[int, ...]) -> None:
    assert tuple(round(detectable_change(n, metric) * 100) for metric in METRICS) == points


@pytest.mark.parametrize(("n", "points"), [(100, 9.8), (164, 7.7), (500, 4.4), (1_319, 2.7)])
def test_half_widths_that_make_point_thresholds_noise(n: int, points: float) -> None:
    assert round(half_width(n) * 100, 1) == points


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("change", [0.02, 0.05, 0.1, 0.3])
def test_as_many_problems_as_needed_and_no_fewer(metric: Planned, change: float) -> None:
    n = problems_needed(change, metric)
    assert n is not None
    assert detectable_change(n, metric) <= change < detectable_change(n - 1, metric)


def test_a_gate_at_some_distance_is_decided() -> None:
    assert problems_to_decide(0.1) == 97
    assert half_width(97) <= 0.1 < half_width(96)
    assert problems_to_decide(0.1, p=0.9) == 35


def test_more_samples_help_accuracy_and_alike_problems_hurt_everything() -> None:
    assert detectable_change(100, "accuracy", samples=2) > detectable_change(100, "accuracy") + 0.03
    assert detectable_change(100, "majority_accuracy", samples=2) == detectable_change(100, "majority_accuracy")
    for metric in METRICS:
        assert detectable_change(400, metric, design=4.0) == pytest.approx(detectable_change(100, metric))


def test_assumptions_can_be_replaced() -> None:
    steady = Assumptions(true_change=0.1, vote_changes=0.05)
    for metric in ("accuracy", "majority_accuracy"):
        assert detectable_change(100, metric, assumptions=steady) < detectable_change(100, metric)


def test_the_plan_agrees_with_what_is_measured_afterwards() -> None:
    """26 of 100 votes changed: `paired` names the change that was planned with."""
    before, after = [0.0] * 13 + [1.0] * 87, [1.0] * 13 + [0.0] * 13 + [1.0] * 74
    assert stats.paired(before, after).detectable == pytest.approx(detectable_change(100, "majority_accuracy"), rel=1e-6)


def test_what_no_number_of_problems_shows() -> None:
    assert detectable_change(5, "accuracy") == detectable_change(5, "greedy_accuracy") == 1.0
    assert problems_needed(1e-6, "accuracy") is None
    assert problems_to_decide(1e-5) is None
    for call in (lambda: problems_needed(0.0, "accuracy"), lambda: problems_to_decide(0.0)):
        with pytest.raises(ValueError, match="no number of problems"):
            call()
    for n, samples, design in ((0, 10, 1.0), (10, 0, 1.0), (10, 10, 0.5)):
        with pytest.raises(ValueError, match="show nothing"):
            detectable_change(n, "accuracy", samples=samples, design=design)


@pytest.mark.parametrize("edge", [0.35, 0.5])
def test_an_interval_says_how_many_problems_would_tell(edge: float) -> None:
    found = stats.proportion(40, 100)
    n = problems_to_tell(found, edge)
    assert n is not None
    n = round(n * 1.06)
    there = stats.proportion(round(n * 0.4), n)
    assert there.low >= edge or there.high < edge
    few = stats.proportion(round(n * 0.83 * 0.4), round(n * 0.83))
    assert few.low < edge <= few.high


def test_a_difference_says_how_many_problems_would_tell() -> None:
    change = stats.paired([0.0] * 20, [1.0] * 3 + [0.0] * 17)
    n = problems_to_tell(change, 0.0)
    assert n is not None
    assert 20 < n < 60
    assert problems_to_tell(stats.proportion(40, 100), 0.4) is None


@pytest.mark.parametrize(("n", "share", "change"), [(20, 0.1, 0.3), (60, 0.2, 0.15), (100, 0.05, 0.08), (300, 0.1, 0.05)])
def test_the_power_of_a_few_flips_is_that_of_the_exact_test(n: int, share: float, change: float) -> None:
    """Over all numbers of changes and of gains among them, as scipy has both and the p-value."""
    stats = pytest.importorskip("scipy.stats")
    moving = max(share, change)
    found = 0.0
    for changed in range(n + 1):
        gains = [g for g in range(changed + 1) if g > changed / 2 and stats.binomtest(g, changed).pvalue < 0.05]
        found += stats.binom.pmf(changed, n, moving) * stats.binom.pmf(gains, changed, (1 + change / moving) / 2).sum()
    assert flips_power(n, share, change) == pytest.approx(found, abs=1e-6)


@pytest.mark.parametrize("n", [20, 50, 100, 200])
@pytest.mark.parametrize("changed", [0.05, 0.1, 0.17])
def test_what_is_printed_for_a_few_flips_is_found_in_80_percent(n: int, changed: float) -> None:
    flips = detectable_flips(n, Sizes(changed, changed, changed, 1.0))
    assert flips_power(n, changed, flips) == pytest.approx(0.8, abs=3e-3)
    doubled = detectable_flips(n, Sizes(2 * changed, 4 * changed, 16 * changed, 2.0), 2.0)
    assert doubled == pytest.approx(2 * flips, rel=3e-3), "a size of 2 is a size of 1 in other units"


@pytest.mark.parametrize("metric", METRICS)
def test_the_more_problems_the_smaller_what_is_seen(metric: Planned) -> None:
    """Also where the exact sum gives way to the formula."""
    seen = [detectable_change(n, metric) for n in range(6, 400, 7)]
    assert all(later <= sooner + 1e-9 for sooner, later in itertools.pairwise(seen))
