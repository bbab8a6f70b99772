"""The statistics of comparisons, all on clusters: the one door from results to `cogumi.stats`.

`clusters` names for every problem the template it was made from; None where that is not known of all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import TypeAlias

from cogumi import stats, stats_power
from cogumi.stats import Difference, Interval
from cogumi.stats_power import Planned, detectable_change

PLANNED: tuple[Planned, ...] = ("accuracy", "majority_accuracy", "greedy_accuracy")
Clusters: TypeAlias = Sequence[str] | None
"""The template of every problem, in the order of the values."""


def mean(values: Sequence[float], clusters: Clusters = None) -> Interval:
    """The mean of shares over problems, with its interval."""
    return stats.mean(values, clusters=clusters)


def paired(before: Sequence[float], after: Sequence[float], clusters: Clusters = None) -> Difference:
    """The change over the same problems."""
    return stats.paired(before, after, clusters)


def retained(before: Sequence[float], after: Sequence[float], chance: float, clusters: Clusters = None) -> Interval | None:
    """(after - chance) / (before - chance); None where nothing above chance is there to retain."""
    if fmean(before) <= chance:
        return None
    try:
        return stats.ratio(before, after, chance=chance, clusters=clusters)
    except ValueError:
        return None


def detectable(n: int, samples: int) -> tuple[float, float, float]:
    """The smallest changes that n problems would probably show: of accuracy, of the vote, of answers at temperature 0."""
    accuracy, vote, greedy = (detectable_change(n, metric, samples=samples) for metric in PLANNED)
    return accuracy, vote, greedy


def half_width(n: int) -> float:
    """How near to a gate the truth stays open with n problems."""
    return stats_power.half_width(n)
