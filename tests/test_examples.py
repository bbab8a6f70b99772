from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from parts import drawn, part

from cogumi import diagnose
from cogumi.examples import pick_examples
from cogumi.plan import Part, Plan
from cogumi.plugins import Entry, Plugin
from cogumi.records import Model, Request
from cogumi.settings import Settings
from cogumi.testing import make_problems

SETTINGS = Settings(samples=2)
ENTRY = Entry(kind="sampler", name="x", factory=lambda: None, plugin=Plugin(name="x", dist="x", version="1"))


def side(parts: list[Part], wrong: Mapping[str, int]) -> tuple[Any, Any]:
    """Samples and diagnosis of a model that answers so many of a problem's two samples wrongly."""

    def text(request: Request, index: int) -> str:
        name = request.id.partition("/")[2].partition("#")[0]
        right = int(name.partition("-")[2])
        return str(right + right % 7 + 1) if index >= wrong.get(name, 0) else "999"

    samples = drawn((request for p in parts for request in diagnose.requests(p.exam, SETTINGS)), text)
    return samples, {"categories": {p.name: diagnose.diagnose(p.exam, samples, SETTINGS) for p in parts}}


def picked(parts: list[Part], was: Mapping[str, int], now: Mapping[str, int]) -> list[dict[str, Any]]:
    plan = Plan(settings=SETTINGS, model=Model(name="m", path="m"), parts=tuple(parts), sampler=ENTRY, trainer=ENTRY)
    (before, diagnosis), (after, later) = side(parts, was), side(parts, now)
    return pick_examples(plan, before, after, diagnosis, later)


def named(name: str, first: int, count: int) -> Part:
    whole = part(held_out=make_problems(count, first=first))
    return replace(whole, category=replace(whole.category, name=name), exam=replace(whole.exam, name=name))


def test_a_gain_a_loss_and_an_ordinary_problem_are_shown() -> None:
    examples = picked([named("one", 0, 5)], {"sum-1": 2, "sum-2": 1}, {"sum-4": 2})
    assert [example["id"] for example in examples] == ["sum-1", "sum-4", "sum-3"]
    gain, loss, ordinary = examples
    assert (gain["before"], gain["after"]) == (["999", "999"], ["3", "3"])
    assert (loss["before_answers"], loss["after_answers"]) == (["9", "9"], ["999", "999"])
    assert ordinary["before"] == ordinary["after"]
    assert (gain["category"], gain["prompt"], gain["reference"]) == ("one", "What is 1 + 2?", "3")


def test_a_loss_is_shown_however_many_categories_there_are() -> None:
    parts = [named("one", 0, 4), named("two", 10, 4), named("three", 20, 4)]
    examples = picked(parts, {"sum-1": 2, "sum-11": 2, "sum-21": 2}, {"sum-2": 2, "sum-12": 2, "sum-22": 2})
    assert [(example["category"], example["id"]) for example in examples[:2]] == [("one", "sum-1"), ("two", "sum-12")]
    assert examples[2]["category"] == "three"
    assert examples[2]["id"] in ("sum-20", "sum-23")


def test_a_problem_is_shown_once() -> None:
    assert [example["id"] for example in picked([named("one", 3, 1)], {}, {})] == ["sum-3"]
