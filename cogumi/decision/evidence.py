"""Both sides of a run joined once, and how many problems would decide what they leave open."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from cogumi.comparison.measures import Pair, Values, both, column, measure
from cogumi.comparison.paired import pair_items
from cogumi.decision.facts import Facts
from cogumi.phases import Margins, Phase
from cogumi.results import Comparison, Criterion, Diagnosis, EvaluationComparison, EvaluationResult, Purpose
from cogumi.stats import Difference, Interval
from cogumi.stats_power import problems_to_tell

ALPHA = 0.05
"""Significance level of two-sided tests."""
WAYS = ("accuracy", "majority_accuracy", "greedy_accuracy")
"""The three ways of answering."""
MOST_PROBLEMS = 50_000
"""Nobody is told to measure on more problems than these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One evaluation on both sides."""

    name: str
    """Its name in the diagnoses."""
    before: EvaluationResult
    """Before training."""
    after: EvaluationResult
    """After it."""
    comparison: EvaluationComparison
    """What changed."""
    pairs: Sequence[Pair]
    """The problems that both sides have."""

    @property
    def scored(self) -> bool:
        """Whether anything is right or wrong here, on either side."""
        return any(item.accuracy is not None for side in (self.before, self.after) for item in side.items)

    @property
    def lost(self) -> float:
        """The share of the problems that could not be measured on both sides, in the way of answering that lacks most."""
        counts = [len(both(self.pairs, measure(way)).before) for way in WAYS] if self.scored else [len(self.pairs)]
        return 1 - min(count for count in counts if count or not any(counts)) / (len(self.pairs) + self.comparison.unsampled)

    def change(self, metric: str) -> Difference | None:
        """How a metric changed; None where no problem has it on both sides."""
        found = self.comparison.metrics.get(metric)
        return None if found is None else found.change

    def mean(self, metric: str, *, after: bool) -> float:
        """The metric's mean over the problems that have it on both sides."""
        found = self.comparison.metrics[metric]
        return found.after if after else found.before

    def vote_over_greedy(self) -> Difference | None:
        """The vote minus temperature 0 before training; None where they were not both scored."""
        return vote_over_greedy(self.before)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that a decision looks at."""

    phase: Phase
    """Whose gates and margins."""
    before: Diagnosis
    """Before training."""
    after: Diagnosis
    """After it."""
    comparison: Comparison
    """What changed."""
    facts: Facts
    """How the run went."""
    subjects: Mapping[str, Subject]
    """Every evaluation, by name."""

    @property
    def margins(self) -> Margins:
        """The phase's margins."""
        return self.phase.margins

    def of(self, purpose: Purpose) -> list[Subject]:
        """The evaluations measured for this purpose, by name."""
        return [subject for _, subject in sorted(self.subjects.items()) if subject.after.purpose == purpose]


def gather(phase: Phase, before: Diagnosis, after: Diagnosis, comparison: Comparison, facts: Facts) -> Evidence:
    """Join both sides. Raises `BadInput` where they cannot be compared."""
    subjects = {
        name: Subject(
            name=name,
            before=before.evaluations[name],
            after=after.evaluations[name],
            comparison=found,
            pairs=pair_items(name, before.evaluations[name], after.evaluations[name]),
        )
        for name, found in comparison.evaluations.items()
    }
    return Evidence(phase=phase, before=before, after=after, comparison=comparison, facts=facts, subjects=subjects)


def vote_over_greedy(evaluation: EvaluationResult) -> Difference | None:
    """The vote minus temperature 0 of one diagnosis, paired over its problems."""
    return vote_and_greedy(evaluation).change()


def vote_and_greedy(evaluation: EvaluationResult) -> Values:
    """Answers at temperature 0 (as before) and the vote (as after) of the problems that have both."""
    pairs = [(item, item) for item in evaluation.items]
    return both(pairs, measure("greedy_accuracy"), measure("majority_accuracy"))


def share(side: EvaluationResult, metric: str) -> float:
    """The metric's mean over the problems of one diagnosis that have it; 0 where none has."""
    values = column(side.items, measure(metric))
    return fmean(values) if values else 0.0


def shown_below(change: Difference) -> bool:
    """Whether the whole interval of a change is under 0."""
    return change.high < 0


def more_needed(threshold: float, found: Interval | Difference) -> int | None:
    """How many more problems would narrow the interval until the threshold is outside, at the present value.

    None where no number that anyone measures would.
    """
    needed = problems_to_tell(found, threshold)
    return None if needed is None or needed > MOST_PROBLEMS else max(1, needed - found.n + 1)


def would_tell(more: int | None) -> str:
    """How many more problems would tell, in a sentence."""
    if more is None:
        return "No affordable number of problems would tell at this value."
    return f"About {more:,} more problems would tell at this value."


def figures(criterion: Criterion, found: Interval | Difference, *, more: int | None = None) -> Criterion:
    """The criterion with its estimate, interval and number of problems, and with the problems that would decide it."""
    high = found.high if math.isfinite(found.high) else None
    return replace(criterion, value=found.value, low=found.low, high=high, n=found.n, more=more)
