"""Phases from TOML: gates, margins and sizes that a user brings (`--gates my.toml`).

    passed = "Ship it."
    held_out = 500              # or "all"; so are guard and the problems

    [problems]
    code = 50
    "*" = 100

    [margins]
    accuracy = 0.03

    [[gates]]
    name = "MATH"
    metric = "accuracy"
    category = "math"
    relation = ">="
    threshold = 0.45

What is absent is as in the phase it is based on; gates that are given replace all of its gates.
"""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

from cogumi.codec import from_json, to_json
from cogumi.phases import Gate, Margins, Phase
from cogumi.toml_text import Config, TomlTable, read_toml

FIELDS = tuple(field.name for field in dataclasses.fields(Phase))
GATE_FIELDS = tuple(field.name for field in dataclasses.fields(Gate))
MARGINS = tuple(field.name for field in dataclasses.fields(Margins))
COUNTS = ("problems", "samples", "guard_problems", "examples")
"""Margins that count; the others are shares."""


def read_phase(path: Path, base: Phase) -> Phase:
    """The phase of a TOML file, based on another. Raises `BadInput` naming file, line and field of what cannot be used."""
    config, document = read_toml(path, option="--gates")
    config.refuse_unknown(document, FIELDS)
    changes = {name: _field(config, name, value, base) for name, value in document.items()}
    return dataclasses.replace(base, **changes)


def _field(config: Config, name: str, value: Any, base: Phase) -> Any:
    if name in ("name", "passed"):
        return _text(config, value, name)
    if name in ("held_out", "guard"):
        return _size(config, value, name)
    if name == "failures_only":
        return _of(config, value, bool, "true or false", name)
    if name == "problems":
        return {**base.problems, **_problems(config, value)}
    if name == "margins":
        return _margins(config, value, base.margins)
    return _gates(config, value)


def _problems(config: Config, value: Any) -> dict[str, int]:
    table = _table(config, value, "problems")
    return {key: _count(config, size, 1, "problems", key) for key, size in table.items()}


def _margins(config: Config, value: Any, base: Margins) -> Margins:
    table = _table(config, value, "margins")
    config.refuse_unknown(table, MARGINS, "margins")
    changes = {
        key: _count(config, given, 0, "margins", key) if key in COUNTS else _share(config, given, "margins", key)
        for key, given in table.items()
    }
    return from_json(Margins, {**to_json(base), **changes})


def _gates(config: Config, value: Any) -> tuple[Gate, ...]:
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise config.error("gates", problem="no list of gates", fix="write each as a table [[gates]]")
    return tuple(_gate(config, entry, number) for number, entry in enumerate(value))


def _gate(config: Config, entry: TomlTable, number: int) -> Gate:
    config.refuse_unknown(entry, GATE_FIELDS, "gates", table=number)
    for field in dataclasses.fields(Gate):
        if field.name not in entry and field.default is dataclasses.MISSING:
            problem = f"a gate without {field.name}"
            raise config.error("gates", problem=problem, fix=f"add {field.name} to this [[gates]]", table=number)
    texts = {key: _text(config, given, "gates", key, table=number) for key, given in entry.items() if key != "threshold"}
    if texts.get("relation", ">=") not in (">=", "<"):
        raise config.error("gates", "relation", problem=f"no relation {texts['relation']!r}", fix='">=" or "<"', table=number)
    threshold = _number(config, entry["threshold"], "gates", "threshold", table=number)
    return Gate(**texts, threshold=threshold)  # type: ignore[arg-type]  # the relation is checked above


def _table(config: Config, value: Any, *keys: str) -> TomlTable:
    if not isinstance(value, dict):
        raise config.error(*keys, problem="no table", fix=f"write it as [{'.'.join(keys)}]")
    return value


def _size(config: Config, value: Any, *keys: str) -> int | None:
    return None if value == "all" else _count(config, value, 1, *keys)


def _count(config: Config, value: Any, least: int, *keys: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise config.error(*keys, problem=f"{value!r} is no number of problems or samples", fix=f"give {least} or more")
    return value


def _share(config: Config, value: Any, *keys: str) -> float:
    number = _number(config, value, *keys)
    if not 0 <= number <= 1:
        raise config.error(*keys, problem=f"{value!r} is no share", fix="give 0 to 1, e.g. 0.05 for 5 points")
    return number


def _number(config: Config, value: Any, *keys: str, table: int = 0) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise config.error(*keys, problem=f"{value!r} is no number", fix="give a number, e.g. 0.45", table=table)
    return float(value)


def _text(config: Config, value: Any, *keys: str, table: int = 0) -> str:
    return str(_of(config, value, str, "a text in quotes", *keys, table=table))


def _of(config: Config, value: Any, kind: type, what: str, *keys: str, table: int = 0) -> Any:
    if not isinstance(value, kind):
        raise config.error(*keys, problem=f"{value!r} where {what} is expected", fix=f"give {what}", table=table)
    return value
