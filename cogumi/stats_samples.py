"""What k of the samples that were drawn would have come to: pass@k, pass^k and the vote of k, without drawing any.

From n samples of a problem every choice of k is as likely as any other, so the expectation over choices is a ratio of
counts. It is unbiased for every k up to n, and it says exactly what a smaller number of samples would have given. The mean
over problems has the interval of `cogumi.stats.mean`.

Problems with the same counts are worked out once: among ten samples there are few patterns, however many problems.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import comb

from cogumi import stats
from cogumi.stats_spread import Clusters


@dataclass(frozen=True, slots=True)
class Tally:
    """The answers that the samples of one problem gave."""

    answers: Mapping[str, tuple[int, bool]]
    """By answer: how many samples gave it, and whether it is right."""
    silent: int = 0
    """Samples without an answer: they can be drawn, but do not vote."""


def pass_at_k(correct: Sequence[tuple[int, int]], k: int, clusters: Clusters | None = None) -> stats.Interval:
    """The chance that at least one of k samples is right: 1 - C(n - c, k) / C(n, k) (Chen et al. 2021, eq. 1).

    `correct` holds (n, c) per problem: samples drawn, samples right. Raises ValueError where a problem has less than k.
    """
    _refuse_few([n for n, _ in correct], k)
    return stats.mean([1 - comb(n - c, k) / comb(n, k) for n, c in correct], clusters=clusters)


def pass_hat_k(correct: Sequence[tuple[int, int]], k: int, clusters: Clusters | None = None) -> stats.Interval:
    """The chance that all of k samples are right: C(c, k) / C(n, k) (pass^k; Yao et al. 2024, tau-bench).

    `correct` holds (n, c) per problem, as for `pass_at_k`.
    """
    _refuse_few([n for n, _ in correct], k)
    return stats.mean([comb(c, k) / comb(n, k) for n, c in correct], clusters=clusters)


def maj_at_k(tallies: Sequence[Tally], k: int, clusters: Clusters | None = None) -> stats.Interval:
    """The chance that the majority of k samples is right (Wang et al. 2022), exactly; a tie for the first place is wrong.

    Raises ValueError where a problem has less than k samples.
    """
    _refuse_few([_samples(tally) for tally in tallies], k)
    return stats.mean([_vote(tally, k) for tally in tallies], clusters=clusters)


def _vote(tally: Tally, k: int) -> float:
    counts = [(count, right) for count, right in tally.answers.values() if count]
    votes = sorted(count for count, _ in counts)
    won = 0.0
    for count in [count for count, right in counts if right]:
        others = list(votes)
        others.remove(count)
        won += _wins(count, tuple(others), tally.silent)[k - 1]
    return won


@lru_cache(maxsize=65_536)
def _wins(count: int, others: tuple[int, ...], silent: int) -> tuple[float, ...]:
    """For k = 1 to n: the share of the choices of k samples in which this answer has more votes than any other.

    Where it has j votes, the others have fewer than j each: as many ways as the product of their binomial polynomials, cut
    off below j, has at k - j. One pass over j serves every k.
    """
    n = count + sum(others) + silent
    ways = [0] * (n + 1)
    for j in range(1, count + 1):
        product = [comb(silent, i) for i in range(silent + 1)]
        for other in others:
            product = _multiplied(product, [comb(other, i) for i in range(min(other, j - 1) + 1)])
        for rest, number in enumerate(product):
            ways[j + rest] += comb(count, j) * number
    return tuple(ways[k] / comb(n, k) for k in range(1, n + 1))


def _multiplied(left: Sequence[int], right: Sequence[int]) -> list[int]:
    product = [0] * (len(left) + len(right) - 1)
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            product[i + j] += a * b
    return product


def _samples(tally: Tally) -> int:
    return sum(count for count, _ in tally.answers.values()) + tally.silent


def _refuse_few(samples: Sequence[int], k: int) -> None:
    if not samples:
        raise ValueError("no problems")
    if not 1 <= k <= min(samples):
        raise ValueError(f"k = {k} is not in 1 to {min(samples)}, the fewest samples of a problem")
