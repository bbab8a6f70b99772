"""R4, no harm: single answers, the vote and answers at temperature 0 of each trained category, and what is measured besides.

Of a trained category a loss larger than the phase's margin has to be excluded in each of the three ways; all must hold, so
there is no correction. What is shown to have fallen, and not shown to have fallen by less than the margin, is harm; in between
the data cannot say. Benchmarks and external evaluations asked for besides are harmed by a significant fall in any way of
answering, corrected for their number (Holm 1979); one that could be measured before and cannot be after is open.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from cogumi import stats
from cogumi.decision.evidence import ALPHA, Evidence, Subject, figures, more_needed, shown_below, would_tell
from cogumi.decision.lost import open_claim
from cogumi.decision.words import METRICS, by, moved, percent, points
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
    """What is measured besides, each in every way that it has; votes and temperature 0 are a second family of tests."""
    ways: dict[str, dict[str, Change]] = {
        s.name: {way: change for way in METRICS if (change := s.comparison.metrics.get(way))} for s in evidence.of("benchmark")
    }
    main = dict.fromkeys(ways, "accuracy") | {name: c.metric for name, c in evidence.comparison.external.items()}
    ways |= {
        name: {c.metric: change} for name, c in evidence.comparison.external.items() if (change := c.metrics.get(c.metric))
    }
    p = {(name, metric): change.change.p for name, found in ways.items() for metric, change in found.items()}
    first = {(name, metric): value for (name, metric), value in p.items() if main[name] == metric}
    second = {key: value for key, value in p.items() if key not in first}
    adjusted = _holm(first) | _holm(second)
    return [_beside(evidence, name, metric, ways.get(name, {}), adjusted) for name, metric in main.items()]


def _holm(family: Mapping[tuple[str, str], float]) -> dict[tuple[str, str], float]:
    found = stats.holm({"\n".join(key): p for key, p in family.items()})
    return {key: found["\n".join(key)] for key in family}


def _beside(
    evidence: Evidence, name: str, main: str, ways: Mapping[str, Change], adjusted: Mapping[tuple[str, str], float]
) -> Criterion:
    """The clearest significant fall; else what could not be told; else that nothing fell."""
    bare = Criterion(
        kind="harm",
        name=f"no harm: {name}",
        status="not-measured",
        sentence=f"{name}: no problem could be scored on both sides.",
        subject=name,
        metric=main,
        relation=">=",
        threshold=0.0,
    )
    fallen = {m: c for m, c in ways.items() if c.change.value < 0 and adjusted[name, m] < ALPHA}
    if fallen:
        metric = min(fallen, key=lambda m: fallen[m].change.value)
        change, p = fallen[metric].change, adjusted[name, metric]
        sentence = f"Training did harm in {name}: {metric.replace('_', ' ')} fell by {by(change)}, corrected p = {p:.2g}."
        return figures(replace(bare, metric=metric, status="fail", sentence=sentence, next=GENTLER), change)
    if (why := _not_told(evidence, name, ways.get(main))) is not None:
        return replace(bare, status="inconclusive", sentence=why, next=f"See what failed in {name}, and measure again.")
    if main not in ways:
        return bare
    change = ways[main].change
    seen = f"A fall of {change.detectable * 100:.1f} points would probably have been seen."
    sentence = f"{name}: no significant fall, {main} {moved(change)}. {seen}"
    return figures(replace(bare, status="pass", sentence=sentence), change)


def _not_told(evidence: Evidence, name: str, found: Change | None) -> str | None:
    """Why a benchmark that could be measured before cannot be told to be unharmed; None where it can, or never could."""
    subject = evidence.subjects.get(name)
    if subject is None:
        external = evidence.comparison.external[name]
        lost = 0.0 if found is None else found.left_out / external.problems
    else:
        lost = subject.lost if subject.scored else 0.0
    if lost > evidence.margins.unreadable + 1e-9:
        unknown = "could not be scored on both sides, so what was lost there is not known."
        return f"{percent(lost)} of the problems of {name} {unknown}"
    return None if subject is None or not subject.scored else open_claim(subject)
