"""Which examples go into which step and which forward pass: a pure function of the examples and the seed.

The examples of all epochs form one stream (each epoch in an order of its own), cut into optimiser steps; the last step may
be smaller. A step's loss is the mean over all its target tokens, so how a step is cut into forward passes changes nothing
but speed: its examples are sorted by length first, which keeps padding small.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from cogumi_qlora.encode import Encoded
from cogumi_qlora.settings import Settings

WINDOW = 8
"""Steps that exchange examples so that each holds similar lengths; a few keep the order random enough."""


@dataclass(frozen=True, slots=True)
class Step:
    """One optimiser step."""

    parts: tuple[tuple[Encoded, ...], ...]
    """The examples of each forward pass."""

    @property
    def targets(self) -> int:
        """Target tokens of the whole step: what its loss is divided by."""
        return sum(example.targets for part in self.parts for example in part)


def plan(examples: Sequence[Encoded], settings: Settings, *, group_by_length: bool) -> list[Step]:
    """All steps of the training, in order. `group_by_length` lets neighbouring steps exchange examples to pad less."""
    rng = random.Random(settings.seed)
    stream = _stream(examples, settings.epochs, rng)
    size = settings.step_size
    if group_by_length:
        chunks = [c for window in _chunks(stream, size * WINDOW) for c in _grouped(window, size, rng)]
    else:
        chunks = _chunks(stream, size)
    return [Step(tuple(map(tuple, _chunks(sorted(c, key=_length), settings.batch_size)))) for c in chunks]


def rate(step: int, steps: int, settings: Settings) -> float:
    """The share of the peak learning rate with which step number `step` of `steps`, from 0, is taken; never zero."""
    warmup = round(settings.warmup_ratio * steps)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    left = (steps - step) / (steps - warmup)
    if settings.schedule == "linear":
        return left
    return (1 - math.cos(math.pi * left)) / 2 if settings.schedule == "cosine" else 1.0


def _stream(examples: Sequence[Encoded], epochs: float, rng: random.Random) -> list[Encoded]:
    total = max(1, round(epochs * len(examples)))
    stream: list[Encoded] = []
    while len(stream) < total:
        stream += rng.sample(examples, len(examples))
    return stream[:total]


def _grouped(window: Sequence[Encoded], size: int, rng: random.Random) -> list[Sequence[Encoded]]:
    chunks = _chunks(sorted(window, key=_length), size)
    return rng.sample(chunks, len(chunks))


def _chunks(items: Sequence[Encoded], size: int) -> list[Sequence[Encoded]]:
    return [items[i : i + size] for i in range(0, len(items), size)]


def _length(example: Encoded) -> int:
    return len(example.ids)
