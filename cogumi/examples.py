"""The problems that a report shows side by side: the same question, its samples before and after training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cogumi.diagnose import Samples, use_id
from cogumi.plan import Exam, Plan
from cogumi.records import JSON

SHOWN = 3


def pick_examples(
    plan: Plan, before: Samples, after: Samples, was: Mapping[str, Any], now: Mapping[str, Any]
) -> list[dict[str, JSON]]:
    """Three problems: the one that gained most, one that lost, and the most ordinary one; by turns over categories."""
    telling = [_telling(was["categories"][part.name]["items"], now["categories"][part.name]["items"]) for part in plan.parts]
    turns = ((turn % len(plan.parts), turn) for turn in range(SHOWN))
    chosen = dict.fromkeys((which, problem_id) for which, turn in turns for problem_id in telling[which][turn : turn + 1])
    return [_example(plan.parts[which].exam, problem_id, before, after, plan) for which, problem_id in chosen]


def _telling(was: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> list[str]:
    """Ids of the greatest gain, the greatest loss and the median change; few problems may be the same one."""
    later = {item["id"]: item for item in now}
    pairs = [(item, later[item["id"]]) for item in was if item["id"] in later]

    def change(pair: tuple[Mapping[str, Any], Mapping[str, Any]]) -> tuple[float, float, str]:
        one, other = pair
        gained = (other["accuracy"] or 0.0) - (one["accuracy"] or 0.0)
        return gained, other["response_consistency"] - one["response_consistency"], one["id"]

    ranked = [pair[0]["id"] for pair in sorted(pairs, key=change)]
    return [ranked[-1], ranked[0], ranked[len(ranked) // 2]] if ranked else []


def _example(exam: Exam, problem_id: str, before: Samples, after: Samples, plan: Plan) -> dict[str, JSON]:
    problem = next(p for p in exam.problems if p.id == problem_id)
    example: dict[str, JSON] = {
        "category": exam.name,
        "id": problem.id,
        "prompt": problem.prompt,
        "reference": problem.reference,
    }
    for name, samples in (("before", before), ("after", after)):
        drawn = [samples[use_id(exam, problem), index] for index in range(plan.settings.samples)]
        with exam.entries["benchmark"].blame():
            answers = exam.benchmark.task.answers(problem, drawn)
        example[name] = [completion.text for completion in drawn]
        example[f"{name}_answers"] = list(answers)
    return example
