"""R2, gain: is anything better than before?

Single answers at the use temperature have to be better in at least one trained category, corrected for the number of
categories (Holm 1979). Whatever else passes, this is what a run in which nothing changed has to pass by luck, so it is tested
at 0.02, two-sided: one such run in a hundred. Where no category has right answers, their consistency is what can be better.
"""

from __future__ import annotations

from cogumi import stats
from cogumi.comparison.measures import consistency_of
from cogumi.decision.evidence import Evidence, Subject, figures, more_needed, would_tell
from cogumi.decision.targets import met_before
from cogumi.decision.words import METRICS, moved
from cogumi.results import Criterion, Status
from cogumi.stats import Difference

LUCK = 0.02
"""A gain that would come about more often where nothing changed, in either direction, counts as luck."""


def gain(evidence: Evidence) -> list[Criterion]:
    """Whether at least one trained category is better; nothing where none was trained."""
    trained = evidence.of("trained")
    scored = [subject for subject in trained if subject.scored]
    changes = {s.name: (s, metric, change) for s in scored or trained if (change := s.change(metric := _metric(s)))}
    if not changes:
        return [Criterion(kind="gain", name="better than before", status="inconclusive", sentence=NOTHING)] if trained else []
    adjusted = stats.holm({name: change.p for name, (_, _, change) in changes.items()})
    best = min(changes, key=lambda name: (changes[name][2].value <= 0, adjusted[name], -changes[name][2].value))
    return [_criterion(evidence, *changes[best], adjusted[best])]


NOTHING = "No problem was measured on both sides, so nothing is shown to be better."


def _metric(subject: Subject) -> str:
    return "accuracy" if subject.scored else consistency_of(subject.after)


def _criterion(evidence: Evidence, subject: Subject, metric: str, change: Difference, p: float) -> Criterion:
    better = change.low > 0 and p < LUCK
    status: Status = "pass" if better else "inconclusive"
    few = change.clusters is not None and change.clusters <= FEW_TEMPLATES
    more = None if better or few or change.value <= 0 or change.low > 0 else more_needed(0.0, change)
    criterion = Criterion(
        kind="gain",
        name="better than before",
        status=status,
        sentence=_sentence(evidence, subject, metric, change, p),
        subject=subject.name,
        metric=metric,
        relation=">=",
        threshold=0.0,
        next="" if better else "Nothing calls for this training: keep the model as it was, or measure on more problems.",
    )
    return figures(criterion, change, more=more)


def _sentence(evidence: Evidence, subject: Subject, metric: str, change: Difference, p: float) -> str:
    what = f"{subject.name}: {METRICS.get(metric, metric.replace('_', ' '))} {moved(change)}"
    if change.low > 0 and p < LUCK:
        return f"Better than before in {what}."
    told = f"the clearest change is in {what}, corrected p = {p:.2g}"
    if met_before(evidence):
        return f"The targets were met before training; nothing is shown to be better now: {told}."
    extra = f" {_what_would_tell(change)}" if change.value > 0 else ""
    return f"Nothing is shown to be better than before: {told}.{extra}"


FEW_TEMPLATES = 6
"""No more templates than these show any change, however many problems are made of them: six sign flips come to p = 0.03."""


def _what_would_tell(change: Difference) -> str:
    if change.clusters is not None and change.clusters <= FEW_TEMPLATES:
        return f"Templates of these problems: {change.clusters}; problems made from other ones would tell."
    return would_tell(more_needed(0.0, change)) if change.low <= 0 else "Some more problems would tell."
