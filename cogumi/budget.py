"""What a run will take, counted before it begins."""

from __future__ import annotations

from collections.abc import Sequence

from cogumi import diagnose, distil
from cogumi.plan import Plan
from cogumi.records import Request


def estimate(plan: Plan) -> str:
    """A sentence: samples and the most tokens they can come to, and what is trained on at most."""
    held_out = [request for exam in plan.exams for request in diagnose.requests(exam, plan.settings)]
    training = [request for part in plan.parts for request in distil.requests(part, plan.settings)]
    samples = 2 * count_samples(held_out) + count_samples(training)
    tokens = 2 * _tokens(held_out) + _tokens(training)
    problems = sum(len(part.training) for part in plan.parts)
    return f"{samples:,} samples of at most {tokens:,} tokens in all; training on at most {problems:,} examples"


def count_samples(requests: Sequence[Request]) -> int:
    """How many samples some requests ask for."""
    return sum(len(request.indices) for request in requests)


def _tokens(requests: list[Request]) -> int:
    return sum(len(request.indices) * request.sampling.max_tokens for request in requests)
