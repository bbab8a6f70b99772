"""Everything a run needs, found and checked before a model is loaded or a file written."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from cogumi.chat import NO_TEMPLATE
from cogumi.errors import BadInput, PluginError, near
from cogumi.models import find_model, has_template
from cogumi.options import check_options
from cogumi.overlap import find_overlap
from cogumi.plugins import Entry, Registry
from cogumi.protocols import Benchmark, Category, Evaluation, Task, Voter
from cogumi.records import JSON, Model, Problem, Strategy
from cogumi.settings import Settings
from cogumi.store import read_json

TRAINING_PROBLEMS = {"minimal": {"code": 50}, "full": {}}
TRAINING_PROBLEMS_ELSE = {"minimal": 100, "full": 2500}
HELD_OUT_PROBLEMS = {"minimal": 100, "full": None}
GUARD_PROBLEMS = {"minimal": 100, "full": 1000}
GUARDED = "reasoning"
"""The category whose held-out side guards against forgetting, trained on or not."""
Role = Literal["trained", "guard", "benchmark"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exam:
    """Held-out problems that are measured before and after training."""

    name: str
    """The category's name, or the benchmark's where no category of the run is held out by it."""
    role: Role
    """`trained`: a category of the run; `guard`: against forgetting; `benchmark`: asked for besides."""
    benchmark: Benchmark
    """What is held out."""
    voter: Voter
    """Who decides."""
    entries: Mapping[str, Entry]
    """Whose code benchmark and voter are, by kind."""
    problems: tuple[Problem, ...]
    """The chosen problems."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One category's part in a run: its training side, and its exam."""

    category: Category
    """What is trained on, and how."""
    entry: Entry
    """Whose code the category is."""
    exam: Exam
    """What is held out, and who decides on both sides."""
    training: tuple[Problem, ...]
    """The chosen training-side problems, those that overlap with the held-out side left out."""
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
class Outside:
    """An outside evaluation that is made before and after training."""

    evaluation: Evaluation
    """What is evaluated, and how."""
    entry: Entry
    """Whose code it is."""
    options: Mapping[str, JSON]
    """What its factory is given, in whatever process it is made."""
    limit: int | None
    """Most items; None: all."""

    @property
    def name(self) -> str:
        """The evaluation's name."""
        return self.evaluation.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Who says which of two texts is better, where no answer is right."""

    model: Model
    """The judge."""
    sampler: Entry
    """Who asks it."""


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
    others: tuple[Exam, ...] = ()
    """What else is measured: the guard, and the benchmarks asked for besides."""
    outside: tuple[Outside, ...] = ()
    """Outside evaluations asked for."""
    judge: Judge | None = None
    """Who judges texts that cannot be right or wrong, if anybody."""

    @property
    def exams(self) -> tuple[Exam, ...]:
        """All that is measured by cogumi itself: the categories' held-out sides, then the others."""
        return (*(part.exam for part in self.parts), *self.others)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Everything whose code decides something in the run."""
        exams = [entry for exam in self.exams for entry in exam.entries.values()]
        judge = [self.judge.sampler] if self.judge is not None else []
        mine = [part.entry for part in self.parts]
        return (self.sampler, self.trainer, *mine, *exams, *(outside.entry for outside in self.outside), *judge)

    def options(self, entry: Entry) -> dict[str, JSON]:
        """The options an entry is made with."""
        given = dict(self.settings.options.get(entry.name, {}))
        if entry is self.trainer:
            given = {**{k: v for k, v in self.model.training.items() if k in entry.options}, **given}
            if "seed" in entry.options:
                given.setdefault("seed", self.settings.seed)
        return {name: plain(value) for name, value in given.items()}

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know before anything is drawn, in sentences."""
        unguarded = () if self.settings.guard == NOBODY or self.guarded else (NO_GUARD.format(self.settings.guard),)
        return (*(() if has_template(self.model) else (NO_TEMPLATE,)), *unguarded)

    @property
    def guarded(self) -> bool:
        """Whether forgetting is measured."""
        return any(exam.name == GUARDED for exam in self.exams)


NOBODY = "none"
NO_GUARD = "forgetting is not measured: the benchmark '{}' is not installed (pip install cogumi-reasoning)"


def make_plan(settings: Settings, registry: Registry) -> Plan:
    """Resolve settings: plugins, model, options and problems. Raises `BadInput` for whatever is not right."""
    if not settings.plugins:
        fix = near("", {entry.plugin.name for entry in registry.of("category")})
        raise BadInput("no plugins were named", field="plugins", fix=f"--plugins NAME,...; {fix}")
    entries = registry.categories(settings.plugins)
    sampler, trainer = registry.get("sampler", settings.sampler), registry.get("trainer", settings.trainer)
    model = find_model(settings.model, registry, adapter=settings.adapter, trust_remote_code=settings.trust_remote_code)
    judge = _judge(settings, registry)
    parts = tuple(_part(entry, settings, registry, model) for entry in entries)
    others, outside = _besides(settings, registry, model, {part.name for part in parts})
    plan = Plan(
        settings=settings,
        model=model,
        parts=parts,
        others=others,
        outside=outside,
        sampler=sampler,
        trainer=trainer,
        judge=judge,
    )
    _check_options(plan)
    if settings.against is not None:
        _check_rival(settings.against, plan)
    return plan


def measured_by(folder: Path) -> Path:
    """The latest diagnosis of another run: `after.json`, or `before.json` where it trained nothing."""
    for name in ("after.json", "before.json"):
        if (folder / name).is_file():
            return folder / name
    raise BadInput("no diagnosis in this folder", file=folder, field="against", fix="name the folder of another run")


def _check_rival(folder: Path, plan: Plan) -> None:
    """Another run must have measured something that this one does, too."""
    file = measured_by(folder)
    theirs = read_json(file)
    try:
        known = {(name, d["benchmark"], item["id"]) for name, d in theirs["categories"].items() for item in d["items"]}
        known |= {(name, "", "") for name in theirs.get("outside", {})}
    except (KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"no diagnosis: {error!r}", file=file, field="against", fix="name the folder of a run") from error
    mine = {(exam.name, exam.benchmark.name, problem.id) for exam in plan.exams for problem in exam.problems}
    mine |= {(outside.name, "", "") for outside in plan.outside}
    if known.isdisjoint(mine):
        fix = "name a run of the same categories, data and seed"
        raise BadInput("it measured no problem that this run does", file=file, field="against", fix=fix)


def _part(entry: Entry, settings: Settings, registry: Registry, model: Model) -> Part:
    category: Category = entry.make(**task_options(entry, settings, model.data))
    bench = registry.get("benchmark", category.benchmark)
    voter = registry.get("voter", settings.voter or category.voter)
    benchmark = _own(bench, task_options(bench, settings, _shared_folder(entry, settings) or model.data))
    _check_strategy(entry, category.strategy, settings)
    training, held_out = _problems(entry, category.task), _problems(bench, benchmark.task)
    overlap = find_overlap(training, held_out)
    free = [problem for problem in training if problem.id not in overlap]
    if not free:
        fix = f"give other data to {entry.name} or {bench.name}"
        raise BadInput(f"{entry}: every training problem is also held out", field="data", fix=fix)
    size = TRAINING_PROBLEMS[settings.phase].get(category.name, TRAINING_PROBLEMS_ELSE[settings.phase])
    exam = Exam(
        name=category.name,
        role="trained",
        benchmark=benchmark,
        voter=voter.make(**settings.options.get(voter.name, {})),
        entries={"benchmark": bench, "voter": voter},
        problems=choose(held_out, settings.held_out or HELD_OUT_PROBLEMS[settings.phase], settings.seed),
    )
    chosen = choose(free, settings.problems or size, settings.seed)
    return Part(category=category, entry=entry, exam=exam, training=chosen, overlap=overlap)


def _besides(
    settings: Settings, registry: Registry, model: Model, trained: Collection[str]
) -> tuple[tuple[Exam, ...], tuple[Outside, ...]]:
    """The guard, and what else was asked for."""
    exams: list[Exam] = []
    outside: list[Outside] = []
    if GUARDED not in trained and settings.guard != NOBODY and _has_guard(settings, registry):
        exams.append(_guard(settings, registry, model))
    for asked in settings.benchmarks:
        name, _, argument = asked.partition(":")
        entry = registry.get("benchmark", name)
        options = task_options(entry, settings, model.data)
        if argument:  # options given under the whole name are this task's alone
            options |= {"task": argument, **settings.options.get(asked, {})}
        made = entry.make(**options)
        if isinstance(made, Evaluation):
            limit = settings.held_out or HELD_OUT_PROBLEMS[settings.phase]
            outside.append(Outside(evaluation=made, entry=entry, options=options, limit=limit))
            with entry.blame():
                made.check()
        else:
            exams.append(_exam(made, entry, settings, registry, role="benchmark", size=HELD_OUT_PROBLEMS[settings.phase]))
    names = Counter([*trained, *(exam.name for exam in exams), *(o.name for o in outside)])
    if repeated := [name for name, count in names.items() if count > 1]:
        raise BadInput(f"'{repeated[0]}' is measured already", field="benchmarks", fix="name each benchmark once")
    return tuple(exams), tuple(outside)


def _has_guard(settings: Settings, registry: Registry) -> bool:
    """Only the guard that nobody asked for by name may be missing."""
    default = Settings.__dataclass_fields__["guard"].default
    return settings.guard != default or ("benchmark", default) in registry.entries


def _guard(settings: Settings, registry: Registry, model: Model) -> Exam:
    entry = registry.get("benchmark", settings.guard)
    try:
        made = _own(entry, task_options(entry, settings, model.data))
        exam = _exam(made, entry, settings, registry, role="guard", size=GUARD_PROBLEMS[settings.phase])
    except BadInput as error:
        hint = f"{error} (every run measures {entry.name} to see what was forgotten; --guard none leaves it out)"
        raise BadInput(hint) from error
    return exam


def _exam(made: Benchmark, entry: Entry, settings: Settings, registry: Registry, *, role: Role, size: int | None) -> Exam:
    voter = registry.get("voter", "majority" if role == "guard" else settings.voter or "majority")
    return Exam(
        name=GUARDED if role == "guard" else made.name,
        role=role,
        benchmark=made,
        voter=voter.make(**settings.options.get(voter.name, {})),
        entries={"benchmark": entry, "voter": voter},
        problems=choose(_problems(entry, made.task), settings.held_out or size, settings.seed),
    )


def _own(entry: Entry, options: Mapping[str, JSON]) -> Benchmark:
    """A benchmark that cogumi itself prompts and scores."""
    made: Benchmark | Evaluation = entry.make(**options)
    if isinstance(made, Evaluation):
        fix = f"--benchmarks {made.name} evaluates it besides"
        raise BadInput(f"{entry} is an outside evaluation and cannot hold out a category", field="benchmark", fix=fix)
    return made


def _judge(settings: Settings, registry: Registry) -> Judge | None:
    if settings.judge is None:
        if settings.judge_sampler is not None:
            raise BadInput("a sampler for a judge, but no judge", field="judge_sampler", fix="name the judge: --judge MODEL")
        return None
    model = find_model(settings.judge, registry, trust_remote_code=settings.trust_remote_code)
    return Judge(model=model, sampler=registry.get("sampler", settings.judge_sampler or settings.sampler))


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
    used = plan.entries
    names = {entry.name for entry in used} | {outside.name for outside in plan.outside}
    for name, given in plan.settings.options.items():
        if name not in names:
            raise BadInput("nothing in this run is called that", field=f"{name}.{next(iter(given), '')}", fix=near(name, names))
    for entry in (plan.sampler, plan.trainer):
        check_options(str(entry), entry.factory, plan.options(entry))


def plain(value: Any) -> JSON:
    """An option's value as JSON has it."""
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def with_adapter(model: Model, adapter: Path) -> Model:
    """The same base with another adapter."""
    return replace(model, adapter=str(adapter))
