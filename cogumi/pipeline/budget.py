"""What a run will take, counted before it begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cogumi.diagnosis import diagnose
from cogumi.distillation import distill
from cogumi.distillation.distill import Rules
from cogumi.pipeline.draw import count_samples
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

    def __str__(self) -> str:
        drawn = f"{self.samples:,} samples of at most {self.tokens:,} tokens in all"
        return f"{drawn}; training on at most {self.examples:,} examples"


def estimate(plan: Plan, rules: Rules) -> Estimate:
    """What a run will take at most."""
    settings = plan.settings
    before, after = (
        [r for e in plan.evaluations for r in diagnose.requests(e, settings.samples, settings.system, baselines=baselines)]
        for baselines in (True, False)
    )
    training = [request for category in plan.categories for request in distill.requests(category, rules)]
    every = [*before, *after, *training]
    return Estimate(
        samples=count_samples(every),
        tokens=_tokens(every),
        examples=sum(len(category.training) * category.strategy.targets for category in plan.categories),
    )


def _tokens(requests: Sequence[Request]) -> int:
    return sum(len(request.indices) * request.sampling.max_tokens for request in requests)
