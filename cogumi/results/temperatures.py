"""Which lower temperature was chosen on the training side: temperatures.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cogumi.stats import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenTemperature:
    """What the training side of one category says of its baseline temperatures."""

    chosen: str | None
    """The temperature with the highest accuracy, the lower one of two equal ones; None where nothing could be scored."""
    problems: int
    """Training-side problems that could be scored at every temperature."""
    accuracy: Mapping[str, Interval]
    """Accuracy of the untouched model on these, by temperature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Temperatures:
    """temperatures.json; a run with one baseline temperature has nothing to choose, and no such file."""

    categories: Mapping[str, ChosenTemperature]
    """By category."""
    format: int = 1
    """Version of this file."""
