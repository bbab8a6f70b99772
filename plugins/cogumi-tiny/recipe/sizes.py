"""How much of everything: the recipe's numbers for a GPU and for CPU cores.

The model goes through three courses. The first, on math and code alone, is the long one: arithmetic and programs take many
texts, and the vocabulary is learnt from them. The second has all six categories. The third has most of what takes longest of
the new ones, choices and facts, with enough of the others that they are kept. `tiny-spread` goes on from there through one
short course, on CPU cores wherever it is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from recipe.learn import POOL

FIRST: Mapping[str, float] = {"math": 0.5, "code": 0.5}
"""Shares of the first course's texts."""
SECOND: Mapping[str, float] = {
    "math": 0.16,
    "code": 0.12,
    "reasoning": 0.18,
    "knowledge": 0.18,
    "instruction": 0.18,
    "creativity": 0.18,
}
"""Shares of the second course's texts."""
THIRD: Mapping[str, float] = {
    "math": 0.10,
    "code": 0.07,
    "reasoning": 0.52,
    "knowledge": 0.20,
    "instruction": 0.06,
    "creativity": 0.05,
}
"""Shares of the third course's texts."""
MIXED: Mapping[str, float] = {
    "math": 0.70,
    "code": 0.04,
    "reasoning": 0.14,
    "knowledge": 0.04,
    "instruction": 0.04,
    "creativity": 0.04,
}
"""Shares of the course that `tiny-spread` goes through after `tiny`: math, and of the others enough that they are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """One course of training, from warm-up to a learning rate of zero."""

    shares: Mapping[str, float]
    """Each category's share of the texts."""
    steps: int
    """Optimiser steps."""
    batch: int
    """Texts a step."""
    texts: int
    """Different texts; they are gone through again where the steps need more."""
    peak: float
    """Highest learning rate."""
    device: str
    """`cuda` or `cpu`."""
    pool: int = POOL
    """Batches among which texts are sorted by length; 1: they are not, so that a short text counts no more than a long one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides the weights."""

    courses: tuple[Course, ...]
    """In order; each goes on from the one before it."""
    problems: int
    """Held-out problems to measure on."""
    seed: int = 0
    """Seed of the text, the first weights and the order."""
    passed: int = 0
    """Courses that the weights it starts from have been through already."""


GPU = Recipe(
    courses=(
        Course(shares=FIRST, steps=4500, batch=384, texts=500_000, peak=2e-3, device="cuda"),
        Course(shares=SECOND, steps=2000, batch=192, texts=380_000, peak=1e-3, device="cuda"),
        Course(shares=THIRD, steps=1000, batch=192, texts=190_000, peak=1e-3, device="cuda"),
    ),
    problems=240,
)
CPU = Recipe(
    courses=(
        Course(shares=FIRST, steps=6000, batch=64, texts=300_000, peak=2e-3, device="cpu"),
        Course(shares=SECOND, steps=5000, batch=48, texts=240_000, peak=1e-3, device="cpu"),
        Course(shares=THIRD, steps=2600, batch=48, texts=124_800, peak=1e-3, device="cpu"),
    ),
    problems=200,
)
SPREAD = Recipe(
    courses=(Course(shares=MIXED, steps=150, batch=32, texts=4_800, peak=1e-3, device="cpu", pool=1),),
    problems=60,
    seed=7,
)
