"""R6, trust: does agreement still mean right?

Three things must not happen in a trained category, each corrected for the number of categories (Holm 1979):

- the share of right answers among the consistent ones falls significantly, and by more than `Margins.trust`. Before and after
  these are different problems, so the share is linearised (Woodruff 1971): every problem stands with its influence on it, and
  the influences are paired;
- what the model became sure of is significantly more often wrong than right (the change of consistent and correct minus that of
  consistent but wrong). A model that becomes consistent at all becomes so on some problems that it always got wrong, however
  good the training, so consistent but wrong alone is no criterion;
- what is made for more consistency ends with less: what the consistency gates count falls significantly, and by more than
  `Margins.trust`. It is said only where it happens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from cogumi import stats
from cogumi.comparison import estimates
from cogumi.comparison.measures import Pair, consistency_of, templates
from cogumi.decision.evidence import ALPHA, Evidence, Subject, figures, shown_below
from cogumi.decision.words import bracket, by, moved, percent, points
from cogumi.results import Criterion, ProblemResult
from cogumi.stats import Difference

ADVICE = "Ask for more agreement (`min_agreement`), so that fewer wrong answers are taught, or train fewer epochs."

STEADIER = "Draw the targets at a lower temperature (`generate_temperature`), one a problem, and train fewer epochs."


def trust(evidence: Evidence) -> list[Criterion]:
    """Both criteria of every trained category that has right answers."""
    subjects = [subject for subject in evidence.of("trained") if subject.scored]
    changes = {subject.name: change for subject in subjects if (change := right_among_consistent(subject.pairs))}
    sure = {s.name: s.comparison.certainty.change for s in subjects if s.comparison.certainty is not None}
    p = stats.holm({name: change.p for name, change in changes.items()})
    q = stats.holm({name: change.p for name, change in sure.items()})
    among = [_among(s, changes.get(s.name), p.get(s.name, 1.0), evidence.margins.trust) for s in subjects]
    return [*among, *(_certainty(name, change, q[name]) for name, change in sure.items()), *_less_consistent(evidence)]


def _less_consistent(evidence: Evidence) -> list[Criterion]:
    """The trained categories that answer one question in more different ways than before."""
    metrics = {subject.name: consistency_of(subject.after) for subject in evidence.of("trained")}
    changes = {s.name: change for s in evidence.of("trained") if (change := s.change(metrics[s.name]))}
    p, margin = stats.holm({name: change.p for name, change in changes.items()}), evidence.margins.trust
    fell = {n: c for n, c in changes.items() if shown_below(c) and p[n] < ALPHA and c.value < -margin}
    return [_fell(name, metrics[name], change, margin) for name, change in fell.items()]


def _fell(name: str, metric: str, change: Difference, margin: float) -> Criterion:
    criterion = Criterion(
        kind="trust",
        name="no less consistent",
        status="fail",
        sentence=f"{name}: {metric.replace('_', ' ')} fell by {by(change)}: the model disagrees with itself more than before.",
        subject=name,
        metric=metric,
        relation=">=",
        threshold=-margin,
        next=STEADIER,
    )
    return figures(criterion, change)


def right_among_consistent(pairs: Sequence[Pair]) -> Difference | None:
    """The change of the share of right answers among the consistent; None where nothing was consistent on a side."""
    scored = [(b, a) for b, a in pairs if b.cell is not None and a.cell is not None]
    before, after = ([side[i] for side in scored] for i in (0, 1))
    if not any(item.consistent for item in before) or not any(item.consistent for item in after):
        return None
    return estimates.paired(_influences(before), _influences(after), templates(scored))


def _influences(items: Sequence[ProblemResult]) -> list[float]:
    """Values whose mean is the share of right among the consistent, and whose scatter is that of the share."""
    consistent = [item for item in items if item.consistent]
    share = fmean(bool(item.majority_correct) for item in consistent)
    weight = len(items) / len(consistent)
    return [share + weight * item.consistent * (bool(item.majority_correct) - share) for item in items]


def _among(subject: Subject, change: Difference | None, p: float, margin: float) -> Criterion:
    bare = Criterion(
        kind="trust",
        name="agreement means right",
        status="not-measured",
        sentence=f"{subject.name}: nothing was consistent on one of the sides, so what agreement means was not measured.",
        subject=subject.name,
        relation=">=",
        threshold=-margin,
    )
    if change is None:
        return bare
    before, after = (_share([pair[i] for pair in subject.pairs]) for i in (0, 1))
    if shown_below(change) and p < ALPHA and change.value < -margin:
        sentence = f"{subject.name}: agreement meant right in {percent(before)}, now in {percent(after)} ({bracket(change)})."
        return figures(replace(bare, status="fail", sentence=sentence, next=ADVICE), change)
    sentence = f"{subject.name}: agreement means right in {percent(after)}, before in {percent(before)} ({bracket(change)}"
    sentence += f"); no significant loss of more than {points(margin)} points."
    return figures(replace(bare, status="pass", sentence=sentence), change)


def _share(items: Sequence[ProblemResult]) -> float:
    return fmean(bool(item.majority_correct) for item in items if item.consistent and item.majority_correct is not None)


def _certainty(name: str, change: Difference, p: float) -> Criterion:
    fell = change.value < 0 and p < ALPHA
    said = f"{name}: what the model became sure of is more often wrong than right" if fell else f"{name}: certainty"
    sentence = f"{said}, by {by(change)}." if fell else f"{said} {moved(change)}: no significant fall."
    criterion = Criterion(
        kind="trust",
        name="certainty",
        status="fail" if fell else "pass",
        sentence=sentence,
        subject=name,
        metric="certainty",
        relation=">=",
        threshold=0.0,
        next=ADVICE if fell else "",
    )
    return figures(criterion, change)
