"""A run from settings to verdict: what is done is found, what is missing is made, in order.

    estimate -> diagnose (before) -> distill -> train -> diagnose (after) -> compare -> gate -> report

Every stage reads files and leaves files in the run folder. A run that was killed goes on where it was; a finished stage is
not done again; a change redoes what depends on it, and what would have to be drawn or trained again is named first.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from cogumi.decision.sizes import what_can_be_seen
from cogumi.errors import BadInput, CogumiError, suggest
from cogumi.files import write_file, write_json, write_lines
from cogumi.pipeline.budget import estimate
from cogumi.pipeline.deciding import stop_before_training, warn_before_training
from cogumi.pipeline.folder import RunFolder, key_of
from cogumi.pipeline.manifest import begun_sizes, manifest, sources
from cogumi.pipeline.observers import Several, Silent
from cogumi.pipeline.problems import problem_rows
from cogumi.pipeline.resolve import make_plan
from cogumi.pipeline.rivals import check_rival
from cogumi.pipeline.run import Run, Stage, rules_of
from cogumi.pipeline.stages import STAGES, refuse_redoing
from cogumi.pipeline.temperatures import cost
from cogumi.planning.manifest import as_json
from cogumi.planning.plan import Plan
from cogumi.planning.settings import Settings
from cogumi.protocols import Observer
from cogumi.records import Weights
from cogumi.registry.discovery import Registry, load
from cogumi.runs import RunView
from cogumi.workers.launch import Workplace


def run(
    settings: Settings,
    *,
    until: str = "report",
    without: Collection[str] = (),
    observer: Observer | None = None,
    redo: bool = False,
) -> RunView:
    """Run the stages up to and including `until`, and only those it builds on; `without` names some that are left out.

    Raises `BadInput` before anything is loaded or written when something given is unusable, and `RunFailed` when a stage
    cannot be finished; what was drawn until then is kept, and the same call goes on from there.
    """
    registry = load()
    plan = make_plan(settings, registry, begun_sizes(settings.out))
    stages = [stage for stage in wanted(until) if stage.asked(plan) and stage.name not in without]
    _check(plan, stages)
    told = _observers(plan, registry, observer or Silent())
    folder = RunFolder(settings.out)
    with folder.hold() as lock:
        state = Run(plan=plan, folder=folder, place=Workplace(folder=folder.state, lock=lock, observer=told), redo=redo)
        refuse_redoing(state, [stage.name for stage in stages])
        with _kept_on_refusal(settings.out / "run.json"):
            _begin(state, stages)
            _go_through(stages, state)
        found = RunView(settings.out)
        told.finish(found.verdict.verdict if found.verdict is not None and until in ("gate", "report") else until)
        return found


@contextlib.contextmanager
def _kept_on_refusal(path: Path) -> Iterator[None]:
    """A run that refuses what it was called with goes on being what it was."""
    before = path.read_bytes() if path.exists() else None
    try:
        yield
    except BadInput:
        if before is not None:
            write_file(path, before)
        raise


def _go_through(stages: Sequence[Stage], state: Run) -> None:
    try:
        for stage in stages:
            do(stage, state)
            warn_before_training(state, stage.name)
            if STAGES["train"] in stages and stop_before_training(state, stage.name):
                break
    except CogumiError as error:
        state.observer.finish(f"failed: {error}")
        raise


def rehearse(settings: Settings) -> list[str]:
    """What a run would draw and could see, in sentences; nothing is written, loaded or drawn."""
    plan = make_plan(settings, load(), begun_sizes(settings.out))
    _check(plan, wanted("report"))
    return [str(estimate(plan, rules_of(plan))), *cost(plan, rules_of(plan)), *sources(plan), *plan.notes, *visible(plan)]


def visible(plan: Plan) -> list[str]:
    """What a run of this size can see, and which gates it cannot decide."""
    sizes = {run.name: len(run.evaluation.problems) for run in plan.categories}
    guards = {e.name: len(e.problems) for e in plan.others if e.purpose == "guard"}
    return what_can_be_seen(sizes, plan.settings.samples, plan.phase, guards)


def wanted(until: str) -> list[Stage]:
    """The stage `until` and all it builds on, in order."""
    if until not in STAGES:
        raise BadInput(f"no stage is called '{until}'", field="until", fix=suggest(until, STAGES))
    needed, queue = {until}, [until]
    while queue:
        stage = STAGES[queue.pop()]
        fresh = {*stage.needs, *stage.follows} - needed
        needed |= fresh
        queue += fresh
    return [stage for stage in STAGES.values() if stage.name in needed]


def do(stage: Stage, state: Run) -> None:
    """Do a stage, or find that it is done."""
    reads = dict(stage.reads(state))
    key = key_of(stage.name, reads, {name: dict(state.done[name].outputs) for name in stage.needs})
    found = state.folder.done(stage.name)
    if found is not None and state.folder.is_done(stage.name, key):
        state.observer.begin(stage.name, "done already")
    else:
        state.folder.reopen(stage.name)
        begin = time.monotonic()
        try:
            outputs = stage.work(state)
        finally:
            seconds = time.monotonic() - begin
            state.folder.add_time(stage.name, seconds)
        found = state.folder.finish(stage.name, key, reads, outputs)
        state.observer.end(stage.name, seconds)
    state.done[stage.name] = found


def _check(plan: Plan, stages: list[Stage]) -> None:
    """What can be found wrong before anything is written."""
    model, settings = plan.student.model, plan.settings
    trains = STAGES["train"] in stages and plan.trainer is not None
    if trains and isinstance(model, Weights) and model.adapter is not None:
        fix = "merge it into the base first; `cogumi diagnose` and `cogumi distill` take it as it is"
        raise BadInput("training on top of an adapter is not possible", field="adapter", fix=fix)
    if trains:
        _ = plan.student.weights
    if trains and STAGES["after"] in stages and not plan.student.serves.adapters:
        problem = f"sampler '{plan.student.sampler.name}' cannot put the trained adapter on the model"
        fix = "name another sampler, or stop there: `cogumi train`"
        raise BadInput(problem, field="sampler", fix=fix)
    if settings.against is not None:
        check_rival(settings.against, plan)


def _observers(plan: Plan, registry: Registry, first: Observer) -> Observer:
    """The run's own observer, and those that were asked for."""
    entries = [registry.get("observer", name) for name in plan.settings.observers]
    return Several(first, [(entry, entry.make(**plan.settings.options.get(entry.name, {}))) for entry in entries])


def _begin(state: Run, stages: Sequence[Stage]) -> None:
    """Leave what the run is about, and say what it will take."""
    plan, out = state.plan, state.folder.path
    write_json(out / "run.json", as_json(manifest(plan)))
    write_lines(out / "problems.jsonl", problem_rows(plan, state.rules))
    state.observer.begin("estimate", str(estimate(plan, state.rules, [stage.name for stage in stages])))
    chooses = cost(plan, state.rules) if STAGES["temperatures"] in stages else []
    for note in (*chooses, *sources(plan), *plan.notes, *visible(plan)):
        state.observer.say(note)
