"""R4, no harm: single answers, the vote and answers at temperature 0 of each trained category, and what is measured besides.

Of a trained category a loss larger than the phase's margin has to be excluded in each of the three ways; all must hold, so
there is no correction. What is shown to have fallen, and not shown to have fallen by less than the margin, is harm; in between
the data cannot say. Benchmarks and external evaluations asked for besides are harmed by a significant fall, corrected for their
number (Holm 1979).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from cogumi import stats
from cogumi.decision.evidence import ALPHA, Evidence, Subject, figures, more_needed, shown_below, would_tell
from cogumi.decision.words import METRICS, by, moved, points
from cogumi.phases import Margins
from cogumi.results import Change, Criterion, Status
from cogumi.stats import Difference

GENTLER = "A new start needs a gentler training (fewer epochs, a lower learning rate)."
MORE = "Measure both models on more held-out problems."


def harm(evidence: Evidence) -> list[Criterion]:
    """Every way of answering of every trained category, then what is measured besides."""
    trained = [c for subject in evidence.of("trained") for c in _category(subject, evidence.margins)]
    return [*trained, *_besides(evidence)]


def _category(subject: Subject, margins: Margins) -> Iterator[Criterion]:
    if not subject.scored:
        sentence = f"{subject.name}: no text is right or wrong here, so what was lost was not measured."
        yield Criterion(kind="harm", name="no harm", status="not-measured", sentence=sentence, subject=subject.name)
        return
    for metric, margin in allowed(margins).items():
        yield _excluded(subject, metric, margin)


def allowed(margins: Margins) -> dict[str, float]:
    """The largest loss that need not be excluded, by metric."""
    return {
        "accuracy": margins.accuracy,
        "majority_accuracy": margins.majority_accuracy,
        "greedy_accuracy": margins.greedy_accuracy,
    }


def _excluded(subject: Subject, metric: str, margin: float) -> Criterion:
    what = METRICS[metric]
    bare = Criterion(
        kind="harm",
        name=f"no harm: {what}",
        status="inconclusive",
        sentence=f"{subject.name}: {what} could not be scored on both sides, so what was lost there is not known.",
        subject=subject.name,
        metric=metric,
        relation=">=",
        threshold=-margin,
        next=MORE,
    )
    change = subject.change(metric)
    return bare if change is None else _judged(bare, change, f"{subject.name}: {what}", margin)


def _judged(bare: Criterion, change: Difference, what: str, margin: float) -> Criterion:
    if change.low > -margin:
        status: Status = "pass"
        return figures(
            replace(bare, status=status, sentence=f"{what} {moved(change)}: no loss of {points(margin)} points.", next=""),
            change,
        )
    if shown_below(change):
        sentence = f"Training did harm in {what} fell by {by(change)}."
        return figures(replace(bare, status="fail", sentence=sentence, next=GENTLER), change)
    more = more_needed(-margin, change) if change.value > -margin else more_needed(0.0, change)
    sentence = f"{what} may have fallen by more than {points(margin)} points: {moved(change)}. {would_tell(more)}"
    return figures(replace(bare, sentence=sentence), change, more=more)


def _besides(evidence: Evidence) -> list[Criterion]:
    found = {subject.name: ("accuracy", subject.comparison.metrics.get("accuracy")) for subject in evidence.of("benchmark")}
    external: dict[str, tuple[str, Change | None]] = {
        name: (comparison.metric, comparison.metrics.get(comparison.metric))
        for name, comparison in evidence.comparison.external.items()
    }
    changes = {**found, **external}
    adjusted = stats.holm({name: change.change.p for name, (_, change) in changes.items() if change is not None})
    return [_fallen(name, metric, change, adjusted.get(name, 1.0)) for name, (metric, change) in changes.items()]


def _fallen(name: str, metric: str, found: Change | None, p: float) -> Criterion:
    bare = Criterion(
        kind="harm",
        name=f"no harm: {name}",
        status="not-measured",
        sentence=f"{name}: no problem could be scored on both sides.",
        subject=name,
        metric=metric,
        relation=">=",
        threshold=0.0,
    )
    if found is None:
        return bare
    change = found.change
    if change.value < 0 and p < ALPHA:
        sentence = f"Training did harm in {name}: {metric} fell by {by(change)}, corrected p = {p:.2g}."
        return figures(replace(bare, status="fail", sentence=sentence, next=GENTLER), change)
    seen = f"A fall of {change.detectable * 100:.1f} points would probably have been seen."
    sentence = f"{name}: no significant fall, {metric} {moved(change)}. {seen}"
    return figures(replace(bare, status="pass", sentence=sentence), change)
