"""R8, controls: did the vote do it? Said only where a training without the vote was run; it never decides."""

from __future__ import annotations

from cogumi.decision.evidence import figures
from cogumi.decision.words import moved, percent
from cogumi.results import ArmResult, Bought, Change, Controls, Criterion, Status

UNKNOWN = "Whether the vote or just training did it was not measured."
WITHOUT = {
    "unvoted": "unvoted samples",
    "random": "a random vote",
    "format": "texts of other problems",
    "baked": "unvoted samples at a lower temperature",
}
"""The trainings that lack the vote, as sentences name what they learn."""


def controls(found: Controls | None) -> list[Criterion]:
    """The vote's training against each training without it, category by category."""
    known = [
        _against(name, category, result.lead)
        for name, arm in (found.arms if found is not None else {}).items()
        for category, result in arm.categories.items()
        if name in WITHOUT and result.lead is not None
    ]
    return known or [Criterion(kind="controls", name="the vote did it", status="not-measured", sentence=UNKNOWN)]


def _against(name: str, category: str, found: Change) -> Criterion:
    change = found.change
    status: Status = "pass" if change.low > 0 else "fail" if change.high < 0 else "inconclusive"
    said = {"pass": "beat", "fail": "did worse than", "inconclusive": "is not shown to beat"}[status]
    sentence = f"{category}: training on the vote {said} training on {WITHOUT[name]}: {moved(change)}."
    criterion = Criterion(kind="controls", name=f"against {name}", status=status, sentence=sentence, subject=category)
    return figures(criterion, change)


def what_it_bought(category: str, found: Controls, votes: int) -> str:
    """What the vote's training is worth in a category, in one sentence; empty where nothing is right or wrong there.

    `votes` is the number of samples that a vote over the untouched model's answers takes.
    """
    worth = found.bought.get(category)
    if worth is None:
        return ""
    unvoted = found.arms["unvoted"].categories.get(category) if "unvoted" in found.arms else None
    parts = [_over_lower(worth), *_over_unvoted(unvoted), *_of_reference(worth, found)]
    return f"{category}: {_listed(parts)}; it costs one sample where the vote cost {votes}."


def _over_lower(worth: Bought) -> str:
    change = worth.over_lower.change
    if change.value < 0:
        return f"training cost {_size(change.value)} against lowering the temperature to {worth.temperature} ({moved(change)})"
    return f"training bought {moved(change)} over lowering the temperature to {worth.temperature}"


def _over_unvoted(unvoted: ArmResult | None) -> list[str]:
    return [] if unvoted is None or unvoted.lead is None else [f"{moved(unvoted.lead.change)} over unvoted samples"]


def _of_reference(worth: Bought, found: Controls) -> list[str]:
    if "gold" not in found.arms:
        return []
    if worth.of_reference is None:
        return ["a share that cannot be told of what references would have bought"]
    return [f"{percent(worth.of_reference)} of what references would have bought"]


def _size(value: float) -> str:
    return f"{-value * 100:.1f} points"


def _listed(parts: list[str]) -> str:
    return ", and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
