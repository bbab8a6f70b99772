"""What a number of problems can show: told before anything is sampled, and with every difference that was measured.

A difference counts as found where the sign-flip test has p < 0.05, and as detectable where 80 % of comparisons find it.
Everything is a closed formula; `benchmarks/coverage.py` holds it against simulated comparisons.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal, Protocol, TypeAlias

from cogumi.stats_spread import Z_POWER, Z, t_quantile

Planned: TypeAlias = Literal["accuracy", "majority_accuracy", "greedy_accuracy"]
"""The metrics of which it is known beforehand how much they scatter."""
FEWEST = 6
"""With fewer pairs that change, no p-value can be under 0.05: 2 / 2^5 is 0.0625."""
MOST = 10_000_000
"""Problems beyond which nobody measures."""
FEW = 20
"""Up to so many expected changes of right or wrong the power is summed up exactly."""
PRECISION = 1e-3
"""Of a detectable change, as a share of it: more digits than anybody reads."""
POWER = 0.8
"""The share of comparisons that find what is called detectable."""


@dataclass(frozen=True, slots=True)
class Assumptions:
    """How much problems are taken to scatter between before and after: round figures to plan with, not laws.

    They stand for a small model half way up a benchmark, whose training moves many problems a little. Where an earlier run
    measured its own, those are better. The variance of a problem's change of accuracy is `true_change`^2 + 2
    `sample_variance` / samples, which is 0.32^2 at ten samples.
    """

    true_change: float = 0.27
    """Standard deviation over problems of the change of the chance to be right."""
    sample_variance: float = 0.15
    """p (1 - p) of one sample, averaged over problems: 0.25 where all are open, 0 where all are certain."""
    vote_changes: float = 0.26
    """Share of the problems whose vote goes from right to wrong or back, most of them since it was close."""
    greedy_changes: float = 0.17
    """Share of the problems whose answer at temperature 0 goes from right to wrong or back."""


DEFAULTS = Assumptions()


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large single differences are, whatever their signs. Of right or wrong, all figures but `step` are one share."""

    mean: float
    """Mean size; above 0."""
    square: float
    """Mean of the squares."""
    fourth: float
    """Mean of the fourth powers."""
    step: float
    """The number of which all sizes are multiples: half the distance between two possible sums."""

    @property
    def equal(self) -> bool:
        """Whether all that are not 0 are of one size, the step."""
        return math.isclose(self.square, self.mean * self.step) and math.isclose(self.fourth, self.mean * self.step**3)


def sizes_of(differences: Sequence[float], step: float) -> Sizes:
    """The moments of what was measured. Where nothing changed, one change of size 1 among them is taken."""
    sizes = [abs(d) for d in differences]
    if max(sizes) < 1e-12:
        share = 1 / len(sizes)
        return Sizes(share, share, share, 1.0)
    mean, square, fourth = (math.fsum(size**power for size in sizes) / len(sizes) for power in (1, 2, 4))
    return Sizes(mean, square, fourth, step)


def detectable_change(
    n: int, metric: Planned, *, samples: int = 10, design: float = 1.0, assumptions: Assumptions = DEFAULTS
) -> float:
    """The smallest true change of `metric` that `n` problems would probably show (80 % power at the 5 % level).

    `samples` are drawn per problem and count for accuracy alone; `design` is the design effect of problems that come from
    one template. With the assumed scatter 100 problems show 9 points of accuracy, 15 of the vote and 12 of answers at
    temperature 0; 500 show 4, 7 and 5. At most 1, where nothing would be seen. Raises ValueError for less than one problem
    or sample.
    """
    if n < 1 or samples < 1 or design < 1:
        raise ValueError(f"{n} problems, {samples} samples and a design effect of {design:g} show nothing")
    if metric == "accuracy":
        deviation = math.sqrt(assumptions.true_change**2 + 2 * assumptions.sample_variance / samples)
        return min(1.0, detectable_shift(n / design, deviation))
    changes = assumptions.vote_changes if metric == "majority_accuracy" else assumptions.greedy_changes
    return detectable_flips(n / design, Sizes(changes, changes, changes, 1.0))


def problems_needed(
    change: float, metric: Planned, *, samples: int = 10, design: float = 1.0, assumptions: Assumptions = DEFAULTS
) -> int | None:
    """How many problems would probably show a true `change`; None above ten million. Raises ValueError at 0 or below."""
    if change <= 0:
        raise ValueError(f"no number of problems shows a change of {change:g}")

    def shows(n: int) -> bool:
        return detectable_change(n, metric, samples=samples, design=design, assumptions=assumptions) <= change

    return _first(shows)


def half_width(n: int, p: float = 0.5) -> float:
    """Half the width of the 95 % interval of a share `p` among `n` problems: how near to a gate the truth stays open."""
    return Z * math.sqrt(p * (1 - p) / n)


def problems_to_decide(distance: float, p: float = 0.5) -> int | None:
    """How many problems decide a gate from which a share of `p` is `distance` away; None above ten million."""
    if distance <= 0:
        raise ValueError(f"no number of problems decides a distance of {distance:g}")
    return _first(lambda n: half_width(n, p) <= distance)


class Estimate(Protocol):
    """What `problems_to_tell` needs of an interval or a difference of `cogumi.stats`."""

    @property
    def value(self) -> float:
        """The estimate itself."""

    @property
    def low(self) -> float:
        """Lower end."""

    @property
    def high(self) -> float:
        """Upper end."""

    @property
    def n(self) -> int:
        """Problems."""


def problems_to_tell(found: Estimate, edge: float) -> int | None:
    """About how many problems, all told, would put the interval on one side of `edge` if the value stayed as it is.

    Its ends come nearer with the root of the number. None above ten million, and where the value is the edge itself.
    """
    distance = abs(found.value - edge)
    reach = found.value - found.low if found.value >= edge else found.high - found.value
    needed = found.n * (reach / distance) ** 2 if distance else math.inf
    return math.ceil(needed) if needed <= MOST else None


def detectable_shift(n: float, deviation: float) -> float:
    """The detectable mean of `n` changes that scatter by `deviation`: the sum of both t quantiles (Cohen 1988)."""
    if n < FEWEST:
        return math.inf
    free = math.ceil(n) - 1
    return (t_quantile(0.975, free) + t_quantile(0.8, free)) * deviation / math.sqrt(n)


def detectable_flips(n: float, sizes: Sizes, most: float = 1.0) -> float:
    """The change of the mean that the sign-flip test of `n` differences of these sizes probably finds; at most `most`.

    A few differences of one size are right or wrong: their power is summed up exactly. Otherwise it finds a sum S of
    differences with S - z sqrt(D) > step, D being the sum of their squares: for right or wrong that is McNemar's test with
    Edwards's correction (1948). S and D vary together, as Miettinen (1968) has it for two sizes; here by the moments of the
    differences, whose signs go with their sizes as in exponential tilting. A change needs at least as many problems that
    change. `most` where nothing would be found, as below six differences.
    """
    skew = _allowance(n, sizes)

    def found(change: float) -> bool:
        more = max(1.0, change / sizes.mean)
        square, fourth = sizes.square * more * skew, sizes.fourth * more
        slope = Z / (2 * math.sqrt(n * square))  # of z sqrt(D) at the expected D
        together = change * (sizes.fourth / sizes.square - square)
        scatter = square - change**2 - 2 * slope * together + slope**2 * max(0.0, fourth - square**2)
        edge = sizes.step + Z * math.sqrt(n * square)
        return n * change >= edge + Z_POWER * math.sqrt(n * max(0.0, scatter))

    if n < FEWEST or not found(most):
        return most
    rough = _least(found, 0.0, most)
    if sizes.equal and n * sizes.mean <= FEW * sizes.step:
        return _few_flips(int(n), sizes.mean / sizes.step, rough / sizes.step, most / sizes.step) * sizes.step
    return rough


def _least(found: Callable[[float], bool], low: float, high: float) -> float:
    """The smallest change between two that is found, which it and all larger ones are."""
    while high - low > PRECISION * high:
        middle = (low + high) / 2
        low, high = (low, middle) if found(middle) else (middle, high)
    return high


@lru_cache(maxsize=4096)
def _few_flips(n: int, share: float, rough: float, most: float) -> float:
    """The detectable change of `n` answers that are right or wrong, of which this share changes, from a rough one."""

    def found(change: float) -> bool:
        return flips_power(n, share, change) >= POWER

    high = min(rough, most, 1.0)
    while not found(high):
        if high >= min(most, 1.0):
            return most
        high = min(1.1 * high, most, 1.0)
    return _least(found, 0.0 if found(rough / 2) else rough / 2, high)


def flips_power(n: int, share: float, change: float) -> float:
    """How often McNemar's exact test finds a true change of the share right among `n`, of which a `share` changes.

    The number that changes is binomial, and of these each is a gain with the same chance (Miettinen 1968). Where the change
    is larger than the share, as many change as it takes.
    """
    moving = min(1.0, max(share, change))
    gain = (1 + change / moving) / 2
    most = min(n, math.ceil(n * moving + 6 * math.sqrt(n * moving)))
    chances = _binomial(n, moving, FEWEST, most)
    return math.fsum(chance * _upper(k, gain, _critical(k)) for k, chance in enumerate(chances, FEWEST))


@cache
def _critical(changed: int) -> int:
    """The fewest gains among so many changes that are significant."""
    least = changed + 1
    while 2 * _upper(changed, 0.5, least - 1) < 0.05:
        least -= 1
    return least


def _upper(n: int, p: float, least: int) -> float:
    """The chance of `least` or more of `n`."""
    return sum(_binomial(n, p, least, n))


def _binomial(n: int, p: float, first: int, last: int) -> list[float]:
    """The chances of `first` to `last` of `n`, each from the one before."""
    if not 0 < p < 1:
        return [float(k == n * p) for k in range(first, last + 1)]
    ways = math.lgamma(n + 1) - math.lgamma(first + 1) - math.lgamma(n - first + 1)
    chance, odds, found = math.exp(ways + first * math.log(p) + (n - first) * math.log1p(-p)), p / (1 - p), []
    for k in range(first, last + 1):
        found.append(chance)
        chance *= odds * (n - k) / (k + 1)
    return found


def _allowance(n: float, sizes: Sizes) -> float:
    """A factor on the mean square where few large differences make it up, as many as count (Kish 1965).

    A mean of so few squares is skewed, so that mostly it lies below the true one: by a third of its relative variance, as the
    median of a gamma distribution lies below its mean. With equal sizes there is no such factor: the step between sums is
    what counts.
    """
    if 2 * sizes.step > sizes.square / sizes.mean:
        return 1.0
    return 1 + max(0.0, sizes.fourth / sizes.square**2 - 1) / (3 * n)


def _first(holds: Callable[[int], bool]) -> int | None:
    """The smallest number that `holds`, which it and all larger ones do."""
    low, high = 0, 1
    while not holds(high):
        low, high = high, high * 2
        if low > MOST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
