"""What a run will take, counted before it begins."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from cogumi.diagnosis import diagnose
from cogumi.distillation import distill
from cogumi.distillation.controls import NULL
from cogumi.distillation.distill import Rules
from cogumi.pipeline.controls import control_requests
from cogumi.pipeline.draw import count_samples
from cogumi.pipeline.temperatures import temperature_requests
from cogumi.planning.plan import Plan
from cogumi.records import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Upper bounds of what a run draws and trains on."""

    samples: int
    """Samples drawn, before and after training and on the training side."""
    tokens: int
    """The most tokens they can come to."""
    examples: int
    """Training examples at most."""
    trainings: int = 1
    """How often as many are trained on: once, and once for each control that trains."""

    def __str__(self) -> str:
        drawn = f"{self.samples:,} samples of at most {self.tokens:,} tokens in all"
        again = f", {self.trainings} times over" if self.trainings > 1 else ""
        return f"{drawn}; training on at most {self.examples:,} examples{again}" if self.examples else drawn


DRAWING = ("before", "distill", "train", "after", "temperatures", "controls")
"""The stages that cost something."""


def estimate(plan: Plan, rules: Rules, stages: Collection[str] = DRAWING) -> Estimate:
    """What the stages of these names will take at most."""
    settings = plan.settings
    held_out = [
        request
        for stage, baselines in (("before", True), ("after", False))
        if stage in stages
        for evaluation in plan.evaluations
        for request in diagnose.requests(evaluation, settings.samples, settings.system, baselines=baselines)
    ]
    training = [r for category in plan.categories for r in distill.requests(category, rules)] if "distill" in stages else []
    choice = temperature_requests(plan, rules) if "temperatures" in stages else []
    names = plan.controls if "controls" in stages else ()
    controls = [request for name in names for request in control_requests(plan, name)]
    every = [*held_out, *training, *choice, *controls]
    trains = "train" in stages and plan.trainer is not None
    return Estimate(
        samples=count_samples(every),
        tokens=_tokens(every),
        examples=sum(len(c.training) * c.strategy.targets for c in plan.categories) if trains else 0,
        trainings=1 + sum(name != NULL for name in names),
    )


def _tokens(requests: Sequence[Request]) -> int:
    return sum(len(request.indices) * request.sampling.max_tokens for request in requests)
