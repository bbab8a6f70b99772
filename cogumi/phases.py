"""What a phase is: its sizes, its gates, and how much harm it puts up with. Data that plugins and users bring.

A phase is registered by name (`register_phases`) or read from TOML (`--gates my.toml`); a category may bring gates of its
own (`Category.gates`). The core names none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One condition of a phase: a metric on one side of a threshold."""

    name: str
    """What people call it."""
    metric: str
    """A metric of the diagnosis after training, `consistency` (over texts or answers, as each category says), `retained`
    (accuracy above chance after training over that before, of a guard) or `training_hours`."""
    threshold: float
    """Where the line is; shares are 0 to 1."""
    relation: Literal[">=", "<"] = ">="
    """On which side of it the metric has to be."""
    category: str | None = None
    """The category or guard it is about. None: the average over the categories trained on, each counting the same; of
    `retained`: every guard by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Margins:
    """How much evidence a decision needs, and how large a loss it has to exclude. Shares are 0 to 1."""

    problems: int = 30
    """Least held-out problems of a trained category."""
    samples: int = 5
    """Least samples per problem."""
    unreadable: float = 0.20
    """Largest share of answers that are cut off, and of answers that cannot be read."""
    accuracy: float = 0.05
    """Loss of accuracy at the use temperature that has to be excluded."""
    majority_accuracy: float = 0.10
    """Loss of majority accuracy that has to be excluded."""
    greedy_accuracy: float = 0.10
    """Loss of accuracy at temperature 0 that has to be excluded."""
    trust: float = 0.10
    """Loss of the share of right answers among the consistent ones that counts as harm where it is significant."""
    guard_problems: int = 50
    """Least problems that a guard has to be right on, above chance, before training."""
    examples: int = 20
    """Examples of a trained category under which there is a warning before training."""
    kept: float = 0.0
    """Share of a trained category's training-side problems under which there is one too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One phase of a plan: how much is measured and trained on, what must be reached, and what comes next."""

    name: str
    """What people type after `--phase`."""
    gates: tuple[Gate, ...]
    """All must pass. Those about a category or guard that the run does not have are not measured."""
    passed: str
    """What to do next where the verdict is PROCEED, in a sentence."""
    problems: Mapping[str, int] = field(default_factory=dict)
    """Training-side problems by category; `*` is every other."""
    held_out: int | None = None
    """Held-out problems per category; None: all there are."""
    guard: int | None = None
    """Problems per guard; None: all there are."""
    margins: Margins = Margins()
    """How much evidence, and how large a loss has to be excluded."""
    failures_only: bool = False
    """Whether problems that the model answers consistently and right are left out of training."""

    def problems_of(self, category: str) -> int | None:
        """Training-side problems of a category; None: all there are."""
        return self.problems.get(category, self.problems.get("*"))
