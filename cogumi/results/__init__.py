"""What a run comes to, as frozen records: before.json, after.json, comparison.json, verdict.json and what they hold.

Each file is one of these records through `cogumi.codec`, with its `format`. Shares are 0 to 1. `cogumi.load("runs/x")` gives
them back.
"""

from __future__ import annotations

from cogumi.results.comparison import (
    Change,
    Comparison,
    EvaluationComparison,
    ExternalComparison,
    HeadToHead,
    Match,
    Transitions,
)
from cogumi.results.controls import (
    Arm,
    ArmResult,
    Bought,
    Controls,
)
from cogumi.results.diagnosis import (
    CELLS,
    METRICS,
    AnswerCount,
    Cell,
    Diagnosis,
    EvaluationResult,
    ExternalItem,
    ExternalResult,
    ProblemResult,
    Purpose,
)
from cogumi.results.rows import (
    ProblemRow,
    ScoredSample,
    Timing,
    VoteRow,
)
from cogumi.results.temperatures import ChosenTemperature, Temperatures
from cogumi.results.training import (
    CategoryDistillation,
    Distillation,
    TrainingResult,
    Unanswered,
    Unread,
)
from cogumi.results.verdict import (
    Criterion,
    Decision,
    Kind,
    Status,
    Verdict,
)

__all__ = [
    "AnswerCount",
    "Arm",
    "ArmResult",
    "Bought",
    "Controls",
    "CELLS",
    "Cell",
    "Diagnosis",
    "EvaluationResult",
    "ExternalItem",
    "ExternalResult",
    "METRICS",
    "ProblemResult",
    "Purpose",
    "Change",
    "Comparison",
    "EvaluationComparison",
    "ExternalComparison",
    "HeadToHead",
    "Match",
    "Transitions",
    "Criterion",
    "Decision",
    "Kind",
    "Status",
    "Verdict",
    "CategoryDistillation",
    "ChosenTemperature",
    "Temperatures",
    "Distillation",
    "TrainingResult",
    "Unanswered",
    "Unread",
    "ProblemRow",
    "ScoredSample",
    "Timing",
    "VoteRow",
]
