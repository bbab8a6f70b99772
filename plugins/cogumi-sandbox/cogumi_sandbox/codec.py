"""Values as flat, tagged JSON: how arguments and results cross the pipe between oracle and worker.

Every container is a node in a table, and refers to others by number, so that aliases and cycles survive, nothing
recurses, and the same numbers stand for the same objects in a reply: mutated arguments are sent back by theirs. What
comes back is rebuilt as builtin types only, a subclass as its builtin base; whatever is no data crosses as a handle.
A reference is a JSON scalar (the value itself) or `[n]` (node n). Exact: integers, floats, NaN, lone surrogates.
"""

from __future__ import annotations

import builtins
import datetime
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

EXACT = 1 << 53
"""Integers below this are JSON numbers; larger ones cross as hexadecimal text."""
NAMED = {value: name for name, value in vars(builtins).items() if isinstance(value, type) and not name.startswith("_")} | {
    value: value.__name__ for value in (abs, all, any, chr, len, max, min, ord, pow, round, sorted, sum)
}
"""Builtins that cross by name: types, and functions without side effects."""
BY_NAME = {name: value for value, name in NAMED.items()}
VIEWS = {"k": type({}.keys()), "v": type({}.values()), "m": type({}.items())}
VIEW_TAGS = {kind: tag for tag, kind in VIEWS.items()}
DATES: dict[str, Any] = {"date": datetime.date, "datetime": datetime.datetime, "time": datetime.time}
MUTABLE = {"l": "list", "d": "dict", "S": "set", "Y": "bytearray", "q": "deque"}
"""Tags of what can change, with its type."""


class Malformed(Exception):
    """What came through the pipe is not what the other side would send if it were sane."""


class TooLarge(Exception):
    """A value needs more nodes or bytes than may cross."""


class Encoder:
    """Turns values into references and nodes; numbers continue after those of `known` objects."""

    def __init__(self, export: Callable[[Any], list[Any]], known: Sequence[Any] = (), budget: int = 16 << 20) -> None:
        self.export = export
        self.objects: list[Any] = list(known)
        self.nodes: list[Any] = []
        self.budget = budget
        self._first = len(self.objects)
        self._numbers = {id(value): number for number, value in enumerate(self.objects)}
        self._todo: list[int] = []

    def add(self, value: Any) -> Any:
        """The reference of a value; afterwards `nodes` holds whatever it needs."""
        reference = self.reference(value)
        self.flush()
        return reference

    def flush(self) -> None:
        """Describe everything that was referred to and is not described yet."""
        while self._todo:
            number = self._todo.pop()
            self.nodes[number - self._first] = self.describe(self.objects[number])

    def reference(self, value: Any) -> Any:
        """The reference of a value, whose node may still have to be described."""
        kind = type(value)
        if value is None or kind is bool or kind is float or (kind is int and -EXACT < value < EXACT):
            self._spend(8)
            return value
        if kind is str and (value.isascii() or not _has_surrogates(value)):
            self._spend(len(value) + 2)
            return value
        if kind.__module__ == "numpy" and getattr(value, "shape", None) == () and hasattr(value, "item"):
            return self.reference(value.item())
        if id(value) not in self._numbers:
            self._spend(16)
            self._numbers[id(value)] = len(self.objects)
            self._todo.append(len(self.objects))
            self.objects.append(value)
            self.nodes.append(None)
        return [self._numbers[id(value)]]

    def describe(self, value: Any) -> list[Any]:
        """The node of an object, by the first builtin type that it is an instance of."""
        kind = type(value)
        for base, describe in DESCRIBERS:
            if issubclass(kind, base):
                return describe(self, value)
        if kind in VIEW_TAGS:
            return [VIEW_TAGS[kind], [self.reference(item) for item in _view_items(value, VIEW_TAGS[kind])]]
        if (kind is type or kind is type(len)) and value in NAMED:
            return ["b", NAMED[value]]
        return self.export(value)

    def several(self, values: Any) -> list[Any]:
        """References of several values."""
        return [self.reference(value) for value in values]

    def _spend(self, size: int) -> None:
        self.budget -= size
        if self.budget < 0:
            raise TooLarge("a value is too large to cross the pipe")

    def text(self, value: str) -> str:
        """A text that is part of a node."""
        self._spend(len(value))
        return value


def _has_surrogates(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _view_items(view: Any, tag: str) -> list[Any]:
    return [part for pair in view for part in pair] if tag == "m" else list(view)


def _int(encoder: Encoder, value: Any) -> list[Any]:
    plain = int.__add__(value, 0)
    if plain.bit_length() > 8 * encoder.budget:
        raise TooLarge("an integer is too large to cross the pipe")
    return ["i", encoder.text(hex(plain))]


def _str(encoder: Encoder, value: Any) -> list[Any]:
    return ["s", encoder.text(str.__str__(value).encode("utf-8", "surrogatepass").hex())]


def _dict(encoder: Encoder, value: Any) -> list[Any]:
    return ["d", [encoder.reference(part) for pair in dict.items(value) for part in pair]]


def _deque(encoder: Encoder, value: Any) -> list[Any]:
    return ["q", encoder.several(deque.__iter__(value)), value.maxlen]


def _range(encoder: Encoder, value: Any) -> list[Any]:
    return ["r", encoder.several((value.start, value.stop, value.step))]


def _bytes(tag: str) -> Callable[[Encoder, Any], list[Any]]:
    return lambda encoder, value: [tag, encoder.text(b64encode(value).decode())]


def _fraction(encoder: Encoder, value: Any) -> list[Any]:
    return ["Q", encoder.several((value.numerator, value.denominator))]


def _complex(encoder: Encoder, value: Any) -> list[Any]:
    return ["c", value.real, value.imag]


def _timedelta(encoder: Encoder, value: Any) -> list[Any]:
    return ["w", value.days, value.seconds, value.microseconds]


def _date(name: str) -> Callable[[Encoder, Any], list[Any]]:
    return lambda encoder, value: ["x", name, value.isoformat()]


DESCRIBERS: list[tuple[type, Callable[[Encoder, Any], list[Any]]]] = [
    (list, lambda encoder, value: ["l", encoder.several(list.__iter__(value))]),
    (tuple, lambda encoder, value: ["t", encoder.several(tuple.__iter__(value))]),
    (dict, _dict),
    (set, lambda encoder, value: ["S", encoder.several(set.__iter__(value))]),
    (frozenset, lambda encoder, value: ["F", encoder.several(frozenset.__iter__(value))]),
    (str, _str),
    (int, _int),
    (float, lambda encoder, value: ["f", float.__mul__(value, 1.0)]),
    (complex, _complex),
    (bytes, _bytes("y")),
    (bytearray, _bytes("Y")),
    (range, _range),
    (deque, _deque),
    (Decimal, lambda encoder, value: ["D", encoder.text(Decimal.__str__(value))]),
    (Fraction, _fraction),
    (datetime.timedelta, _timedelta),
    (datetime.datetime, _date("datetime")),
    (datetime.date, _date("date")),
    (datetime.time, _date("time")),
    (type(...), lambda encoder, value: ["e"]),
]
"""Which node a value gets, by its builtin base; the order matters where one type derives from another."""


class Decoder:
    """Rebuilds values from nodes as builtin types only; everything unexpected is `Malformed`.

    `proxy(node)` makes a stand-in for a handle of the other side's, or gives back the own object behind one.
    """

    def __init__(self, proxy: Callable[[list[Any]], Any], known: Sequence[Any] = ()) -> None:
        self.proxy = proxy
        self.objects: list[Any] = list(known)
        self._first = len(self.objects)

    def add(self, nodes: Any) -> None:
        """Rebuild all nodes: first empty containers and leaves, then what cannot change, then the contents."""
        if type(nodes) is not list or any(type(node) is not list or not node for node in nodes):
            raise Malformed("nodes are not lists")
        try:
            self.objects.extend(PENDING if node[0] in IMMUTABLE else self._shell(node) for node in nodes)
            self._build(nodes)
            for number, node in enumerate(nodes, self._first):
                if node[0] in FILLERS:
                    self.fill(number, node)
        except (TypeError, ValueError, KeyError, IndexError, ArithmeticError) as error:
            raise Malformed(f"a node is not what its tag says: {error}") from error

    def value(self, reference: Any) -> Any:
        """What a reference stands for."""
        if type(reference) is list:
            if len(reference) != 1 or type(reference[0]) is not int or not 0 <= reference[0] < len(self.objects):
                raise Malformed("a reference to nothing")
            return self.objects[reference[0]]
        if reference is None or type(reference) in (bool, int, float, str):
            return reference
        raise Malformed("a reference is neither scalar nor number")

    def fill(self, number: int, node: list[Any]) -> None:
        """Put a node's contents into the (empty) container of this number."""
        FILLERS[node[0]](self.objects[number], [self.value(part) for part in node[1]])

    def update(self, number: Any, node: Any) -> None:
        """Give a mutable object that the other side was handed its present contents."""
        if type(number) is not int or not 0 <= number < self._first or type(node) is not list or not node:
            raise Malformed("an update of nothing")
        target = self.objects[number]
        if node[0] not in MUTABLE or type(target).__name__ != MUTABLE[node[0]]:
            raise Malformed("an update of something that cannot change")
        try:
            if node[0] == "Y":
                target[:] = b64decode(node[1], validate=True)
            else:
                parts = [self.value(part) for part in node[1]]
                target.clear()
                FILLERS[node[0]](target, parts)
        except (TypeError, ValueError, IndexError) as error:
            raise Malformed(f"an update is not what its tag says: {error}") from error

    def _shell(self, node: list[Any]) -> Any:
        leaf = LEAVES.get(node[0])
        return leaf(node) if leaf is not None else self.proxy(node)

    def _build(self, nodes: list[Any]) -> None:
        """Build what cannot change from the inside out, without recursion."""
        for start in range(len(nodes)):
            stack, entered = [start], set[int]()
            while stack:
                number = stack[-1]
                if self.objects[self._first + number] is not PENDING:
                    stack.pop()
                elif number not in entered:
                    entered.add(number)
                    stack.extend(self._pending(nodes[number]))
                elif self._pending(nodes[number]):
                    raise Malformed("a value that contains itself and cannot")
                else:
                    tag, parts = nodes[number][0], nodes[number][1]
                    self.objects[self._first + number] = IMMUTABLE[tag]([self.value(part) for part in parts])

    def _pending(self, node: list[Any]) -> list[int]:
        parts = [part[0] for part in node[1] if type(part) is list]
        return [n - self._first for n in parts if n >= self._first and self.objects[n] is PENDING]


PENDING = object()
"""Stands for what is not built yet."""


def _pairs(parts: Sequence[Any]) -> dict[Any, Any]:
    return dict(zip(parts[::2], parts[1::2], strict=True))


IMMUTABLE: dict[str, Callable[[list[Any]], Any]] = {
    "t": tuple,
    "F": frozenset,
    "k": lambda parts: dict.fromkeys(parts).keys(),
    "v": lambda parts: dict(enumerate(parts)).values(),
    "m": lambda parts: _pairs(parts).items(),
    "r": lambda parts: range(*parts),
    "Q": lambda parts: Fraction(*parts),
}
"""Built once all parts are there. A view's dictionary is lost, its contents are not."""

LEAVES: dict[str, Callable[[list[Any]], Any]] = {
    "l": lambda node: [],
    "d": lambda node: {},
    "S": lambda node: set(),
    "q": lambda node: deque(maxlen=node[2]),
    "Y": lambda node: bytearray(b64decode(node[1], validate=True)),
    "y": lambda node: b64decode(node[1], validate=True),
    "i": lambda node: int(node[1], 16),
    "f": lambda node: float(node[1]),
    "s": lambda node: bytes.fromhex(node[1]).decode("utf-8", "surrogatepass"),
    "c": lambda node: complex(node[1], node[2]),
    "D": lambda node: Decimal(node[1]),
    "w": lambda node: datetime.timedelta(node[1], node[2], node[3]),
    "x": lambda node: DATES[node[1]].fromisoformat(node[2]),
    "b": lambda node: BY_NAME[node[1]],
    "e": lambda node: ...,
}
"""Built at once: data without parts, and containers that are filled later."""

FILLERS: dict[str, Callable[[Any, list[Any]], object]] = {
    "l": lambda target, parts: target.extend(parts),
    "d": lambda target, parts: target.update(_pairs(parts)),
    "S": lambda target, parts: target.update(parts),
    "q": lambda target, parts: target.extend(parts),
}
"""Fill what was made empty."""
