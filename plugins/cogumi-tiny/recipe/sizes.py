"""How much of everything: the recipe's numbers for a GPU and for CPU cores."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides the weights."""

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
    problems: int
    """Held-out problems to measure on."""
    seed: int = 0
    """Seed of the text, the first weights and the order."""


GPU = Recipe(steps=4500, batch=384, texts=500_000, peak=2e-3, device="cuda", problems=520)
CPU = Recipe(steps=6000, batch=64, texts=300_000, peak=2e-3, device="cpu", problems=200)
