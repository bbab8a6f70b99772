"""What a plan leaves in `run.json`, and what is read from it."""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

from cogumi import __version__
from cogumi.files import digest, file_digest
from cogumi.planning.manifest import Manifest, RecordedEvaluation, RecordedExternal, RecordedRole, RecordedSide, RecordedTrainer
from cogumi.planning.plan import NO_SIZES, CategoryRun, Chosen, Evaluation, Plan, Sizes
from cogumi.planning.settings import Settings
from cogumi.records import Problem
from cogumi.registry.discovery import requirements
from cogumi.roles.role import Role
from cogumi.runs import read_manifest
from cogumi.thoughts import Tags


def manifest(plan: Plan) -> Manifest:
    """The content of run.json."""
    return Manifest(
        settings=plan.settings,
        phase=plan.phase,
        roles={name: _role(role) for name, role in plan.roles.items()},
        category_gates=plan.category_gates,
        trainer=None if plan.trainer is None else _trainer(plan.trainer.chosen),
        strategies={run.name: run.strategy for run in plan.categories},
        sizes=Sizes(
            training={run.name: len(run.training) for run in plan.categories},
            held_out={e.name: len(e.problems) for e in plan.evaluations},
            baselines=plan.categories[0].evaluation.baseline_temperatures,
            controls=plan.controls,
            failures_only=plan.phase.failures_only,
        ),
        evaluations={e.name: _evaluation(e) for e in plan.evaluations},
        external={e.name: RecordedExternal(metric=e.evaluation.metric, limit=e.limit) for e in plan.external},
        data=_data(plan),
        versions=_versions(plan),
        environment=_environment(plan),
    )


def _role(role: Role) -> RecordedRole:
    return RecordedRole(
        model=role.model.name,
        data=role.model.data,
        sampler=role.sampler.name,
        options=role.options,
        fingerprint=role.fingerprint,
        exact=role.serves.exact,
        notes=role.notes,
        thoughts=role.thoughts,
    )


def _trainer(chosen: Chosen) -> RecordedTrainer:
    entry = chosen.entry
    return RecordedTrainer(name=entry.name, version=entry.plugin.version, options=entry.deciding(chosen.options))


def _evaluation(evaluation: Evaluation) -> RecordedEvaluation:
    return RecordedEvaluation(
        benchmark=evaluation.benchmark.name,
        purpose=evaluation.purpose,
        voter=evaluation.voting.entry.name,
        chance=evaluation.chance,
        sampling=evaluation.use,
        baseline_temperatures=evaluation.baseline_temperatures,
        consistency=evaluation.consistency,
    )


def _data(plan: Plan) -> Mapping[str, RecordedSide]:
    """Where each side's problems came from, how many of those there are were taken, and their digest."""
    held_out = {f"{e.name} (held out)": _side(e.grader, e.problems, e) for e in plan.evaluations}
    training = {f"{run.name} (training)": _side(run.chosen, run.training, run) for run in plan.categories}
    return {**held_out, **training}


def sources(plan: Plan) -> list[str]:
    """The same in sentences: how many of how many problems each side takes, and what they were read from."""
    trained = {run.evaluation.name: run for run in plan.categories}
    lines = []
    for evaluation in plan.evaluations:
        run = trained.get(evaluation.name)
        sides = [] if run is None else [f"training side: {_counted(len(run.training), run)}"]
        lines.append(f"{evaluation.name}: {'; '.join([*sides, f'held out: {_counted(len(evaluation.problems), evaluation)}'])}")
    return lines


def _counted(taken: int, side: Evaluation | CategoryRun) -> str:
    """`520 of the 10,000 asked for (there are no more), bundled test.jsonl`."""
    short = side.asked is not None and side.available < side.asked
    count = f"{taken:,} of the {side.asked:,} asked for (there are no more)" if short else f"{taken:,} of {side.available:,}"
    return ", ".join([count, *map(str, side.origins)])


def _side(chosen: Chosen, problems: Sequence[Problem], side: Evaluation | CategoryRun) -> RecordedSide:
    source = chosen.options.get("data")
    path = Path(str(source)).expanduser()
    return RecordedSide(
        source=None if source is None else str(source),
        file=file_digest(path) if path.is_file() else None,
        taken=len(problems),
        available=side.available,
        digest=digest([[problem.id, problem.prompt, problem.reference] for problem in problems]),
        asked=side.asked,
        origins=side.origins,
    )


def _versions(plan: Plan) -> dict[str, str]:
    """Versions of cogumi and of every plugin whose code decides something in the run."""
    plugins = {entry.plugin.dist: entry.plugin.version for entry in plan.entries}
    return {"cogumi": __version__, **dict(sorted(plugins.items()))}


def _environment(plan: Plan) -> dict[str, str]:
    """Versions of what those plugins are built on."""
    found: dict[str, str] = {}
    for dist in {entry.plugin.dist for entry in plan.entries}:
        for name in requirements(dist):
            with contextlib.suppress(metadata.PackageNotFoundError):
                found[name] = metadata.version(name)
    return {"python": platform.python_version(), **dict(sorted(found.items()))}


def settings_of(folder: Path) -> Settings:
    """The settings that a run was last called with."""
    return read_manifest(folder).settings


def thoughts_of_run(folder: Path) -> Tags:
    """The marks of thoughts that the templates of those who were asked declare."""
    return tuple(dict.fromkeys(pair for role in read_manifest(folder).roles.values() for pair in role.thoughts))


def begun_sizes(folder: Path) -> Sizes:
    """How much a run was begun with; nothing for a new folder."""
    return read_manifest(folder).sizes if (folder / "run.json").is_file() else NO_SIZES
