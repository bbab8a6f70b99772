"""What can be done with a finished or stopped run from its files alone: decide, score and vote again, and export.

Nothing here samples or trains. What is worked out again replaces what it was worked out from before, or stands beside it
where the trained adapter rests on the old one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from cogumi.codec import to_json
from cogumi.decision.before_training import enough_kept, worth
from cogumi.decision.verdict import decide
from cogumi.diagnosis.diagnose import diagnose_all
from cogumi.diagnosis.scoring import SCORES, Samples
from cogumi.distillation import distill
from cogumi.distillation.controls import CONTROLS
from cogumi.errors import BadInput
from cogumi.files import write_json
from cogumi.phases import Phase
from cogumi.pipeline.controls import control_samples, is_control, measure_again, stage_of
from cogumi.pipeline.deciding import compare_both, facts_of, write_verdict
from cogumi.pipeline.folder import RunFolder, key_of
from cogumi.pipeline.manifest import begun_sizes, settings_of, thoughts_of_run
from cogumi.pipeline.observers import Silent
from cogumi.pipeline.resolve import Resolver, measures, resolve_phase
from cogumi.pipeline.run import Run
from cogumi.pipeline.score import Work, score, stored
from cogumi.pipeline.stages import evaluation_identity, summary_of, write_votes
from cogumi.pipeline.temperatures import choosing, temperature_works, write_temperatures
from cogumi.pipeline.works import held_out_works, outcomes_of, training_works
from cogumi.planning.plan import Plan
from cogumi.planning.settings import Settings
from cogumi.protocols import Observer
from cogumi.registry.discovery import load
from cogumi.report.write import write_report
from cogumi.results import Diagnosis, Distillation, Verdict
from cogumi.runs import RunView, read_manifest
from cogumi.sampling.log import StoredLog, read_samples
from cogumi.workers.launch import Workplace


def redecide(folder: Path, *, phase: str | None = None, gates: Path | None = None) -> Verdict:
    """Decide again, by another phase or by gates of one's own; writes verdict.json and the report."""
    settings = settings_of(folder)
    settings = replace(settings, phase=phase or settings.phase, gates=gates or (None if phase else settings.gates))
    view, found = RunView(folder), resolve_phase(settings, load())
    run_folder = RunFolder(folder)
    with run_folder.hold():
        verdict = _decide(view, found, settings)
        write_verdict(run_folder, verdict, {"phase": to_json(found)})
    return verdict


def _decide(view: RunView, phase: Phase, settings: Settings) -> Verdict:
    """By both diagnoses, or by the one of a run that stopped before training."""
    facts = facts_of(view, settings, view.manifest.category_gates)
    if view.before is not None and view.after is not None and view.comparison is not None:
        return decide(phase, view.before, view.after, view.comparison, facts)
    verdict = None if view.before is None or facts.teacher else worth(phase, view.before, facts)
    if verdict is None and view.training is None:
        verdict = enough_kept(phase, facts)
    if verdict is None:
        fix = "go on with it: cogumi resume"
        raise BadInput("nothing to decide on: the run did not come so far", file=view.folder, fix=fix)
    return verdict


def rewrite_report(folder: Path) -> str:
    """Write the report again; the text of report.md."""
    read_manifest(folder)
    run_folder = RunFolder(folder)
    with run_folder.hold():
        names, done = write_report(folder), run_folder.done("report")
        if done is not None:
            run_folder.finish("report", done.key, done.reads, names)
    return (folder / "report.md").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescored:
    """What scoring again came to."""

    changed: Mapping[str, int]
    """Samples whose answer or score is another one now, by stage."""
    verdict: Verdict | None
    """The verdict on the new scores; None where the run was not decided."""
    kept: Mapping[str, int]
    """Examples that would be kept now, by category. The adapter was trained on what the run kept."""


def rescore(folder: Path, observer: Observer | None = None) -> Rescored:
    """Score all stored samples again by the tasks as they are installed now; rewrites scores and what rests on them."""
    run_folder = RunFolder(folder)
    settings = settings_of(folder)
    with run_folder.hold() as lock:
        run = without_model(run_folder, settings, observer or Silent(), lock)
        changed = {name: _score_again(run, name) for name in _drawn(folder)}
        for name in ("before", "after", "reference"):
            if name in changed:
                _diagnose_again(run, name)
        if "temperatures" in changed:
            _choose_again(run)
        if any(is_control(name) for name in changed) and (folder / "controls.json").exists():
            measure_again(run)
        verdict = _decide_again(run)
        kept = _kept_now(run) if "distill" in changed else {}
    return Rescored(changed=changed, verdict=verdict, kept=kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoted:
    """What voting again came to."""

    folder: Path
    """Where it stands, beside the run's own votes."""
    before: Diagnosis | None
    """The diagnosis of the untouched model by this voter."""
    after: Diagnosis | None
    """That of the trained model."""
    distillation: Distillation | None
    """What would be kept to train on."""


def revote(folder: Path, voter: str) -> Revoted:
    """Vote again over all stored samples by another voter; leaves `revotes/VOTER/` and nothing else."""
    run_folder, settings = RunFolder(folder), replace(settings_of(folder), voter=voter)
    out = folder / "revotes" / voter
    with run_folder.hold() as lock:
        run = without_model(run_folder, settings, Silent(), lock)
        found = {name: _diagnosis(run, name) for name in ("before", "after") if name in _drawn(folder)}
        for name, diagnosis in found.items():
            write_json(out / f"{name}.json", to_json(diagnosis))
        distillation = None
        if "distill" in _drawn(folder):
            distillation = write_votes(run, _distill_again(run), out)
    return Revoted(folder=out, before=found.get("before"), after=found.get("after"), distillation=distillation)


def without_model(folder: RunFolder, settings: Settings, observer: Observer, lock: int) -> Run:
    """A run with its tasks and voters, and nobody to ask."""
    registry = load()
    resolver = Resolver(
        settings=settings,
        registry=registry,
        phase=resolve_phase(settings, registry),
        data=read_manifest(folder.path).roles["student"].data,
        begun=begun_sizes(folder.path),
        thoughts=thoughts_of_run(folder.path),
    )
    place = Workplace(folder=folder.state, lock=lock, observer=observer)
    return Run(plan=measures(resolver), folder=folder, place=place)


def _drawn(folder: Path) -> list[str]:
    """The stages whose samples a task scores."""
    names = ("before", "distill", "teach", "after", "temperatures", "reference", *map(stage_of, CONTROLS))
    return [name for name in names if (folder / f"samples/{name}.jsonl").exists()]


def _score_again(run: Run, name: str) -> int:
    """Score a stage's samples; how many have another answer or score now."""
    path = run.path(f"scores/{name}.jsonl")
    old = {key: (row.answer, row.correct) for key, row in StoredLog(path, SCORES).items()} if path.exists() else {}
    works = _works(run.plan, name, read_samples(run.path(f"samples/{name}.jsonl")))
    new = score(run, name, works, again=True)
    return sum(old.get(key) != (row.answer, row.correct) for key, row in new.items())


def _works(plan: Plan, name: str, samples: Samples) -> list[Work]:
    if name in ("distill", "teach"):
        return training_works(plan, samples, "student" if name == "distill" else "teacher")
    if name == "temperatures":
        return temperature_works(plan, samples)
    return held_out_works(plan, samples, control_samples(plan) if is_control(name) else None)


def _diagnosis(run: Run, name: str) -> Diagnosis:
    """A diagnosis from stored samples and scores; what external evaluators measured stays."""
    samples, scores = stored(run, name)
    count = run.plan.settings.samples
    found = diagnose_all(run.plan.evaluations, samples, scores, count)
    old = run.read_or_none(Diagnosis, f"{name}.json")
    return Diagnosis(evaluations=found, external={} if old is None else old.external)


def _diagnose_again(run: Run, name: str) -> None:
    """Rewrite a diagnosis, and record the stage under the graders that are installed now."""
    write_json(run.path(f"{name}.json"), to_json(_diagnosis(run, name)))
    done = run.folder.done(name)
    if done is not None:
        reads = {**done.reads, "evaluations": {e.name: evaluation_identity(e) for e in run.plan.evaluations}}
        run.folder.finish(name, key_of(name, reads, {}), reads, list(done.outputs))


def _choose_again(run: Run) -> None:
    """Choose among lower temperatures on the scores as they are now."""
    write_temperatures(run, StoredLog(run.path("scores/temperatures.jsonl"), SCORES))
    done = run.folder.done("temperatures")
    if done is not None:
        reads = {**done.reads, "categories": {c.name: dict(c.chosen.identity) for c in choosing(run.plan)}}
        run.folder.finish("temperatures", key_of("temperatures", reads, {}), reads, list(done.outputs))


def _decide_again(run: Run) -> Verdict | None:
    """Compare and decide on the diagnoses as they are now."""
    view = RunView(run.folder.path)
    if view.before is None or view.after is None:
        return None
    needs = {name: dict(done.outputs) for name in ("before", "after") if (done := run.folder.done(name)) is not None}
    run.folder.finish("compare", key_of("compare", {}, needs), {}, compare_both(run))
    verdict = _decide(view, run.plan.phase, run.plan.settings)
    write_verdict(run.folder, verdict, {"phase": to_json(run.plan.phase)})
    return verdict


def _kept_now(run: Run) -> dict[str, int]:
    return {name: category.examples for name, category in summary_of(run, _distill_again(run)).categories.items()}


def _distill_again(run: Run) -> dict[str, list[distill.Kept]]:
    """What would be kept now, by category."""
    return outcomes_of(run.plan, run.rules, *stored(run, "distill"))
