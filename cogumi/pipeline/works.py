"""What there is to score of a stage: each task's problems, with their samples as they are answered together."""

from __future__ import annotations

from collections.abc import Sequence

from cogumi.diagnosis import diagnose
from cogumi.diagnosis.scoring import Samples
from cogumi.distillation import distill
from cogumi.pipeline.score import Work
from cogumi.planning.plan import CategoryRun, Evaluation, Plan
from cogumi.records import Completion, Problem


def held_out_works(plan: Plan, samples: Samples) -> list[Work]:
    """The held-out side of a diagnosis."""
    return [_held_out(evaluation, samples, plan.settings.samples) for evaluation in plan.evaluations]


def training_works(plan: Plan, samples: Samples, by: str) -> list[Work]:
    """The training side, as the student or the teacher answered it."""
    return [_training(category, samples, by) for category in plan.categories]


def _held_out(evaluation: Evaluation, samples: Samples, count: int) -> Work:
    def groups(problem: Problem) -> Sequence[Sequence[Completion]]:
        return diagnose.groups(evaluation, problem, samples, count)

    return Work(
        name=evaluation.name,
        task=evaluation.benchmark.task,
        chosen=evaluation.grader,
        problems=evaluation.problems,
        groups=groups,
        thoughts=evaluation.thoughts,
    )


def _training(category: CategoryRun, samples: Samples, by: str) -> Work:
    def groups(problem: Problem) -> Sequence[Sequence[Completion]]:
        return [distill.group(category, problem, samples, by)]

    return Work(
        name=category.name,
        task=category.category.task,
        chosen=category.chosen,
        problems=category.training,
        groups=groups,
        thoughts=category.evaluation.thoughts,
    )
