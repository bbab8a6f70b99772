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
import math
import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from cogumi.errors import BadInput, near
from cogumi.options import options_of
from cogumi.records import JSON

Phase = Literal["minimal", "full"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One run's settings. Everything but the paths and `pythons` is recorded in `run.json`."""

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
    benchmarks: tuple[str, ...] = ()
    """Benchmarks to measure besides, before and after; `NAME:TASK` where one name offers many, e.g. `lm-eval:arc_easy`."""
    guard: str = "mmlu"
    """Name of the benchmark that shows what was forgotten, measured in every run; `none` leaves it out."""
    judge: str | None = None
    """A model that says which of two texts is better where no answer is right; None: such texts are not judged."""
    judge_sampler: str | None = None
    """Name of the sampler that asks the judge; None: the one that samples."""
    against: Path | None = None
    """The folder of another run to hold this one against, problem by problem."""
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
    accept_unsandboxed: bool = False
    """Whether model-written programs may run behind limits alone where the machine offers no walls."""
    options: Mapping[str, Mapping[str, JSON]] = field(default_factory=dict)
    """Options by the name of what takes them."""
    pythons: Mapping[str, str] = field(default_factory=dict)
    """Interpreters by the name of the sampler or trainer that runs under them."""
    out: Path = Path("runs/default")
    """The run folder."""

    def __post_init__(self) -> None:
        """Refuse what no run could use."""
        for name in RANGES:
            check_range(name, getattr(self, name))


RANGES: Mapping[str, tuple[float, float, str]] = {
    "temperature": (0, 10, "0 to 10"),
    "samples": (1, math.inf, "1 or more"),
    "problems": (1, math.inf, "1 or more"),
    "held_out": (1, math.inf, "1 or more"),
    "seed": (0, 2**32 - 1, "0 to 4294967295"),
}
"""Least and greatest value of a setting, and how to say so; seeds have to fit every library that takes one."""


def check_range(name: str, value: float | None, *, file: Path | None = None, line: int | None = None) -> None:
    """Refuse a value that no run could use."""
    least, greatest, rule = RANGES[name]
    if value is not None and not least <= value <= greatest:
        raise BadInput(f"{value} is out of range", file=file, line=line, field=name, fix=f"give {rule}")


FIELDS = {f.name: f for f in dataclasses.fields(Settings) if f.name not in ("options", "pythons")}


@dataclass(frozen=True, slots=True)
class Config:
    """The text of a TOML file, to say where in it something is wrong (tomllib keeps no positions)."""

    path: Path
    text: str

    def line_of(self, *keys: str) -> int | None:
        """The first line that sets this dotted key, or opens or fills the table of that name."""
        table: tuple[str, ...] = ()
        for number, line in enumerate(self.text.splitlines(), 1):
            if line.lstrip().startswith("["):
                here = table = _parts(line.partition("]")[0].replace("[", ""))
            else:
                here = (*table, *_parts(line.partition("=")[0]))
            if here[: len(keys)] == keys:
                return number
        return None

    def error(self, *keys: str, problem: str, fix: str | None = None) -> BadInput:
        """The error that names a key and its line."""
        return BadInput(problem, file=self.path, line=self.line_of(*keys), field=keys[-1], fix=fix)


def _parts(key: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in key.split("."))


def read_config(path: Path) -> dict[str, Any]:
    """The settings of a TOML file, as keyword arguments of `Settings`."""
    try:
        config = Config(path, path.read_text(encoding="utf-8"))
        document = tomllib.loads(config.text)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"at line (\d+)", str(error))
        raise BadInput(f"not TOML: {error}", file=path, line=int(at[1]) if at else None, fix="mend it") from error
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"cannot be read: {error}", file=path, field="--config", fix="give a TOML file") from error
    _refuse_unknown(config, document, ("run", "plugins"))
    run, plugins = (_table(config, document, name) for name in ("run", "plugins"))
    _refuse_unknown(config, run, FIELDS, "run")
    options = {name: dict(_table(config, plugins, "plugins", name)) for name in plugins}
    pythons = {name: _python(config, name, table.pop("python")) for name, table in options.items() if "python" in table}
    return {**{name: _typed(config, name, value) for name, value in run.items()}, "options": options, "pythons": pythons}


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
    for name in ("plugins", "benchmarks"):
        if name in values:
            values[name] = _names(values[name])
    for name in ("out", "against"):
        if name in values:
            values[name] = Path(values[name])
    unknown = [name for name in values if name not in {f.name for f in dataclasses.fields(Settings)}]
    if unknown:
        raise BadInput("no such setting", field=unknown[0], fix=near(unknown[0], FIELDS))
    return Settings(**values)


def _names(given: str | Sequence[str]) -> tuple[str, ...]:
    """`math,code`, or a list of names, as a tuple."""
    names = given.split(",") if isinstance(given, str) else given
    return tuple(name.strip() for name in names if name.strip())


def _typed(config: Config, name: str, value: JSON) -> JSON:
    """A value of the table `[run]`, checked against its field's type."""
    if name in ("plugins", "benchmarks"):
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise config.error("run", name, problem="not a list of names", fix='write it as ["math"]')
        return tuple(value)
    try:
        converted = options_of(Settings)[name].convert(value)
    except ValueError as error:
        raise config.error("run", name, problem=str(error)) from error
    if name in RANGES:
        check_range(name, converted, file=config.path, line=config.line_of("run", name))
    return converted


def _python(config: Config, name: str, value: JSON) -> str:
    if not isinstance(value, str):
        raise config.error("plugins", name, "python", problem="not a path", fix="give the path of an interpreter")
    return value


def _refuse_unknown(config: Config, table: Mapping[str, Any], known: Collection[str], *where: str) -> None:
    for key in table:
        if key not in known:
            raise config.error(*where, key, problem="no such setting", fix=near(key, known))


def _table(config: Config, parent: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    value = parent.get(keys[-1], {})
    if not isinstance(value, dict):
        raise config.error(*keys, problem="not a table", fix=f"write it as [{'.'.join(keys)}]")
    return value
