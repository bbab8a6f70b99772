"""Figures of one item, higher is better, from what lm-eval says of it; and which of them counts.

    {"acc": 1.0, "acc_norm": 0.0, "f1": (2, 1), "filter": "none"}    ->  {"acc": 1.0, "acc_norm": 0.0}
    {"exact_match": 1.0, "filter": "strict-match"}                   ->  {"exact_match,strict-match": 1.0}
    {"word_perplexity": (-13.8, 4), "filter": "none"}                ->  {"-log(word_perplexity)": -3.45}

A figure is called as in lm-eval's tables, without the filter where that is `none`. Where lower is better, the item's figure is
negated and its name says so. A perplexity is an exponential of a mean; the item's part of it is its log-likelihood per unit, so
the weighted mean of `-log(word_perplexity)` is the logarithm of what lm-eval prints, negated. Metrics that exist only for all
items together (F1, Matthews' correlation, BLEU, chrF, TER, Brier score) have no figure for one item and are left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cogumi.errors import BadInput, suggest
from cogumi.records import ItemResult
from cogumi_lm_eval.selection import select
from cogumi_lm_eval.settings import Settings

PREFERRED = ("acc_norm", "acc", "exact_match")
"""What counts unless told otherwise, where a task has it: length-normalised accuracy is what papers report for the tasks that
have both (ARC, HellaSwag, OpenBookQA, PIQA)."""

MEANS = ("mean", "nanmean", "median")
"""Aggregations that leave an item's figure what it is."""

CORPUS = ("f1", "f1_score", "mcc", "matthews_corrcoef", "bleu", "chrf", "chrfpp", "chrf++", "ter", "brier_score", "likelihood")
"""Aggregations (and the metrics named like them) of pairs from all items."""

DEFAULTS = {
    "loglikelihood": ("perplexity", "acc"),
    "loglikelihood_rolling": ("word_perplexity", "byte_perplexity", "bits_per_byte"),
    "multiple_choice": ("acc", "acc_norm"),
    "generate_until": ("exact_match",),
}
"""The metrics of a task that lists none, by its output type."""

AGGREGATIONS = {
    "perplexity": "perplexity",
    "word_perplexity": "weighted_perplexity",
    "byte_perplexity": "weighted_perplexity",
    "bits_per_byte": "bits_per_byte",
}
"""The aggregations of metrics that need not name theirs; `mean`, or one of `CORPUS`, for all others."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What becomes of one metric."""

    name: str
    """What the item's figure is called."""
    value: Callable[[Any], Any]
    """The figure from what lm-eval says of the item."""


def figure(metric: str, aggregation: str, higher: bool) -> Figure | None:
    """What becomes of a metric that lm-eval aggregates so; None where an item has no figure of its own."""
    if aggregation == "perplexity":
        return Figure(f"-log({metric})", lambda loglikelihood: loglikelihood)
    if aggregation == "weighted_perplexity":
        return Figure(f"-log({metric})", lambda pair: pair[0] / pair[1])
    if aggregation == "bits_per_byte":
        return Figure(f"-{metric}", lambda pair: pair[0] / pair[1] / math.log(2))
    if aggregation in CORPUS or (not higher and aggregation not in MEANS):
        return None
    return Figure(metric, lambda value: value) if higher else Figure(f"-{metric}", lambda value: -value)


def figures(task: Any, sample: Mapping[str, Any]) -> dict[str, float]:
    """The figures of one row of lm-eval's samples: one item as one filter reads it."""
    aggregations, higher = task.aggregation(), task.higher_is_better()
    out: dict[str, float] = {}
    for metric in sample["metrics"]:
        aggregation = getattr(aggregations.get(metric), "__name__", "mean")
        made = figure(metric, aggregation, higher.get(metric, True) is not False)
        value = None if made is None else _number(made.value, sample[metric])
        if made is not None and value is not None:
            out[_called(made.name, sample["filter"])] = value
    return out


def counting(settings: Settings) -> str:
    """The metric that counts, as far as the task's file tells; `cogumi_lm_eval.run.check` sees whether items have it."""
    try:
        known = [names for task in select(settings).tasks if (names := _declared(task.config))]
    except BadInput:
        known = []  # there is no such task, as the check will say
    common = [name for name in known[0] if all(name in names for names in known)] if known else []
    return primary(settings.metric, common) or settings.metric or PREFERRED[1]


def primary(wanted: str | None, names: Sequence[str]) -> str | None:
    """The figure among `names` that is meant, by its own name or lm-eval's; with None the preferred one."""
    for name in PREFERRED if wanted is None else (wanted,):
        for found in names:
            if name in (found, found.partition(",")[0], _bare(found)):
                return found
    return names[0] if wanted is None and names else None


def unknown(metric: str, item: ItemResult) -> BadInput:
    """The error for a metric that an item does not have."""
    task = item.id.rpartition("/")[0]
    if not item.metrics:
        return BadInput(f"'{task}' has no metric of single items, only of all together", field="task", fix="choose another")
    return BadInput(
        f"the items of '{task}' have no metric called '{metric}'", field="metric", fix=suggest(metric, item.metrics)
    )


def _declared(config: Mapping[str, Any]) -> list[str]:
    """The figures that a task's file promises, in its order; none where Python code decides."""
    if "class" in config:
        return []
    filters = [str(entry.get("name")) for entry in config.get("filter_list") or ({"name": "none"},)]
    made = [name for metric in _metrics(config) if (name := metric is not None and metric.name)]
    return [_called(name, key) for key in filters for name in made]


def _metrics(config: Mapping[str, Any]) -> Iterator[Figure | None]:
    listed = config.get("metric_list")
    if listed is None:
        listed = [{"metric": name} for name in DEFAULTS.get(str(config.get("output_type", "generate_until")), ())]
    for entry in listed:
        metric = str(entry.get("metric")).rpartition(".")[2]  # a function is called by its last name
        default = metric if metric in CORPUS else AGGREGATIONS.get(metric, "mean")
        yield figure(metric, str(entry.get("aggregation", default)), entry.get("higher_is_better") is not False)


def _called(name: str, key: str) -> str:
    return name if key == "none" else f"{name},{key}"


def _bare(name: str) -> str:
    """lm-eval's name of a negated figure."""
    return name.partition(",")[0].removeprefix("-").removeprefix("log(").removesuffix(")")


def _number(convert: Callable[[Any], Any], value: Any) -> float | None:
    """The figure as a float; None where the item has no finite one."""
    import numpy

    if isinstance(value, tuple) and len(value) != 2:
        return None
    try:
        made = convert(value)
    except (TypeError, IndexError, ZeroDivisionError):
        return None
    scalar = isinstance(made, int | float | numpy.number | numpy.bool_)
    return float(made) if scalar and math.isfinite(made) else None
