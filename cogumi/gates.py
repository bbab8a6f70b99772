"""The phases and their gates: did training reach what was asked, and what comes next?

A gate compares an interval with a threshold. It passes when the whole 95 % interval is on the right side, fails when the
whole interval is on the wrong side, and is inconclusive in between: a point estimate on 164 problems is off by up to 7.7
points. What was not part of a run is `not-measured`, said and counted for neither side. All gates must pass, so testing
several needs no correction (an intersection-union test; Berger 1982).

Two criteria are added for every category and every benchmark measured besides, because consistency can rise while knowledge
falls (outside evaluations have the first of them). The reasoning guard is exempt in the phase whose gate says how much of it
may go.

- *no collapse: accuracy*: accuracy has not fallen significantly on the same problems.
- *no collapse: certainty*: what the model became sure of is not significantly more often wrong than right (the change of
  consistent-and-correct minus that of consistent-but-wrong). Consistent-but-wrong alone is no criterion: a model that
  becomes consistent at all becomes so on some problems it always got wrong, however good the training.

They are corrected for their number (Holm 1979), else twelve tests would find harm that is not there in one run of four.

The verdict:

- PROCEED: every measured gate passed, at least one was measured, and nothing collapsed.
- INCONCLUSIVE: nothing failed, but the data cannot say whether some gate is passed; more problems could.
- ABANDON: something failed and going on the same way cannot mend it: either training did harm on the very same problems,
  or there was nothing to win, since before training the vote was shown to be under 5 points better than a single sample
  in every category (then the consensus knows nothing that a sample does not).
- ITERATE: something failed, nothing was harmed, and there was something to win. `next` names only those changes that the
  evidence suggests.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from cogumi import stats
from cogumi.compare import Diagnosis, both, compare, compare_outside, measure, pair_items
from cogumi.errors import BadInput, near

Status = Literal["pass", "fail", "inconclusive", "not-measured"]
Categories = Mapping[str, Diagnosis]
NOTHING_TO_WIN = 0.05
"""A vote shown to be less than this much better than a single sample has nothing to teach."""
MOST_PROBLEMS = 50_000
"""Nobody is told to measure on more problems than these."""
ALPHA = 0.05
"""Significance level."""
OBSTACLE = 0.1
"""A share of cut or unreadable answers that is worth mending before anything else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One condition of a phase."""

    name: str
    """What people call it."""
    metric: str
    """A metric of the diagnosis after training, `retained` (accuracy after over before) or `training_hours`."""
    threshold: float
    """Where it lies; shares are 0 to 1."""
    category: str | None = None
    """The category it is about; None: the average over all categories trained on, each counting the same."""
    relation: Literal[">=", "<"] = ">="
    """On which side of the threshold the metric has to be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """A gate, or an added criterion, with its evidence."""

    name: str
    """What people call it."""
    category: str | None
    """The category it is about, or None."""
    metric: str
    """What was measured."""
    relation: str
    """`>=` or `<`."""
    threshold: float
    """Where the line is."""
    status: Status
    """Which side of it the evidence is on."""
    evidence: str
    """The same in a sentence."""
    value: float | None = None
    """The estimate; None where there is none."""
    low: float | None = None
    """Lower end of its 95 % interval."""
    high: float | None = None
    """Upper end of its 95 % interval; None where it has no bound."""
    n: int | None = None
    """Problems it rests on."""
    more: int | None = None
    """Problems that would decide an inconclusive one at the present value; None where it is decided or no number would."""


PHASES: Mapping[str, tuple[Gate, ...]] = {
    "minimal": (
        Gate(name="consistency", metric="response_consistency", threshold=0.40),
        Gate(name="MATH", category="math", metric="accuracy", threshold=0.45),
        Gate(name="training time", metric="training_hours", relation="<", threshold=1.0),
        Gate(name="reasoning retained", category="reasoning", metric="retained", threshold=0.85),
    ),
    "full": (
        Gate(name="consistency", metric="response_consistency", threshold=0.60),
        Gate(name="MATH", category="math", metric="accuracy", threshold=0.65),
        Gate(name="CODE", category="code", metric="accuracy", threshold=0.70),
        Gate(name="MATH ties", category="math", metric="tie_rate", relation="<", threshold=0.30),
        Gate(name="CODE ties", category="code", metric="tie_rate", relation="<", threshold=0.20),
    ),
}
"""Each phase's gates; all must pass."""


def judge(
    phase: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    *,
    training_under_an_hour: bool | None,
) -> dict[str, Any]:
    """The content of verdict.json (see the module) from those of before.json and after.json.

    `training_under_an_hour` is None where training was not timed. Raises `BadInput` for an unknown phase and for sides
    that cannot be compared.
    """
    if phase not in PHASES:
        raise BadInput(f"no phase named {phase!r}", field="phase", fix=near(phase, PHASES))
    old, new = before.get("categories", {}), after.get("categories", {})
    if not old or old.keys() != new.keys():
        problem = f"categories before: {', '.join(sorted(old)) or 'none'}; after: {', '.join(sorted(new)) or 'none'}"
        raise BadInput(problem, field="categories", fix="diagnose the same categories before and after")
    comparisons = {name: compare(old[name], new[name]) for name in sorted(old)}
    outside = _outside(before, after)
    gates = [_judge_gate(gate, old, new, training_under_an_hour) for gate in PHASES[phase]]
    guards = {gate.category for gate in PHASES[phase] if gate.metric == "retained"}
    criteria = [*gates, *_no_collapse(comparisons, outside, guards)]
    trained = {name: comparison for name, comparison in comparisons.items() if is_trained(new[name])}
    verdict, why = _verdict(gates, criteria, trained)
    return {
        "verdict": verdict,
        "phase": phase,
        "why": why,
        "next": _next(verdict, phase, criteria, trained, new),
        "criteria": [asdict(criterion) for criterion in criteria],
        "comparisons": comparisons,
        "outside": outside,
    }


def is_trained(diagnosis: Diagnosis) -> bool:
    """Whether a diagnosis is of a category that the run trains on, and not only measured besides."""
    return bool(diagnosis.get("role", "trained") == "trained")


def _outside(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    old, new = before.get("outside", {}), after.get("outside", {})
    if old.keys() != new.keys():
        fix = "make the same evaluations before and after"
        raise BadInput(f"before: {', '.join(old) or 'none'}; after: {', '.join(new) or 'none'}", field="outside", fix=fix)
    return {name: compare_outside(name, old[name], new[name]) for name in sorted(old)}


def _judge_gate(gate: Gate, before: Categories, after: Categories, under_an_hour: bool | None) -> Criterion:
    if gate.metric == "training_hours":
        return _training_time(gate, under_an_hour)
    if gate.category is not None and gate.category not in after:
        return _criterion(gate, "not-measured", f"The category {gate.category} was not part of this run.")
    if gate.metric == "retained":
        return _retained(gate, before, after)
    trained = sorted(name for name, diagnosis in after.items() if is_trained(diagnosis))
    names = trained if gate.category is None else [gate.category]
    found = {name: stats.Interval(**m) for name in names if (m := after[name]["metrics"].get(gate.metric))}
    if not found:
        return _criterion(gate, "not-measured", "This run did not measure it.")
    criterion = _decide(gate, stats.average(list(found.values())))
    return criterion if len(found) == 1 else replace(criterion, evidence=f"{criterion.evidence} {_each(found)}")


def _each(found: Mapping[str, stats.Interval]) -> str:
    return "By category: " + ", ".join(f"{name} {_percent(i.value)}" for name, i in found.items()) + "."


def _training_time(gate: Gate, under_an_hour: bool | None) -> Criterion:
    if under_an_hour is None:
        return _criterion(gate, "not-measured", "Training was not timed.")
    if under_an_hour:
        return _criterion(gate, "pass", "Training took less than an hour.")
    return _criterion(gate, "fail", "Training took an hour or more.")


def _retained(gate: Gate, before: Categories, after: Categories) -> Criterion:
    assert gate.category is not None
    pairs = pair_items(before[gate.category], after[gate.category])
    old, new = both(pairs, measure("accuracy"))
    if not any(old):
        return _criterion(gate, "not-measured", "Accuracy before training was zero or unknown: nothing to retain.")
    return _decide(gate, stats.ratio(old, new))


def _decide(gate: Gate, interval: stats.Interval) -> Criterion:
    """Which side of the threshold the whole interval is on, in a status and a sentence."""
    above, below = interval.low >= gate.threshold, interval.high < gate.threshold
    right, wrong = (above, below) if gate.relation == ">=" else (below, above)
    status: Status = "pass" if right else "fail" if wrong else "inconclusive"
    limit, side = f"{gate.threshold * 100:g} %", {">=": "at least", "<": "under"}[gate.relation]
    sentence = f"{_span(interval)} on {interval.n} problems; needed: {side} {limit}."
    more = _more_problems(gate.threshold, interval) if status == "inconclusive" else None
    if status == "inconclusive":
        hint = "No affordable number of problems would decide it at this value."
        sentence += f" About {more:,} more problems would decide it at this value." if more else f" {hint}"
    high = interval.high if math.isfinite(interval.high) else None
    criterion = _criterion(gate, status, sentence)
    return replace(criterion, value=interval.value, low=interval.low, high=high, n=interval.n, more=more)


def _more_problems(threshold: float, interval: stats.Interval) -> int | None:
    """How many more problems would narrow the interval until the threshold is outside; None above what anyone measures."""
    distance = abs(interval.value - threshold)
    reach = interval.value - interval.low if interval.value >= threshold else interval.high - interval.value
    needed = interval.n * (reach / distance) ** 2 if distance else math.inf
    return math.ceil(needed) - interval.n + 1 if needed <= MOST_PROBLEMS else None


def _criterion(gate: Gate, status: Status, evidence: str) -> Criterion:
    return Criterion(
        name=gate.name,
        category=gate.category,
        metric=gate.metric,
        relation=gate.relation,
        threshold=gate.threshold,
        status=status,
        evidence=evidence,
    )


def _no_collapse(comparisons: Mapping[str, Any], outside: Mapping[str, Any], guards: set[str | None]) -> list[Criterion]:
    """The added criteria (see the module), tested together."""
    changes: dict[str, tuple[str, str, Mapping[str, Any] | None]] = {}
    for category, comparison in comparisons.items():
        if category in guards:
            continue
        accuracy = comparison["metrics"].get("accuracy")
        changes[f"{category} accuracy"] = ("no collapse: accuracy", category, accuracy)
        changes[f"{category} certainty"] = ("no collapse: certainty", category, comparison["certainty"])
    for name, comparison in outside.items():
        metric = comparison["metric"]
        changes[name] = (f"no collapse: {metric}", name, comparison["metrics"][metric])
    adjusted = stats.holm({key: change["p"] for key, (_, _, change) in changes.items() if change is not None})
    return [_collapse(*entry, adjusted.get(key, 1.0)) for key, entry in changes.items()]


def _collapse(name: str, category: str, change: Mapping[str, Any] | None, p: float) -> Criterion:
    gate = Gate(name=name, category=category, metric=name.removeprefix("no collapse: "), threshold=0.0)
    if change is None:
        return _criterion(gate, "not-measured", "No problem could be scored on both sides.")
    fell = change["difference"] < 0 and p < ALPHA
    ends = f"{change['low'] * 100:+.1f} to {change['high'] * 100:+.1f}"
    moved = f"{change['difference'] * 100:+.1f} points ({ends}, corrected p = {p:.2g})"
    sentence = f"Fell significantly: {moved}." if fell else f"No significant fall: {moved}."
    if not fell:
        sentence += f" A fall of {change['detectable'] * 100:.1f} points would probably have been seen."
    criterion = _criterion(gate, "fail" if fell else "pass", sentence)
    return replace(criterion, value=change["difference"], low=change["low"], high=change["high"], n=change["n"])


def _verdict(gates: Sequence[Criterion], criteria: Sequence[Criterion], comparisons: Mapping[str, Any]) -> tuple[str, str]:
    """The verdict and its reason (the definitions are in the module)."""
    failed = [c for c in criteria if c.status == "fail"]
    unsure = [c for c in criteria if c.status == "inconclusive"]
    if harmed := [c for c in failed if c.name.startswith("no collapse")]:
        return "ABANDON", f"Training did harm on the same problems: {_named(harmed)}"
    if failed and _nothing_to_win(comparisons):
        nothing = f"the vote is under {NOTHING_TO_WIN * 100:.0f} points better than a single sample: nothing to win"
        return "ABANDON", f"{_named(failed)} And before training {nothing}."
    if failed:
        return "ITERATE", _named(failed)
    if unsure:
        return "INCONCLUSIVE", f"Nothing failed, but the data cannot say enough. {_named(unsure)}"
    passed = sum(c.status == "pass" for c in gates)
    if not passed:
        return "INCONCLUSIVE", "None of the phase's gates was measured in this run."
    open_gates = [c.name for c in gates if c.status == "not-measured"]
    rest = f" Not measured: {', '.join(open_gates)}." if open_gates else ""
    return "PROCEED", f"{passed} of {passed} measured gates passed, and nothing collapsed.{rest}"


def _named(criteria: Sequence[Criterion]) -> str:
    return " ".join(f"{_title(c)}: {c.evidence}" for c in criteria)


def _title(criterion: Criterion) -> str:
    added = criterion.name.startswith("no collapse")
    return f"{criterion.name} ({criterion.category})" if added else criterion.name


def _nothing_to_win(comparisons: Mapping[str, Any]) -> bool:
    controls = [c["vote_control"]["before"] for c in comparisons.values() if c["vote_control"]["before"] is not None]
    return bool(controls) and all(control["high"] < NOTHING_TO_WIN for control in controls)


def _next(verdict: str, phase: str, criteria: Sequence[Criterion], comparisons: Mapping[str, Any], after: Categories) -> str:
    if verdict == "PROCEED":
        return PASSED[phase]
    if verdict == "INCONCLUSIVE":
        return _measure_more(criteria)
    if verdict == "ABANDON":
        return _abandon(comparisons)
    advice = dict.fromkeys([*_advice(phase, criteria, comparisons), *_obstacles(after)])
    return " ".join(advice)


PASSED = {
    "minimal": "Go on to the phase `full`: train on about 2,500 problems that the model fails or is inconsistent on.",
    "full": "Go on to targeted distillation: find the failure patterns that remain, let a teacher answer them, train on those.",
}


def _measure_more(criteria: Sequence[Criterion]) -> str:
    """Measuring is what helps, not training: how much of it."""
    unsure = [c for c in criteria if c.status == "inconclusive"]
    if not unsure:
        return "Take the categories into the run that the phase's gates are about."
    if any(c.more is None for c in unsure):
        return "Measure on as many held-out problems as there are; a gate that stays this close counts as not reached: iterate."
    wanted = [f"about {c.more:,} more for {c.name}" for c in unsure]
    return f"Measure both models on more held-out problems ({', '.join(wanted)}); nothing calls for another training yet."


def _abandon(comparisons: Mapping[str, Any]) -> str:
    keep = "Keep the model as it was before."
    if _nothing_to_win(comparisons):
        return f"{keep} Its own consensus has nothing to teach it; a stronger teacher could."
    if any(_rose(c["vote_control"]["before"]) for c in comparisons.values()):
        return f"{keep} The vote did beat a single sample, so a much gentler training from there is worth a new start."
    return f"{keep} The vote was not seen to beat a single sample, so there is no sign that more training would help."


def _advice(phase: str, criteria: Sequence[Criterion], comparisons: Mapping[str, Any]) -> Iterator[str]:
    """Which change each failed gate suggests, given what training did."""
    failed = {criterion.metric for criterion in criteria if criterion.status == "fail"}
    changes = [c["metrics"].get("response_consistency") for c in comparisons.values()]
    moved = any(_rose(change) for change in changes)
    if failed & {"response_consistency", "accuracy", "tie_rate"} and not moved:
        yield "Consistency has not risen: check that the weights moved, then raise the learning rate or train 3-4 epochs."
    if failed & {"response_consistency", "tie_rate"} and moved:
        yield "Consistency rose, but not far enough: train 3-4 epochs."
    if "tie_rate" in failed:
        yield "Votes still tie: try another temperature for the votes and targets."
    if "accuracy" in failed:
        yield _accuracy_advice(comparisons)
    if failed & {"response_consistency", "accuracy", "tie_rate"} and phase == "full":
        yield "Train on more problems."
    if "retained" in failed:
        yield "Reasoning was forgotten: lower the learning rate, or train the category reasoning along with the others."
    if "training_hours" in failed:
        yield "Training took too long: train on fewer or shorter examples, or on a faster device."


def _accuracy_advice(comparisons: Mapping[str, Any]) -> str:
    if any(_rose(c["vote_control"]["after"]) for c in comparisons.values()):
        return "The vote still beats a single sample, so there is consensus left to learn: more epochs, then more problems."
    return "The vote no longer beats a single sample: take in more problems and more categories."


def _obstacles(after: Categories) -> Iterator[str]:
    """What keeps answers from counting, whatever is trained."""
    for name, diagnosis in sorted(after.items()):
        if (cut := _value(diagnosis, "truncated")) > OBSTACLE:
            yield f"{_percent(cut)} of the {name} answers are cut at the token limit: raise it."
        if (silent := _value(diagnosis, "no_answer")) > OBSTACLE:
            yield f"{_percent(silent)} of the {name} samples have no readable answer: check prompt and answer format."


def _value(diagnosis: Diagnosis, metric: str) -> float:
    found = diagnosis["metrics"].get(metric)
    return 0.0 if found is None else float(found["value"])


def _rose(change: Mapping[str, Any] | None) -> bool:
    return change is not None and change["p"] < ALPHA and bool(change["difference"] > 0)


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %"


def _span(interval: stats.Interval) -> str:
    return f"{_percent(interval.value)} ({interval.low * 100:.1f} to {interval.high * 100:.1f})"
