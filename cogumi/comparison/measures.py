"""How a figure is read from one problem, and the figures of the same problems on two sides.

A problem that lacks a figure on one of the sides is left out of what is compared there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from cogumi.comparison import estimates
from cogumi.results import Cell, EvaluationResult, ProblemResult
from cogumi.stats import Difference

Measure: TypeAlias = Callable[[ProblemResult], float | None]
"""A figure of one problem; None where it could not be measured."""
Pair: TypeAlias = tuple[ProblemResult, ProblemResult]
"""One problem before and after."""


def measure(metric: str) -> Measure:
    """How a metric is read from a problem."""
    return lambda item: item.value(metric)


def baseline(temperature: str) -> Measure:
    """How the accuracy at a lower temperature is read from a problem."""
    return lambda item: item.baselines.get(temperature)


def consistency_of(evaluation: EvaluationResult) -> str:
    """The metric that a gate on consistency counts here."""
    return "answer_consistency" if evaluation.consistency == "answers" else "response_consistency"


def in_cell(cell: Cell) -> Measure:
    """1 where a problem is in this cell, else 0."""

    def read(item: ProblemResult) -> float | None:
        here = item.cell
        return None if here is None else float(here == cell)

    return read


def certainty(item: ProblemResult) -> float | None:
    """1 where the model is consistent and right, -1 where it is consistent and wrong, 0 where it is inconsistent."""
    cell = item.cell
    return None if cell is None else {"consistent_correct": 1.0, "consistent_wrong": -1.0}.get(cell, 0.0)


@dataclass(frozen=True, slots=True)
class Values:
    """The values of two sides, problem by problem."""

    before: tuple[float, ...]
    """Of the first side."""
    after: tuple[float, ...]
    """Of the second side, in the same order."""
    clusters: tuple[str, ...] | None
    """Their templates, where all are known."""

    def change(self) -> Difference | None:
        """The second minus the first; None where there is no problem."""
        return estimates.paired(self.before, self.after, self.clusters) if self.before else None


def both(pairs: Sequence[Pair], before: Measure, after: Measure | None = None) -> Values:
    """The values of the problems that have both; the second side is read as the first unless told otherwise."""
    read = after or before
    found = [(x, y, b.template) for b, a in pairs if (x := before(b)) is not None and (y := read(a)) is not None]
    clusters = templates(pairs)
    kept = None if clusters is None else tuple(name for _, _, name in found if name is not None)
    return Values(tuple(x for x, _, _ in found), tuple(y for _, y, _ in found), kept)


def column(items: Sequence[ProblemResult], read: Measure) -> list[float]:
    """The values of the problems that have one."""
    return [value for item in items if (value := read(item)) is not None]


def common(before: Sequence[ProblemResult], after: Sequence[ProblemResult]) -> list[Pair]:
    """The problems that two sides share, in the order of the first."""
    later = {item.id: item for item in after}
    return [(item, later[item.id]) for item in before if item.id in later]


def templates(pairs: Sequence[Pair]) -> tuple[str, ...] | None:
    """The template of every problem, where all are known."""
    names = [before.template for before, _ in pairs]
    known = tuple(name for name in names if name is not None)
    return known if known and len(known) == len(names) else None
