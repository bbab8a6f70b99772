"""Runs against each other: each one's latest diagnosis against the first run's, on the problems that both measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cogumi.comparison.measures import common, measure
from cogumi.comparison.paired import change_of
from cogumi.errors import BadInput
from cogumi.results import Change, Diagnosis, EvaluationResult
from cogumi.runs import RunView

SHOWN = ("response_consistency", "accuracy", "majority_accuracy", "greedy_accuracy", "tie_rate")
"""The metrics that are compared; a task's own come behind them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunChange:
    """One figure of two runs, on the problems that both have."""

    evaluation: str
    """What was measured."""
    metric: str
    """Which figure."""
    problems: int
    """Problems that both have."""
    change: Change
    """The first run as `before`, the other as `after`."""


def compare_runs(folders: Sequence[Path]) -> dict[str, list[RunChange]]:
    """By folder of every run but the first. Raises `BadInput` where two runs have measured nothing in common."""
    if len(folders) < 2:
        raise BadInput("one run alone cannot be compared", field="RUN", fix="name two or more run folders")
    first, *others = [(folder, _latest(folder)) for folder in folders]
    return {str(folder): _changes(first[0], first[1], folder, diagnosis) for folder, diagnosis in others}


def _latest(folder: Path) -> Diagnosis:
    view = RunView(folder)
    found = view.after or view.before
    if found is None:
        raise BadInput("no diagnosis in this folder", file=folder, fix="name the folder of a run")
    return found


def _changes(one: Path, mine: Diagnosis, other: Path, theirs: Diagnosis) -> list[RunChange]:
    found = [
        change
        for name, result in mine.evaluations.items()
        if name in theirs.evaluations and theirs.evaluations[name].benchmark == result.benchmark
        for change in _evaluation(name, result, theirs.evaluations[name])
    ]
    if not found:
        raise BadInput(f"it measured no problem that {one} did", file=other, fix="name a run of the same categories and data")
    return found


def _evaluation(name: str, mine: EvaluationResult, theirs: EvaluationResult) -> list[RunChange]:
    pairs = common(mine.items, theirs.items)
    own = sorted({metric for pair in pairs for item in pair for metric in item.metrics})
    changes = ((metric, change_of(pairs, measure(metric))) for metric in (*SHOWN, *own))
    return [
        RunChange(evaluation=name, metric=metric, problems=len(pairs), change=change)
        for metric, change in changes
        if change is not None
    ]
