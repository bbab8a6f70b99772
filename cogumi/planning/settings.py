"""What a run was asked to do: from flags, a TOML file or Python, resolved before anything else happens."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

from cogumi.errors import BadInput, suggest
from cogumi.planning import defaults
from cogumi.records import Options
from cogumi.registry.options import options_of_record


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One run's settings; all but `out` stand in `run.json`, from which `cogumi resume` takes them."""

    plugins: tuple[str, ...] = ()
    """Plugins whose categories take part, by entry-point name."""
    model: str = defaults.MODEL
    """Model of the student: a registered name, a local folder, a repository on the hub, or what the sampler's server offers."""
    adapter: str | None = None
    """LoRA adapter of the student to start from."""
    phase: str = defaults.PHASE
    """Phase: which gates apply, and how many problems are taken."""
    gates: Path | None = None
    """TOML file with gates, margins and sizes that win over the phase's."""
    sampler: str = defaults.SAMPLER
    """Sampler that asks the student."""
    trainer: str = defaults.TRAINER
    """Trainer; `none` trains nothing."""
    voter: str | None = None
    """Voter for all categories; none leaves each category its own."""
    benchmarks: tuple[str, ...] = ()
    """Benchmarks to measure besides, before and after; `NAME:TASK` where one name offers many, e.g. `lm-eval:arc_easy`."""
    guard: tuple[str, ...] = defaults.GUARDS
    """Guards: benchmarks that show what was forgotten, measured in every run; `none` leaves them out."""
    controls: tuple[str, ...] = ()
    """Controls: trainings that lack an ingredient (unvoted, random, format, baked, gold, null; all), beside the vote's."""
    judge: str | None = None
    """Judge as `SAMPLER:MODEL` or `MODEL`: says which of two texts is better where no answer is right."""
    teacher: str | None = None
    """Teacher as `SAMPLER:MODEL` or `MODEL`: answers training problems that the student does not agree on with itself."""
    reference: str | None = None
    """Reference as `SAMPLER:MODEL` or `MODEL`: answers the held-out problems once, to be held against."""
    against: Path | None = None
    """Folder of another run to hold this one against, problem by problem."""
    temperature: float = 0.7
    """Use temperature: at which the model is used, diagnosed and drawn from for votes."""
    fixed_temperature: bool = False
    """Whether the use temperature cannot be lowered, so that a lower one is no rival of training."""
    baseline_temperatures: tuple[float, ...] | None = None
    """Lower temperatures at which the untouched model is measured too; none: 0.2 where consistency is a gate. Of
    several, one is chosen on the training side, and training has to beat that one."""
    top_p: float = 1.0
    """Nucleus size in (0, 1]; 1.0 switches it off."""
    top_k: int = 0
    """Most probable tokens to draw among; 0 switches it off."""
    max_tokens: int | None = None
    """Token limit of every completion; none leaves it to each category and benchmark."""
    system: str | None = None
    """System prompt that goes before every conversation."""
    samples: int = 10
    """Samples per held-out problem in a diagnosis."""
    problems: int | None = None
    """Training-side problems per category; none leaves it to the phase."""
    held_out: int | None = None
    """Held-out problems per category; none leaves it to the phase."""
    min_examples: float | None = None
    """Examples kept of each category under which the run stops before it trains; below 1 a share of its training-side
    problems; none trains on whatever was kept, with a warning."""
    seed: int = 0
    """Seed of the choice of problems, of every sample and of training."""
    trust_remote_code: bool = False
    """Whether code in the model's folder may run."""
    accept_unsandboxed: bool = False
    """Whether model-written programs may run behind limits alone where the machine offers no walls."""
    observers: tuple[str, ...] = ()
    """Observers to tell what the run does, e.g. `jsonl`."""
    options: Mapping[str, Options] = field(default_factory=dict)
    """Options by the name of what takes them; a role's name for the sampler of that role alone."""
    pythons: Mapping[str, str] = field(default_factory=dict)
    """Interpreters by the name of the sampler or trainer that runs under them."""
    out: Path = Path("runs/default")
    """Run folder."""

    def __post_init__(self) -> None:
        for name in RANGES:
            check_range(name, getattr(self, name))


class Keywords(TypedDict, total=False):
    """The settings as keyword arguments of `cogumi.run`; names may be given as one text with commas."""

    plugins: str | Sequence[str]
    model: str
    adapter: str | None
    phase: str
    gates: Path | str | None
    sampler: str
    trainer: str
    voter: str | None
    benchmarks: str | Sequence[str]
    guard: str | Sequence[str]
    controls: str | Sequence[str]
    judge: str | None
    teacher: str | None
    reference: str | None
    against: Path | str | None
    temperature: float
    fixed_temperature: bool
    baseline_temperatures: str | Sequence[float] | None
    top_p: float
    top_k: int
    max_tokens: int | None
    system: str | None
    samples: int
    problems: int | None
    held_out: int | None
    min_examples: float | None
    seed: int
    trust_remote_code: bool
    accept_unsandboxed: bool
    observers: str | Sequence[str]
    options: Mapping[str, Options]
    pythons: Mapping[str, str]
    out: Path | str
    redo: bool


RANGES: Mapping[str, tuple[float, float, str]] = {
    "temperature": (0, 10, "0 to 10"),
    "top_p": (1e-9, 1, "more than 0, at most 1"),
    "top_k": (0, math.inf, "0 or more"),
    "max_tokens": (1, math.inf, "1 or more"),
    "samples": (1, math.inf, "1 or more"),
    "problems": (1, math.inf, "1 or more"),
    "held_out": (1, math.inf, "1 or more"),
    "min_examples": (0, 2**32, "a number of examples, e.g. 20, or a share below 1, e.g. 0.2"),
    "seed": (0, 2**32 - 1, "0 to 4294967295"),
}
"""Least and greatest value of a setting, and how to say so; seeds have to fit every library that takes one."""
LISTS = ("plugins", "benchmarks", "guard", "controls", "observers")
PATHS = ("out", "against", "gates")
FIELDS = {f.name: f for f in dataclasses.fields(Settings)}
PLAIN = {name for name in FIELDS if name not in (*LISTS, "options", "pythons", "baseline_temperatures")}
"""Settings of one value, read like a factory's options."""


def check_range(name: str, value: float | None, *, file: Path | None = None, line: int | None = None) -> None:
    """Refuse a value that no run could use."""
    least, greatest, rule = RANGES[name]
    broken = name == "min_examples" and value is not None and value > 1 and not float(value).is_integer()
    if value is not None and (broken or not least <= value <= greatest):
        raise BadInput(f"{value} is out of range", file=file, line=line, field=name, fix=f"give {rule}")


def merge(*layers: Keywords) -> Settings:
    """Settings from layers of keyword arguments, later ones winning where they say something; `options` merge by name."""
    values = {key: value for layer in layers for key, value in layer.items() if value is not None and key != "options"}
    options: dict[str, Options] = {}
    for layer in layers:
        for name, table in (layer.get("options") or {}).items():
            options[name] = {**options.get(name, {}), **table}
    values.pop("redo", None)
    if unknown := [name for name in values if name not in FIELDS]:
        raise BadInput("no such setting", field=unknown[0], fix=suggest(unknown[0], FIELDS))
    return Settings(**{name: _value(name, value) for name, value in values.items()}, options=options)


def _value(name: str, value: Any) -> Any:
    if name in LISTS:
        return names_of(value)
    if name in PATHS:
        return Path(value).expanduser()
    if name == "baseline_temperatures":
        return temperatures_of(value)
    if name not in PLAIN:
        return value
    try:
        return options_of_record(Settings)[name].convert(value)
    except ValueError as error:
        raise BadInput(str(error), field=name) from error


def names_of(given: str | Sequence[str]) -> tuple[str, ...]:
    """`math,code`, or a list of names, as a tuple; `none` is no name."""
    names = given.split(",") if isinstance(given, str) else given
    return tuple(name.strip() for name in names if name.strip() and name.strip() != defaults.NOTHING)


def temperatures_of(given: str | Sequence[float]) -> tuple[float, ...]:
    """`0.2,0.5`, or a list of numbers, as a tuple; `none` is no temperature."""
    try:
        found = tuple(float(part) for part in (names_of(given) if isinstance(given, str) else given))
    except ValueError as error:
        raise BadInput(f"{given!r} are no temperatures", field="baseline_temperatures", fix="e.g. 0.2,0.5") from error
    if any(not 0 < value <= 10 for value in found):
        fix = "give numbers above 0, e.g. 0.2,0.5; temperature 0 is measured anyway"
        raise BadInput(f"{given!r} is out of range", field="baseline_temperatures", fix=fix)
    return found
