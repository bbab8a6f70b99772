"""The trained model as a folder of its own: the adapter merged into its base by the trainer that made it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from cogumi.errors import BadInput
from cogumi.files import read_json, write_file
from cogumi.pipeline.cast import cast_roles, resolve_trainer
from cogumi.pipeline.folder import RunFolder
from cogumi.pipeline.manifest import settings_of
from cogumi.pipeline.observers import Silent
from cogumi.pipeline.run import maker
from cogumi.protocols import Merger, Observer
from cogumi.registry.discovery import load
from cogumi.report import words
from cogumi.runs import RunView
from cogumi.workers.jobs import MergeJob
from cogumi.workers.launch import Workplace, run_worker


def export(folder: Path, out: Path, observer: Observer | None = None) -> list[str]:
    """Merge the run's adapter into its base, into `out`; gives sentences for the user. `out` appears whole or not at all."""
    view, settings, registry = RunView(folder), settings_of(folder), load()
    if view.adapter is None:
        raise BadInput("no adapter there: the run trained nothing", file=folder, fix="go on with it: cogumi resume")
    if out.exists():
        raise BadInput("exists already", file=out, field="--to", fix="nothing was written; give another folder")
    student = cast_roles(replace(settings, judge=None, teacher=None, reference=None), registry)["student"]
    trainer = resolve_trainer(settings, registry, student)
    if trainer is None or not isinstance(trainer.made, Merger):
        raise BadInput(f"trainer '{settings.trainer}' cannot merge what it left", field="trainer")
    run_folder, draft = RunFolder(folder), out.with_name(f".{out.name}.part")
    with run_folder.hold() as lock:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        place = Workplace(folder=run_folder.state, lock=lock, observer=observer or Silent())
        model = replace(student.weights, adapter=str(view.adapter))
        notes = run_folder.state / "merge.json"
        run_worker(MergeJob(maker=maker(trainer.chosen), model=model, folder=draft, notes=notes), place)
        write_file(draft / "README.md", card(view, student.model.name))
        draft.replace(out)
        return [str(note) for note in read_json(notes)]


def card(view: RunView, base: str) -> str:
    """The model card: what it was made from, and the run's figures."""
    lines = [f"# {base}, distilled", "", f"`{base}` after self-consistency distillation with cogumi.", ""]
    if view.verdict is not None:
        lines += [f"Verdict of phase `{view.verdict.phase}`: **{view.verdict.verdict}**. {view.verdict.sentence}", ""]
    if view.comparison is not None:
        lines += ["| measured | metric | before | after | change |", "| --- | --- | --- | --- | --- |"]
        for name, found in sorted(view.comparison.evaluations.items()):
            for metric in ("response_consistency", "accuracy", "majority_accuracy", "greedy_accuracy"):
                if metric in found.metrics:
                    change = found.metrics[metric]
                    sides = f"{words.percent(change.before)} | {words.percent(change.after)}"
                    lines.append(f"| {name} | {words.metric(metric)} | {sides} | {words.change(change.change, share=True)} |")
    return "\n".join(lines) + "\n"
