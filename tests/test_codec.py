"""Records to JSON and back, and what is said of a file that does not fit."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogumi import results
from cogumi.codec import from_json, part_of, to_json
from cogumi.errors import BadInput
from cogumi.records import JSON, Endpoint, Message, Model, Weights
from cogumi.stats import Interval

FILES = [
    results.Diagnosis,
    results.Comparison,
    results.Verdict,
    results.Distillation,
    results.HeadToHead,
    results.TrainingResult,
]
"""What a run leaves as files of its own."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One of something."""

    x: float
    label: str = "here"


@dataclass(frozen=True, kw_only=True)
class Everything:
    """A field of each kind."""

    text: str = "t"
    whole: int = 1
    real: float = 0.5
    flag: bool = True
    choice: Literal["a", "b"] = "a"
    maybe: int | None = None
    path: Path = Path("a/b")
    point: Point = Point(x=1.0)
    points: tuple[Point, ...] = ()
    pair: tuple[int, str] = (1, "x")
    by_name: Mapping[str, Point] = field(default_factory=dict)
    turns: tuple[Message, ...] = ()
    model: Model | None = None
    anything: JSON = None


TEXTS = st.text(max_size=6)
POINTS = st.builds(Point, x=st.floats(allow_nan=False, allow_infinity=False), label=TEXTS)
EVERYTHING = st.builds(
    Everything,
    text=TEXTS,
    whole=st.integers(),
    flag=st.booleans(),
    choice=st.sampled_from(["a", "b"]),
    maybe=st.none() | st.integers(),
    path=st.just(Path("x/y")),
    point=POINTS,
    points=st.lists(POINTS, max_size=2).map(tuple),
    pair=st.tuples(st.integers(), TEXTS),
    by_name=st.dictionaries(TEXTS, POINTS, max_size=2),
    turns=st.lists(st.builds(Message, role=TEXTS, content=TEXTS), max_size=2).map(tuple),
    model=st.none()
    | st.builds(Weights, name=TEXTS, path=TEXTS, training=st.dictionaries(TEXTS, st.integers(), max_size=2))
    | st.builds(Endpoint, name=TEXTS, url=TEXTS, served=TEXTS),
    anything=st.none() | st.integers() | st.lists(TEXTS, max_size=2),
)


@given(EVERYTHING)
def test_any_record_survives_a_trip_through_a_file(record: Everything) -> None:
    assert from_json(Everything, json.loads(json.dumps(to_json(record), allow_nan=False))) == record


def test_a_record_is_an_object_with_a_key_for_each_field() -> None:
    assert to_json(Interval(0.5, 0.4, 0.6, 100)) == {"value": 0.5, "low": 0.4, "high": 0.6, "n": 100, "clusters": None}
    assert list(to_json(Everything())) == [each.name for each in fields(Everything)]


def test_an_end_without_a_bound_is_null_and_comes_back() -> None:
    shown = to_json(Interval(0.5, 0.4, math.inf, 3))
    assert shown["high"] is None
    assert from_json(Interval, shown) == Interval(0.5, 0.4, math.inf, 3)


def test_whole_numbers_stand_for_real_ones_and_never_for_flags() -> None:
    point = from_json(Point, {"x": 3})
    assert (point.x, type(point.x)) == (3.0, float)
    assert from_json(Everything, {"flag": False}) == Everything(flag=False)


def test_what_is_absent_has_its_default() -> None:
    assert from_json(Everything, {}) == Everything()


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ([], "list where an object is expected (restore the file, or make it again)"),
        ({"wole": 1}, "wole: no such field (did you mean whole"),
        ({"point": {}}, "point.x: missing (restore the file, or make it again)"),
        ({"point": {"x": "1"}}, "point.x: str where float is expected ("),
        ({"points": [{"x": 1}, {"x": None, "y": 2}]}, "points.1.y: no such field ("),
        ({"points": {"x": 1}}, "points: dict where an array is expected ("),
        ({"pair": [1]}, "pair: list where an array of 2 is expected ("),
        ({"pair": [1, 2]}, "pair.1: int where str is expected ("),
        ({"by_name": {"a b": {"x": True}}}, "by_name.a b.x: bool where float is expected ("),
        ({"by_name": []}, "by_name: list where an object is expected ("),
        ({"whole": True}, "whole: bool where int is expected ("),
        ({"whole": 1.5}, "whole: float where int is expected ("),
        ({"flag": 1}, "flag: int where bool is expected ("),
        ({"text": None}, "text: NoneType where str is expected ("),
        ({"maybe": "1"}, "maybe: str where int is expected ("),
        ({"choice": "c"}, "choice: str where a|b is expected ("),
        ({"path": 3}, "path: int where Path is expected ("),
        ({"turns": ["hello"]}, "turns.0: str where an object is expected ("),
        ({"model": {"name": "m"}}, "model: dict where Weights or Endpoint is expected ("),
    ],
)
def test_what_does_not_fit_is_named_by_file_line_and_field(value: Any, problem: str) -> None:
    with pytest.raises(BadInput) as caught:
        from_json(Everything, value, file="x.jsonl", line=4)
    message = str(caught.value)
    assert message.startswith(f"x.jsonl:4: {problem}")
    assert "\n" not in message


@pytest.mark.parametrize("value", [{"choice": ["a"]}, {"choice": {}}, {"choice": None}])
def test_a_choice_that_is_no_plain_value_is_refused_like_any_other(value: Any) -> None:
    with pytest.raises(BadInput, match=r"^choice: \w+ where a\|b is expected"):
        from_json(Everything, value)


@pytest.mark.parametrize("kind", FILES, ids=lambda kind: kind.__name__)
def test_every_file_of_a_run_carries_its_format(kind: Any) -> None:
    assert {each.name: each.default for each in fields(kind)}["format"] == 1


def test_a_verdict_comes_back_whole() -> None:
    criterion = results.Criterion(kind="target", name="n", status="pass", sentence="s", relation=">=", threshold=0.5, high=None)
    verdict = results.Verdict(
        verdict="PROCEED", phase="p", sentence="s", next="n", criteria=(criterion,), warnings=("mind the gap",)
    )
    assert from_json(results.Verdict, json.loads(json.dumps(to_json(verdict)))) == verdict
    with pytest.raises(BadInput, match=r"criteria\.0\.kind: str where enough\|target\|.* is expected"):
        from_json(results.Verdict, {**to_json(verdict), "criteria": [{**to_json(criterion), "kind": "luck"}]})


def test_a_part_of_an_object_is_read_and_the_rest_is_not() -> None:
    assert part_of(Point, {"x": 1, "y": {"whatever": []}}) == Point(x=1.0)
    with pytest.raises(BadInput, match=r"^f\.json: x: missing"):
        part_of(Point, {"y": 1}, file="f.json")
    with pytest.raises(BadInput, match=r"^f\.json: list where an object is expected"):
        part_of(Point, [1], file="f.json")
