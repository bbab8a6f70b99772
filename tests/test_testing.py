"""Every promise that a check makes of a model, against one that breaks this promise and no other; the fakes."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Callable
from typing import Any

import pytest

from cogumi.protocols import Benchmark, ExternalEvaluation
from cogumi.records import Endpoint, ItemResult, Weights, sample_seed
from cogumi.testing import (
    check_evaluation,
    check_model,
    fake_benchmark,
    fake_category,
    make_completions,
    make_examples,
    make_problems,
    make_requests,
)

COUNTER = itertools.count()


@pytest.mark.parametrize(
    ("changes", "promise"),
    [
        ({"name": " "}, "name is a text"),
        ({"path": ""}, "path is a text"),
        ({"trust_remote_code": True}, "trust_remote_code is the user's to switch on"),
        ({"data": "web"}, "data is 'hub' or 'bundled'"),
        ({"training": {"learning rate": 1.0}}, "training holds trainer options by name"),
        ({"training": {"betas": (0.9, 0.95)}}, "training survives a trip through JSON"),
        ({"training": {"dtype": object()}}, "must not raise, and raised TypeError"),
        ({"adapter": "/nowhere"}, "adapter is a folder with adapter_config.json"),
    ],
)
def test_a_broken_model_is_told_its_promise(changes: dict[str, Any], promise: str) -> None:
    good = Weights(name="small", path="owner/small")
    with pytest.raises(AssertionError, match=re.escape(promise)):
        check_model(dataclasses.replace(good, **changes))


def test_a_served_model_has_a_name_and_nothing_on_disk() -> None:
    check_model(Endpoint(name="small", url="http://localhost:1/v1", served="their/small"))
    with pytest.raises(AssertionError, match="served is a text"):
        check_model(Endpoint(name="small", url="http://localhost:1/v1", served=" "))


def evaluation(items: Callable[[int], list[ItemResult]], **changes: Any) -> Callable[[], ExternalEvaluation]:
    """A factory of an evaluation that gives these items, the call's number given."""
    calls = itertools.count()
    made = ExternalEvaluation(
        name="x:y", evaluate=lambda model, limit, progress: items(next(calls))[:limit], metric="acc", **changes
    )
    return lambda: made


def failing() -> None:
    raise RuntimeError("no")


ITEMS = [ItemResult(id=name, metrics={"acc": 1.0}) for name in "abcdef"]


@pytest.mark.parametrize(
    ("factory", "promise"),
    [
        (evaluation(lambda call: []), "gives at least one item"),
        (evaluation(lambda call: [ITEMS[0], ITEMS[0]]), "an item's id is unique within the evaluation, and 'a' is not"),
        (evaluation(lambda call: [ItemResult(id="a", metrics={"acc": float("nan")})]), "metrics are finite numbers"),
        (evaluation(lambda call: [ItemResult(id="a", metrics={"f1": 1.0})]), "every item has the metric that counts, 'acc'"),
        (evaluation(lambda call: [ItemResult(id="a", metrics={"acc": float(call)})]), "the same model gets the same items"),
        (evaluation(lambda call: ITEMS, check=failing), "check() on usable settings must not raise"),
    ],
)
def test_a_broken_evaluation_is_told_its_promise(factory: Callable[[], ExternalEvaluation], promise: str) -> None:
    with pytest.raises(AssertionError, match=re.escape(promise)):
        check_evaluation(factory, Weights(name="m", path="m"))


def test_a_good_evaluation_passes_and_one_that_knows_no_limit_does_not() -> None:
    check_evaluation(evaluation(lambda call: ITEMS[::-1]), Weights(name="m", path="m"))
    endless = ExternalEvaluation(name="x", evaluate=lambda model, limit, progress: ITEMS, metric="acc")
    with pytest.raises(AssertionError, match="limit is the most items"):
        check_evaluation(endless, Weights(name="m", path="m"))


def test_a_model_is_the_same_each_time() -> None:
    with pytest.raises(AssertionError, match="a model is the same each time"):
        check_model(lambda: Weights(name="small", path=f"owner/small-{next(COUNTER)}"))
    check_model(lambda: Weights(name="small", path="owner/small", training={"epochs": 2}))


def test_the_records_that_are_made_are_fit_for_use() -> None:
    assert [c.index for c in make_completions(["a", "b"])] == [0, 1]
    assert all(e.messages[-1]["role"] == "assistant" for e in make_examples(3))
    assert len({p.prompt for p in make_problems(50)}) == 50
    first, second = make_requests(2, samples=2)
    assert sample_seed(first, 0) != sample_seed(second, 0)
    benchmark: Benchmark = fake_benchmark()
    assert not {p.id for p in benchmark.task.problems()} & {p.id for p in fake_category().task.problems()}
