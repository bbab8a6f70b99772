"""What was decided, and all that it rests on: verdict.json."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["enough", "target", "gain", "rival", "harm", "guard", "trust", "worth", "kept", "controls"]
"""What a criterion asks: is there enough evidence; is a gate reached; is anything better than before; than what costs
nothing; is anything worse; was anything forgotten; does agreement still mean right; did the vote know more before training;
is enough kept to train on, and right; did the vote do it."""
Status = Literal["pass", "fail", "inconclusive", "not-measured"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One thing that a verdict rests on, with its evidence."""

    kind: Kind
    """What it asks."""
    name: str
    """What people call it."""
    status: Status
    """What the evidence says."""
    sentence: str
    """The evidence in a sentence, with the figure and its interval."""
    subject: str | None = None
    """The category, guard or evaluation it is about; None: all that was trained."""
    metric: str | None = None
    """What was measured."""
    relation: Literal[">=", "<"] | None = None
    """On which side of the threshold the metric has to be."""
    threshold: float | None = None
    """Where the line is."""
    value: float | None = None
    """The estimate; None where there is none."""
    low: float | None = None
    """Lower end of its 95 % interval."""
    high: float | None = None
    """Upper end; None where it has no bound."""
    n: int | None = None
    """Problems it rests on."""
    more: int | None = None
    """Further problems that would decide an inconclusive one at the present value; None where no number would."""
    next: str = ""
    """What to do about it; empty where nothing has to be done."""


Decision = Literal["PROCEED", "ITERATE", "ABANDON", "INCONCLUSIVE"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """verdict.json."""

    verdict: Decision
    """What was decided."""
    phase: str
    """By whose gates."""
    sentence: str
    """The reason that matters most, with its figure and interval."""
    next: str
    """What to do now."""
    criteria: tuple[Criterion, ...]
    """All that it rests on."""
    warnings: tuple[str, ...] = ()
    """What stays true whatever was decided, e.g. that a lower temperature does better but cannot be had."""
    format: int = 1
    """Version of this file."""

    @property
    def untrained(self) -> bool:
        """Whether the run stopped before it trained: all that it rests on was known by then."""
        return all(criterion.kind in ("worth", "kept") for criterion in self.criteria)
