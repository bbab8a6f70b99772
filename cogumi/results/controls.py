"""What trainings that lack an ingredient came to, beside the vote's and the untouched model: controls.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cogumi.results.comparison import Change
from cogumi.stats import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmResult:
    """One arm's figures in one category: shares with their 95 % intervals, None where nothing could be scored."""

    accuracy: Interval | None
    """Of single samples at the use temperature."""
    greedy_accuracy: Interval | None
    """At temperature 0."""
    majority_accuracy: Interval | None
    """Of the vote over the samples."""
    pass_at_n: Interval | None
    """Problems with one right sample among them."""
    consistency: Interval
    """What gates on consistency count here."""
    consistent_but_wrong: Interval | None
    """Problems whose vote is firm and wrong."""
    tokens: float | None
    """Mean length of a sample at the use temperature, in tokens; None where the sampler does not tell."""
    gain: Change | None = None
    """Accuracy of the untouched model (as `before`) against this arm's; None for the untouched model."""
    lead: Change | None = None
    """Accuracy of this arm (as `before`) against the vote's; None for the vote and for the untouched model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One way of training, or of training nothing."""

    examples: int = 0
    """Examples trained on."""
    target_tokens: int | None = None
    """Tokens of their targets, estimated from their length where a text was not sampled."""
    steps: int = 0
    """Optimiser steps."""
    on: tuple[str, ...] = ()
    """Categories that it was trained on."""
    categories: Mapping[str, ArmResult] = field(default_factory=dict)
    """By category; of a control that trains, those that it was trained on."""
    guards: Mapping[str, Interval] = field(default_factory=dict)
    """Accuracy on each guard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bought:
    """What the vote's training is worth in one category."""

    temperature: str
    """The temperature at which the untouched model is best among those below the use temperature; 0 is greedy."""
    over_lower: Change
    """Accuracy of the untouched model there (as `before`) against the trained model's at the use temperature."""
    of_reference: float | None = None
    """The vote's gain over the gain of training on reference answers; None where that was not shown to gain anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """controls.json: every arm on the same held-out problems, with the same seeds and the same number of samples."""

    samples: int
    """Samples per problem at the use temperature, in every arm."""
    arms: Mapping[str, Arm]
    """`untouched`, `vote`, and the controls by name."""
    bought: Mapping[str, Bought] = field(default_factory=dict)
    """By category."""
    format: int = 1
    """Version of this file."""
