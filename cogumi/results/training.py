"""What was kept to train on, and what training did: distillation.json, training.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A text from which no answer could be read."""

    id: str
    """Whose it is: the request, `#`, and which of its samples."""
    text: str
    """The text; a long one without its middle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """What became of the votes without an answer, on the problems that were dropped."""

    votes: int
    """Votes that were drawn for these problems."""
    cut: int = 0
    """Votes without an answer that were cut off at the token limit."""
    unread: int = 0
    """Votes that ended by themselves, and no answer could be read."""
    failed: int = 0
    """Votes that could not be sampled."""
    examples: tuple[Unread, ...] = ()
    """At most two texts without an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryDistillation:
    """What became of one category's training side."""

    problems: int
    """Training-side problems."""
    kept: int
    """Problems with at least one target."""
    examples: int
    """Targets kept."""
    dropped: Mapping[str, int]
    """Problems dropped, by reason."""
    mean_agreement: float | None
    """Mean agreement of the kept; None where none were."""
    label_accuracy: float | None
    """Share of the kept whose winner is right, where that can be told."""
    overlap: tuple[Mapping[str, str], ...] = ()
    """Training problems left out because they repeat a held-out one: `training` and `held_out` ids."""
    taught: int = 0
    """Problems whose target a teacher gave."""
    pairs: int | None = None
    """Preferences kept, where the trainer learns from pairs."""
    unanswered: Unanswered | None = None
    """The votes without an answer on the dropped problems; None where there were none."""

    @property
    def lessons(self) -> int:
        """What the trainer is given: pairs where it learns from them, else targets."""
        return self.examples if self.pairs is None else self.pairs


@dataclass(frozen=True, slots=True, kw_only=True)
class Distillation:
    """distillation.json."""

    categories: Mapping[str, CategoryDistillation]
    """By category."""
    format: int = 1
    """Version of this file."""

    @property
    def examples(self) -> int:
        """Examples kept in all."""
        return sum(category.examples for category in self.categories.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult:
    """training.json."""

    examples: int
    """Examples trained on."""
    steps: int
    """Optimiser steps."""
    losses: tuple[float, ...]
    """Training loss per logged step, in nats per target token."""
    weight_change: float
    """Norm of the update relative to the weights it is added to; 0.0 = nothing moved."""
    quantization: str
    """How the frozen base was held."""
    under_an_hour: bool | None = None
    """Whether training took less than an hour; None where it was not timed."""
    notes: tuple[str, ...] = ()
    """Whatever the user has to know."""
    format: int = 1
    """Version of this file."""
