"""The same problems before and after training: what changed, and how sure one can be of it.

`compare` takes the diagnoses of one category and gives a plain dictionary, ready for JSON. Everything in it is paired:
problem i before is problem i after. A problem that has no value on one of the sides (it could not be scored) is left out
of that comparison and counted under `left_out`.

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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from itertools import product
from statistics import fmean
from typing import Any, TypeAlias

from cogumi import stats
from cogumi.errors import BadInput
from cogumi.head_to_head import on_scores

Diagnosis: TypeAlias = Mapping[str, Any]
"""One category of before.json or after.json."""
Item: TypeAlias = Mapping[str, Any]
Measure: TypeAlias = Callable[[Item], float | None]
"""A figure of one problem; None where it could not be measured."""

CELLS = ("consistent_correct", "consistent_wrong", "inconsistent_correct", "inconsistent_wrong")
TRANSITIONS = ("learned", "sharpened", "corrupted", "lost", "hardened", "loosened", "unchanged")
ITEM_FIELDS = {
    "response_consistency": "response_consistency",
    "answer_consistency": "answer_consistency",
    "unique_responses": "unique_responses",
    "tie_rate": "tie",
    "accuracy": "accuracy",
    "majority_accuracy": "majority_correct",
    "greedy_accuracy": "greedy_correct",
    "truncated": "truncated",
    "no_answer": "no_answer",
}
"""Which field of an item each metric averages; a task's own metrics are in the item's `metrics`."""


def compare(before: Diagnosis, after: Diagnosis) -> dict[str, Any]:
    """What training changed in one category (see the module).

    `problems` counts the pairs, `unsampled` the problems that failed on a side. `metrics`, `consistent_but_wrong`,
    `consistent_and_correct` and `certainty` (the second minus the first, in -1..1) hold paired differences; `votes`
    McNemar's counts on the majority answer; `transitions` the counts and the 4 x 4 table (before, then after);
    `vote_control` the majority vote against a vote drawn at random, which is a single sample; `head_to_head` wins, losses
    and ties on accuracy. Raises `BadInput` where the sides cannot be compared.
    """
    pairs = _pairs(before, after)
    return {
        "problems": len(pairs),
        "unsampled": len({item["id"] for side in (before, after) for item in side["items"]}) - len(pairs),
        "metrics": {name: _change(pairs, read) for name, read in _measures(pairs).items()},
        "votes": _votes(pairs),
        "transitions": _transitions(pairs),
        "consistent_but_wrong": _change(pairs, lambda item: _in_cell(item, "consistent_wrong")),
        "consistent_and_correct": _change(pairs, lambda item: _in_cell(item, "consistent_correct")),
        "certainty": _change(pairs, certainty),
        "vote_control": {"before": _vote_control([b for b, _ in pairs]), "after": _vote_control([a for _, a in pairs])},
        "head_to_head": on_scores(after, before),
    }


def compare_outside(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What training changed in an outside evaluation: each metric's paired difference, and a head to head on `metric`."""
    left, right = ({item["id"]: item["metrics"] for item in side["items"]} for side in (before, after))
    if absent := sorted(left.keys() ^ right.keys()):
        problem = f"{len(absent)} items are on one side only, e.g. {absent[0]}"
        raise BadInput(problem, field=name, fix="evaluate the same items before and after")
    metric, ids = before["metric"], sorted(left)
    shared = sorted(before["metrics"].keys() & after["metrics"].keys())
    if metric not in shared:
        raise BadInput(f"no item has the metric {metric} on both sides", field=name, fix="choose another metric")
    columns = {m: [(left[i][m], right[i][m]) for i in ids if m in left[i] and m in right[i]] for m in shared}
    changes = {m: _difference([x for x, _ in c], [y for _, y in c], len(ids)) for m, c in columns.items() if c}
    head = on_scores(after, before, outside_measure(metric))
    return {"metric": metric, "problems": len(ids), "metrics": changes, "head_to_head": head}


def outside_measure(metric: str) -> Measure:
    """How a metric is read from an outside evaluation's item, which has nothing but metrics."""
    return lambda item: item["metrics"].get(metric)


def measure(metric: str) -> Measure:
    """How a metric is read from an item: a figure, or None where the item has none."""
    field = ITEM_FIELDS.get(metric)

    def read(item: Item) -> float | None:
        value = item["metrics"].get(metric) if field is None else item[field]
        return None if value is None else float(value)

    return read


def both(pairs: Sequence[tuple[Item, Item]], read: Measure) -> tuple[list[float], list[float]]:
    """The values before and after of the problems that have both."""
    values = [(x, y) for b, a in pairs if (x := read(b)) is not None and (y := read(a)) is not None]
    return [x for x, _ in values], [y for _, y in values]


def pair_items(before: Diagnosis, after: Diagnosis) -> list[tuple[Item, Item]]:
    """The items of both sides, joined by id and sorted by it.

    A problem whose every sample failed is absent from a diagnosis, which counts it among its errors: it is left out.
    Any other problem without a partner raises `BadInput` naming it: the sides were asked different questions.
    """
    left = {item["id"]: item for item in before["items"]}
    right = {item["id"]: item for item in after["items"]}
    _refuse_absent(sorted(right.keys() - left.keys()), before, "before")
    _refuse_absent(sorted(left.keys() - right.keys()), after, "after")
    if not left.keys() & right.keys():
        raise BadInput("no problem is on both sides", field="items", fix="diagnose before and after on the same problems")
    return [(left[name], right[name]) for name in sorted(left.keys() & right.keys())]


def certainty(item: Item) -> float | None:
    """1 where the model is consistent and right, -1 where it is consistent and wrong, 0 where it is inconsistent."""
    cell = cell_of(item)
    return None if cell is None else {"consistent_correct": 1.0, "consistent_wrong": -1.0}.get(cell, 0.0)


def cell_of(item: Item) -> str | None:
    """The item's cell of the 2 x 2, or None where its majority answer could not be scored."""
    if item["majority_correct"] is None:
        return None
    return f"{'consistent' if item['consistent'] else 'inconsistent'}_{'correct' if item['majority_correct'] else 'wrong'}"


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


def _pairs(before: Diagnosis, after: Diagnosis) -> list[tuple[Item, Item]]:
    for side in (before, after):
        _refuse_incomplete(side)
    for field in ("benchmark", "samples", "temperature"):
        if before[field] != after[field]:
            problem = f"{before[field]} before and {after[field]} after"
            raise BadInput(problem, field=field, fix="diagnose both sides with the same settings")
    return pair_items(before, after)


def _refuse_incomplete(diagnosis: Diagnosis) -> None:
    """A file that was edited, or written by something else, is refused by name instead of failing somewhere below."""
    needed = {"benchmark", "samples", "temperature", "errors", "metrics", "items"}
    if absent := sorted(needed - diagnosis.keys()):
        raise BadInput("missing", field=absent[0], fix="give a diagnosis as before.json holds it")
    for item in diagnosis["items"]:
        if absent := sorted({"id", "consistent", "metrics", *ITEM_FIELDS.values()} - item.keys()):
            name = f"items: {item.get('id')}: {absent[0]}"
            raise BadInput("missing", field=name, fix="give a diagnosis as before.json holds it")


def _refuse_absent(absent: Sequence[str], diagnosis: Diagnosis, side: str) -> None:
    """A problem that was sampled in vain left at least one error; more absences than errors have another reason."""
    if len(absent) > diagnosis["errors"]:
        named = ", ".join(absent[:5]) + (f" and {len(absent) - 5} more" if len(absent) > 5 else "")
        problem = f"{len(absent)} problems are missing {side} training: {named}"
        raise BadInput(problem, field="items", fix="diagnose before and after on the same problems")


def _measures(pairs: Sequence[tuple[Item, Item]]) -> dict[str, Measure]:
    """The measures that at least one problem has on both sides, the task's own behind the common ones."""
    own = sorted({name for pair in pairs for item in pair for name in item["metrics"]} - ITEM_FIELDS.keys())
    measures = {name: measure(name) for name in (*ITEM_FIELDS, *own)}
    return {name: read for name, read in measures.items() if both(pairs, read)[0]}


def _change(pairs: Sequence[tuple[Item, Item]], read: Measure) -> dict[str, Any] | None:
    """Both means and their paired difference; None where no problem has both values."""
    before, after = both(pairs, read)
    return _difference(before, after, len(pairs)) if before else None


def _difference(before: Sequence[float], after: Sequence[float], problems: int) -> dict[str, Any]:
    change = asdict(stats.paired(before, after))
    change["difference"] = change.pop("value")
    return {"before": fmean(before), "after": fmean(after), **change, "left_out": problems - len(before)}


def _in_cell(item: Item, cell: str) -> float | None:
    here = cell_of(item)
    return None if here is None else float(here == cell)


def _votes(pairs: Sequence[tuple[Item, Item]]) -> dict[str, Any] | None:
    before, after = both(pairs, measure("majority_accuracy"))
    return {**asdict(stats.mcnemar(before, after)), "left_out": len(pairs) - len(before)} if before else None


def _transitions(pairs: Sequence[tuple[Item, Item]]) -> dict[str, Any]:
    cells = [(x, y) for b, a in pairs if (x := cell_of(b)) is not None and (y := cell_of(a)) is not None]
    moves = Counter(cells)
    names = Counter(dict.fromkeys(TRANSITIONS, 0))
    for (x, y), count in moves.items():
        names[transition(x, y)] += count
    table: dict[str, dict[str, int]] = {cell: {} for cell in CELLS}
    for x, y in product(CELLS, CELLS):
        table[x][y] = moves[x, y]
    return {**names, "table": table, "n": len(cells), "left_out": len(pairs) - len(cells)}


def _vote_control(items: Sequence[Item]) -> dict[str, Any] | None:
    """The majority's accuracy against a random vote's. The expected accuracy of a random vote is the mean over samples."""
    scored = [(measure("accuracy")(item), measure("majority_accuracy")(item)) for item in items]
    values = [(single, vote) for single, vote in scored if single is not None and vote is not None]
    if not values:
        return None
    change = _difference([single for single, _ in values], [vote for _, vote in values], len(items))
    return {"random_vote": change.pop("before"), "majority_vote": change.pop("after"), **change}
