"""The statistics against scipy, against published numbers, and against what they promise: coverage."""

import random
from collections.abc import Callable
from statistics import fmean

import pytest

from cogumi import stats
from cogumi.stats import Interval

scipy_stats = pytest.importorskip("scipy.stats", reason="scipy is the peer these tests compare with")
np = pytest.importorskip("numpy")


def shares(seed: int, n: int, p: float) -> list[float]:
    """Ten samples per problem, problems of unequal difficulty around p."""
    draw = random.Random(seed)
    return [
        sum(draw.random() < chance for _ in range(10)) / 10 for chance in (draw.betavariate(4 * p, 4 - 4 * p) for _ in range(n))
    ]


@pytest.mark.parametrize(("successes", "n"), [(0, 1), (0, 10), (3, 4), (41, 100), (500, 500), (1, 1319)])
def test_proportion_is_wilsons_interval_as_scipy_has_it(successes: int, n: int) -> None:
    peer = scipy_stats.binomtest(successes, n).proportion_ci(method="wilson")
    found = stats.proportion(successes, n)
    assert (found.value, found.n) == (successes / n, n)
    assert (found.low, found.high) == pytest.approx((peer.low, peer.high), abs=1e-12)


@pytest.mark.parametrize(("successes", "n"), [(0, 0), (-1, 4), (5, 4)])
def test_nothing_to_count_is_an_error(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match="no proportion"):
        stats.proportion(successes, n)


@pytest.mark.parametrize(("n", "points"), [(164, 7.7), (500, 4.4), (1_319, 2.7)])
def test_half_widths_that_make_point_thresholds_noise(n: int, points: float) -> None:
    assert round(stats.half_width(n) * 100, 1) == points


def test_a_mean_of_zeros_and_ones_is_a_proportion() -> None:
    assert stats.mean([1.0] * 30 + [0.0] * 70) == stats.proportion(30, 100)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_equal_values_keep_wilsons_width_for_as_many_problems(value: float) -> None:
    assert stats.mean([value] * 50) == stats.proportion(int(value) * 50, 50)


def test_equal_values_inside_are_not_certain_either() -> None:
    found = stats.mean([0.1] * 50)
    peer = scipy_stats.binomtest(5, 50).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((peer.low, peer.high))


def test_a_mean_beyond_shares_keeps_its_scale() -> None:
    found = stats.mean([10.0] * 40 + [9.0] * 60)
    assert found.value == pytest.approx(9.4)
    assert (found.low, found.high) == pytest.approx((9.304, 9.496), abs=0.01)  # 1.96 x 0.49 / 10 around it
    below = stats.mean([-2.0, -4.0, -3.0, -3.0])
    assert below.low < below.value == -3.0 < below.high


def test_a_mean_of_shares_agrees_with_the_bootstrap_where_that_is_good() -> None:
    values = shares(3, 400, 0.4)
    peer = scipy_stats.bootstrap((values,), np.mean, random_state=1, n_resamples=4_000).confidence_interval
    found = stats.mean(values)
    assert (found.low, found.high) == pytest.approx((peer.low, peer.high), abs=0.003)


@pytest.mark.parametrize(("p", "n"), [(0.4, 50), (0.4, 200), (0.05, 50), (0.9, 100)])
def test_intervals_of_means_cover_what_they_promise(p: float, n: int) -> None:
    hits = [found.low <= p <= found.high for found in (stats.mean(shares(seed, n, p)) for seed in range(400))]
    assert 0.92 <= fmean(hits) <= 0.985


def test_an_average_counts_every_part_the_same() -> None:
    found = stats.average([stats.proportion(10, 100), stats.proportion(900, 1_000)])
    assert found.value == pytest.approx(0.5)
    assert found.n == 1_100
    assert found.high - found.value == pytest.approx(np.hypot(0.17437 - 0.1, 0.91706 - 0.9) / 2, abs=1e-3)
    alone = stats.proportion(3, 10)
    assert stats.average([alone]).low == pytest.approx(alone.low)


@pytest.mark.parametrize("function", [stats.mean, stats.average])
def test_nothing_to_average_is_an_error(function: Callable[[list[Interval]], Interval]) -> None:
    with pytest.raises(ValueError, match="to average"):
        function([])


def test_a_paired_difference_agrees_with_scipys_bootstrap() -> None:
    before, after = shares(1, 300, 0.4), shares(2, 300, 0.5)
    found = stats.paired(before, after)
    differences = np.subtract(after, before)
    peer = scipy_stats.bootstrap((differences,), np.mean, method="percentile", random_state=1, n_resamples=4_000)
    ends = peer.confidence_interval
    assert found.value == pytest.approx(differences.mean())
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high), abs=0.004)
    assert found.detectable == pytest.approx(2.8016 * differences.std(ddof=1) / 300**0.5, rel=1e-3)


def test_what_is_detectable_is_detected_four_times_in_five() -> None:
    """`detectable` tells what a difference of that size would do: reach p < 0.05 in 80 % of comparisons."""
    gain, found = 0.09, []
    for seed in range(200):
        draw = random.Random(seed)
        before = [draw.random() for _ in range(80)]
        after = [value + gain + draw.gauss(0, 0.2873) for value in before]
        found.append(scipy_stats.ttest_rel(after, before).pvalue < 0.05)
        if seed == 0:
            assert stats.paired(before, after).detectable == pytest.approx(gain, rel=0.15)
    assert 0.73 <= fmean(found) <= 0.87


@pytest.mark.parametrize(("gained", "lost", "n"), [(0.1, 0.02, 100), (0.03, 0.03, 50), (0.3, 0.05, 50), (0.1, 0.1, 200)])
def test_intervals_of_paired_changes_cover_what_they_promise(gained: float, lost: float, n: int) -> None:
    hits = []
    for seed in range(400):
        draws = random.Random(seed).choices((1, -1, 0), (gained, lost, 1 - gained - lost), k=n)
        found = stats.paired([float(d < 0) for d in draws], [float(d > 0) for d in draws])
        hits.append(found.low <= gained - lost <= found.high)
    assert 0.92 <= fmean(hits) <= 1.0


def test_no_change_at_all_is_not_certainty() -> None:
    found = stats.paired([0.1] * 100, [0.1] * 100)
    assert (found.value, found.p) == (0.0, 1.0)
    assert -0.03 < found.low < -0.01
    assert found.high == -found.low
    assert found.detectable > 0.02


def test_a_few_gains_are_no_proof() -> None:
    found = stats.paired([0.0] * 100, [1.0] * 4 + [0.0] * 96)
    assert found.low < 0 < found.high
    assert found.p == 0.125


def test_many_problems_take_the_normal_interval_and_agree_with_the_bootstrap() -> None:
    before, after = shares(1, 2_000, 0.4), shares(2, 2_000, 0.42)
    small = stats.paired(before, after)
    large = stats.paired([*before, 0.4], [*after, 0.4])
    assert (large.low, large.high) == pytest.approx((small.low, small.high), abs=0.001)
    kept = stats.ratio(before, after)
    assert stats.ratio([*before, 0.4], [*after, 0.4]).low == pytest.approx(kept.low, abs=0.003)


def test_a_ratio_brackets_what_was_retained() -> None:
    before = shares(1, 300, 0.5)
    after = [value * 0.8 for value in before]
    exact = stats.ratio(before, after)
    assert exact.value == pytest.approx(0.8)
    assert exact.low == pytest.approx(0.8 - 1.96 / 302 / fmean(before), abs=1e-4)  # equal changes are not certainty
    noisy = stats.ratio(before, shares(2, 300, 0.45))
    assert noisy.low < 0.9 < noisy.high


def test_a_ratio_covers_what_it_promises() -> None:
    hits = []
    for seed in range(150):
        found = stats.ratio(shares(seed, 60, 0.6), shares(seed + 1_000, 60, 0.54))
        hits.append(found.low <= 0.9 <= found.high)
    assert 0.9 <= fmean(hits) <= 0.99


def test_nothing_before_leaves_nothing_to_retain() -> None:
    with pytest.raises(ValueError, match="mean of zero"):
        stats.ratio([0.0, 0.0], [1.0, 0.0])


def test_mcnemar_is_the_binomial_test_of_what_changed() -> None:
    before = [0] * 25 + [1] * 75
    after = [1] * 12 + [0] * 13 + [0] * 3 + [1] * 72
    found = stats.mcnemar(before, after)
    assert (found.learned, found.lost, found.n) == (12, 3, 100)
    assert found.p == pytest.approx(scipy_stats.binomtest(12, 15).pvalue)
    assert stats.paired(before, after).p == found.p
    assert stats.mcnemar([1, 0], [1, 0]).p == 1.0


def test_many_changes_keep_the_exact_p_close() -> None:
    found = stats.mcnemar([0] * 6_000 + [1] * 5_700, [1] * 6_000 + [0] * 5_700)  # more outcomes than are enumerated
    assert found.p == pytest.approx(scipy_stats.binomtest(6_000, 11_700).pvalue, rel=0.25)


@pytest.mark.parametrize("n", [6, 12])
def test_sign_flips_are_exact_where_outcomes_are_few(n: int) -> None:
    draw = random.Random(n)
    differences = [draw.randint(-3, 5) / 10 for _ in range(n)]
    peer = scipy_stats.permutation_test((differences,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert stats.sign_flip(differences) == pytest.approx(peer.pvalue, abs=1e-9)


def test_sign_flips_agree_with_scipy_where_they_are_drawn() -> None:
    differences = np.subtract(shares(5, 150, 0.45), shares(4, 150, 0.4)).tolist()
    peer = scipy_stats.permutation_test((differences,), np.mean, permutation_type="samples", random_state=1)
    assert stats.sign_flip(differences) == pytest.approx(peer.pvalue, abs=0.015)


def test_false_alarms_stay_at_five_percent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stats, "FLIPS", 1_000)
    pairs = ((shares(seed, 60, 0.4), shares(seed + 500, 60, 0.4)) for seed in range(300))
    alarms = [stats.sign_flip(np.subtract(after, before).tolist()) < 0.05 for before, after in pairs]
    assert fmean(alarms) <= 0.08


def test_holm_as_scipy_free_textbooks_have_it() -> None:
    assert stats.holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.5}) == pytest.approx({"a": 0.04, "c": 0.09, "b": 0.09, "d": 0.5})
    assert stats.holm({}) == {}
    assert stats.holm({"a": 0.9, "b": 0.8}) == {"a": 1.0, "b": 1.0}


def test_the_same_input_gives_the_same_numbers() -> None:
    before, after = shares(1, 90, 0.4), shares(2, 90, 0.5)
    first = stats.paired(before, after)
    stats._resamples.cache_clear()
    random.seed(99)
    assert stats.paired(before, after) == first


def test_single_pairs_and_unequal_lengths() -> None:
    lone = stats.paired([0.3], [0.5])
    assert lone.p == 1.0
    assert lone.low < lone.value < lone.high
    for function in (stats.paired, stats.mcnemar, stats.ratio):
        with pytest.raises(ValueError, match="no pairs"):
            function([1.0], [])
