"""What a run was asked to do: from flags, a TOML file or Python, resolved before anything else happens.

    [run]
    plugins = ["math"]
    held_out = 500

    [plugins.qlora]
    learning_rate = 1e-5

A table `[plugins.NAME]` holds the options of whatever is registered under NAME; its key `python` names the interpreter
that the engine runs under. Unknown keys are errors with near matches.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from cogumi.errors import BadInput, near
from cogumi.options import options_of
from cogumi.records import JSON

Phase = Literal["minimal", "full"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One run's settings. Everything but `out` and `pythons` is recorded in `run.json`."""

    plugins: tuple[str, ...] = ()
    """Entry-point names of the plugins whose categories take part."""
    model: str = "tiny"
    """A registered name, a local folder or a repository on the hub."""
    adapter: str | None = None
    """An adapter to start from."""
    phase: Phase = "minimal"
    """Which gates apply, and how many problems are taken."""
    sampler: str = "hf"
    """Name of the sampler."""
    trainer: str = "qlora"
    """Name of the trainer."""
    voter: str | None = None
    """Name of a voter for all categories; None leaves each its own."""
    temperature: float = 0.7
    """The temperature at which the model is used, diagnosed and drawn from for votes."""
    samples: int = 10
    """Samples per held-out problem in a diagnosis."""
    problems: int | None = None
    """Training-side problems per category; None leaves it to the phase."""
    held_out: int | None = None
    """Held-out problems per category; None leaves it to the phase."""
    seed: int = 0
    """Seed of the choice of problems, of every sample and of training."""
    trust_remote_code: bool = False
    """Whether code in the model's folder may run."""
    options: Mapping[str, Mapping[str, JSON]] = field(default_factory=dict)
    """Options by the name of what takes them."""
    pythons: Mapping[str, str] = field(default_factory=dict)
    """Interpreters by the name of the sampler or trainer that runs under them."""
    out: Path = Path("runs/default")
    """The run folder."""

    def __post_init__(self) -> None:
        """Refuse what no run could use."""
        for name, good, rule in (
            ("temperature", 0 <= self.temperature <= 10, "0 to 10"),
            ("samples", self.samples >= 1, "1 or more"),
            ("problems", self.problems is None or self.problems >= 1, "1 or more"),
            ("held_out", self.held_out is None or self.held_out >= 1, "1 or more"),
        ):
            if not good:
                raise BadInput(f"{getattr(self, name)} is out of range", field=name, fix=f"give {rule}")


FIELDS = {f.name: f for f in dataclasses.fields(Settings) if f.name not in ("options", "pythons")}


def read_config(path: Path) -> dict[str, Any]:
    """The settings of a TOML file, as keyword arguments of `Settings`."""
    try:
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"cannot be read: {error}", file=path, field="config") from error
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"not TOML: {error}", file=path) from error
    _known(document, {"run", "plugins"}, path, text)
    run, plugins = (_table(document, name, path, text) for name in ("run", "plugins"))
    _known(run, FIELDS, path, text)
    options = {name: dict(_table(plugins, name, path, text)) for name in plugins}
    pythons = {name: table.pop("python") for name, table in options.items() if "python" in table}
    return {**_typed(run, path, text), "options": options, "pythons": pythons}


def parse_option(text: str) -> tuple[str, str, str]:
    """`NAME.OPTION=VALUE` from the command line."""
    key, equals, value = text.partition("=")
    name, dot, option = key.rpartition(".")
    if not equals or not dot:
        raise BadInput(f"'{text}' is no option", field="-o", fix="write it as NAME.OPTION=VALUE, e.g. -o qlora.epochs=3")
    return name, option, value


def merge(*layers: Mapping[str, Any]) -> Settings:
    """Settings from layers of keyword arguments, later ones winning; `options` merge by name."""
    values: dict[str, Any] = {}
    options: dict[str, dict[str, JSON]] = {}
    for layer in layers:
        values.update({key: value for key, value in layer.items() if value is not None})
        for name, table in layer.get("options", {}).items():
            options.setdefault(name, {}).update(table)
    values["options"] = options
    unknown = [name for name in values if name not in {f.name for f in dataclasses.fields(Settings)}]
    if unknown:
        raise BadInput("no such setting", field=unknown[0], fix=near(unknown[0], FIELDS))
    return Settings(**values)


def _typed(run: Mapping[str, Any], path: Path, text: str) -> dict[str, Any]:
    """The `[run]` table with its values checked against the fields' types."""
    values = dict(run)
    known = options_of(Settings)
    for name, value in run.items():
        if name == "plugins":
            if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                raise BadInput("not a list of names", file=path, line=_line_of(name, text), field=name)
            values[name] = tuple(value)
            continue
        try:
            values[name] = known[name].convert(value)
        except ValueError as error:
            raise BadInput(str(error), file=path, line=_line_of(name, text), field=name) from error
    return values


def _known(table: Mapping[str, Any], names: Mapping[str, Any] | set[str], path: Path, text: str) -> None:
    for key in table:
        if key not in names:
            raise BadInput("no such setting", file=path, line=_line_of(key, text), field=key, fix=near(key, names))


def _table(parent: Mapping[str, Any], name: str, path: Path, text: str) -> Mapping[str, Any]:
    value = parent.get(name, {})
    if not isinstance(value, dict):
        raise BadInput("not a table", file=path, line=_line_of(name, text), field=name, fix=f"write it as [{name}]")
    return value


def _line_of(key: str, text: str) -> int | None:
    """The first line that sets a key or opens a table of that name (tomllib keeps no positions)."""
    lines: Sequence[str] = text.splitlines()
    for number, line in enumerate(lines, 1):
        left = line.partition("=")[0].strip().strip("[]").split(".")
        if key in (part.strip().strip("\"'") for part in left):
            return number
    return None
