"""The same problems before and after training: what changed, and how sure one can be of it.

`compare` takes two diagnoses and gives a `Comparison`. Everything in it is paired: problem i before is problem i after. A
problem that has no value on one of the sides (it could not be scored) is left out of that comparison and counted under
`left_out`. Where the templates that problems were made from are known of all of them, intervals are over these, and the
comparison says how many there are.

A problem is in one of four cells: *consistent* (more than half of its samples share one answer) or inconsistent, and
*correct* (its majority answer is right; a tie is wrong) or wrong. Training moves it from one cell to another. The sixteen
moves have seven names, each move exactly one:

| name | from | to | meaning |
|---|---|---|---|
| unchanged | any | the same | nothing happened |
| learned | wrong | correct | the vote became right |
| sharpened | inconsistent correct | consistent correct | what it half knew became firm: what distillation is for |
| hardened | inconsistent wrong | consistent wrong | it never was right, and now it is sure of that |
| loosened | consistent wrong | inconsistent wrong | a firm error came into doubt |
| corrupted | correct | consistent wrong | right before, now wrong and sure of it |
| lost | correct | inconsistent wrong, or consistent correct to inconsistent correct | knowledge or firmness went |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import product
from statistics import fmean
from typing import TypeVar

from cogumi import stats
from cogumi.comparison.head_to_head import on_scores
from cogumi.comparison.measures import (
    Measure,
    Pair,
    Values,
    both,
    certainty,
    in_cell,
    measure,
    templates,
)
from cogumi.errors import BadInput
from cogumi.results import (
    CELLS,
    METRICS,
    Change,
    Comparison,
    Diagnosis,
    EvaluationComparison,
    EvaluationResult,
    ExternalComparison,
    ExternalResult,
    Transitions,
)

TRANSITIONS = ("learned", "sharpened", "corrupted", "lost", "hardened", "loosened", "unchanged")
T = TypeVar("T")


def compare(before: Diagnosis, after: Diagnosis) -> Comparison:
    """What changed between two diagnoses of the same problems (see the module).

    Raises `BadInput` where the sides cannot be compared: other evaluations, other settings, or other problems.
    """
    evaluations = _matched("evaluations", before.evaluations, after.evaluations)
    external = _matched("external", before.external, after.external)
    return Comparison(
        evaluations={name: compare_evaluation(name, *sides) for name, sides in evaluations.items()},
        external={name: compare_external(name, *sides) for name, sides in external.items()},
    )


def compare_evaluation(name: str, before: EvaluationResult, after: EvaluationResult) -> EvaluationComparison:
    """What changed on the problems of one benchmark; `name` is for errors."""
    pairs = pair_items(name, before, after)
    known = templates(pairs)
    return EvaluationComparison(
        purpose=after.purpose,
        problems=len(pairs),
        unsampled=len({item.id for side in (before, after) for item in side.items}) - len(pairs),
        metrics=_metrics(pairs),
        votes=_votes(pairs),
        transitions=_transitions(pairs),
        consistent_but_wrong=change_of(pairs, in_cell("consistent_wrong")),
        consistent_and_correct=change_of(pairs, in_cell("consistent_correct")),
        certainty=change_of(pairs, certainty),
        vote_gain=_vote_gains(pairs),
        head_to_head=on_scores(after, before),
        clusters=None if known is None else len(set(known)),
    )


def compare_external(name: str, before: ExternalResult, after: ExternalResult) -> ExternalComparison:
    """What changed in an external evaluation; `name` is for errors."""
    left, right = ({item.id: item.metrics for item in side.items} for side in (before, after))
    if absent := sorted(left.keys() ^ right.keys()):
        problem = f"{len(absent)} items are on one side only, e.g. {absent[0]}"
        raise BadInput(problem, field=name, fix="evaluate the same items before and after")
    metric, ids = before.metric, sorted(left)
    shared = sorted(before.metrics.keys() & after.metrics.keys())
    columns = {m: [(left[i][m], right[i][m]) for i in ids if m in left[i] and m in right[i]] for m in shared}
    if not columns.get(metric):
        raise BadInput(f"no item has the metric {metric} on both sides", field=name, fix="choose another metric")
    values = {m: Values(tuple(x for x, _ in c), tuple(y for _, y in c), None) for m, c in columns.items()}
    changes = {m: change for m, v in values.items() if (change := _to_change(v, len(ids)))}
    return ExternalComparison(metric=metric, problems=len(ids), metrics=changes, head_to_head=on_scores(after, before))


def pair_items(name: str, before: EvaluationResult, after: EvaluationResult) -> list[Pair]:
    """The problems of both sides, joined by id and sorted by it.

    A problem whose every sample failed is absent from a diagnosis, which counts it among its errors: it is left out.
    Any other problem without a partner raises `BadInput` naming it: the sides were asked different questions.
    """
    _refuse_unlike(name, before, after)
    left = {item.id: item for item in before.items}
    right = {item.id: item for item in after.items}
    _refuse_absent(name, sorted(right.keys() - left.keys()), before, "before")
    _refuse_absent(name, sorted(left.keys() - right.keys()), after, "after")
    if not left.keys() & right.keys():
        raise BadInput("no problem is on both sides", field=name, fix="diagnose before and after on the same problems")
    return [(left[i], right[i]) for i in sorted(left.keys() & right.keys())]


def transition(before: str, after: str) -> str:
    """The name of a move from one cell to another (the table in the module)."""
    if before == after:
        return "unchanged"
    if before.endswith("wrong"):
        if after.endswith("correct"):
            return "learned"
        return "hardened" if after == "consistent_wrong" else "loosened"
    if after == "consistent_wrong":
        return "corrupted"
    return "sharpened" if after == "consistent_correct" else "lost"


def _matched(field: str, before: Mapping[str, T], after: Mapping[str, T]) -> dict[str, tuple[T, T]]:
    if before.keys() != after.keys() or (field == "evaluations" and not before):
        problem = f"before: {', '.join(sorted(before)) or 'none'}; after: {', '.join(sorted(after)) or 'none'}"
        raise BadInput(problem, field=field, fix="measure the same before and after")
    return {name: (before[name], after[name]) for name in sorted(before)}


def _refuse_unlike(name: str, before: EvaluationResult, after: EvaluationResult) -> None:
    for field in ("benchmark", "purpose", "samples", "temperature", "chance", "consistency"):
        old, new = getattr(before, field), getattr(after, field)
        if old != new:
            fix = "diagnose both sides with the same settings"
            raise BadInput(f"{old} before and {new} after", field=f"{name}.{field}", fix=fix)


def _refuse_absent(name: str, absent: Sequence[str], side: EvaluationResult, when: str) -> None:
    """A problem that was sampled in vain left at least one error; more absences than errors have another reason."""
    if len(absent) > side.errors:
        named = ", ".join(absent[:5]) + (f" and {len(absent) - 5} more" if len(absent) > 5 else "")
        problem = f"{len(absent)} problems are missing {when} training: {named}"
        raise BadInput(problem, field=name, fix="diagnose before and after on the same problems")


def _metrics(pairs: Sequence[Pair]) -> dict[str, Change]:
    """The metrics that at least one problem has on both sides, the task's own behind the common ones."""
    own = sorted({name for pair in pairs for item in pair for name in item.metrics} - METRICS.keys())
    changes = {name: change_of(pairs, measure(name)) for name in (*METRICS, *own)}
    return {name: change for name, change in changes.items() if change is not None}


def change_of(pairs: Sequence[Pair], read: Measure) -> Change | None:
    """Both means and their paired difference; None where no problem has both values."""
    return _to_change(both(pairs, read), len(pairs))


def _to_change(values: Values, problems: int) -> Change | None:
    change = values.change()
    if change is None:
        return None
    left_out = problems - len(values.before)
    return Change(before=fmean(values.before), after=fmean(values.after), change=change, left_out=left_out)


def _votes(pairs: Sequence[Pair]) -> stats.McNemar | None:
    values = both(pairs, measure("majority_accuracy"))
    return stats.mcnemar(values.before, values.after) if values.before else None


def _transitions(pairs: Sequence[Pair]) -> Transitions:
    cells = [(x, y) for b, a in pairs if (x := b.cell) is not None and (y := a.cell) is not None]
    moves = Counter(cells)
    names = Counter(dict.fromkeys(TRANSITIONS, 0))
    for (x, y), count in moves.items():
        names[transition(x, y)] += count
    table: dict[str, dict[str, int]] = {cell: {} for cell in CELLS}
    for x, y in product(CELLS, CELLS):
        table[x][y] = moves[x, y]
    return Transitions(names=dict(names), table=table, n=len(cells), left_out=len(pairs) - len(cells))


def _vote_gains(pairs: Sequence[Pair]) -> dict[str, Change]:
    """On each side a single sample against the vote: a vote drawn at random has the mean over samples."""
    sides = {"before": [(b, b) for b, _ in pairs], "after": [(a, a) for _, a in pairs]}
    values = {name: both(side, measure("accuracy"), measure("majority_accuracy")) for name, side in sides.items()}
    gains = {name: _to_change(found, len(pairs)) for name, found in values.items()}
    return {name: gain for name, gain in gains.items() if gain is not None}
