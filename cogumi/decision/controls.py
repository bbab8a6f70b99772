"""R8, controls: did the vote do it? Said only where a training without the vote was run; it never decides."""

from __future__ import annotations

from collections.abc import Mapping

from cogumi.decision.evidence import figures
from cogumi.decision.words import moved
from cogumi.results import Change, Criterion, Status

UNKNOWN = "Whether the vote or just training did it was not measured."


def controls(found: Mapping[str, Change]) -> list[Criterion]:
    """The vote's training against each training without it."""
    if not found:
        return [Criterion(kind="controls", name="the vote did it", status="not-measured", sentence=UNKNOWN)]
    return [_against(name, change) for name, change in sorted(found.items())]


def _against(name: str, found: Change) -> Criterion:
    change = found.change
    status: Status = "pass" if change.low > 0 else "fail" if change.high < 0 else "inconclusive"
    said = {"pass": "beat", "fail": "did worse than", "inconclusive": "is not shown to beat"}[status]
    sentence = f"Training on the vote {said} training on the control {name}: {moved(change)}."
    return figures(Criterion(kind="controls", name=f"against {name}", status=status, sentence=sentence), change)
