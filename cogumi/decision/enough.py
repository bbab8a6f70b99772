"""R0, enough: is there evidence at all, and was anything trained?

A trained category needs `Margins.problems` problems that could be measured on both sides, `Margins.samples` samples of each,
and at most `Margins.unreadable` of its answers cut, of them unreadable, of them failed or not scorable. What keeps answers from
counting, or training from happening, fails (mend the cause); what is merely too little is inconclusive (measure more).
"""

from __future__ import annotations

from collections.abc import Iterator

from cogumi.comparison import estimates
from cogumi.comparison.measures import both, column, measure
from cogumi.decision.evidence import Evidence, Subject, figures, share
from cogumi.decision.kept import what_helps
from cogumi.decision.lost import open_claim
from cogumi.decision.words import percent, span
from cogumi.phases import Margins
from cogumi.results import Criterion, EvaluationResult, Status, TrainingResult

UNMOVED = 1e-6
"""A relative change of the weights up to this is none."""
READABLE: tuple[tuple[str, str, str, str], ...] = (
    ("truncated", "answers cut", "of the {} answers are cut at the token limit", "Raise the token limit and measure again."),
    ("no_answer", "answers read", "of the {} answers cannot be read", "Check prompt and answer format, and measure again."),
)
"""Metric, name, what is said of the share, and what to do."""


def enough(evidence: Evidence) -> list[Criterion]:
    """What the evidence lacks, else for each trained category that it suffices."""
    trained = evidence.of("trained")
    if not trained:
        sentence = "No category of this run was trained, so nothing can be said of training."
        return [_criterion("category", "inconclusive", sentence, next="Name what to train (`--plugins`).")]
    found = [criterion for subject in trained for criterion in _category(subject, evidence)]
    return [*found, *_training(evidence.facts.training)]


def _category(subject: Subject, evidence: Evidence) -> list[Criterion]:
    lacking = [
        *_unreadable(subject, evidence.margins),
        *_nothing_kept(subject.name, evidence),
        *_few(subject, evidence.margins),
        *_unmeasured(subject, evidence.margins),
    ]
    return lacking or [_sufficient(subject)]


def _sufficient(subject: Subject) -> Criterion:
    sentence = f"{len(subject.pairs)} {subject.name} problems with {subject.after.samples} samples of each."
    return _criterion("evidence", "pass", sentence, subject.name)


def _unreadable(subject: Subject, margins: Margins) -> Iterator[Criterion]:
    for metric, name, said, advice in READABLE:
        sides = {when: share(side, metric) for when, side in (("after", subject.after), ("before", subject.before))}
        over = [when for when, value in sides.items() if value > margins.unreadable + 1e-9]
        if over:
            side = subject.after if over[0] == "after" else subject.before
            found = estimates.mean(column(side.items, measure(metric)))
            sentence = (
                f"{span(found)} {said.format(subject.name)} {over[0]} training; at most {percent(margins.unreadable)} may be."
            )
            yield figures(_criterion(name, "fail", sentence, subject.name, metric, next=advice), found)
            return


def _nothing_kept(name: str, evidence: Evidence) -> Iterator[Criterion]:
    found = evidence.facts.distillation.get(name)
    if found is None or found.lessons:
        return
    reasons = sorted(found.dropped.items(), key=lambda entry: (-entry[1], entry[0]))
    why = f" (mostly: {reasons[0][0]}, {reasons[0][1]})" if reasons else ""
    sentence = f"None of the {found.problems} {name} problems was kept for training{why}, so {name} was not trained."
    advice = what_helps(name, found, teacher=evidence.facts.teacher)
    yield _criterion("something kept", "fail", sentence, name, next=advice)


def _few(subject: Subject, margins: Margins) -> Iterator[Criterion]:
    values = both(subject.pairs, measure("accuracy")) if subject.scored else None
    n = len(subject.pairs) if values is None else len(values.before)
    if n < margins.problems:
        more = margins.problems - n
        sentence = f"Only {n} {subject.name} problems were measured on both sides; {margins.problems} are the least."
        advice = f"Measure on at least {margins.problems} held-out problems of {subject.name} (`--held-out`)."
        yield Criterion(
            kind="enough",
            name="problems",
            status="inconclusive",
            sentence=sentence,
            subject=subject.name,
            n=n,
            more=more,
            next=advice,
        )
    if subject.after.samples < margins.samples:
        sentence = f"{subject.after.samples} samples of each {subject.name} problem; {margins.samples} are the least."
        advice = f"Draw at least {margins.samples} samples of each problem (`--samples`)."
        yield _criterion("samples", "inconclusive", sentence, subject.name, next=advice)


def _unmeasured(subject: Subject, margins: Margins) -> Iterator[Criterion]:
    """Problems and samples that failed or could not be scored: those that remain may be the easy ones."""
    lost = max(subject.lost, *(_samples_lost(side) for side in (subject.before, subject.after)))
    if lost > margins.unreadable + 1e-9:
        sentence = (
            f"{percent(lost)} of the {subject.name} samples failed or could not be scored; the rest may be the easy ones."
        )
        yield _criterion("answers measured", "inconclusive", sentence, subject.name, next=_mend(subject.name))
    elif (claim := open_claim(subject)) is not None:
        yield _criterion("answers measured", "inconclusive", claim, subject.name, next=_mend(subject.name))


def _mend(name: str) -> str:
    return f"See what failed in {name} (`cogumi failures`), mend it and measure again."


def _samples_lost(side: EvaluationResult) -> float:
    """Where nothing is right or wrong, that no sample could be scored is no loss."""
    scored = any(item.accuracy is not None for item in side.items)
    lost = sum(item.errors + (item.unscored if scored else 0) for item in side.items)
    return lost / (len(side.items) * (side.samples + 1))


def _training(training: TrainingResult | None) -> Iterator[Criterion]:
    if training is None:
        return
    if not training.examples or not training.steps:
        sentence = f"Training took {training.steps} steps on {training.examples} examples: nothing was trained."
        yield _criterion("something trained", "fail", sentence, next="Take more problems, or ask for less agreement.")
    elif training.weight_change <= UNMOVED:
        sentence = f"The weights did not move (relative change {training.weight_change:.1g}), so nothing was trained."
        yield _criterion("weights moved", "fail", sentence, next="Raise the learning rate.")


def _criterion(
    name: str, status: Status, sentence: str, subject: str | None = None, metric: str | None = None, next: str = ""
) -> Criterion:
    return Criterion(kind="enough", name=name, status=status, sentence=sentence, subject=subject, metric=metric, next=next)
