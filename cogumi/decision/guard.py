"""R5, guard: was anything forgotten?

A guard has to be good enough to guard: right on at least `Margins.guard_problems` problems more than guessing would be. Then
what it retained is counted above chance, (after - chance) / (before - chance), by the gates of the phase; a guard without such
a gate has to exclude a loss of `Margins.greedy_accuracy`. And its own fall must not be significant, corrected for the number of
guards; the vote and answers at temperature 0 count as a second family of such tests.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from cogumi import stats
from cogumi.comparison import estimates
from cogumi.comparison.measures import both, column, measure
from cogumi.decision.evidence import ALPHA, Evidence, Subject, figures, more_needed, would_tell
from cogumi.decision.lost import open_claim
from cogumi.decision.targets import all_gates, decide_gate, gate_criterion
from cogumi.decision.words import METRICS, by, moved, percent, points
from cogumi.phases import Gate, Margins
from cogumi.results import Criterion, Diagnosis, EvaluationResult, Status
from cogumi.stats import Difference

FORGOT = "Lower the learning rate or train fewer epochs, or train problems of that kind along with the others."
BETTER_GUARD = "Choose a guard that the model is good at (`--guard`), or more of its problems."
MEND = "See what failed (`cogumi failures`) and measure again."
WITHOUT = {
    "left out": "There was no guard (`--guard none`): forgetting is not measured.",
    "trained": "What would guard was trained on itself: forgetting is not measured beyond its own losses.",
}
"""What is said where a guard is missing and nobody wants one."""
FAMILIES = (("accuracy",), ("majority_accuracy", "greedy_accuracy"))
"""Metrics whose falls are corrected together."""


def guard(evidence: Evidence) -> list[Criterion]:
    """Every guard by itself, what its gates say, and that there is none where one was wanted."""
    guards = evidence.of("guard")
    gates = [g for g in all_gates(evidence.phase, evidence.facts.category_gates) if g.metric == "retained"]
    adjusted = _adjusted(guards)
    found = [c for subject in guards for c in _one(subject, gates, adjusted, evidence.margins)]
    elsewhere = [_gate_elsewhere(gate, evidence) for gate in gates if gate.category is not None and not _about(gate, guards)]
    return [*found, *elsewhere, *([] if guards else [_none(evidence)])]


def guard_notes(before: Diagnosis, margins: Margins) -> list[str]:
    """What has to be said before training: which guards are not good enough to guard."""
    weak = {n: side for n, side in sorted(before.evaluations.items()) if side.purpose == "guard" and _weak(side, margins)}
    return [f"{_not_good_enough(name, side, margins)} {BETTER_GUARD}" for name, side in weak.items()]


def right_above_chance(accuracies: Sequence[float], chance: float) -> float:
    """Problems that a model is right on, less those that guessing would be right on."""
    return sum(accuracies) - chance * len(accuracies)


def _about(gate: Gate, guards: Iterable[Subject]) -> bool:
    return any(gate.category in (None, subject.name) for subject in guards)


def _none(evidence: Evidence) -> Criterion:
    if evidence.facts.guard != "wanted":
        return Criterion(kind="guard", name="guard", status="not-measured", sentence=WITHOUT[evidence.facts.guard])
    sentence = "No guard was measured: forgetting is not measured."
    advice = "Measure a guard (`--guard`), or leave it out on purpose (`--guard none`)."
    return Criterion(kind="guard", name="guard", status="inconclusive", sentence=sentence, next=advice)


def _gate_elsewhere(gate: Gate, evidence: Evidence) -> Criterion:
    """A gate on what something that is no guard retained."""
    subject = evidence.subjects.get(gate.category or "")
    if subject is None:
        sentence = f"{gate.name}: {gate.category} was not part of this run."
        return gate_criterion(gate, "not-measured", sentence, kind="guard")
    return _retained(gate, subject)


def _one(
    subject: Subject, gates: Sequence[Gate], adjusted: Mapping[tuple[str, str], float], margins: Margins
) -> Iterator[Criterion]:
    if _weak(subject.before, margins) or not both(subject.pairs, measure("accuracy")).before:
        sentence = _not_good_enough(subject.name, subject.before, margins)
        yield _criterion(subject, "guard", "inconclusive", sentence, BETTER_GUARD)
        return
    own = [gate for gate in gates if gate.category in (None, subject.name)]
    yield from (_retained(gate, subject) for gate in own)
    yield _fall(subject, adjusted, None if own else margins.greedy_accuracy)
    yield from _lost(subject, margins)


def _weak(side: EvaluationResult, margins: Margins) -> bool:
    return right_above_chance(_accuracies(side), side.chance) < margins.guard_problems - 1e-9


def _accuracies(side: EvaluationResult) -> list[float]:
    return column(side.items, measure("accuracy"))


def _not_good_enough(name: str, side: EvaluationResult, margins: Margins) -> str:
    values = _accuracies(side)
    if not any(values):
        return f"The guard {name} was never right: forgetting is not measured."
    above = right_above_chance(values, side.chance)
    return (
        f"The guard {name} is not good enough to guard: of {len(values)} problems {sum(values):.0f} were right before "
        f"training, {above:.0f} more than by guessing; {margins.guard_problems} are the least. Forgetting is not measured."
    )


def _retained(gate: Gate, subject: Subject) -> Criterion:
    values = both(subject.pairs, measure("accuracy"))
    chance = subject.before.chance
    kept = estimates.retained(values.before, values.after, chance, values.clusters) if values.before else None
    if kept is None:
        sentence = f"{gate.name}: {subject.name} was not clearly above guessing before training, so nothing can be retained."
        found = gate_criterion(gate, "inconclusive", sentence, kind="guard", subject=subject.name)
        return replace(found, next=BETTER_GUARD)
    title = f"{gate.name} ({subject.name}, above chance)"
    decided = decide_gate(gate, kept, kind="guard", subject=subject.name, title=title)
    return replace(decided, next=FORGOT if decided.status == "fail" else "")


def _adjusted(guards: Sequence[Subject]) -> dict[tuple[str, str], float]:
    """Corrected p-values by guard and metric."""
    found: dict[tuple[str, str], float] = {}
    for family in FAMILIES:
        changes = {(s.name, m): change for s in guards for m in family if (change := s.change(m))}
        holm = stats.holm({"\n".join(key): change.p for key, change in changes.items()})
        found |= {key: holm["\n".join(key)] for key in changes}
    return found


def _fall(subject: Subject, adjusted: Mapping[tuple[str, str], float], margin: float | None) -> Criterion:
    """The clearest significant fall in any way of answering; else how accuracy changed, against the margin where one counts."""
    fallen = [
        (metric, change)
        for metric in METRICS
        if (change := subject.change(metric)) and change.value < 0 and adjusted[subject.name, metric] < ALPHA
    ]
    if fallen:
        metric, change = min(fallen, key=lambda entry: entry[1].value)
        sentence = f"Training forgot: {METRICS[metric]} of the guard {subject.name} fell by {by(change)}."
        return figures(_criterion(subject, "nothing forgotten", "fail", sentence, FORGOT, metric), change)
    return _not_fallen(subject, subject.comparison.metrics["accuracy"].change, margin)


def _not_fallen(subject: Subject, change: Difference, margin: float | None) -> Criterion:
    if margin is not None and change.low <= -margin:
        more = more_needed(-margin, change)
        sentence = f"The guard {subject.name} may have fallen by more than {points(margin)} points: {moved(change)}."
        found = _criterion(subject, "nothing forgotten", "inconclusive", f"{sentence} {would_tell(more)}", "", "accuracy")
        return figures(found, change, more=more)
    sentence = f"The guard {subject.name} did not fall significantly: {moved(change)}."
    return figures(_criterion(subject, "nothing forgotten", "pass", sentence, "", "accuracy"), change)


def _lost(subject: Subject, margins: Margins) -> Iterator[Criterion]:
    """A guard of which much could not be scored on both sides has not been measured on the rest either."""
    if subject.lost > margins.unreadable + 1e-9:
        sentence = f"{percent(subject.lost)} of the problems of the guard {subject.name} could not be scored on both sides."
        yield _criterion(subject, "guard measured", "inconclusive", sentence, MEND)
    elif (claim := open_claim(subject)) is not None:
        yield _criterion(subject, "guard measured", "inconclusive", claim, MEND)


def _criterion(
    subject: Subject, name: str, status: Status, sentence: str, next: str = "", metric: str | None = None
) -> Criterion:
    return Criterion(kind="guard", name=name, status=status, sentence=sentence, subject=subject.name, metric=metric, next=next)
