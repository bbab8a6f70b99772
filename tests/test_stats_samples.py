"""pass@k, pass^k and the vote of k samples against every choice of k samples."""

import random
import time
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from statistics import fmean

import pytest

from cogumi import stats
from cogumi.stats_samples import Tally, maj_at_k, pass_at_k, pass_hat_k

KS = range(1, 9)


def drawn(seed: int, n: int) -> list[str | None]:
    """Answers of n samples; "right" is right, and some are silent."""
    return random.Random(seed).choices(["right", "wrong", "worse", "odd", None], (4, 3, 2, 1, 1), k=n)


def tallied(samples: Sequence[str | None]) -> Tally:
    counts = Counter(answer for answer in samples if answer is not None)
    return Tally({answer: (count, answer == "right") for answer, count in counts.items()}, samples.count(None))


def voted(choice: Sequence[str | None]) -> bool:
    ranked = Counter(answer for answer in choice if answer is not None).most_common(2)
    return bool(ranked) and ranked[0][0] == "right" and (len(ranked) == 1 or ranked[1][1] < ranked[0][1])


@pytest.mark.parametrize("k", KS)
@pytest.mark.parametrize("seed", range(6))
def test_they_are_means_over_all_choices(seed: int, k: int) -> None:
    samples = drawn(seed, 8)
    choices = list(combinations(samples, k))
    counts = [(8, samples.count("right"))]
    assert maj_at_k([tallied(samples)], k).value == pytest.approx(fmean(map(voted, choices)))
    assert pass_at_k(counts, k).value == pytest.approx(fmean("right" in choice for choice in choices))
    assert pass_hat_k(counts, k).value == pytest.approx(fmean(set(choice) == {"right"} for choice in choices))


def test_one_sample_is_accuracy_however_it_is_used() -> None:
    problems = [drawn(seed, 10) for seed in range(50)]
    counts = [(10, samples.count("right")) for samples in problems]
    accuracy = stats.mean([c / n for n, c in counts])
    assert pass_hat_k(counts, 1) == accuracy
    for found in (pass_at_k(counts, 1), maj_at_k([tallied(samples) for samples in problems], 1)):
        assert (found.value, found.low, found.high) == pytest.approx((accuracy.value, accuracy.low, accuracy.high))


def test_all_samples_are_the_vote_itself_and_a_tie_is_wrong() -> None:
    assert maj_at_k([Tally({"a": (5, True), "b": (4, False)}, 1)], 10).value == 1.0
    assert maj_at_k([Tally({"a": (5, True), "b": (5, False)})], 10).value == 0.0
    assert maj_at_k([Tally({"a": (5, True), "b": (5, True)})], 10).value == 0.0
    assert maj_at_k([Tally({}, 10)], 10).value == 0.0
    assert maj_at_k([Tally({"a": (1, True), "b": (0, False)}, 9)], 10).value == 1.0


def test_two_right_answers_add_up() -> None:
    assert maj_at_k([Tally({"a": (3, True), "b": (3, True), "c": (2, False)})], 1).value == pytest.approx(6 / 8)


def test_the_published_estimator() -> None:
    assert pass_at_k([(10, 3)], 5).value == pytest.approx(1 - 21 / 252)  # C(7, 5) / C(10, 5)
    assert pass_hat_k([(10, 3)], 2).value == pytest.approx(3 / 45)


def test_problems_may_have_different_numbers_of_samples_and_templates() -> None:
    counts = [(10, 5), (8, 2), (10, 10), (9, 0)] * 5
    assert pass_at_k(counts, 8).n == 20
    assert pass_at_k(counts, 2, clusters=[i % 4 for i in range(20)]).clusters == 4
    for function in (pass_at_k, pass_hat_k):
        for k in (0, 9):
            with pytest.raises(ValueError, match=rf"k = {k} is not in 1 to 8"):
                function(counts, k)
    with pytest.raises(ValueError, match="k = 4 is not in 1 to 3"):
        maj_at_k([Tally({"a": (2, True)}, 1)], 4)
    with pytest.raises(ValueError, match="no problems"):
        pass_at_k([], 1)


def test_every_k_of_gsm8k_takes_well_under_a_second() -> None:
    problems = [drawn(seed, 10) for seed in range(1_319)]
    counts, tallies = [(10, p.count("right")) for p in problems], [tallied(p) for p in problems]
    start = time.process_time()
    for k in range(1, 11):
        pass_at_k(counts, k), pass_hat_k(counts, k), maj_at_k(tallies, k)
    assert time.process_time() - start < 0.5  # 0.03 on an idle machine
