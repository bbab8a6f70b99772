"""`check_evaluation`: the promises of an external evaluation."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence

from cogumi.protocols import ExternalEvaluation
from cogumi.records import ItemResult, Weights
from cogumi.testing.promises import made_by, never_raises, require, short


def check_evaluation(
    evaluation: ExternalEvaluation | Callable[[], ExternalEvaluation], model: Weights, *, limit: int = 4
) -> None:
    """Check an external evaluation (or its factory) on `model`, which it is really handed, twice and on a few items."""
    make = made_by(evaluation, ExternalEvaluation)
    made = make()
    require(bool(made.name.strip()), "the evaluation's name is what people type, with its argument")
    with never_raises("check() on usable settings"):
        made.check()
    items, again = (_items(made, model, limit) for _ in range(2))
    require(len(items) > 0, "an evaluation gives at least one item")
    require(len(items) <= limit, f"limit is the most items, and {len(items)} came for a limit of {limit}")
    repeated = [name for name, count in Counter(item.id for item in items).items() if count > 1]
    require(not repeated, f"an item's id is unique within the evaluation, and '{'' if not repeated else repeated[0]}' is not")
    for item in items:
        told = f"item '{item.id}' has {short(dict(item.metrics))}"
        require(all(math.isfinite(value) for value in item.metrics.values()), f"metrics are finite numbers, and {told}")
        require(made.metric in item.metrics, f"every item has the metric that counts, '{made.metric}', and {told}")
    same = sorted(items, key=_id) == sorted(again, key=_id)
    require(same, "the same model gets the same items and metrics each time")


def _items(evaluation: ExternalEvaluation, model: Weights, limit: int) -> Sequence[ItemResult]:
    with never_raises("evaluate()"):
        found = list(evaluation.evaluate(model, limit, lambda done, total, note: None))
    require(all(isinstance(item, ItemResult) for item in found), "evaluate() gives ItemResults")
    return found


def _id(item: ItemResult) -> str:
    return item.id
