"""Values across the pipe: exact, aliased, rebuilt as builtin types only, and never trusted."""

import datetime
import math
from collections import Counter, OrderedDict, defaultdict, deque
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from typing import Any, NamedTuple

import pytest
from cogumi_sandbox import canonical
from cogumi_sandbox.canonical import Indescribable
from cogumi_sandbox.codec import Decoder, Encoder, Malformed, TooLarge


def refuse(value: Any) -> Any:
    raise AssertionError(f"{value!r} is no data")


def crossed(value: Any) -> Any:
    encoder = Encoder(refuse)
    reference = encoder.add(value)
    decoder = Decoder(refuse)
    decoder.add(encoder.nodes)
    return decoder.value(reference)


EXACT: list[Any] = [
    None,
    True,
    0,
    -1,
    2**53,
    -(2**53) + 1,
    2**64,
    -(7**5000),
    1.5,
    -0.0,
    5e-324,
    float("inf"),
    "",
    "é🤖\x00\n",
    "\ud800",
    "\ud83d\ude00",
    b"",
    b"\x00\xff",
    bytearray(b"ab"),
    1 + 2j,
    complex("nan+infj").imag,
    Decimal("1.10"),
    Decimal("-Infinity"),
    Fraction(-1, 3),
    Fraction(2**70, 3),
    range(1, 10, 3),
    range(2**70),
    ...,
    int,
    ValueError,
    len,
    datetime.date(2024, 2, 29),
    datetime.datetime(2024, 2, 29, 1, 2, 3, 4, tzinfo=datetime.UTC),
    datetime.time(1, 2, 3),
    datetime.timedelta(days=-1, microseconds=1),
    [],
    (),
    {},
    set(),
    frozenset(),
    [1, [2, (3, {4: {5}})]],
    {(1, frozenset({2})): [3], "a": None, 2**70: b"x"},
    deque([1, 2], maxlen=2),
]


@pytest.mark.parametrize("value", EXACT, ids=lambda value: f"{type(value).__name__}-{repr(value)[:20]}")
def test_a_value_crosses_exactly(value: Any) -> None:
    found = crossed(value)
    assert type(found) is type(value)
    assert found == value
    assert repr(found) == repr(value)


def test_not_a_number_stays_none() -> None:
    found = crossed([math.nan, complex(math.nan, 1)])
    assert found[0] != found[0]
    assert found[1].imag == 1


class Lying(int):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


class Client(NamedTuple):
    a: int
    b: int


SUBCLASSES: list[Any] = [
    (Lying(5), 5),
    (IntEnum("Colour", "red").red, 1),  # type: ignore[attr-defined]
    (type("Text", (str,), {})("a"), "a"),
    (type("Float", (float,), {})(-0.0), -0.0),
    (Client(1, 2), (1, 2)),
    (Counter("aab"), {"a": 2, "b": 1}),
    (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
    (defaultdict(int, {1: 2}), {1: 2}),
    (type("List", (list,), {"__iter__": lambda self: iter([9])})([1]), [1]),
    (datetime.datetime(2024, 1, 1), datetime.datetime(2024, 1, 1)),
]


@pytest.mark.parametrize(("value", "plain"), SUBCLASSES, ids=lambda value: type(value).__name__)
def test_a_subclass_becomes_its_builtin_base(value: Any, plain: Any) -> None:
    found = crossed(value)
    assert type(found) is type(plain)
    assert repr(found) == repr(plain)


def test_views_keep_what_they_show() -> None:
    data = {"a": 1, "b": 2}
    keys, values, items = crossed([data.keys(), data.values(), data.items()])
    assert keys == data.keys()
    assert list(values) == [1, 2]
    assert items == data.items()


def test_aliases_and_cycles_survive() -> None:
    inner: list[Any] = [1]
    outer = {"a": inner, "b": inner, "c": (inner,)}
    inner.append(outer)
    found = crossed(outer)
    assert found["a"] is found["b"] is found["c"][0]
    assert found["a"][1] is found


def test_depth_and_sharing_cost_nothing() -> None:
    deep: Any = ()
    for _ in range(50_000):
        deep = (deep, deep)
    encoder = Encoder(refuse)
    encoder.add(deep)
    assert len(encoder.nodes) == 50_001
    Decoder(refuse).add(encoder.nodes)


@pytest.mark.parametrize("value", ["a" * 100, [0] * 100, 7**1000, b"a" * 100, Decimal("1" * 100)])
def test_what_is_too_large_is_not_sent(value: Any) -> None:
    with pytest.raises(TooLarge):
        Encoder(refuse, budget=90).add(value)


NONSENSE: list[Any] = [
    None,
    [None],
    [[]],
    [["?"]],
    [[["l"]]],
    [["l"]],
    [["l", 1]],
    [["l", [[9]]]],
    [["l", [[-1]]]],
    [["l", [[True]]]],
    [["l", [{}]]],
    [["t", [[0]]]],
    [["t", [[1]]], ["F", [[0]]]],
    [["d", [1]]],
    [["d", [[1], 1]], ["l", []]],
    [["S", [[1]]], ["l", []]],
    [["F", [[1]]], ["d", []]],
    [["i", "zz"]],
    [["i", 5]],
    [["s", "f"]],
    [["y", "!"]],
    [["b", "exec"]],
    [["b", "open"]],
    [["b", "__import__"]],
    [["b", ["int"]]],
    [["c", "1", "2"]],
    [["D", "x"]],
    [["D", []]],
    [["Q", [1, 0]]],
    [["r", [1, 2, 0]]],
    [["r", ["a"]]],
    [["x", "date", "x"]],
    [["x", "datetime", 5]],
    [["x", "nothing", "2024-01-01"]],
    [["w", 10**12, 0, 0]],
    [["q", [], "x"]],
    [["k", [[0]]]],
]


@pytest.mark.parametrize("nodes", NONSENSE, ids=repr)
def test_nonsense_is_refused(nodes: Any) -> None:
    def proxy(node: list[Any]) -> Any:
        raise Malformed("no handles here")

    with pytest.raises(Malformed):
        Decoder(proxy).add(nodes)


@pytest.mark.parametrize("reference", [[0], [], [0, 0], ["a"], {}, [None]], ids=repr)
def test_a_reference_to_nothing_is_refused(reference: Any) -> None:
    with pytest.raises(Malformed):
        Decoder(refuse).value(reference)


def test_an_update_changes_what_was_sent_and_nothing_else() -> None:
    items: list[Any] = [1, 2]
    fixed = (1, 2)
    decoder = Decoder(refuse, [items, fixed])
    decoder.update(0, ["l", [3, [0]]])
    assert items[0] == 3
    assert items[1] is items
    wrong: list[tuple[Any, Any]] = [
        (1, ["t", []]),
        (0, ["d", []]),
        (2, ["l", []]),
        (True, ["l", []]),
        (0, ["l", 5]),
        (0, []),
        (0, None),
    ]
    for number, node in wrong:
        with pytest.raises(Malformed):
            decoder.update(number, node)


EQUAL = [
    (1, 1.0, True, Decimal(1), Fraction(2, 2), 1 + 0j),
    (0.1 + 0.2, 0.3),
    ({1, 2}, {2.0, 1}, frozenset({1, 2})),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1.0}),
    (math.nan, math.nan),
    (b"a", bytearray(b"a")),
    (0.0, -0.0),
]
DIFFERENT: list[Any] = [
    (1, "1"),
    ((1, 2), [1, 2]),
    ("a", b"a"),
    (0, None),
    ([1], [1, 1]),
    (1, 2),
    (float("inf"), float("-inf")),
    ({}, set()),
]


@pytest.mark.parametrize("values", EQUAL, ids=repr)
def test_equal_values_read_the_same(values: tuple[Any, ...]) -> None:
    assert len({canonical(value) for value in values}) == 1


@pytest.mark.parametrize("values", DIFFERENT, ids=repr)
def test_different_values_read_differently(values: tuple[Any, ...]) -> None:
    assert len({canonical(value) for value in values}) == len(values)


def test_what_cannot_be_described_is_refused() -> None:
    cycle: list[Any] = []
    cycle.append(cycle)
    for value in (object(), cycle, (i for i in range(10**9)), lambda: 0):
        with pytest.raises(Indescribable):
            canonical(value, 100)
