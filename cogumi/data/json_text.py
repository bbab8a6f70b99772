"""JSON as others wrote it: what Python could not hold or would silently drop is refused by the field that it stands in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from itertools import islice

from cogumi.data.limits import MAX_DEPTH, MAX_DIGITS
from cogumi.records import JSON

TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"(\s*+:)?|\Z)|[][{}]|\d{%d,}+' % (MAX_DIGITS + 1), re.DOTALL)
"""A text, with its colon where it is a key; a bracket; a number of too many digits."""
MOST_TOKENS = 500_000
"""Tokens that are looked at to name a field."""


class Unusable(ValueError):
    """A JSON text that cannot be used although it may be JSON; `field` is where, as far as it can be told."""

    def __init__(self, problem: str, field: str | None) -> None:
        super().__init__(problem)
        self.field = field


def strict_json(text: str | bytes) -> JSON:
    """The value of a JSON text.

    Raises `Unusable` for a key that stands twice in an object, a whole number of more than 4,300 digits, and lists and objects
    that are nested more than 100 deep; `UnicodeEncodeError` for half a surrogate pair, written as an escape; `ValueError` for
    what is not JSON.
    """
    text = text if isinstance(text, str) else text.decode()
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_int=_whole)
    except RecursionError as error:
        raise _nested(text) from error
    except _Digits as error:
        raise Unusable(
            f"a whole number of more than {MAX_DIGITS:,} digits", field_at(text.encode("utf-8", "replace"))
        ) from error
    if text.count("[") + text.count("{") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise _nested(text)
    if "\\ud" in text.lower():
        json.dumps(value, ensure_ascii=False).encode()
    return value


def field_at(text: bytes) -> str | None:
    """The outermost key in whose value an object's text breaks off, nests too deep, or holds a number of too many digits."""
    depth, field = 0, None
    for token in islice(TOKEN.finditer(text), MOST_TOKENS):
        mark = token[0][:1]
        if mark in b"[{":
            depth += 1
        elif mark in b"]}":
            depth -= 1
        elif mark == b'"' and token[1] and depth == 1:
            field = token[0][1 : -len(token[1]) - 1].decode("utf-8", "replace")
        if depth > MAX_DEPTH or mark.isdigit():
            break
    return field


class _Digits(ValueError):
    """A number of too many digits."""


def _whole(digits: str) -> int:
    if len(digits) - digits.startswith("-") > MAX_DIGITS:
        raise _Digits
    return int(digits)


def _object(pairs: Sequence[tuple[str, JSON]]) -> JSON:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise Unusable("the key stands twice in one object", twice)
    return found


def _nested(text: str) -> Unusable:
    return Unusable(f"nested more than {MAX_DEPTH} deep", field_at(text.encode("utf-8", "replace")))


def _depth(value: JSON) -> int:
    """How deep lists and objects stand inside each other."""
    depth, level = 0, [value]
    while level := [inner for outer in level for inner in _inside(outer)]:
        depth += 1
    return depth


def _inside(value: JSON) -> Iterator[JSON]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value
