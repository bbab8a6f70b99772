"""`problems.jsonl`: every problem of a run once, as the model is asked and as it is scored."""

from __future__ import annotations

from collections.abc import Iterator

from cogumi.codec import to_json
from cogumi.distillation.distill import Rules, prompt_of
from cogumi.planning.plan import Plan, asked
from cogumi.records import JSON
from cogumi.results import ProblemRow


def problem_rows(plan: Plan, rules: Rules) -> Iterator[JSON]:
    """The lines of the file: the held-out side of each evaluation, then the training side of each category."""
    for evaluation in plan.evaluations:
        for problem in evaluation.problems:
            with evaluation.grader.entry.attribute_errors():
                prompt = asked(tuple(evaluation.benchmark.task.messages(problem)), rules.system)
            yield to_json(
                ProblemRow(
                    id=f"{evaluation.name}/{problem.id}",
                    side="held-out",
                    category=evaluation.name,
                    prompt=prompt,
                    reference=problem.reference,
                    meta=dict(problem.meta),
                )
            )
    for category in plan.categories:
        for problem in category.training:
            yield to_json(
                ProblemRow(
                    id=f"{category.name}/{problem.id}",
                    side="training",
                    category=category.name,
                    prompt=prompt_of(category, problem, rules),
                    reference=problem.reference,
                    meta=dict(problem.meta),
                )
            )
