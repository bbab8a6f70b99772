"""What to do next: the cause that is there, never a list of everything that could be tried."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from cogumi.comparison.measures import consistency_of
from cogumi.decision.evidence import ALPHA, Evidence, Subject, share, shown_below
from cogumi.decision.kept import what_helps
from cogumi.decision.words import percent
from cogumi.results import Change, Criterion, Decision

OBSTACLE = 0.1
"""A share of cut or unreadable answers that is worth mending before anything else."""
FEW_KEPT = 30
"""Fewer problems to train on than this are few."""
HARDLY = 1e-4
"""A relative change of the weights up to this is hardly any."""


def next_step(decision: Decision, deciding: Sequence[Criterion], evidence: Evidence) -> str:
    """What to do now; `deciding` are the criteria that led to the decision, the one that matters most first."""
    if decision == "PROCEED":
        return evidence.phase.passed
    if decision == "ABANDON":
        return _joined(["Keep the model as it was before.", *(c.next for c in deciding[:2])])
    if decision == "INCONCLUSIVE":
        return _joined([deciding[0].next, *_measure_more(deciding)])
    if deciding[0].kind == "enough":
        return _joined([criterion.next for criterion in deciding if criterion.kind == "enough"])
    return _joined([criterion.next or target_advice(criterion, evidence) for criterion in deciding])


def target_advice(criterion: Criterion, evidence: Evidence) -> str:
    """The cause of a target that was not reached, of those in the evidence the first; each says what to do."""
    if criterion.kind != "target":
        return ""
    if criterion.metric == "training_hours":
        return "Training took too long: train on fewer or shorter examples, or on a faster device."
    subjects = [s for s in evidence.of("trained") if criterion.subject in (None, s.name)]
    for cause in CAUSES:
        for subject in subjects:
            if advice := cause(subject, evidence):
                return advice
    return _left_to_learn(subjects, criterion)


def _cut(subject: Subject, evidence: Evidence) -> str | None:
    cut = share(subject.after, "truncated")
    found = f"{percent(cut)} of the {subject.name} answers are cut at the token limit: raise it."
    return found if cut > OBSTACLE else None


def _silent(subject: Subject, evidence: Evidence) -> str | None:
    silent = share(subject.after, "no_answer")
    found = f"{percent(silent)} of the {subject.name} samples have no readable answer: check prompt and answer format."
    return found if silent > OBSTACLE else None


def _few_kept(subject: Subject, evidence: Evidence) -> str | None:
    found = evidence.facts.distillation.get(subject.name)
    if found is None or found.kept >= FEW_KEPT:
        return None
    helps = what_helps(subject.name, found, teacher=evidence.facts.teacher)
    return f"Only {found.kept} of {found.problems} {subject.name} problems were kept for training. {helps}"


def _weak_vote(subject: Subject, evidence: Evidence) -> str | None:
    change = subject.vote_over_greedy()
    if change is None or not shown_below(change):
        return None
    return f"In {subject.name} the vote knows less than temperature 0, so it has little to teach: name a teacher (`--teacher`)."


def _unmoved(subject: Subject, evidence: Evidence) -> str | None:
    """Nothing became more consistent: did the weights move?"""
    training = evidence.facts.training
    if any(_rose(s.comparison.metrics.get(consistency_of(s.after))) for s in evidence.of("trained")):
        return None
    if training is not None and training.weight_change <= HARDLY:
        return f"The weights hardly moved (relative change {training.weight_change:.1g}): raise the learning rate."
    told = "" if training is None else f" though the weights moved (relative change {training.weight_change:.1g})"
    return f"Consistency has not risen{told}: raise the learning rate or train 3-4 epochs."


CAUSES: tuple[Callable[[Subject, Evidence], str | None], ...] = (_cut, _silent, _few_kept, _weak_vote, _unmoved)
"""What may keep a target from being reached, in the order in which it has to be mended."""


def _left_to_learn(subjects: Sequence[Subject], criterion: Criterion) -> str:
    if criterion.metric == "tie_rate":
        return "Votes still tie: try another temperature for the votes and targets."
    if criterion.metric == "accuracy" and not any(_rose(s.comparison.vote_gain.get("after")) for s in subjects):
        return "The vote no longer beats a single sample, so it has nothing left to teach: take more problems, or a teacher."
    return "It moved, but not far enough: train 3-4 epochs."


def _measure_more(deciding: Sequence[Criterion]) -> Iterator[str]:
    """Measuring is what helps, not training: how much of it."""
    wanted = [criterion for criterion in deciding if criterion.more is not None]
    if wanted:
        most = max(wanted, key=lambda criterion: criterion.more or 0)
        yield f"Measure both models on about {most.more:,} more held-out problems: that would decide {most.name} at its value."
    elif any(criterion.kind == "target" for criterion in deciding):
        yield "Measure on as many held-out problems as there are; a gate that stays this close counts as not reached."


def _rose(found: Change | None) -> bool:
    return found is not None and found.change.p < ALPHA and found.change.value > 0


def _joined(sentences: Sequence[str]) -> str:
    return " ".join(dict.fromkeys(sentence for sentence in sentences if sentence))
