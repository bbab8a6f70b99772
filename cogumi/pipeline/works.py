"""What there is to score of a stage: each task's problems, with their samples as they are answered together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cogumi.diagnosis import diagnose
from cogumi.diagnosis.scoring import Samples, Scores
from cogumi.distillation import distill
from cogumi.pipeline.score import Work
from cogumi.planning.plan import CategoryRun, Evaluation, Plan
from cogumi.records import Completion, Problem


def held_out_works(plan: Plan, samples: Samples, count: int | None = None) -> list[Work]:
    """The held-out side of a diagnosis, with as many samples as the run asks for unless told otherwise."""
    return [_held_out(evaluation, samples, count or plan.settings.samples) for evaluation in plan.evaluations]


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


def outcomes_of(plan: Plan, rules: distill.Rules, samples: Samples, scores: Scores) -> dict[str, list[distill.Kept]]:
    """What became of every training-side problem, by category."""
    return {c.name: distill.distill(c, samples, scores, rules) for c in plan.categories}


def reseeded(evaluation: Evaluation) -> Evaluation:
    """The same evaluation with another seed."""
    return replace(evaluation, use=replace(evaluation.use, seed=(evaluation.use.seed + 1) % 2**32))
