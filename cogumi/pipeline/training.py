"""The stage `train`: an adapter on what was kept, made once for what it was made from."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from cogumi.codec import to_json
from cogumi.decision.kept import by_reason, what_helps
from cogumi.errors import RunFailed
from cogumi.files import digest, file_digest, line, read_record, set_aside, write_json
from cogumi.pipeline.folder import differences
from cogumi.pipeline.run import Run, maker
from cogumi.planning.plan import TrainerRun
from cogumi.protocols import accepts, launch
from cogumi.records import JSON, Identity, Preference
from cogumi.results import Distillation, TrainingResult
from cogumi.roles.role import Role
from cogumi.weights import read_manifest
from cogumi.workers.jobs import EachJob, Trained, TrainJob
from cogumi.workers.launch import run_worker

HOUR = 3600


def trained(run: Run) -> Role:
    """The student with what it learned; as it was, where nothing was trained."""
    adapter = run.path("adapter")
    if run.plan.trainer is None:
        return run.plan.student
    return run.plan.student.with_adapter(adapter, file_digest(adapter) if adapter.exists() else "")


def wants_preferences(run: Run) -> bool:
    """Whether the trainer learns from pairs."""
    return run.plan.trainer is not None and accepts(run.plan.trainer.made) is Preference


def read_distillation(run: Run) -> Distillation:
    """What was kept, by category; nothing where nothing was distilled."""
    return run.read_or_none(Distillation, "distillation.json") or Distillation(categories={})


def training_files(run: Run) -> list[str]:
    """What the trainer is given."""
    folder = "preferences" if wants_preferences(run) else "self_distillation"
    return [f"{folder}/{category.name}.jsonl" for category in run.plan.categories]


def reads_training(run: Run) -> Identity:
    """What decides the adapter."""
    return _reads(run, training_files(run))


def _reads(run: Run, files: Sequence[str]) -> Identity:
    trainer = run.plan.trainer
    data = {name: file_digest(run.path(name)) if run.path(name).exists() else None for name in files}
    return {
        "model": dict(run.plan.student.fingerprint),
        "trainer": None if trainer is None else dict(trainer.chosen.identity),
        "data": data,
    }


def train_model(run: Run) -> Sequence[str]:
    """Train an adapter on what was kept."""
    trainer = run.plan.trainer
    if trainer is None:
        run.observer.begin("train", "nothing: the trainer is none")
        return []
    count = sum(1 for name in training_files(run) for _ in run.path(name).open("rb"))
    _refuse_nothing(run, count)
    _refuse_retraining(run)
    run.observer.begin("train", f"{trainer.chosen.entry.name} on {count} examples")
    job = _job(run, trainer, training_files(run), reads_training(run))
    run_worker(job, run.place, python=run.plan.python(trainer.chosen.entry), launch=launch(trainer.made))
    _take_adapter(run, job.folder, "", run.folder.seconds("train"))
    for note in run.read(TrainingResult, "training.json").notes:
        run.observer.say(note)
    return ["training.json", "adapter"]


def train_each(run: Run, files: Mapping[str, Sequence[str]]) -> None:
    """Train an adapter for each folder of the run on its files, by the run's trainer, one after the other in one process.

    An adapter that was made for the same files, model and trainer stays; another one needs `--redo` to give way.
    """
    trainer = run.plan.trainer
    assert trainer is not None
    reads = {folder: _reads(run, names) for folder, names in files.items()}
    missing = [folder for folder in files if _is_missing(run, folder, reads[folder])]
    jobs = {folder: _job(run, trainer, files[folder], reads[folder]) for folder in missing}
    left = {folder: job for folder, job in jobs.items() if not (job.folder / "training.json").exists()}
    if left:
        names = tuple(f"{folder} train" for folder in left)
        each = EachJob(trainings=tuple(left.values()), timings=run.folder.timings, names=names)
        run_worker(each, run.place, python=run.plan.python(trainer.chosen.entry), launch=launch(trainer.made))
    for folder, job in jobs.items():
        _take_adapter(run, job.folder, f"{folder}/", run.folder.seconds(f"{folder} train"))
        run.folder.remember(_state(folder), dict(reads[folder]))


def _is_missing(run: Run, folder: str, reads: Identity) -> bool:
    """Whether a folder's adapter has to be trained; refused where that would replace another one."""
    known = run.folder.recall(_state(folder))
    if known is None or not run.path(f"{folder}/adapter").exists():
        return True
    changes = differences(known, dict(reads))
    if changes and not run.redo:
        raise run.needs_redo(f"{folder}/adapter would have to be trained again", changes)
    return bool(changes)


def _state(folder: str) -> str:
    return f"trained-{folder.replace('/', '-')}"


def _job(run: Run, trainer: TrainerRun, files: Sequence[str], reads: Identity) -> TrainJob:
    return TrainJob(
        maker=maker(trainer.chosen),
        model=run.plan.student.weights,
        examples=tuple(run.path(name) for name in files),
        preferences=wants_preferences(run),
        folder=run.folder.state / f"train-{digest(dict(reads))[:16]}",
    )


def _refuse_nothing(run: Run, count: int) -> None:
    if not count:
        found, teacher = read_distillation(run).categories, "teacher" in run.plan.roles
        told = "; ".join(f"{name}: {by_reason(c.dropped)}" for name, c in sorted(found.items()) if c.dropped)
        helps = " ".join(what_helps(name, c, teacher=teacher) for name, c in sorted(found.items()))
        raise RunFailed(f"nothing was kept to train on: {told or 'no problems'} ({helps or 'give it problems'})")


def _refuse_retraining(run: Run) -> None:
    """Another adapter is trained only where that was asked for."""
    changes = training_changes(run)
    if changes and not run.redo:
        raise run.needs_redo("the adapter would have to be trained again", changes)


def refuse_other_data(run: Run, data: Mapping[str, Sequence[JSON]]) -> None:
    """Refuse training data that differ from what the adapter there was trained on."""
    done = run.folder.done("train")
    if done is None or run.redo or not run.path("adapter").exists():
        return
    used: Mapping[str, str | None] = done.reads["data"]
    changes = [
        f"{name} would hold {len(rows)} other examples"
        for name, rows in data.items()
        if name in used and used[name] != hashlib.sha256(b"".join(map(line, rows))).hexdigest()
    ]
    if changes:
        raise run.needs_redo("the adapter would have to be trained again", changes)


def training_changes(run: Run) -> list[str]:
    """What differs from what the adapter was trained on and by; nothing where there is no adapter."""
    done = run.folder.done("train")
    if done is None or not run.path("adapter").exists():
        return []
    return differences(dict(done.reads), dict(reads_training(run)))


def _take_adapter(run: Run, folder: Path, place: str, seconds: float) -> None:
    """Move a finished adapter to its place in the run folder, with what the trainer said of it."""
    said = read_record(Trained, folder / "training.json")
    training = said.training
    manifest = read_manifest(folder / "adapter")
    result = TrainingResult(
        examples=said.examples,
        steps=training.steps,
        losses=tuple(training.losses),
        weight_change=training.weight_change,
        quantization="none" if manifest is None else manifest.quantization,
        under_an_hour=seconds < HOUR,
        notes=tuple(training.notes),
    )
    _set_aside(run, run.path(f"{place}adapter"), folder / "adapter")
    (folder / "adapter").replace(run.path(f"{place}adapter"))
    write_json(run.path(f"{place}training.json"), to_json(result))
    shutil.rmtree(folder, ignore_errors=True)


def _set_aside(run: Run, adapter: Path, new: Path) -> None:
    """Keep an adapter that gives way to another one; the same one, trained again after a kill, is just replaced."""
    if not adapter.exists():
        return
    if file_digest(adapter) == file_digest(new):
        shutil.rmtree(adapter)
        return
    run.observer.say(f"the adapter was trained again; what was there is kept as {set_aside(adapter).name}")
