"""Intervals and paired tests over problems, in pure Python and without a clock: the same input gives the same bytes.

The unit is the problem. Ten samples of one problem are one observation (their mean), since they share the problem's
difficulty; treating them as ten would make every interval too narrow. All intervals are 95 %.

Which rule is used where, and why:

- One mean: Wilson's interval (1927) at the effective number of problems, `n p (1 - p) / variance` (Kott and Carr 1997;
  Franco et al. 2019). For values of 0 and 1 it is Wilson's interval itself. It stays within bounds and covers what it
  should for rare events, where the percentile bootstrap of 20 problems covers 70 % instead of 95 %.
- A paired difference of 0/1 values: Agresti and Min (2005). Of shares: paired percentile bootstrap (Efron 1979).
- The p-value: the sign-flip permutation test on the paired differences, which for 0/1 values is McNemar's exact test.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from operator import itemgetter
from statistics import NormalDist, fmean, pvariance

Z = NormalDist().inv_cdf(0.975)
"""Half-width of a 95 % interval in standard errors: 1.96."""
Z_POWER = NormalDist().inv_cdf(0.8)
"""How far behind the edge of significance a difference must lie to be found in 80 % of comparisons: 0.84."""
SEED = 20_270_127
RESAMPLES = 2_000
FLIPS = 10_000
"""Random sign patterns of the permutation test where the exact one would have more than this many outcomes."""
MOST_RESAMPLED = 2_000
"""Above this many problems a bootstrapped mean is normal to the third digit, and the normal interval is used."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95 % interval."""

    value: float
    """The estimate itself."""
    low: float
    """Lower end."""
    high: float
    """Upper end."""
    n: int
    """Problems it was estimated from."""


@dataclass(frozen=True, slots=True)
class Difference:
    """After minus before, over the same problems."""

    value: float
    """Mean difference; above 0 where `after` is larger."""
    low: float
    """Lower end of its 95 % interval."""
    high: float
    """Upper end of its 95 % interval."""
    p: float
    """Two-sided p-value of "training changed nothing". Decisions rest on it; with few changed items it is the stricter."""
    n: int
    """Pairs."""
    detectable: float
    """The smallest true difference that 80 % of such comparisons would find at the 5 % level."""


@dataclass(frozen=True, slots=True)
class McNemar:
    """What changed between two rounds of right and wrong on the same problems (McNemar 1947)."""

    learned: int
    """Wrong before, right after."""
    lost: int
    """Right before, wrong after."""
    p: float
    """Exact two-sided p-value: the binomial probability of a split at least as uneven among the problems that changed."""
    n: int
    """Pairs."""


def proportion(successes: int, n: int) -> Interval:
    """Wilson's score interval (Wilson 1927) of `successes` among `n`. Raises ValueError where there is nothing to count."""
    if not 0 <= successes <= n or n == 0:
        raise ValueError(f"{successes} of {n} is no proportion")
    return Interval(successes / n, *_wilson(successes / n, n), n)


def mean(values: Sequence[float]) -> Interval:
    """The mean over problems with its interval: Wilson's at the effective number of problems (see the module).

    Values are taken as shares of 0 to 1; the range is widened to hold any that are not (numbers of different texts).
    When all are equal the interval is Wilson's for `n` problems: zero width would claim certainty.
    """
    if not values:
        raise ValueError("no values to average")
    low, high = min(0.0, *values), max(1.0, *values)
    span, n, value = high - low, len(values), fmean(values)
    share = min(1.0, max(0.0, (value - low) / span))
    variance = pvariance(values) / span**2
    effective = n * share * (1 - share) / variance if variance > 1e-12 else n
    ends = _wilson(share, effective)
    return Interval(value, low + span * ends[0], low + span * ends[1], n)


def average(intervals: Sequence[Interval]) -> Interval:
    """The plain average of independent estimates, each counting the same however many problems it has.

    Its ends combine the distances of the single ends (MOVER; Zou and Donner 2008).
    """
    if not intervals:
        raise ValueError("no intervals to average")
    value = fmean(i.value for i in intervals)
    below = math.hypot(*(i.value - i.low for i in intervals)) / len(intervals)
    above = math.hypot(*(i.high - i.value for i in intervals)) / len(intervals)
    return Interval(value, value - below, value + above, sum(i.n for i in intervals))


def paired(before: Sequence[float], after: Sequence[float]) -> Difference:
    """The change of a metric over the same problems, item i of `before` being item i of `after` (see the module)."""
    _refuse_unpaired(before, after)
    differences = [b - a for a, b in zip(before, after, strict=True)]
    n, value = len(differences), fmean(differences)
    error = math.sqrt(pvariance(differences) / max(1, n - 1))
    if set(before) | set(after) <= {0.0, 1.0} or error < 1e-12:
        low, high, error = _agresti_min(differences)
    elif n > MOST_RESAMPLED:
        low, high = value - Z * error, value + Z * error
    else:
        low, high = _percentiles([sum(pick(differences)) / n for pick in _resamples(n)])
    return Difference(value, low, high, sign_flip(differences), n, (Z + Z_POWER) * error)


def ratio(before: Sequence[float], after: Sequence[float]) -> Interval:
    """Mean after over mean before with its paired bootstrap interval (above 2,000 pairs: the delta method).

    Where every problem changed by the very same factor the interval is as wide as that of no change at all, not zero.
    Raises ValueError where the mean before is zero, so that nothing could be retained.
    """
    _refuse_unpaired(before, after)
    n, base = len(before), fmean(before)
    if base <= 0:
        raise ValueError("no ratio to a mean of zero")
    value = fmean(after) / base
    residuals = [y - value * x for x, y in zip(before, after, strict=True)]
    error = math.sqrt(pvariance(residuals) / n)
    if error < 1e-12 or n > MOST_RESAMPLED:
        reach = Z * (_agresti_min(residuals)[2] if error < 1e-12 else error) / base
        return Interval(value, value - reach, value + reach, n)
    draws = [_quotient(sum(pick(after)), sum(pick(before))) for pick in _resamples(n)]
    return Interval(value, *_percentiles(draws), n)


def mcnemar(before: Sequence[float], after: Sequence[float]) -> McNemar:
    """Counts and exact p-value of right (1) and wrong (0) on the same problems."""
    _refuse_unpaired(before, after)
    pairs = Counter(zip(map(bool, before), map(bool, after), strict=True))
    learned, lost = pairs[False, True], pairs[True, False]
    return McNemar(learned, lost, sign_flip([1.0] * learned + [-1.0] * lost), len(before))


def half_width(n: int, p: float = 0.5) -> float:
    """Half the width of the 95 % interval of a share `p` among `n` problems: what a point threshold on it is blind to."""
    return Z * math.sqrt(p * (1 - p) / n)


def sign_flip(differences: Sequence[float]) -> float:
    """Two-sided p-value of the paired sign-flip permutation test (Fisher 1935): is the sum of differences surprising?

    If nothing changed, each difference was as likely to be its negative. Equal sizes are taken together, since the
    number of positive ones among m is binomial; so the test is exact wherever few sizes occur, as with 0/1 values.
    """
    sizes = Counter(round(abs(d), 12) for d in differences)
    sizes.pop(0.0, None)
    least = abs(math.fsum(differences)) - 1e-9
    if math.prod(m + 1 for m in sizes.values()) <= FLIPS:
        return min(1.0, math.fsum(weight for total, weight in _all_flips(sizes) if abs(total) >= least))
    draw = random.Random(SEED).getrandbits
    flips = [sum(size * (2 * draw(m).bit_count() - m) for size, m in sizes.items()) for _ in range(FLIPS)]
    return (1 + sum(abs(total) >= least for total in flips)) / (1 + FLIPS)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjusted p-values of several tests made together (Holm 1979): one false alarm in twenty runs, not in each test."""
    adjusted: dict[str, float] = {}
    largest = 0.0
    for rank, name in enumerate(sorted(p_values, key=lambda name: (p_values[name], name))):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[name]))
        adjusted[name] = largest
    return adjusted


def _wilson(share: float, n: float) -> tuple[float, float]:
    z2 = Z * Z
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))


def _agresti_min(differences: Sequence[float]) -> tuple[float, float, float]:
    """Low, high and standard error with one change in each direction, half a problem each, added to what was seen."""
    scale = max(1.0, *map(abs, differences))
    n = len(differences) + 2
    centre = math.fsum(differences) / n
    error = math.sqrt((math.fsum(d * d for d in differences) + scale**2) / n - centre**2) / math.sqrt(n)
    return max(-scale, centre - Z * error), min(scale, centre + Z * error), error


@lru_cache(maxsize=4)
def _resamples(n: int) -> Sequence[Callable[[Sequence[float]], tuple[float, ...]]]:
    """Bootstrap draws of n problems out of n, each a function that picks them; the same ones for every metric."""
    draw, items = random.Random(SEED).choices, range(n)
    return [itemgetter(*draw(items, k=n)) if n > 1 else tuple for _ in range(RESAMPLES)]


def _percentiles(draws: list[float]) -> tuple[float, float]:
    ordered = sorted(draws)
    cut = round(len(ordered) * 0.025)
    return ordered[cut - 1], ordered[-cut]


def _quotient(after: float, before: float) -> float:
    """A resample without any success before says nothing about a loss: it counts as unlimited gain."""
    return after / before if before else math.inf


def _all_flips(sizes: Mapping[float, int]) -> Iterator[tuple[float, float]]:
    """Every outcome of the flips as (sum, probability)."""
    one_size = [[(size * (2 * k - m), weight) for k, weight in enumerate(_coin_weights(m))] for size, m in sizes.items()]
    for flips in product(*one_size):
        yield math.fsum(total for total, _ in flips), math.prod(weight for _, weight in flips)


def _coin_weights(m: int) -> Iterator[float]:
    """The probabilities of 0 to m heads among m fair coins, each correctly rounded."""
    ways = 1
    for heads in range(m + 1):
        yield ways / (1 << m)
        ways = ways * (m - heads) // (heads + 1)


def _refuse_unpaired(before: Sequence[float], after: Sequence[float]) -> None:
    if len(before) != len(after) or not before:
        raise ValueError(f"{len(before)} values before and {len(after)} after are no pairs")
