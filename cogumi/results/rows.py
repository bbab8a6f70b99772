"""The lines of scores/*.jsonl, votes.jsonl and problems.jsonl."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from cogumi.records import JSON, Message, Meta


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredSample:
    """A line of `scores/*.jsonl`: what the task made of one sample."""

    request: str
    """`Completion.request`, e.g. `math/gsm8k-test-17#use`."""
    index: int
    """Which of the request's samples it is."""
    answer: str | None
    """The canonical answer, None where there is none."""
    correct: bool | None
    """Whether it is right; None where it could not be scored."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """The task's further figures."""
    note: str | None = None
    """The task's remark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteRow:
    """A line of `votes.jsonl`: winner and losers, and what became of the problem."""

    id: str
    """`CATEGORY/PROBLEM`."""
    winner: str | None
    """The answer that won."""
    tie: bool
    """No single answer has the most votes."""
    agreement: float
    """The leading answer's share of all votes cast."""
    counts: Mapping[str, float]
    """Votes (or weight) per answer, losers included."""
    total: float
    """All votes cast, abstentions included."""
    kept: int
    """Texts kept to train on."""
    dropped: str | None
    """Why the problem was dropped."""
    agrees_with_reference: bool | None
    """Whether the winner is right; None where that could not be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemRow:
    """A line of `problems.jsonl`: one problem of the run."""

    id: str
    """`CATEGORY/PROBLEM`, as requests begin."""
    side: Literal["training", "held-out"]
    """Trained on, or held out."""
    category: str
    """The category, or the benchmark where no category of the run is held out by it."""
    prompt: tuple[Message, ...]
    """The messages as the model is asked."""
    reference: JSON = None
    """What it is scored by."""
    meta: Meta = field(default_factory=dict)
    """What else came with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """A line of `timings.jsonl`."""

    stage: str
    """The stage."""
    seconds: float
    """What one attempt at it took."""
