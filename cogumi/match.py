"""What of two runs can be held against each other: scores item by item, and texts where no answer is right.

Two diagnoses are joined by the name of what they measured and by item id. Texts are compared by each problem's first sample at
the use temperature, which is what a user would be shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cogumi.compare import outside_measure
from cogumi.diagnose import Samples, use_id
from cogumi.head_to_head import Pair, on_scores
from cogumi.plan import Plan
from cogumi.protocols import Judged
from cogumi.records import JSON, Completion


def on_both(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, dict[str, JSON]]:
    """Head to head on the scores of everything that both of two diagnoses (before.json, after.json) measured."""
    scores = {}
    for section in ("categories", "outside"):
        for name, other in theirs.get(section, {}).items():
            own = mine.get(section, {}).get(name)
            if own is not None and comparable(own, other):
                scores[name] = on_scores(own, other, *([outside_measure(own["metric"])] if section == "outside" else []))
    return {name: {"scores": score} for name, score in scores.items()}


def comparable(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    """Whether two diagnoses are of the same benchmark, figure and, at least in part, items."""
    same = all(mine.get(field) == theirs.get(field) for field in ("benchmark", "metric"))
    return same and not {item["id"] for item in mine["items"]}.isdisjoint(item["id"] for item in theirs["items"])


def text_pairs(plan: Plan, mine: Samples, theirs: Samples) -> dict[str, list[Pair]]:
    """Of every exam whose texts a judge has to compare: the texts of the problems that both sides were asked."""
    if plan.judge is None:
        return {}
    pairs: dict[str, list[Pair]] = {}
    for exam in plan.exams:
        if isinstance(exam.benchmark.task, Judged):
            keys = [(problem, (use_id(exam, problem), 0)) for problem in exam.problems]
            both = [(problem, mine[key], theirs[key]) for problem, key in keys if key in theirs]
            pairs[exam.name] = [Pair(problem=p, mine=_text(one), theirs=_text(other)) for p, one, other in both]
    return pairs


def _text(completion: Completion) -> str | None:
    return None if completion.finish == "error" else completion.text
