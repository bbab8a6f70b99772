"""Frozen records to JSON and back: the one codec of every typed file that a run leaves.

    to_json(Interval(0.5, 0.4, 0.6, 100))  ->  {"value": 0.5, "low": 0.4, "high": 0.6, "n": 100, "clusters": null}

A record is an object with one key per field; tuples are arrays and mappings are objects. Reading checks every value against
the field's type, fills in defaults of fields that are absent, and refuses unknown keys, naming file and field, so that a
file that was edited or comes from another version is found out by name. Infinite ends of intervals are `null`.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar

from cogumi.errors import BadInput, suggest

T = TypeVar("T")


def to_json(value: Any) -> Any:
    """A record, or anything made of records, as values that `json.dumps` takes; paths are texts, infinities are None."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value


def from_json(kind: type[T], value: Any, *, file: str | Path | None = None, line: int | None = None) -> T:
    """The record of this type that a JSON value stands for. Raises `BadInput` naming file and field where it does not fit."""
    return typing.cast(T, _decode(kind, value, _Place(file, line, "")))


def part_of(kind: type[T], value: Any, *, file: str | Path | None = None) -> T:
    """The same of a file that other programs write: of its many keys those that are fields of the record, the rest unread."""
    if isinstance(value, Mapping):
        value = {field.name: value[field.name] for field in dataclasses.fields(typing.cast(Any, kind)) if field.name in value}
    return from_json(kind, value, file=file)


@dataclasses.dataclass(frozen=True, slots=True)
class _Place:
    """Where in a file a value stands, for errors."""

    file: str | Path | None
    line: int | None
    field: str

    def inside(self, name: str) -> _Place:
        return _Place(self.file, self.line, f"{self.field}.{name}" if self.field else name)

    def error(self, problem: str, fix: str = "restore the file, or make it again") -> BadInput:
        return BadInput(problem, file=self.file, line=self.line, field=self.field or None, fix=fix)


def _decode(kind: Any, value: Any, place: _Place) -> Any:
    origin = typing.get_origin(kind)
    if kind is Any:
        return value
    if dataclasses.is_dataclass(kind):
        return _record(kind, value, place)
    if origin in (typing.Union, types.UnionType):
        return _union(typing.get_args(kind), value, place)
    if origin is Literal:
        return value if value in typing.get_args(kind) else _refuse(place, value, "|".join(map(str, typing.get_args(kind))))
    if origin in _CONTAINERS:
        return _CONTAINERS[origin](typing.get_args(kind), value, place)
    return _plain(kind, value, place)


def _record(kind: Any, value: Any, place: _Place) -> Any:
    if not isinstance(value, Mapping):
        _refuse(place, value, "an object")
    fields = _fields(kind)
    for key in value:
        if key not in fields:
            raise place.inside(str(key)).error("no such field", fix=suggest(str(key), fields))
    for name, field in fields.items():
        if field.required and name not in value:
            raise place.inside(name).error("missing")
    return kind(**{name: _field(fields[name].kind, item, place, name) for name, item in value.items()})


def _field(kind: Any, item: Any, place: _Place, name: str) -> Any:
    return item if type(item) is kind else _decode(kind, item, place.inside(name))  # what fits needs no place for an error


@dataclasses.dataclass(frozen=True, slots=True)
class _Field:
    """What a record's field takes, and whether it has to be there."""

    kind: Any
    required: bool


@cache
def _fields(record: Any) -> Mapping[str, _Field]:
    hints = typing.get_type_hints(record)
    absent = dataclasses.MISSING
    return {
        f.name: _Field(hints[f.name], f.default is absent and f.default_factory is absent) for f in dataclasses.fields(record)
    }


def _union(members: Sequence[Any], value: Any, place: _Place) -> Any:
    if value is None and type(None) in members:
        return None
    kinds = [member for member in members if member is not type(None)]
    if len(kinds) == 1:
        return _decode(kinds[0], value, place)
    for member in kinds:
        try:
            return _decode(member, value, place)
        except BadInput:
            continue
    return _refuse(place, value, " or ".join(getattr(member, "__name__", str(member)) for member in kinds))


def _tuple(arguments: Sequence[Any], value: Any, place: _Place) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        _refuse(place, value, "an array")
    if arguments[-1] is Ellipsis and all(type(item) is arguments[0] for item in value):
        return tuple(value)  # e.g. token ids: nothing to convert, and no place to name
    kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis or len(arguments) == 1 else list(arguments)
    if len(kinds) != len(value):
        _refuse(place, value, f"an array of {len(kinds)}")
    return tuple(_decode(kind, item, place.inside(str(i))) for i, (kind, item) in enumerate(zip(kinds, value, strict=True)))


def _mapping(arguments: Sequence[Any], value: Any, place: _Place) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        _refuse(place, value, "an object")
    return {str(key): _decode(arguments[1], item, place.inside(str(key))) for key, item in value.items()}


_CONTAINERS: Mapping[Any, Callable[[Sequence[Any], Any, _Place], Any]] = {
    tuple: _tuple,
    Sequence: _tuple,
    list: _tuple,
    Mapping: _mapping,
    dict: _mapping,
}


def _plain(kind: Any, value: Any, place: _Place) -> Any:
    if typing.is_typeddict(kind):
        return value if isinstance(value, dict) else _refuse(place, value, "an object")
    if kind is Path and isinstance(value, str):
        return Path(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind is float and value is None:
        return math.inf
    if (isinstance(value, bool) and kind is not bool) or not isinstance(value, kind):
        return _refuse(place, value, kind.__name__)
    return value


def _refuse(place: _Place, value: Any, expected: str) -> Any:
    raise place.error(f"{type(value).__name__} where {expected} is expected")
