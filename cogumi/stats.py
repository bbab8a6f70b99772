"""Intervals and paired tests over problems, in pure Python and without chance: the same input gives the same bytes.

The unit is the problem, or the cluster of problems made from one template where clusters are given (`cogumi.stats_spread`).
All intervals are 95 %. Which rule is used where, and why:

- One mean: Wilson's interval (1927) at the effective number of problems (Kott and Carr 1997; Franco et al. 2019; Korn and
  Graubard 1998). It stays within bounds and covers what it should for rare events, where the percentile bootstrap of 20
  problems covers 70 % instead of 95 %.
- A paired difference of 0/1 values: Agresti and Min (2005), with t for z. Of shares: the paired t interval (Student 1908).
- A ratio of paired means: Fieller's interval (1954).
- The p-value: the sign-flip permutation test on the paired differences, which for 0/1 values is McNemar's exact test.

`benchmarks/coverage.py` prints how often each interval holds the truth.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from cogumi.stats_flips import common_unit, sign_flip
from cogumi.stats_power import detectable_flips, sizes_of
from cogumi.stats_spread import NOTHING, Clusters, Spread, cluster_sums, effective, spread, t_quantile, wilson


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
    clusters: int | None = None
    """Clusters these problems belong to; None where every problem stood for itself."""


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
    """Two-sided p-value of "training changed nothing"; with few changed items it is stricter than the interval."""
    n: int
    """Pairs."""
    detectable: float
    """The smallest true difference that 80 % of such comparisons would find at the 5 % level.

    The largest possible difference where not even that would be found, as with five pairs.
    """
    clusters: int | None = None
    """Clusters these pairs belong to; None where every pair stood for itself."""


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
    return Interval(successes / n, *wilson(successes / n, n), n)


def mean(values: Sequence[float], low: float = 0.0, high: float = 1.0, clusters: Clusters | None = None) -> Interval:
    """The mean over problems with its interval: Wilson's at the effective number of problems (see the module).

    `low` and `high` are the least and the greatest value a problem can have: 0 and 1 for a share, 1/k and 1 for the
    consistency of k samples. Values beyond (numbers of different texts) widen that range. When all values are equal the
    interval is that of so many problems right or wrong: zero width would claim certainty. One problem, or one cluster,
    excludes nothing. Raises ValueError where there are no values.
    """
    if not values:
        raise ValueError("no values to average")
    low, high = min(low, *values), max(high, *values)
    span, found = high - low, spread(values, clusters)
    share = min(1.0, max(0.0, (found.mean - low) / span)) if span else 0.0
    n, at_the_ends = len(values), (sum(value == end for value in values) for end in (low, high))
    ends = wilson(share, effective(share, found, n, n - max(at_the_ends), span or 1.0))
    return Interval(found.mean, low + span * ends[0], low + span * ends[1], n, found.clusters)


def average(intervals: Sequence[Interval]) -> Interval:
    """The plain average of independent estimates, each counting the same however many problems it has.

    Its ends combine the distances of the single ends (MOVER; Zou and Donner 2008).
    """
    if not intervals:
        raise ValueError("no intervals to average")
    value = fmean(i.value for i in intervals)
    below = math.hypot(*(i.value - i.low for i in intervals)) / len(intervals)
    above = math.hypot(*(i.high - i.value for i in intervals)) / len(intervals)
    clustered = any(i.clusters is not None for i in intervals)
    clusters = sum(i.clusters or i.n for i in intervals) if clustered else None
    return Interval(value, value - below, value + above, sum(i.n for i in intervals), clusters)


def paired(before: Sequence[float], after: Sequence[float], clusters: Clusters | None = None) -> Difference:
    """The change of a metric over the same problems, item i of `before` being item i of `after` (see the module).

    Both are taken to lie in 0 to 1, or in a wider range that holds all of them. Raises ValueError where they are no pairs.
    """
    _refuse_unpaired(before, after)
    differences = [b - a for a, b in zip(before, after, strict=True)]
    n, found = len(differences), spread(differences, clusters)
    span = max(1.0, *before, *after) - min(0.0, *before, *after)
    if _right_or_wrong(before, after):
        (centre, error), free = _agresti_min(differences, found), found.free
    else:
        centre, error, free = _student(differences, found)
    reach = t_quantile(0.975, free) * error
    flipped = cluster_sums(differences, clusters)
    each = n / len(flipped)
    detectable = detectable_flips(len(flipped), sizes_of(flipped, common_unit(flipped)), span * each) / each
    low, high = max(-span, centre - reach), min(span, centre + reach)
    return Difference(found.mean, low, high, sign_flip(flipped), n, detectable, found.clusters)


def ratio(
    before: Sequence[float], after: Sequence[float], *, chance: float = 0.0, clusters: Clusters | None = None
) -> Interval:
    """What was retained above chance, (after - chance) / (before - chance) of the paired means, by Fieller's theorem.

    The interval holds every ratio r for which the mean of after - r before (both above chance) is not significantly
    different from 0 (Fieller 1954; Franz 2007). Right-or-wrong values count half a change more in each direction, as in
    Agresti and Min (2005); so do shares where every problem changed by the very same factor, since that is not certainty.
    Raises ValueError where the mean before is not significantly above chance: then any ratio would do.
    """
    _refuse_unpaired(before, after)
    x, y = [value - chance for value in before], [value - chance for value in after]
    base = spread(x, clusters)
    if not base.mean > t_quantile(0.975, base.free) * math.sqrt(base.variance):
        raise ValueError(f"a mean of {fmean(before):g} before is not clearly above {chance:g}: nothing to retain")
    value = fmean(y) / base.mean
    rest = spread([b - value * a for a, b in zip(x, y, strict=True)], clusters)
    added = _right_or_wrong(before, after) or rest.variance < NOTHING
    low, high = _fieller(x, y, rest, 1 / len(x) ** 2 if added else 0.0)
    return Interval(value, max(low, -chance / base.mean), high, len(x), base.clusters)


def mcnemar(before: Sequence[float], after: Sequence[float]) -> McNemar:
    """Counts and exact p-value of right (1) and wrong (0) on the same problems."""
    _refuse_unpaired(before, after)
    pairs = Counter(zip(map(bool, before), map(bool, after), strict=True))
    learned, lost = pairs[False, True], pairs[True, False]
    return McNemar(learned, lost, sign_flip([1.0] * learned + [-1.0] * lost), len(before))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjusted p-values of several tests made together (Holm 1979): one false alarm in twenty runs, not in each test."""
    adjusted: dict[str, float] = {}
    largest = 0.0
    for rank, name in enumerate(sorted(p_values, key=lambda name: (p_values[name], name))):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[name]))
        adjusted[name] = largest
    return adjusted


def _student(differences: Sequence[float], found: Spread) -> tuple[float, float, int]:
    """Centre, standard error and degrees of freedom of a mean change of shares.

    What did not change tells nothing of how large changes are, so the degrees of freedom are counted from the problems
    that did: four problems of a hundred, all changed the same way, are no proof. Where none changed, Agresti and Min's
    half a change in each direction keeps the interval from claiming certainty.
    """
    if found.variance < NOTHING:
        return *_agresti_min(differences, found), found.free
    changed = sum(abs(d) > 1e-12 for d in differences)
    return found.mean, math.sqrt(found.variance), min(found.free, max(1, changed - 1))


def _agresti_min(differences: Sequence[float], found: Spread) -> tuple[float, float]:
    """Centre and standard error with one change in each direction, half a problem each, added to what was seen."""
    scale = max(1.0, *map(abs, differences))
    n = len(differences) + 2
    centre = math.fsum(differences) / n
    squares = math.fsum(d * d for d in differences) + scale**2
    return centre, math.sqrt((squares / n - centre**2) / n * found.design)


def _fieller(x: Sequence[float], y: Sequence[float], rest: Spread, added: float) -> tuple[float, float]:
    """Both ratios r at which mean(y - r x) is t standard errors from 0: the roots of a r^2 - 2 b r + c.

    Variances are raised by the design effect of the residuals `rest`; `added` goes to that of the means after.
    """
    t2 = t_quantile(0.975, rest.free) ** 2 * rest.design
    left, right, both = (spread(values) for values in (x, y, [a + b for a, b in zip(x, y, strict=True)]))
    a = left.mean**2 - t2 * left.variance
    if not a > 0:
        raise ValueError(f"a mean {left.mean:g} above chance before is not clear of it on these clusters: nothing to retain")
    b = left.mean * right.mean - t2 * (both.variance - left.variance - right.variance) / 2
    c = right.mean**2 - t2 * (right.variance + added)
    half = math.sqrt(max(0.0, b * b - a * c)) / a
    return b / a - half, b / a + half


def _right_or_wrong(before: Sequence[float], after: Sequence[float]) -> bool:
    return set(before) | set(after) <= {0.0, 1.0}


def _refuse_unpaired(before: Sequence[float], after: Sequence[float]) -> None:
    if len(before) != len(after) or not before:
        raise ValueError(f"{len(before)} values before and {len(after)} after are no pairs")
