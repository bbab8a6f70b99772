"""What of two diagnoses can be held against each other: scores item by item, and texts where no answer is right.

Two diagnoses are joined by the name of what they measured and by item id. Texts are compared by each problem's first sample at
the use temperature, which is what a user would be shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from cogumi.comparison.head_to_head import Pair, Samples, on_scores
from cogumi.protocols import Judged, Task
from cogumi.records import Completion, Problem
from cogumi.results import Diagnosis, EvaluationResult, ExternalResult, Match
from cogumi.thoughts import Tags, shown

T = TypeVar("T", EvaluationResult, ExternalResult)


def on_both(mine: Diagnosis, theirs: Diagnosis) -> dict[str, Match]:
    """Head to head on the scores of everything that both measured: what has a figure on both sides, by name."""
    evaluations = [
        (name, on_scores(own, other))
        for name, other in theirs.evaluations.items()
        if (own := mine.evaluations.get(name)) and comparable(own, other)
    ]
    external = [
        (name, on_scores(found, outside))
        for name, outside in theirs.external.items()
        if (found := mine.external.get(name)) and comparable(found, outside)
    ]
    return {name: match for name, match in (*evaluations, *external) if match is not None}


def comparable(mine: T, theirs: T) -> bool:
    """Whether two diagnoses are of the same benchmark or metric and, at least in part, of the same items."""
    return _measured(mine) == _measured(theirs) and not {i.id for i in mine.items}.isdisjoint(i.id for i in theirs.items)


def text_pairs(
    name: str,
    task: Task,
    problems: Sequence[Problem],
    mine: Samples,
    theirs: Samples,
    *,
    kind: str = "use",
    thoughts: Tags = (),
) -> list[Pair]:
    """What was said to the problems that both sides were asked, for a judge; none where the task has no question for one.

    `name` is the category's or benchmark's and begins the requests' ids, of which `kind` is the end. `thoughts` are the marks
    that the templates declare: a judge reads what a user would be shown.
    """
    if not isinstance(task, Judged):
        return []
    keys = [(problem, (f"{name}/{problem.id}#{kind}", 0)) for problem in problems]
    both = [(problem, mine[key], theirs[key]) for problem, key in keys if key in mine and key in theirs]
    return [Pair(problem=problem, mine=_text(one, thoughts), theirs=_text(other, thoughts)) for problem, one, other in both]


def _measured(side: EvaluationResult | ExternalResult) -> str:
    return side.benchmark if isinstance(side, EvaluationResult) else side.metric


def _text(completion: Completion, thoughts: Tags) -> str | None:
    return None if completion.finish == "error" else shown(completion, thoughts).text
