"""Figures as sentences show them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cogumi.stats import Difference, Interval

METRICS = {"accuracy": "single answers", "majority_accuracy": "the vote", "greedy_accuracy": "answers at temperature 0"}
"""The three ways of answering, as sentences name them."""

IF_FREE = "If the temperature could be lowered there would be no reason to train"
"""How what a lower temperature does begins where it is only a warning."""


def percent(share: float) -> str:
    """81.0 %."""
    return f"{share * 100:.1f} %"


def points(share: float) -> str:
    """5, 7.5: percentage points without needless digits."""
    return f"{share * 100:g}"


def span(interval: Interval) -> str:
    """61.0 % (51.2 to 70.0); an open end is not named."""
    ends = f"{interval.low * 100:.1f} to {interval.high * 100:.1f}"
    return f"{percent(interval.value)} ({ends if math.isfinite(interval.high) else f'{interval.low * 100:.1f} or more'})"


def moved(change: Difference) -> str:
    """-15.0 points (-23.3 to -6.2)."""
    return f"{change.value * 100:+.1f} points ({change.low * 100:+.1f} to {change.high * 100:+.1f})"


def bracket(change: Difference) -> str:
    """The same within brackets: -15.0 points; -23.3 to -6.2."""
    return f"{change.value * 100:+.1f} points; {change.low * 100:+.1f} to {change.high * 100:+.1f}"


def by(change: Difference) -> str:
    """The size of a fall: 15.0 points (6.2 to 23.3)."""
    return f"{-change.value * 100:.1f} points ({-change.high * 100:.1f} to {-change.low * 100:.1f})"


def listed(names: Sequence[str]) -> str:
    """`math`, `math and code`, `math, code and law`."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
