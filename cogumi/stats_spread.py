"""How far a mean over problems may be off: its variance, with or without clusters, and the quantiles that go with it.

The unit is the problem. Ten samples of one problem are one observation (their mean), since they share the problem's
difficulty; treating them as ten would make every interval too narrow. Problems made from one template are alike in the same
way: they are one *cluster*, and where clusters are given it is they that vary independently.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import TypeAlias

Clusters: TypeAlias = Sequence[Hashable | None]
"""Which cluster each value belongs to, one label a value; None is a cluster of its own."""

Z = NormalDist().inv_cdf(0.975)
"""Half-width of a 95 % interval in standard errors: 1.96."""
Z_POWER = NormalDist().inv_cdf(0.8)
"""How far behind the edge of significance a difference must lie to be found in 80 % of comparisons: 0.84."""
NOTHING = 1e-20
"""A variance below this is rounding: the values are all equal."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A mean and how much it would vary over other problems of the same kind."""

    mean: float
    """The mean of the values."""
    variance: float
    """Variance of the mean; infinite where one cluster is all there is."""
    design: float
    """By how much the clusters raise that variance (Kish's design effect), 1 or more.

    Where all values are equal: the mean size of a cluster, as if its problems were one.
    """
    free: int
    """Degrees of freedom of the variance: clusters minus one."""
    clusters: int | None
    """How many clusters there are; None where every problem stands for itself."""


def spread(values: Sequence[float], clusters: Clusters | None = None) -> Spread:
    """The mean of `values` and its variance.

    The variance is the one with n - 1; with clusters the sum over clusters of squared sums of residuals, times G / (G - 1)
    (Liang and Zeger 1986; Cameron and Miller 2015, II.B), but never less than without them, which would be chance (Korn
    and Graubard 1998). Raises ValueError where there are not as many labels as values.
    """
    n, mean = len(values), math.fsum(values) / len(values)
    residuals = [value - mean for value in values]
    single = _variance(residuals, n)
    parts = cluster_sums(residuals, clusters)
    if len(parts) == n:
        return Spread(mean, single, 1.0, n - 1, None)
    robust = max(single, _variance(parts, n))
    design = robust / single if single > NOTHING else n / len(parts)
    return Spread(mean, robust, design, len(parts) - 1, len(parts))


def cluster_sums(values: Sequence[float], clusters: Clusters | None) -> list[float]:
    """The sum of each cluster's values; the values themselves where no clusters are given."""
    if clusters is None:
        return list(values)
    if len(clusters) != len(values):
        raise ValueError(f"{len(clusters)} cluster labels for {len(values)} values")
    sums: dict[Hashable, float] = {}
    for place, (value, label) in enumerate(zip(values, clusters, strict=True)):
        key = (True, place) if label is None else (False, label)
        sums[key] = sums.get(key, 0.0) + value
    return list(sums.values())


def effective(share: float, found: Spread, n: int, moved: int, span: float = 1.0) -> float:
    """How many right-or-wrong problems would tell a share as precisely (Kott and Carr 1997; Franco et al. 2019).

    That number times (z / t)^2, so that an interval with z is as wide as t asks for at these degrees of freedom (Korn and
    Graubard 1998). `moved` of the `n` values are not at the end of the range where most are: only they tell how large values
    are, so they are the degrees of freedom, where that does not make it less precise than n problems right or wrong. Values
    that are all equal count as those: no spread was seen, and none was excluded.
    """
    if found.free == 0:
        return 0.0
    least = (n - 1) / found.design * (Z / t_quantile(0.975, found.free)) ** 2
    variance = found.variance / span**2
    if variance < NOTHING:
        return least
    free = min(found.free, max(1, moved - 1))
    usual, strict = (share * (1 - share) / variance * (Z / t_quantile(0.975, f)) ** 2 for f in (found.free, free))
    return max(strict, min(usual, least))


def wilson(share: float, n: float) -> tuple[float, float]:
    """Ends of Wilson's score interval (Wilson 1927) of a share among `n`; 0 to 1 where `n` is 0."""
    z2 = Z * Z
    centre = (share * n + z2 / 2) / (n + z2)
    half = Z * math.sqrt(share * (1 - share) * n + z2 / 4) / (n + z2)
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))


@lru_cache(maxsize=4096)
def t_quantile(p: float, free: int) -> float:
    """Student's t quantile for p of 0.5 to 1, to about twelve digits; infinite without a degree of freedom.

    Newton's method from the normal quantile: the tail is convex, so it comes to the root from below and never passes it.
    """
    if free < 1:
        return math.inf
    t = NormalDist().inv_cdf(p)
    scale = math.exp(math.lgamma((free + 1) / 2) - math.lgamma(free / 2)) / math.sqrt(free * math.pi)
    for _ in range(100):
        step = (_t_tail(t, free) - (1 - p)) / (scale * (1 + t * t / free) ** (-(free + 1) / 2))
        t += step
        if abs(step) < 1e-13 * t:
            break
    return t


def _t_tail(t: float, free: int) -> float:
    """P(T > t) for t >= 0: half the regularised incomplete beta function at free / (free + t^2)."""
    x = free / (free + t * t)
    a, b = free / 2, 0.5
    if x > (a + 1) / (a + b + 2):
        return 0.5 * (1 - _beta(1 - x, b, a))
    return 0.5 * _beta(x, a, b)


def _beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function by its continued fraction (DLMF 8.17.22), evaluated as Lentz (1976) does."""
    if x <= 0:
        return 0.0
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)) / a
    c, d, value = 1.0, 0.0, 1.0
    for i in range(1, 500):
        m = i // 2
        odd, even = -(a + m) * (a + b + m), m * (b - m)
        part = x * (odd if i % 2 else even) / ((a + i - 1) * (a + i))
        d, c = 1 / (1 + part * d), 1 + part / c
        value *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return front / value


def _variance(residuals: Iterable[float], n: int) -> float:
    """Variance of the mean of `n` values from its independent parts, with the correction for few parts."""
    squares = [part * part for part in residuals]
    parts = len(squares)
    return math.fsum(squares) / n**2 * parts / (parts - 1) if parts > 1 else math.inf
