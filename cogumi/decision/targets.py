"""R1, targets: the gates of a phase and of the categories themselves.

A gate compares an interval with a threshold. It passes when the whole 95 % interval is on the right side, fails when the whole
interval is on the wrong side, and is inconclusive in between: a point estimate on 164 problems is off by up to 7.7 points.
What the run does not have is `not-measured`, said and counted for neither side. All gates must pass, so testing several needs
no correction (an intersection-union test; Berger 1982).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from cogumi import stats
from cogumi.comparison.measures import consistency_of
from cogumi.decision.evidence import Evidence, figures, more_needed, would_tell
from cogumi.decision.words import percent, span
from cogumi.errors import BadInput, suggest
from cogumi.phases import Gate, Phase
from cogumi.results import Criterion, Diagnosis, EvaluationResult, Kind, Status, TrainingResult
from cogumi.stats import Interval


def all_gates(phase: Phase, category_gates: Mapping[str, tuple[Gate, ...]]) -> tuple[Gate, ...]:
    """The gates of the phase, then those of the categories. Raises `BadInput` for a category's gate about another."""
    own = [_own(category, gate) for category, gates in sorted(category_gates.items()) for gate in gates]
    return (*phase.gates, *own)


def targets(evidence: Evidence) -> list[Criterion]:
    """Each gate but those on what a guard retained, after training."""
    return _judged(evidence, evidence.after)


def met_before(evidence: Evidence) -> bool:
    """Whether every gate that can be held against the untouched model was passed by it."""
    found = [c.status for c in _judged(evidence, evidence.before) if c.metric != "training_hours"]
    return "pass" in found and not {"fail", "inconclusive"} & set(found)


def decide_gate(
    gate: Gate, interval: Interval, *, kind: Kind = "target", subject: str | None = None, title: str | None = None
) -> Criterion:
    """Which side of the threshold the whole interval is on, in a status and a sentence that begins with the title."""
    above, below = interval.low >= gate.threshold, interval.high < gate.threshold
    right, wrong = (above, below) if gate.relation == ">=" else (below, above)
    status: Status = "pass" if right else "fail" if wrong else "inconclusive"
    more = more_needed(gate.threshold, interval) if status == "inconclusive" else None
    sentence = f"{title or gate.name}: {_shown(gate, interval)} on {interval.n:,} problems; needed: {needed(gate)}."
    if status == "inconclusive":
        sentence += f" {would_tell(more)}"
    return figures(gate_criterion(gate, status, sentence, kind=kind, subject=subject), interval, more=more)


def gate_criterion(
    gate: Gate, status: Status, sentence: str, *, kind: Kind = "target", subject: str | None = None
) -> Criterion:
    """A gate with its status and sentence."""
    return Criterion(
        kind=kind,
        name=gate.name,
        status=status,
        sentence=sentence,
        subject=subject or gate.category,
        metric=gate.metric,
        relation=gate.relation,
        threshold=gate.threshold,
    )


def needed(gate: Gate) -> str:
    """At least 45 %."""
    side = {">=": "at least", "<": "under"}[gate.relation]
    return f"{side} {gate.threshold * 100:g} %" if abs(gate.threshold) <= 1 else f"{side} {gate.threshold:g}"


def _own(category: str, gate: Gate) -> Gate:
    if gate.category not in (None, category):
        problem = f"the category {category} has a gate about {gate.category}"
        raise BadInput(problem, field=gate.name, fix="a category's gates are about itself; put others into the phase")
    return replace(gate, category=category)


def _judged(evidence: Evidence, side: Diagnosis) -> list[Criterion]:
    gates = all_gates(evidence.phase, evidence.facts.category_gates)
    return [_judge(gate, side, evidence.facts.training) for gate in gates if gate.metric != "retained"]


def _judge(gate: Gate, side: Diagnosis, training: TrainingResult | None) -> Criterion:
    if gate.metric == "training_hours":
        return _training_time(gate, training)
    if gate.category is not None and gate.category not in side.evaluations:
        return gate_criterion(gate, "not-measured", f"{gate.name}: {gate.category} was not part of this run.")
    names = [gate.category] if gate.category is not None else _trained(side)
    found = {name: value for name in names if (value := _value(gate, side.evaluations[name])) is not None}
    if not found:
        return _absent(gate, [side.evaluations[name] for name in names])
    criterion = decide_gate(gate, stats.average(list(found.values())))
    return criterion if len(names) == 1 else replace(criterion, sentence=f"{criterion.sentence} {_each(found, names)}")


def _trained(side: Diagnosis) -> list[str]:
    return sorted(name for name, evaluation in side.evaluations.items() if evaluation.purpose == "trained")


def _value(gate: Gate, evaluation: EvaluationResult) -> Interval | None:
    metric = consistency_of(evaluation) if gate.metric == "consistency" else gate.metric
    return evaluation.metrics.get(metric)


def _absent(gate: Gate, evaluations: Iterable[EvaluationResult]) -> Criterion:
    """A gate about what the run has, on what it did not measure there, is open; one about nothing in the run is no gate."""
    known = sorted({metric for evaluation in evaluations for metric in evaluation.metrics})
    if gate.category is None:
        return gate_criterion(gate, "not-measured", f"{gate.name}: this run did not measure {gate.metric}.")
    sentence = f"{gate.name}: this run did not measure {gate.metric} of {gate.category} ({suggest(gate.metric, known)})."
    return replace(gate_criterion(gate, "inconclusive", sentence), next=f"Measure {gate.metric}, or mend the gate.")


def _each(found: Mapping[str, Interval], names: Iterable[str]) -> str:
    shown = [f"{name} {percent(found[name].value)}" if name in found else f"{name} not measured" for name in names]
    return f"By category: {', '.join(shown)}."


def _training_time(gate: Gate, training: TrainingResult | None) -> Criterion:
    """Only whether training took less than an hour is kept, so that a run's files are the same bytes each time."""
    under = None if training is None else training.under_an_hour
    needs = f"needed: {'under' if gate.relation == '<' else 'at least'} {gate.threshold:g} h"
    if under is True and gate.threshold >= 1:
        met = gate.relation == "<"
    elif under is False and gate.threshold <= 1:
        met = gate.relation == ">="
    else:
        return gate_criterion(gate, "not-measured", f"{gate.name}: not timed finely enough to tell; {needs}.")
    took = "less than an hour" if under else "an hour or more"
    return gate_criterion(gate, "pass" if met else "fail", f"{gate.name}: training took {took}; {needs}.")


def _shown(gate: Gate, interval: Interval) -> str:
    if abs(gate.threshold) <= 1:
        return span(interval)
    return f"{interval.value:.2f} ({interval.low:.2f} to {interval.high:.2f})"
