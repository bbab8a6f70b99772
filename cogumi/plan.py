"""Everything a run needs, found and checked before a model is loaded or a file written."""

from __future__ import annotations

import hashlib
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from cogumi import __version__
from cogumi.chat import NO_TEMPLATE
from cogumi.errors import BadInput, PluginError, near
from cogumi.models import find_model, fingerprint, has_template
from cogumi.options import check_options
from cogumi.overlap import find_overlap
from cogumi.plugins import Entry, Registry
from cogumi.protocols import Benchmark, Category, Task, Voter
from cogumi.records import JSON, Model, Problem, Strategy
from cogumi.settings import Settings
from cogumi.store import digest

TRAINING_PROBLEMS = {"minimal": {"code": 50}, "full": {}}
TRAINING_PROBLEMS_ELSE = {"minimal": 100, "full": 2500}
HELD_OUT_PROBLEMS = {"minimal": 100, "full": None}
LIBRARIES = ("torch", "transformers", "tokenizers", "peft", "bitsandbytes", "accelerate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One category's part in a run."""

    category: Category
    """What is trained on, and how."""
    benchmark: Benchmark
    """What is held out."""
    voter: Voter
    """Who decides."""
    entries: Mapping[str, Entry]
    """Whose code each of them is, by kind."""
    training: tuple[Problem, ...]
    """The chosen training-side problems, those that overlap with the held-out side left out."""
    held_out: tuple[Problem, ...]
    """The chosen held-out problems."""
    overlap: Mapping[str, str]
    """Training-side problems left out, with the held-out problem each repeats."""

    @property
    def name(self) -> str:
        """The category's name."""
        return self.category.name

    @property
    def strategy(self) -> Strategy:
        """The category's strategy."""
        return self.category.strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A run, resolved."""

    settings: Settings
    """What was asked for."""
    model: Model
    """The model as found."""
    parts: tuple[Part, ...]
    """The categories, in the order asked for."""
    sampler: Entry
    """Who samples."""
    trainer: Entry
    """Who trains."""

    def options(self, entry: Entry) -> dict[str, JSON]:
        """The options an entry is made with."""
        given = dict(self.settings.options.get(entry.name, {}))
        if entry is self.trainer:
            given = {**{k: v for k, v in self.model.training.items() if k in entry.options}, **given}
            if "seed" in entry.options:
                given.setdefault("seed", self.settings.seed)
        return {name: _plain(value) for name, value in given.items()}

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know before anything is drawn, in sentences."""
        return () if has_template(self.model) else (NO_TEMPLATE,)

    def record(self) -> dict[str, JSON]:
        """What `run.json` says: settings, versions, and fingerprints of the contents everything depends on."""
        return {
            "settings": _settings_record(self),
            "versions": _versions(self),
            "fingerprints": {
                "model": dict(fingerprint(self.model)),
                "data": {part.name: _data_digest(part) for part in self.parts},
            },
            "strategies": {part.name: _strategy_record(part) for part in self.parts},
            "environment": _environment(),
        }


def make_plan(settings: Settings, registry: Registry) -> Plan:
    """Resolve settings: plugins, model, options and problems. Raises `BadInput` for whatever is not right."""
    if not settings.plugins:
        fix = near("", {entry.plugin.name for entry in registry.of("category")})
        raise BadInput("no plugins were named", field="plugins", fix=f"--plugins NAME,...; {fix}")
    entries = registry.categories(settings.plugins)
    sampler, trainer = registry.get("sampler", settings.sampler), registry.get("trainer", settings.trainer)
    model = find_model(settings.model, registry, adapter=settings.adapter, trust_remote_code=settings.trust_remote_code)
    parts = tuple(_part(entry, settings, registry, model) for entry in entries)
    plan = Plan(settings=settings, model=model, parts=parts, sampler=sampler, trainer=trainer)
    _check_options(plan)
    return plan


def _part(entry: Entry, settings: Settings, registry: Registry, model: Model) -> Part:
    category: Category = entry.make(**task_options(entry, settings, model.data))
    bench = registry.get("benchmark", category.benchmark)
    voter = registry.get("voter", settings.voter or category.voter)
    benchmark: Benchmark = bench.make(**task_options(bench, settings, _shared_folder(entry, settings) or model.data))
    _check_strategy(entry, category.strategy, settings)
    training, held_out = _problems(entry, category.task), _problems(bench, benchmark.task)
    overlap = find_overlap(training, held_out)
    free = [problem for problem in training if problem.id not in overlap]
    if not free:
        fix = f"give other data to {entry.name} or {bench.name}"
        raise BadInput(f"{entry}: every training problem is also held out", field="data", fix=fix)
    size = TRAINING_PROBLEMS[settings.phase].get(category.name, TRAINING_PROBLEMS_ELSE[settings.phase])
    return Part(
        category=category,
        benchmark=benchmark,
        voter=voter.make(**settings.options.get(voter.name, {})),
        entries={"category": entry, "benchmark": bench, "voter": voter},
        training=choose(free, settings.problems or size, settings.seed),
        held_out=choose(held_out, settings.held_out or HELD_OUT_PROBLEMS[settings.phase], settings.seed),
        overlap=overlap,
    )


def choose(problems: Sequence[Problem], count: int | None, seed: int) -> tuple[Problem, ...]:
    """A seeded choice of `count` problems (None: all), sorted by id; the same ones however the data was ordered."""

    def rank(problem: Problem) -> bytes:
        return hashlib.blake2b(f"{seed}\x1f{problem.id}".encode(), digest_size=16).digest()

    return tuple(sorted(sorted(problems, key=rank)[:count], key=lambda problem: problem.id))


def _problems(entry: Entry, task: Task) -> Sequence[Problem]:
    with entry.blame():
        problems = task.problems()
    if not problems:
        raise BadInput(f"{entry} has no problems", field="data", fix="give data with at least one problem")
    if repeated := [name for name, count in Counter(problem.id for problem in problems).items() if count > 1]:
        raise PluginError(f"{entry.plugin}: {entry} has {len(repeated)} ids more than once, e.g. '{repeated[0]}'")
    return problems


def task_options(entry: Entry, settings: Settings, data: str) -> dict[str, JSON]:
    """A category's or benchmark's options, with what it is given unless told otherwise, as far as it takes it."""
    common = {"data": data} | ({"accept_unsandboxed": True} if settings.accept_unsandboxed else {})
    default = {name: value for name, value in common.items() if name in entry.options}
    return {**default, **settings.options.get(entry.name, {})}


def _shared_folder(entry: Entry, settings: Settings) -> str | None:
    """A folder given as a category's data holds its benchmark's side too."""
    data = settings.options.get(entry.name, {}).get("data")
    return data if isinstance(data, str) and Path(data).expanduser().is_dir() else None


def _check_strategy(entry: Entry, strategy: Strategy, settings: Settings) -> None:
    if (strategy.vote_temperature if strategy.vote_temperature is not None else settings.temperature) == 0:
        fix = "give --temperature above 0"
        raise BadInput(f"{entry}: votes at temperature 0 are one opinion many times", field="temperature", fix=fix)


def _check_options(plan: Plan) -> None:
    """Every option must be taken by something in the run, and fit."""
    used = [plan.sampler, plan.trainer, *(entry for part in plan.parts for entry in part.entries.values())]
    for name, given in plan.settings.options.items():
        takers = [entry for entry in used if entry.name == name]
        if not takers:
            fix = near(name, {entry.name for entry in used})
            raise BadInput("nothing in this run is called that", field=f"{name}.{next(iter(given), '')}", fix=fix)
    for entry in (plan.sampler, plan.trainer):
        check_options(str(entry), entry.factory, plan.options(entry))


def _settings_record(plan: Plan) -> dict[str, JSON]:
    """The settings without paths of data and folders: what those hold is fingerprinted instead."""
    s = plan.settings
    options = {name: {k: _plain(v) for k, v in table.items() if k != "data"} for name, table in s.options.items()}
    return {
        "plugins": list(s.plugins),
        "model": plan.model.name,
        "phase": s.phase,
        "sampler": s.sampler,
        "trainer": s.trainer,
        "voters": {part.name: part.entries["voter"].name for part in plan.parts},
        "temperature": s.temperature,
        "samples": s.samples,
        "problems": {part.name: len(part.training) for part in plan.parts},
        "held_out": {part.name: len(part.held_out) for part in plan.parts},
        "seed": s.seed,
        "trust_remote_code": s.trust_remote_code,
        "accept_unsandboxed": s.accept_unsandboxed,
        "options": {name: table for name, table in options.items() if table},
        "training": {k: _plain(v) for k, v in plan.options(plan.trainer).items()},
    }


def _plain(value: Any) -> JSON:
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _strategy_record(part: Part) -> dict[str, JSON]:
    values = {name: getattr(part.strategy, name) for name in part.strategy.__dataclass_fields__}
    return {**values, "benchmark": part.benchmark.name, "benchmark_max_tokens": part.benchmark.max_tokens}


def _versions(plan: Plan) -> dict[str, str]:
    """Versions of cogumi and of every plugin whose code decides something in the run."""
    used = [plan.sampler, plan.trainer, *(entry for part in plan.parts for entry in part.entries.values())]
    plugins = {entry.plugin.dist: entry.plugin.version for entry in used}
    return {"cogumi": __version__, **dict(sorted(plugins.items()))}


def _environment() -> dict[str, str]:
    """For people: what else was installed. Not compared when a run is resumed."""
    found = {d.name.lower(): d.version for d in metadata.distributions() if d.name and d.name.lower() in LIBRARIES}
    return {"python": platform.python_version(), **{name: found[name] for name in LIBRARIES if name in found}}


def _data_digest(part: Part) -> dict[str, str]:
    """Digest of what the model is asked and what it is scored by, on each side."""
    sides = {
        "training": (part.training, part.category.task, "category"),
        "held_out": (part.held_out, part.benchmark.task, "benchmark"),
    }
    digests: dict[str, str] = {}
    for side, (problems, task, kind) in sides.items():
        with part.entries[kind].blame():
            digests[side] = digest([[p.id, [dict(m) for m in task.messages(p)], p.reference] for p in problems])
    return digests


def with_adapter(model: Model, adapter: Path) -> Model:
    """The same base with another adapter."""
    return replace(model, adapter=str(adapter))
