"""TOML files that people write, with the places of their keys: `file:line: field: problem (what to do)`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from cogumi.errors import BadInput, suggest
from cogumi.records import JSON

TomlTable: TypeAlias = Mapping[str, JSON]
"""A table of a TOML file as it was read; its keys are checked one by one, each error with its line."""

MOST = 4 * 2**20
"""Bytes of a file of settings."""


@dataclass(frozen=True, slots=True)
class Config:
    """The text of a TOML file, to say where in it something is wrong (tomllib keeps no positions)."""

    path: Path
    """The file."""
    text: str
    """What it says."""

    def line_of(self, *keys: str, table: int = 0) -> int | None:
        """The first line that sets this dotted key, or opens or fills the table of that name.

        `table` counts the tables of an array (`[[gates]]`) that begins the key, from 0.
        """
        opened: tuple[str, ...] = ()
        seen = -1
        for number, line in enumerate(self.text.splitlines(), 1):
            if line.lstrip().startswith("["):
                here = opened = _parts(line.partition("]")[0].replace("[", ""))
                seen += line.lstrip().startswith("[[") and here == keys[:1]
            else:
                here = (*opened, *_parts(line.partition("=")[0]))
            if here[: len(keys)] == keys and max(seen, 0) == table:
                return number
        return None

    def error(self, *keys: str, problem: str, fix: str | None = None, table: int = 0) -> BadInput:
        """The error that names a key and its line."""
        return BadInput(problem, file=self.path, line=self.line_of(*keys, table=table), field=keys[-1], fix=fix)

    def refuse_unknown(self, given: Collection[str], known: Collection[str], *where: str, table: int = 0) -> None:
        """Raise for the first key that does not exist, with near matches."""
        for key in given:
            if key not in known:
                raise self.error(*where, key, problem="no such setting", fix=suggest(key, known), table=table)

    def table_of(self, parent: TomlTable, *keys: str) -> TomlTable:
        """The table of this name, empty where there is none."""
        value = parent.get(keys[-1], {})
        if not isinstance(value, dict):
            raise self.error(*keys, problem="not a table", fix=f"write it as [{'.'.join(keys)}]")
        return value


def read_toml(path: Path, *, option: str) -> tuple[Config, TomlTable]:
    """A TOML file and what it holds; `option` names where the path came from. Raises `BadInput` by file and line."""
    try:
        if path.stat().st_size > MOST:
            raise BadInput("more than 4 MB of settings", file=path, field=option, fix="give a TOML file of settings")
        config = Config(path, path.read_text(encoding="utf-8"))
        return config, tomllib.loads(config.text)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"at line (\d+)", str(error))
        raise BadInput(f"not TOML: {error}", file=path, line=int(at[1]) if at else None, fix="mend it") from error
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"cannot be read: {error}", file=path, field=option, fix="give a TOML file") from error
    except RecursionError as error:
        raise BadInput("nested too deep", file=path, field=option, fix="write it flatter") from error
    except ValueError as error:
        broken = next((n for n, text in enumerate(config.text.splitlines(), 1) if re.search(r"\d{4301}", text)), None)
        raise BadInput(
            "a whole number of more than 4,300 digits", file=path, line=broken, field=option, fix="mend it"
        ) from error


def _parts(key: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in key.split("."))
