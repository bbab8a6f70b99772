"""What all criteria come to.

- PROCEED: nothing failed and nothing is open: there is enough evidence, every gate that could be measured passed, something is
  better than before and than what costs nothing, no loss beyond the margins is possible, nothing was forgotten, and agreement
  still means right.
- ABANDON: training did harm on the very same problems, or what costs nothing is better than the trained model.
- ITERATE: something else failed, and its cause can be mended.
- INCONCLUSIVE: the data cannot say.

Several things are wrong at once more often than one. `STEPS` says what decides and stands in the first sentence: answers that
cannot be read come first, since everything else rests on them; then harm and the free rival, before targets. Temperature 0 is
the rival's own way, so where only that fell the rival speaks for it. That the vote knew less before training (R7) has no say
where training won against temperature 0 all the same; with `Facts.fixed_temperature` it and the rival are warnings, which stay
in the first sentence. Controls (R8) never decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cogumi.decision.advice import next_step
from cogumi.decision.before_training import DO_NOT, vote_worth
from cogumi.decision.controls import controls
from cogumi.decision.enough import enough
from cogumi.decision.evidence import Evidence, gather
from cogumi.decision.facts import Facts
from cogumi.decision.gain import gain
from cogumi.decision.guard import guard
from cogumi.decision.harm import harm
from cogumi.decision.kept import kept
from cogumi.decision.rival import rival
from cogumi.decision.targets import targets
from cogumi.decision.trust import trust
from cogumi.decision.words import IF_FREE
from cogumi.phases import Phase
from cogumi.results import Comparison, Criterion, Decision, Diagnosis, Kind, Status, Verdict


@dataclass(frozen=True, slots=True)
class Step:
    """Which criteria lead to which decision."""

    decision: Decision
    """What they lead to."""
    kind: Kind
    """What they ask."""
    status: Status
    """What the evidence says."""
    metrics: tuple[str, ...] = ()
    """Only those about one of these; none: all."""

    def holds(self, criterion: Criterion) -> bool:
        """Whether a criterion is one of them."""
        return (criterion.kind, criterion.status) == (self.kind, self.status) and (
            not self.metrics or criterion.metric in self.metrics
        )


STEPS = (
    Step("ITERATE", "enough", "fail", ("truncated", "no_answer")),
    Step("ABANDON", "harm", "fail", ("accuracy", "majority_accuracy")),
    Step("ABANDON", "rival", "fail"),
    Step("ABANDON", "harm", "fail"),
    Step("ABANDON", "worth", "fail"),
    Step("ITERATE", "enough", "fail"),
    Step("INCONCLUSIVE", "enough", "inconclusive"),
    Step("ITERATE", "guard", "fail"),
    Step("ITERATE", "trust", "fail"),
    Step("ITERATE", "target", "fail"),
    Step("INCONCLUSIVE", "gain", "inconclusive"),
    Step("INCONCLUSIVE", "rival", "inconclusive"),
    Step("INCONCLUSIVE", "harm", "inconclusive"),
    Step("INCONCLUSIVE", "guard", "inconclusive"),
    Step("INCONCLUSIVE", "target", "inconclusive"),
)
"""The first that holds decides."""


def decide(phase: Phase, before: Diagnosis, after: Diagnosis, comparison: Comparison, facts: Facts) -> Verdict:
    """The verdict on a training (see the module) from both diagnoses and their comparison.

    Raises `BadInput` for a category's gate that is about another category.
    """
    evidence = gather(phase, before, after, comparison, facts)
    criteria = _criteria(evidence)
    deciding = _deciding(criteria, facts)
    decision: Decision = deciding[0][0].decision if deciding else "PROCEED"
    same = [criterion for step, criterion in deciding if step.decision == decision]
    warnings = _warnings(criteria, facts)
    said = _won(criteria, facts) if decision == "PROCEED" else _lost(same, criteria)
    return Verdict(
        verdict=decision,
        phase=phase.name,
        sentence=_with_warnings(said, criteria, facts),
        next=next_step(decision, same, evidence),
        criteria=tuple(criteria),
        warnings=tuple(warnings),
    )


def _criteria(evidence: Evidence) -> list[Criterion]:
    """R0 to R8, and what was said of the training data; that decides nothing any more."""
    rivals = rival(evidence)
    return [
        *enough(evidence),
        *_targets(evidence),
        *gain(evidence),
        *rivals,
        *harm(evidence),
        *guard(evidence),
        *trust(evidence),
        *_worth(evidence, won=any(criterion.status == "pass" for criterion in rivals)),
        *_kept(evidence),
        *controls(evidence.facts.controls),
    ]


def _targets(evidence: Evidence) -> list[Criterion]:
    """The gates, and that none of them was measured where that is so: a phase's claim is not met by what it does not ask."""
    found = targets(evidence)
    about = [criterion for criterion in found if criterion.metric != "training_hours"]
    if not about or any(criterion.status != "not-measured" for criterion in about):
        return found
    sentence = "None of the phase's gates was measured in this run."
    advice = "Take the categories into the run that the phase's gates are about, or give gates of your own (`--gates`)."
    return [*found, Criterion(kind="target", name="gates", status="inconclusive", sentence=sentence, next=advice)]


def _kept(evidence: Evidence) -> list[Criterion]:
    """What falls short of the training data; where nothing was kept R0 has said so."""
    nothing = {name for name, found in evidence.facts.distillation.items() if not found.lessons}
    return [criterion for criterion in kept(evidence.facts, evidence.margins) if criterion.subject not in nothing]


def _worth(evidence: Evidence, *, won: bool) -> list[Criterion]:
    lead = IF_FREE if evidence.facts.fixed_temperature else "Training won all the same" if won else DO_NOT
    found = vote_worth(evidence.before, lead)
    return [] if found is None else [found]


def _deciding(criteria: Sequence[Criterion], facts: Facts) -> list[tuple[Step, Criterion]]:
    """Everything that stands in the way, what matters most first."""
    silent = _without_say(criteria, facts)
    voices = [criterion for criterion in criteria if criterion.kind not in silent]
    found = [(next((s for s in STEPS if s.holds(criterion)), None), criterion) for criterion in voices]
    steps = [(step, criterion) for step, criterion in found if step is not None]
    return sorted(steps, key=lambda entry: (STEPS.index(entry[0]), _depth(entry[1])))


def _without_say(criteria: Sequence[Criterion], facts: Facts) -> set[Kind]:
    if facts.fixed_temperature:
        return {"rival", "worth"}
    won = any(criterion.kind == "rival" and criterion.status == "pass" for criterion in criteria)
    return {"worth"} if won else set()


def _depth(criterion: Criterion) -> float:
    """The deepest fall comes first; everything else keeps its order."""
    return criterion.value if criterion.kind == "harm" and criterion.value is not None else 0.0


def _lost(deciding: Sequence[Criterion], criteria: Sequence[Criterion]) -> str:
    """The reason that matters most and, where harm and the rival both speak, the other of the two."""
    first = deciding[0]
    said = first.sentence
    if first.kind == "target" and first.status == "fail" and any(c.kind == "gain" and c.status == "pass" for c in criteria):
        said = f"Better than before, but not far enough: {said}"
    also = [c for c in deciding if {c.kind, first.kind} == {"harm", "rival"} and c.status == first.status == "fail"]
    return f"{said} {also[0].sentence}" if also else said


def _won(criteria: Sequence[Criterion], facts: Facts) -> str:
    kind: Kind = "gain" if facts.fixed_temperature else "rival"
    best = next(criterion.sentence for criterion in criteria if criterion.kind == kind)
    gates = [c for c in criteria if c.kind in ("target", "guard") and c.relation is not None and c.threshold is not None]
    passed = sum(c.status == "pass" for c in gates)
    missing = [c.name for c in criteria if c.kind in ("target", "guard") and c.status == "not-measured"]
    rest = f" Not measured: {', '.join(missing)}." if missing else ""
    return f"{best} {passed} of {passed} measured gates passed, and nothing was harmed.{rest}"


def _warnings(criteria: Sequence[Criterion], facts: Facts) -> list[str]:
    """What stays true whatever was decided."""
    free = _free(criteria) if facts.fixed_temperature else []
    left_out = [c.sentence for c in criteria if c.kind == "guard" and c.subject is None and c.status == "not-measured"]
    return [*free, *left_out]


def _free(criteria: Sequence[Criterion]) -> list[str]:
    """What a lower temperature does, or may do."""
    open_ = [c for c in criteria if c.kind == "rival" and c.status != "pass"]
    return [c.sentence for c in (*open_, *(c for c in criteria if c.kind == "worth" and c.status == "fail"))]


def _with_warnings(said: str, criteria: Sequence[Criterion], facts: Facts) -> str:
    """The reason, and in the same sentence what a lower temperature does where the user cannot lower it."""
    found = _free(criteria) if facts.fixed_temperature else []
    if not found:
        return said
    return f"{said.rstrip('.')}; but the temperature is fixed, so this is only a warning: {' '.join(found)}"
