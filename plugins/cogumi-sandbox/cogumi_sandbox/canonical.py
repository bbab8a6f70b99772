"""One text per value, equal where the values are equal: how behaviours are compared and voted on.

Numbers that compare equal read the same (1, 1.0 and True are `1`), floats are rounded to 12 significant digits (the order
of a summation is no behaviour), sets and dictionaries are sorted, lists and tuples stay apart as `==` keeps them apart.
"""

from __future__ import annotations

import itertools
from collections import deque
from decimal import Decimal
from fractions import Fraction
from types import GeneratorType
from typing import Any

DIGITS = 12
MOST_DEPTH = 200


class Indescribable(Exception):
    """A value is no data, contains itself, or is too deep or long to be described."""


def canonical(value: Any, most_items: int = 10_000, depth: int = 0) -> str:
    """The text of a value; raises `Indescribable`. Iterators are drained, of at most `most_items` items."""
    if depth > MOST_DEPTH:
        raise Indescribable("nested too deeply")
    if isinstance(value, bool | int | float | complex | Decimal | Fraction):
        return _number(value)
    if value is None or value is ... or isinstance(value, str | bytes | bytearray | range):
        return repr(bytes(value)) if isinstance(value, bytearray) else repr(value)
    if isinstance(value, dict):
        pairs = sorted(
            f"{canonical(k, most_items, depth + 1)}: {canonical(v, most_items, depth + 1)}" for k, v in value.items()
        )
        return "{" + ", ".join(pairs) + "}"
    for kind, (start, end) in BRACKETS.items():
        if isinstance(value, kind):
            return start + ", ".join(_items(value, kind, most_items, depth)) + end
    if isinstance(value, type) or type(value).__module__ == "datetime":
        return repr(value)
    raise Indescribable("answered with an object that is no data")


BRACKETS: dict[type, tuple[str, str]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("set(", ")"),
    frozenset: ("set(", ")"),
    deque: ("deque(", ")"),
    GeneratorType: ("iterator(", ")"),
    type({}.keys()): ("set(", ")"),
    type({}.values()): ("values(", ")"),
    type({}.items()): ("set(", ")"),
}
"""How each kind of container is written; kinds that compare equal are written alike."""


def _items(value: Any, kind: type, most_items: int, depth: int) -> list[str]:
    most = most_items + 1 if kind is GeneratorType else None
    items = [canonical(item, most_items, depth + 1) for item in itertools.islice(value, most)]
    if most is not None and len(items) == most:
        raise Indescribable(f"an iterator of more than {most_items} items")
    return sorted(items) if BRACKETS[kind][0] == "set(" else items


def _number(value: Any) -> str:
    if isinstance(value, complex):
        return f"{_number(value.real)}+{_number(value.imag)}j" if value.imag else _number(value.real)
    if value != value:
        return "nan"
    if isinstance(value, float | Decimal) and value in (float("inf"), float("-inf")):
        return str(float(value))
    if value == int(value):
        return hex(int(value)) if abs(value) >= 10**18 else str(int(value))
    if isinstance(value, Fraction) and float(value) != value:
        return str(value)
    return f"{float(value):.{DIGITS}g}"
