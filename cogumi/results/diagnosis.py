"""What was measured of one model: before.json, after.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from cogumi.stats import Interval

Purpose = Literal["trained", "guard", "benchmark"]
"""Why something is measured: a category of the run; against forgetting; asked for besides."""
Cell = Literal["consistent_correct", "consistent_wrong", "inconsistent_correct", "inconsistent_wrong"]
CELLS: tuple[Cell, ...] = ("consistent_correct", "consistent_wrong", "inconsistent_correct", "inconsistent_wrong")
"""The 2 x 2 of consistent (more than half of the samples share one answer) and correct (the vote's winner is right)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerCount:
    """How often one answer was given to a problem, whatever it is."""

    count: int
    """Samples that gave it."""
    correct: bool | None
    """Whether it is right; None where that could not be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemResult:
    """What the samples of one problem say."""

    id: str
    """`Problem.id`."""
    response_consistency: float
    """Share of the most frequent text among the samples."""
    answer_consistency: float
    """The same over answers; a sample without an answer counts as its own."""
    unique_responses: int
    """Number of different texts."""
    tie: bool
    """No single answer has the most votes."""
    consistent: bool
    """More than half of the samples share one answer."""
    accuracy: float | None
    """Share of right samples; None where none could be scored."""
    majority_correct: bool | None
    """Whether the vote's winner is right; no winner is wrong; None where nothing could be scored."""
    greedy_correct: bool | None
    """Whether the answer at temperature 0 is right; None where it could not be scored."""
    truncated: float
    """Share of samples cut at the token limit."""
    no_answer: float
    """Share of samples without a readable answer."""
    baselines: Mapping[str, float] = field(default_factory=dict)
    """Accuracy at lower temperatures by temperature, e.g. `{"0.2": 0.7}`."""
    answers: tuple[AnswerCount, ...] = ()
    """Its different answers, the most frequent first; samples without an answer are not among them."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """The task's own figures."""
    notes: Mapping[str, int] = field(default_factory=dict)
    """The task's remarks on samples, counted."""
    unscored: int = 0
    """Samples that could not be scored."""
    errors: int = 0
    """Samples that failed."""
    template: str | None = None
    """What the problem was made from (`Problem.meta["template"]`): problems of one template are a cluster."""

    @property
    def cell(self) -> Cell | None:
        """Its cell of the 2 x 2; None where its majority answer could not be scored."""
        return None if self.majority_correct is None else CELLS[2 * (not self.consistent) + (not self.majority_correct)]

    def value(self, metric: str) -> float | None:
        """A metric of this problem; None where it could not be measured. A task's own metrics go by their names."""
        found = getattr(self, METRICS[metric]) if metric in METRICS else self.metrics.get(metric)
        return None if found is None else float(found)


METRICS: Mapping[str, str] = {
    "response_consistency": "response_consistency",
    "answer_consistency": "answer_consistency",
    "unique_responses": "unique_responses",
    "accuracy": "accuracy",
    "majority_accuracy": "majority_correct",
    "greedy_accuracy": "greedy_correct",
    "tie_rate": "tie",
    "truncated": "truncated",
    "no_answer": "no_answer",
}
"""Which field of a problem each metric averages, in the order of reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationResult:
    """What was measured on the held-out problems of one benchmark."""

    benchmark: str
    """Its name."""
    purpose: Purpose
    """Why it is measured."""
    voter: str
    """Who decides."""
    problems: int
    """Problems measured."""
    samples: int
    """Samples per problem at the use temperature."""
    temperature: float
    """The use temperature."""
    metrics: Mapping[str, Interval]
    """Means over problems with their 95 % intervals."""
    matrix: Mapping[str, int]
    """Problems by cell of consistent x correct."""
    cause: str
    """What most likely keeps the model from doing better, in a sentence."""
    items: tuple[ProblemResult, ...]
    """Each problem, by id."""
    chance: float = 0.0
    """Accuracy of guessing."""
    consistency: Literal["texts", "answers"] = "texts"
    """What gates on consistency count."""
    baselines: Mapping[str, Interval] = field(default_factory=dict)
    """Accuracy at lower temperatures, by temperature."""
    at_k: Mapping[str, tuple[Interval, ...]] = field(default_factory=dict)
    """`pass@k`, `maj@k` and `pass^k` for k = 1, 2, ... up to the number of samples."""
    unscored: int = 0
    """Samples that could not be scored."""
    errors: int = 0
    """Samples that failed."""
    notes: Mapping[str, int] = field(default_factory=dict)
    """The task's remarks on samples, counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalItem:
    """One item of an external evaluation."""

    id: str
    """The evaluator's id."""
    metrics: Mapping[str, float]
    """Figures by name; higher is better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalResult:
    """What an external evaluator measured."""

    metric: str
    """The one of its metrics that counts in comparisons."""
    problems: int
    """Items measured."""
    metrics: Mapping[str, Interval]
    """Means over items with their 95 % intervals."""
    items: tuple[ExternalItem, ...]
    """Each item."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """before.json, after.json: all that was measured of one model."""

    evaluations: Mapping[str, EvaluationResult]
    """By category, or by benchmark where no category of the run is held out by it."""
    external: Mapping[str, ExternalResult] = field(default_factory=dict)
    """By name, e.g. `lm-eval:arc_easy`."""
    format: int = 1
    """Version of this file."""
