"""What could be measured before training and not after it.

The problems that remain may be the easy ones: a model whose hard problems fail looks better than it is. So whatever only the
trained side lacks (a problem that is absent or could not be scored, a sample that failed) is counted as wrong, and a claim
that does not outlive that is open.
"""

from __future__ import annotations

from collections.abc import Mapping

from cogumi.comparison import estimates
from cogumi.decision.evidence import Subject, shown_below
from cogumi.decision.words import moved
from cogumi.results import ProblemResult
from cogumi.stats import Difference


def open_claim(subject: Subject) -> str | None:
    """The sentence on a gain, or on no fall, that does not outlive the lost samples' being wrong; None where all is well."""
    measured, worst = subject.change("accuracy"), lost_as_wrong(subject)
    if measured is None or worst is None:
        return None
    no_gain = measured.low > 0 >= worst.low
    fall = shown_below(worst) and not shown_below(measured)
    if not no_gain and not fall:
        return None
    return (
        f"Samples of {subject.name} that could be measured before training could not be after it, and the rest may be the easy "
        f"ones. Counted as wrong they make single answers {moved(worst)}, and not {moved(measured)}."
    )


def lost_as_wrong(subject: Subject) -> Difference | None:
    """The change of single answers with what only the trained side lacks counted as wrong; None where it lacks nothing."""
    later = {item.id: item for item in subject.after.items}
    items = [item for item in subject.before.items if item.accuracy is not None]
    before = [item.accuracy or 0.0 for item in items]
    after = [_at_worst(item, later, subject.after.samples) for item in items]
    if all(_is_whole(item, later) for item in items):
        return None
    names = [item.template for item in items]
    clusters = [name for name in names if name is not None]
    return estimates.paired(before, after, clusters if len(clusters) == len(names) else None)


def _at_worst(item: ProblemResult, later: Mapping[str, ProblemResult], samples: int) -> float:
    found = later.get(item.id)
    if found is None or found.accuracy is None:
        return 0.0
    return found.accuracy * (1 - min(1.0, _more_lost(item, found) / samples))


def _is_whole(item: ProblemResult, later: Mapping[str, ProblemResult]) -> bool:
    found = later.get(item.id)
    return found is not None and found.accuracy is not None and not _more_lost(item, found)


def _more_lost(before: ProblemResult, after: ProblemResult) -> int:
    """Samples that failed or could not be scored, beyond those before training."""
    return max(0, after.errors + after.unscored - before.errors - before.unscored)
