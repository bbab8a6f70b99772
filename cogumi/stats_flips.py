"""The sign-flip permutation test (Fisher 1935), exact and without drawing a random number.

If nothing changed, each difference was as likely to be its negative. The p-value is the share of all 2^n sign patterns whose
sum is at least as far from zero as the one seen. Equal sizes are taken together, since the number of positive ones among m
is binomial. Where few sums are possible (right or wrong: McNemar's exact test) they are listed; where many are, the
distribution of the sum is found from its characteristic function, a product of cosines (see `_by_frequencies`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product

LISTED = 2_000
"""Up to so many combinations of counts are listed one by one."""
FREQUENCIES = 4_000
"""So many frequencies are added up; with sums of more steps than that the test is exact to about 1e-4, below to 1e-12."""
PERIOD = 16.0
"""Standard deviations of the sum after which its distribution is taken to repeat."""
FARTHEST = 7.4
"""A sum so many standard deviations out has p < 2 exp(-7.4^2 / 2) < 3e-12 (Hoeffding 1963): there rounding begins."""
LEAST_P = 1e-11
"""The p-value given for sums beyond `FARTHEST`, where it is smaller than this but not known to a digit."""


def sign_flip(differences: Sequence[float]) -> float:
    """Two-sided p-value of "each difference could as well have had the other sign".

    Problems of one cluster flip together: give the clusters' sums (`cogumi.stats_spread.cluster_sums`).
    """
    sizes = Counter(round(abs(d), 12) for d in differences)
    sizes.pop(0.0, None)
    seen = abs(math.fsum(differences))
    if math.prod(m + 1 for m in sizes.values()) <= LISTED:
        return min(1.0, math.fsum(weight for total, weight in _all_flips(sizes) if abs(total) >= seen - 1e-9))
    return _by_frequencies(sizes, seen)


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


def _by_frequencies(sizes: Mapping[float, int], seen: float) -> float:
    """P(|S| >= seen) of the flipped sum S, by inverting its characteristic function (Davies 1973 and 1980).

    All sums are a whole number of steps of twice the sizes' common unit apart, so a discrete Fourier transform over one
    period inverts exactly; the sum of cosines over the points within +-seen is Dirichlet's kernel.
    """
    deviation = math.sqrt(math.fsum(m * size * size for size, m in sizes.items()))
    if seen > FARTHEST * deviation:
        return LEAST_P
    unit = common_unit(sizes)
    points = 2 * math.ceil(PERIOD * deviation / (4 * unit)) + 1
    ordered = sorted(sizes.items(), key=lambda entry: -entry[1])
    within, terms = seen - unit, []
    for m in range(1, min(points // 2, FREQUENCIES) + 1):
        angle = math.pi * m / (unit * points)
        terms.append(_cosines(ordered, angle) * math.sin(within * angle) / math.sin(unit * angle))
    inside = (within / unit + 2 * math.fsum(terms)) / points
    return min(1.0, max(LEAST_P, 1 - inside))


def _cosines(sizes: Sequence[tuple[float, int]], angle: float) -> float:
    """The characteristic function of the flipped sum; 0 as soon as it is too small to count."""
    value = 1.0
    for size, m in sizes:
        value *= math.cos(size * angle) ** m
        if -1e-17 < value < 1e-17:
            return 0.0
    return value


def common_unit(sizes: Iterable[float]) -> float:
    """The largest number of which all sizes are multiples; a very small one where there is none (Euclid, with rounding)."""
    distinct = {round(abs(size), 12) for size in sizes} - {0.0}
    smallest, unit = min(distinct, default=0.0) * 1e-6, 0.0
    for size in distinct:
        rest = size
        while rest > smallest:
            unit, rest = rest, abs(math.remainder(unit, rest))
    return unit
