"""The stages behind the diagnoses: compare, gate, report; and the end before training where training cannot pay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from cogumi.codec import to_json
from cogumi.comparison.paired import compare
from cogumi.decision.before_training import enough_kept, worth
from cogumi.decision.facts import Facts
from cogumi.decision.guard import guard_notes
from cogumi.decision.kept import kept
from cogumi.decision.verdict import decide
from cogumi.files import digest, file_digest, write_json
from cogumi.phases import Gate
from cogumi.pipeline.folder import RunFolder
from cogumi.pipeline.run import Run
from cogumi.pipeline.temperatures import reads_choice
from cogumi.planning.settings import Settings
from cogumi.records import Identity
from cogumi.report.write import write_report
from cogumi.results import Comparison, Diagnosis, TrainingResult, Verdict
from cogumi.runs import RunView


def reads_comparison(run: Run) -> Identity:
    """Nothing but the two diagnoses."""
    return {}


def compare_both(run: Run) -> Sequence[str]:
    """Before against after, problem by problem."""
    found = compare(run.read(Diagnosis, "before.json"), run.read(Diagnosis, "after.json"))
    write_json(run.path("comparison.json"), to_json(found))
    return ["comparison.json"]


def reads_decision(run: Run) -> Identity:
    """Gates, margins, and what of the settings a decision depends on."""
    return {
        "phase": to_json(run.plan.phase),
        "gates": to_json(run.plan.category_gates),
        "fixed_temperature": run.plan.settings.fixed_temperature,
        **reads_choice(run),
        "controls": file_digest(run.path("controls.json")) if run.plan.controls else None,
    }


def facts(run: Run) -> Facts:
    """What a decision rests on besides the diagnoses."""
    return facts_of(RunView(run.folder.path), run.plan.settings, run.plan.category_gates)


def facts_of(
    view: RunView,
    settings: Settings,
    category_gates: Mapping[str, tuple[Gate, ...]],
    *,
    training: TrainingResult | None = None,
) -> Facts:
    """The same from a run's files and settings; `training` in the place of the run's own."""
    return Facts(
        training=training or view.training,
        distillation={} if view.distillation is None else view.distillation.categories,
        teacher=settings.teacher is not None,
        min_examples=settings.min_examples,
        fixed_temperature=settings.fixed_temperature,
        temperatures={} if view.temperatures is None else {n: c.chosen for n, c in view.temperatures.categories.items()},
        guard=guard_of(settings, view.before or Diagnosis(evaluations={})),
        category_gates=category_gates,
        controls=view.controls,
    )


def guard_of(settings: Settings, before: Diagnosis) -> Literal["wanted", "left out", "trained"]:
    """Whether forgetting has to be measured, was left out, or cannot be, since every guard was itself trained on."""
    if not settings.guard:
        return "left out"
    trained = {result.benchmark for result in before.evaluations.values() if result.purpose == "trained"}
    return "trained" if trained.issuperset(settings.guard) else "wanted"


def warn_before_training(run: Run, stage: str) -> None:
    """Say after a stage what a training has to reckon with: guards that cannot guard, and too little or wrong to learn from."""
    margins = run.plan.phase.margins
    if stage == "before":
        notes = guard_notes(run.read(Diagnosis, "before.json"), margins)
    elif stage == "distill" and _will_train(run):
        notes = [f"{criterion.sentence} {criterion.next}" for criterion in kept(facts(run), margins)]
    else:
        return
    for note in notes:
        run.observer.say(note)


def stop_before_training(run: Run, stage: str) -> bool:
    """Whether a run ends after this stage, before it trains; then the verdict says what to do instead, and a report is left.

    After the diagnosis it ends where training cannot pay, unless there is a teacher; after distillation where less was kept
    than the user wants. A run that has trained already, or that trains nothing, goes on.
    """
    if stage not in ("before", "distill") or not _will_train(run):
        return False
    if stage == "distill":
        verdict = enough_kept(run.plan.phase, facts(run))
    elif "teacher" in run.plan.roles:
        verdict = None
    else:
        verdict = worth(run.plan.phase, run.read(Diagnosis, "before.json"), facts(run))
    if verdict is None:
        return False
    write_verdict(run.folder, verdict, {"phase": to_json(run.plan.phase), "stopped": "before training"})
    run.observer.begin("gate", f"{verdict.verdict}, before training")
    run.observer.begin("report", str(run.path("report.md")))
    return True


def _will_train(run: Run) -> bool:
    return run.plan.trainer is not None and not run.path("adapter").exists()


def write_verdict(folder: RunFolder, verdict: Verdict, reads: Identity) -> None:
    """Leave a verdict that was not made by the stage `gate`, which makes its own again where the run comes to it."""
    write_json(folder.path / "verdict.json", to_json(verdict))
    key = f"apart {digest(dict(reads))}"
    folder.finish("gate", key, reads, ["verdict.json"])
    folder.finish("report", key, reads, write_report(folder.path))


def gate(run: Run) -> Sequence[str]:
    """Decide."""
    before, after = run.read(Diagnosis, "before.json"), run.read(Diagnosis, "after.json")
    verdict = decide(run.plan.phase, before, after, run.read(Comparison, "comparison.json"), facts(run))
    write_json(run.path("verdict.json"), to_json(verdict))
    run.observer.begin("gate", verdict.verdict)
    return ["verdict.json"]


def reads_report(run: Run) -> Identity:
    """The manifest and the choice of a temperature, which a report shows."""
    return {"manifest": file_digest(run.path("run.json")), **reads_choice(run)}


def report(run: Run) -> Sequence[str]:
    """Write it all down for people."""
    names = write_report(run.folder.path)
    run.observer.begin("report", str(run.path("report.md")))
    return names
