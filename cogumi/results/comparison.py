"""What two diagnoses, or two models, amount to beside each other: comparison.json, head_to_head.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from cogumi.results.diagnosis import Purpose
from cogumi.stats import Difference, McNemar


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One figure before and after, on the same problems."""

    before: float
    """Mean before."""
    after: float
    """Mean after."""
    change: Difference
    """After minus before, paired, with its interval and p-value."""
    left_out: int = 0
    """Problems without the figure on one of the sides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A head to head: per item a win, a loss or a tie."""

    wins: int
    losses: int
    ties: int
    n: int
    """Items compared."""
    left_out: int
    """Items that only one side has, or without a figure on one of them."""
    score: float | None = None
    """(wins + ties / 2) / n; None where nothing was compared."""
    low: float | None = None
    """Lower end of its 95 % interval."""
    high: float | None = None
    """Upper end."""
    p: float | None = None
    """Two-sided p-value of the sign test."""
    items: Mapping[str, Literal["win", "loss", "tie"]] = field(default_factory=dict)
    """By id, where a judge decided."""
    judged: int | None = None
    """Pairs that a judge was asked about and answered in both orders; None where scores decided."""
    position_bias: float | None = None
    """Share of these where it preferred the same place twice."""
    unreadable: int = 0
    """Verdicts that could not be read; their pairs are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transitions:
    """What became of each problem between two diagnoses."""

    names: Mapping[str, int]
    """Problems by the name of their move (see `cogumi.comparison.paired`)."""
    table: Mapping[str, Mapping[str, int]]
    """Problems by cell before, then cell after."""
    n: int
    """Problems counted."""
    left_out: int
    """Problems that could not be scored on both sides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationComparison:
    """What changed on the problems of one benchmark."""

    purpose: Purpose
    """Why it is measured."""
    problems: int
    """Problems that both sides have."""
    unsampled: int
    """Problems that failed on a side."""
    metrics: Mapping[str, Change]
    """By metric."""
    votes: McNemar | None
    """Right and wrong votes before and after; None where none could be scored."""
    transitions: Transitions
    """What became of each problem."""
    consistent_but_wrong: Change | None
    """Share of problems in that cell."""
    consistent_and_correct: Change | None
    """Share of problems in that cell."""
    certainty: Change | None
    """The second minus the first, in -1..1."""
    vote_gain: Mapping[str, Change]
    """`before` and `after`: a single sample (as `before`) against the vote (as `after`) on that side."""
    head_to_head: Match | None
    """On accuracy, after against before."""
    clusters: int | None = None
    """Templates that the problems were made from, where they are known: intervals are over these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalComparison:
    """What changed in an external evaluation."""

    metric: str
    """The metric that counts."""
    problems: int
    """Items that both sides have."""
    metrics: Mapping[str, Change]
    """By metric."""
    head_to_head: Match | None
    """On the metric that counts, after against before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """comparison.json: before against after."""

    evaluations: Mapping[str, EvaluationComparison]
    """By the names of the diagnoses."""
    external: Mapping[str, ExternalComparison] = field(default_factory=dict)
    """By the names of the diagnoses."""
    format: int = 1
    """Version of this file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadToHead:
    """head_to_head.json: the trained model against its rivals, problem by problem."""

    scores: Mapping[str, Mapping[str, Match]] = field(default_factory=dict)
    """By rival (`against`: another run; `reference`), then by evaluation: on accuracy, or an external evaluation's metric."""
    judged: Mapping[str, Mapping[str, Match]] = field(default_factory=dict)
    """By rival (`before` too), then by evaluation: by the judge, where no answer is right."""
    format: int = 1
    """Version of this file."""
