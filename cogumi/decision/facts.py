"""What a decision knows besides the two diagnoses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from cogumi.phases import Gate
from cogumi.results import CategoryDistillation, Controls, TrainingResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """How the run went, and what its user asked for."""

    training: TrainingResult | None = None
    """What training came to; None before it, and in a run that trains nothing."""
    distillation: Mapping[str, CategoryDistillation] = field(default_factory=dict)
    """What became of each category's training side, where that is known."""
    teacher: bool = False
    """Whether a teacher was asked what the student does not agree on with itself."""
    min_examples: float | None = None
    """Examples of a category under which the run stops before it trains; below 1: a share of its problems."""
    fixed_temperature: bool = False
    """Whether the use temperature cannot be lowered (a served product): what a lower one does is then a warning."""
    guard: Literal["wanted", "left out", "trained"] = "wanted"
    """Whether forgetting has to be measured; or the user left the guard out (`--guard none`); or what would guard is trained
    on itself, so that its losses are those of a category."""
    category_gates: Mapping[str, tuple[Gate, ...]] = field(default_factory=dict)
    """Gates that categories bring themselves, by category; each is about its own category."""
    temperatures: Mapping[str, str | None] = field(default_factory=dict)
    """The lower temperature chosen on the training side, by category, as `EvaluationResult.baselines` names it. Where
    none was chosen every one that was measured is a rival, and each of them has to be beaten: the best of several looks
    better than it is, so this asks more of a training, never less."""
    controls: Controls | None = None
    """The vote's training beside trainings that lack an ingredient; None where none was asked for."""
