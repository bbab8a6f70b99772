"""Everything a run needs, found and checked before a model is loaded or a file written."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from cogumi.data import Origin, collect_origins
from cogumi.decision.gates import read_phase
from cogumi.distillation.decontamination import find_overlap
from cogumi.errors import BadInput, PluginError, suggest
from cogumi.phases import Phase
from cogumi.pipeline.cast import cast_roles, check_controls, resolve_controls, resolve_trainer
from cogumi.planning import defaults
from cogumi.planning.plan import NO_SIZES, CategoryRun, Chosen, Evaluation, ExternalRun, Plan, Sizes
from cogumi.planning.settings import Settings
from cogumi.protocols import Benchmark, Category, ExternalEvaluation, Guessable, Task, ways
from cogumi.records import JSON, Options, Problem, Sampling, Strategy
from cogumi.registry.discovery import Entry, Registry
from cogumi.registry.options import options_of_record
from cogumi.results import Purpose
from cogumi.roles.role import ROLES, Role
from cogumi.thoughts import Tags

STRATEGY_FIELDS = tuple(f.name for f in fields(Strategy) if f.name != "why")
"""What a user may set of a category's strategy, in its table `[plugins.CATEGORY]`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolver:
    """What resolving goes by."""

    settings: Settings
    registry: Registry
    phase: Phase
    data: str
    """Where problems come from unless told otherwise: the student's own word."""
    begun: Sizes
    """The sizes that a run folder was begun with; empty for a new one."""
    thoughts: Tags = ()
    """Marks of thoughts that the templates of those who are asked declare."""

    def training_size(self, category: str) -> int | None:
        """Asked for, or as the run was begun, or as the phase has it."""
        return self.settings.problems or self.begun.training.get(category, self.phase.problems_of(category))

    def asked(self, name: str, purpose: Purpose | None) -> int | None:
        """Asked for by the user or the phase, however a folder was begun; `purpose` None: the training side."""
        if purpose is None:
            return self.settings.problems or self.phase.problems_of(name)
        return self.settings.held_out or (self.phase.guard if purpose == "guard" else self.phase.held_out)

    def held_out_size(self, name: str, purpose: Purpose) -> int | None:
        """Asked for, or as the run was begun, or as the phase has it."""
        size = self.phase.guard if purpose == "guard" else self.phase.held_out
        return self.settings.held_out or self.begun.held_out.get(name, size)

    def options(self, entry: Entry, *, given: Options | None = None, data: str | None = None) -> Options:
        """A category's or benchmark's options, with what it is given unless told otherwise, as far as it takes it."""
        common = {"data": data or self.data, **({"accept_unsandboxed": True} if self.settings.accept_unsandboxed else {})}
        default = {name: value for name, value in common.items() if name in entry.options}
        return {**default, **(self.settings.options.get(entry.name, {}) if given is None else given)}


def make_plan(settings: Settings, registry: Registry, begun: Sizes = NO_SIZES) -> Plan:
    """Resolve settings: plugins, models, options and problems. Raises `BadInput` for whatever is not right."""
    if not settings.plugins:
        fix = suggest("", {entry.plugin.name for entry in registry.of("category")})
        raise BadInput("no plugins were named", field="plugins", fix=f"--plugins NAME,...; {fix}")
    registry.categories(settings.plugins)
    phase = resolve_phase(settings, registry)
    roles = cast_roles(settings, registry)
    resolver = Resolver(
        settings=settings,
        registry=registry,
        phase=phase,
        data=roles["student"].model.data,
        begun=begun,
        thoughts=tuple(dict.fromkeys(pair for role in roles.values() for pair in role.thoughts)),
    )
    plan = replace(
        measures(resolver),
        roles=roles,
        trainer=resolve_trainer(settings, registry, roles["student"]),
        notes=tuple(_notes(settings, registry, roles)),
    )
    check_controls(plan.controls, plan.trainer)
    _check_options(plan)
    _check_abilities(plan)
    return plan


def measures(resolver: Resolver) -> Plan:
    """What a run measures and trains on, without anybody who is asked: enough to score and vote again."""
    entries = resolver.registry.categories(resolver.settings.plugins)
    categories = tuple(_category(entry, resolver) for entry in entries)
    others, external = _besides(resolver, categories)
    return Plan(
        settings=resolver.settings,
        phase=_as_begun(resolver.phase, resolver.begun),
        roles={},
        categories=categories,
        controls=resolve_controls(resolver.settings, resolver.begun.controls, categories),
        trainer=None,
        others=others,
        external=external,
    )


def _as_begun(phase: Phase, begun: Sizes) -> Phase:
    """A phase named later decides by its gates; the training data stay those that the run was begun with."""
    return phase if begun.failures_only is None else replace(phase, failures_only=begun.failures_only)


def resolve_phase(settings: Settings, registry: Registry) -> Phase:
    """The phase of this name, with the user's gates, margins and sizes."""
    phase: Phase = registry.get("phase", settings.phase).make()
    return phase if settings.gates is None else read_phase(settings.gates, phase)


def _category(entry: Entry, resolver: Resolver) -> CategoryRun:
    given = resolver.settings.options.get(entry.name, {})
    changed = {name: value for name, value in given.items() if name in STRATEGY_FIELDS and name not in entry.options}
    options = resolver.options(entry, given={name: value for name, value in given.items() if name not in changed})
    category: Category = entry.make(**options)
    strategy = _strategy(entry, category.strategy, changed, resolver.settings)
    bench = resolver.registry.get("benchmark", category.benchmark)
    limit = strategy.max_tokens if "max_tokens" in changed else None
    benchmark, grader = _held_out(bench, resolver, data=_shared_folder(entry, resolver.settings), limit=limit)
    (training, origins), held_out = _problems(entry, category.task), _problems(bench, benchmark.task)
    overlap = find_overlap(training, held_out[0])
    free = [problem for problem in training if problem.id not in overlap]
    if not free:
        fix = f"give other data to {entry.name} or {bench.name}"
        raise BadInput(f"{entry}: every training problem is also held out", field="data", fix=fix)
    evaluation = _evaluation(
        (benchmark, grader),
        resolver,
        purpose="trained",
        problems=held_out,
        name=category.name,
        voter=category.voter,
        consistency=strategy.consistency,
    )
    return CategoryRun(
        category=category,
        chosen=Chosen(entry=entry, options=entry.converted(options)),
        strategy=strategy,
        evaluation=evaluation,
        training=choose(free, resolver.training_size(category.name), resolver.settings.seed),
        available=len(free),
        asked=resolver.asked(category.name, None),
        origins=origins,
        overlap=overlap,
    )


def _strategy(entry: Entry, strategy: Strategy, changed: Options, settings: Settings) -> Strategy:
    """The category's strategy with the user's settings, refused where no vote can be held with it."""
    values = {name: _field(entry, Strategy, name, value) for name, value in changed.items()}
    if settings.max_tokens is not None:
        values["max_tokens"] = settings.max_tokens
    made = replace(strategy, **values)
    _check_strategy(entry, made, settings)
    return made


def _field(entry: Entry, record: type, name: str, value: JSON) -> Any:
    """A setting of an entry that is a field of what it makes."""
    try:
        return options_of_record(record)[name].convert(value)
    except ValueError as error:
        raise BadInput(str(error), field=f"{entry.name}.{name}") from error


def _check_strategy(entry: Entry, strategy: Strategy, settings: Settings) -> None:
    if (strategy.vote_temperature if strategy.vote_temperature is not None else settings.temperature) == 0:
        fix = "give --temperature above 0"
        raise BadInput(f"{entry}: votes at temperature 0 are one opinion many times", field="temperature", fix=fix)
    rules = {
        "votes": strategy.votes >= 2,
        "targets": strategy.targets >= 1,
        "max_tokens": strategy.max_tokens >= 1,
        "min_agreement": 0 <= strategy.min_agreement <= 1,
        "generate_temperature": 0 <= strategy.generate_temperature <= 10,
        "train_temperature": 0 <= strategy.train_temperature <= 10,
    }
    for name, good in rules.items():
        if not good:
            fix = {"votes": "2 or more: one voter is no vote", "min_agreement": "a share of 0 to 1"}.get(name, "1 or more")
            raise BadInput(f"{getattr(strategy, name)} is out of range", field=f"{entry.name}.{name}", fix=fix)


def _held_out(
    entry: Entry, resolver: Resolver, *, data: str | None = None, limit: int | None = None
) -> tuple[Benchmark, Chosen]:
    """A benchmark that cogumi itself prompts and scores, and how it was made."""
    made, chosen = _benchmark(entry, resolver, data=data, limit=limit)
    if isinstance(made, ExternalEvaluation):
        fix = f"--benchmarks {made.name} evaluates it besides"
        raise BadInput(f"{entry} is an external evaluation and cannot hold out a category", field="benchmark", fix=fix)
    return made, chosen


def _benchmark(
    entry: Entry,
    resolver: Resolver,
    *,
    data: str | None = None,
    limit: int | None = None,
    more: Options | None = None,
) -> tuple[Benchmark | ExternalEvaluation, Chosen]:
    """What a benchmark's factory makes, and how it was made. Its token limit is a setting of it."""
    given = {**resolver.settings.options.get(entry.name, {}), **(more or {})}
    own = None if "max_tokens" in entry.options else given.pop("max_tokens", None)
    options = resolver.options(entry, given=given, data=data)
    made: Benchmark | ExternalEvaluation = entry.make(**options)
    limit = resolver.settings.max_tokens or _tokens(entry, own) or limit
    if limit is not None and isinstance(made, Benchmark):
        made = replace(made, max_tokens=limit)
    return made, Chosen(entry=entry, options=entry.converted(options))


def _tokens(entry: Entry, value: JSON) -> int | None:
    if value is None:
        return None
    found: int = _field(entry, Benchmark, "max_tokens", value)
    if found < 1:
        raise BadInput(f"{found} is out of range", field=f"{entry.name}.max_tokens", fix="1 or more")
    return found


def _evaluation(
    made: tuple[Benchmark, Chosen],
    resolver: Resolver,
    *,
    purpose: Purpose,
    problems: tuple[Sequence[Problem], tuple[Origin, ...]],
    name: str,
    voter: str = defaults.VOTER,
    consistency: str = "texts",
) -> Evaluation:
    benchmark, grader = made
    settings = resolver.settings
    voting = resolver.registry.get("voter", voter if purpose == "guard" else settings.voter or voter)
    given = settings.options.get(voting.name, {})
    decider = voting.make(**given)
    use = Sampling(
        temperature=settings.temperature,
        max_tokens=benchmark.max_tokens,
        top_p=settings.top_p,
        top_k=settings.top_k,
        seed=settings.seed,
        logprobs=ways(decider).needs_logprobs,
    )
    all_, origins = problems
    chosen = choose(all_, resolver.held_out_size(name, purpose), settings.seed)
    return Evaluation(
        name=name,
        purpose=purpose,
        benchmark=benchmark,
        grader=grader,
        voter=decider,
        voting=Chosen(entry=voting, options=voting.converted(given)),
        problems=chosen,
        available=len(all_),
        asked=resolver.asked(name, purpose),
        origins=origins,
        use=use,
        baseline_temperatures=_baselines(resolver) if purpose == "trained" else (),
        consistency=consistency,
        chance=_chance(benchmark, chosen),
        thoughts=resolver.thoughts,
    )


def _chance(benchmark: Benchmark, problems: Sequence[Problem]) -> float:
    """Accuracy of guessing: the benchmark's, or the mean over problems where the task knows it of each."""
    task = benchmark.task
    return fmean(task.chance(problem) for problem in problems) if isinstance(task, Guessable) else benchmark.chance


def _baselines(resolver: Resolver) -> tuple[float, ...]:
    """Lower temperatures that training has to beat: those asked for, or as begun, or one where consistency is a gate."""
    settings = resolver.settings
    known = resolver.begun.baselines if settings.baseline_temperatures is None else settings.baseline_temperatures
    if known is not None:
        return tuple(t for t in known if t < settings.temperature)
    gated = any(gate.metric == "consistency" for gate in resolver.phase.gates)
    wanted = gated and settings.temperature > defaults.LOWER_TEMPERATURE
    return (defaults.LOWER_TEMPERATURE,) if wanted else ()


def _besides(resolver: Resolver, categories: Sequence[CategoryRun]) -> tuple[tuple[Evaluation, ...], tuple[ExternalRun, ...]]:
    """The guards, and what else was asked for."""
    held = {run.evaluation.benchmark.name for run in categories}
    guards = [name for name in resolver.settings.guard if name not in held and _is_there(resolver, name)]
    evaluations = [_guard(name, resolver) for name in guards]
    external: list[ExternalRun] = []
    for asked in resolver.settings.benchmarks:
        made = _asked_besides(asked, resolver)
        if isinstance(made, ExternalRun):
            external.append(made)
        else:
            evaluations.append(made)
    names = Counter([*(run.name for run in categories), *(e.name for e in evaluations), *(e.name for e in external)])
    if repeated := [name for name, count in names.items() if count > 1]:
        raise BadInput(f"'{repeated[0]}' is measured already", field="benchmarks", fix="name each benchmark once")
    return tuple(evaluations), tuple(external)


def _is_there(resolver: Resolver, name: str) -> bool:
    """Only a guard that nobody asked for by name may be missing."""
    return resolver.settings.guard != defaults.GUARDS or ("benchmark", name) in resolver.registry.entries


def _guard(name: str, resolver: Resolver) -> Evaluation:
    entry = resolver.registry.get("benchmark", name)
    try:
        made = _held_out(entry, resolver)
        return _evaluation(made, resolver, purpose="guard", problems=_problems(entry, made[0].task), name=made[0].name)
    except BadInput as error:
        hint = f"{error} (every run measures {entry.name} to see what was forgotten; --guard none leaves it out)"
        raise BadInput(hint) from error


def _asked_besides(asked: str, resolver: Resolver) -> Evaluation | ExternalRun:
    name, _, argument = asked.partition(":")
    entry, settings = resolver.registry.get("benchmark", name), resolver.settings
    # options given under the whole name are this task's alone
    more = {"task": argument, **settings.options.get(asked, {})} if argument else {}
    made, chosen = _benchmark(entry, resolver, more=more)
    if isinstance(made, Benchmark):
        problems = _problems(entry, made.task)
        return _evaluation((made, chosen), resolver, purpose="benchmark", problems=problems, name=made.name)
    with entry.attribute_errors():
        made.check()
    return ExternalRun(evaluation=made, chosen=chosen, limit=settings.held_out or resolver.phase.held_out)


def choose(problems: Sequence[Problem], count: int | None, seed: int) -> tuple[Problem, ...]:
    """A seeded choice of `count` problems (None: all), sorted by id; the same ones however the data was ordered."""

    def rank(problem: Problem) -> bytes:
        return hashlib.blake2b(f"{seed}\x1f{problem.id}".encode(), digest_size=16).digest()

    return tuple(sorted(sorted(problems, key=rank)[:count], key=lambda problem: problem.id))


def _problems(entry: Entry, task: Task) -> tuple[Sequence[Problem], tuple[Origin, ...]]:
    """A task's problems, and what it read them from."""
    with entry.attribute_errors(), collect_origins() as origins:
        problems = task.problems()
    if not problems:
        raise BadInput(f"{entry} has no problems", field="data", fix="give data with at least one problem")
    if repeated := [name for name, count in Counter(problem.id for problem in problems).items() if count > 1]:
        raise PluginError(f"{entry.label} has {len(repeated)} ids more than once, e.g. '{repeated[0]}'")
    return problems, tuple(origins)


def _shared_folder(entry: Entry, settings: Settings) -> str | None:
    """A folder given as a category's data holds its benchmark's side too."""
    data = settings.options.get(entry.name, {}).get("data")
    return data if isinstance(data, str) and Path(data).expanduser().is_dir() else None


def _notes(settings: Settings, registry: Registry, roles: Mapping[str, Role]) -> list[str]:
    notes = [note for role in roles.values() for note in role.notes]
    missing = [name for name in settings.guard if ("benchmark", name) not in registry.entries]
    notes += [f"forgetting is not measured: no installed plugin offers the benchmark '{name}'" for name in missing]
    inexact = [role for role in roles.values() if not role.serves.exact]
    promise = "samples may differ from run to run: its sampler cannot promise them"
    return [*notes, *(f"the {role.name}'s {promise} ('{role.sampler.name}')" for role in inexact)]


def _check_options(plan: Plan) -> None:
    """Every option must be taken by something in the run."""
    names = {entry.name for entry in plan.entries} | {external.name for external in plan.external} | set(plan.roles)
    names |= {*plan.settings.observers, *plan.settings.benchmarks}
    for name, given in plan.settings.options.items():
        if name not in names:
            unused = f"there is no {name} in this run" if name in ROLES else "nothing in this run is called that"
            raise BadInput(unused, field=f"{name}.{next(iter(given), '')}", fix=suggest(name, names))


def _check_abilities(plan: Plan) -> None:
    """Refuse now what a sampler cannot do later."""
    for evaluation in plan.evaluations:
        if ways(evaluation.voter).needs_logprobs and not plan.student.serves.logprobs:
            problem = f"{evaluation.voting.entry} weighs log-probabilities, and {plan.student.sampler} does not tell them"
            raise BadInput(problem, field="voter", fix="name another voter or sampler")
