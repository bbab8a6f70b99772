"""What a number of problems can show: told before anything is sampled, and with every difference that was measured.

A difference counts as found where the sign-flip test has p < 0.05, and as detectable where 80 % of comparisons find it.
Everything is a closed formula; `benchmarks/coverage.py` holds it against simulated comparisons.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from cogumi.stats_spread import Z, Z_POWER, t_quantile

Planned: TypeAlias = Literal["accuracy", "majority_accuracy", "greedy_accuracy"]
"""The metrics of which it is known beforehand how much they scatter."""
FEWEST = 6
"""With fewer pairs that change, no p-value can be under 0.05: 2 / 2^5 is 0.0625."""
MOST = 10_000_000
"""Problems beyond which nobody measures."""


@dataclass(frozen=True, slots=True)
class Assumptions:
    """How much problems scatter between two rounds, as seen with small models before and after a training.

    Accuracy: the variance of a problem's change is `true_change`^2 + 2 `sample_variance` / samples, 0.32^2 at ten samples.
    """

    true_change: float = 0.27
    """Standard deviation over problems of the change of the chance to be right."""
    sample_variance: float = 0.15
    """p (1 - p) of one sample, averaged over problems: 0.25 where all are open, 0 where all are certain."""
    vote_changes: float = 0.26
    """Share of the problems whose vote goes from right to wrong or back, most of them since it was close."""
    greedy_changes: float = 0.16
    """Share of the problems whose answer at temperature 0 goes from right to wrong or back."""


DEFAULTS = Assumptions()


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
        return min(1.0, detectable_shift(deviation * math.sqrt(design / n), max(0, math.ceil(n / design) - 1)))
    changes = assumptions.vote_changes if metric == "majority_accuracy" else assumptions.greedy_changes
    return detectable_flips(n / design, changes)


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
    """Half the width of the 95 % interval of a share `p` among `n` problems: how near to a gate the truth stays undecided."""
    return Z * math.sqrt(p * (1 - p) / n)


def problems_to_decide(distance: float, p: float = 0.5) -> int | None:
    """How many problems decide a gate from which a share of `p` is `distance` away; None above ten million."""
    if distance <= 0:
        raise ValueError(f"no number of problems decides a distance of {distance:g}")
    return _first(lambda n: half_width(n, p) <= distance)


def detectable_shift(error: float, free: int) -> float:
    """The detectable change of a mean with this standard error: the sum of both t quantiles (Cohen 1988); 1 below six pairs."""
    if free < FEWEST - 1:
        return math.inf
    return (t_quantile(0.975, free) + t_quantile(0.8, free)) * error


def detectable_flips(n: float, changes: float) -> float:
    """The detectable change of right or wrong on `n` problems of which a share `changes` turns, one way or the other.

    McNemar's test finds it where learned - lost exceeds 1 + z sqrt(learned + lost) (Edwards 1948), and that difference has
    the variance n (changes - change^2) (Miettinen 1968; Connor 1987). A change needs at least as many problems that turn.
    """

    def found(change: float) -> bool:
        turned = max(changes, change)
        return n * change >= 1 + Z * math.sqrt(n * turned) + Z_POWER * math.sqrt(n * (turned - change**2))

    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if found(middle) else (middle, high)
    return high


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
