"""`check_trainer`: the promises of a trainer, checked by training a tiny model several times."""

from __future__ import annotations

import hashlib
import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from cogumi.protocols import Trainer
from cogumi.records import Example, Model, Training
from cogumi.testing.fakes import make_examples
from cogumi.testing.promises import broken, made_by, never_raises, require, short

PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")
"""Suffixes of files that would be executed when they are loaded."""


class Killed(BaseException):
    """What stops a training in the middle, standing in for a kill; not an `Exception`, so that nobody handles it."""


def check_trainer(
    trainer: Trainer | Callable[[], Trainer],
    model: Model,
    *,
    examples: Sequence[Example] = (),
    folder: Path | None = None,
) -> None:
    """Check a trainer (or its factory) by training `model` on a few short examples, three times.

    Once in full, once again in the same folder, and once stopped half-way and resumed: all must end with the same bytes.
    `model` should be tiny, e.g. `random_model(tmp_path)`. Everything is written below `folder` (default: a temporary one).
    """
    make = made_by(trainer, Trainer)  # type: ignore[type-abstract]
    chosen = list(examples) or make_examples()
    if folder is not None:
        _check_in(folder, make, chosen, model)
        return
    with tempfile.TemporaryDirectory(prefix="check-trainer-") as temporary:
        _check_in(Path(temporary), make, chosen, model)


def _check_in(folder: Path, make: Callable[[], Trainer], examples: Sequence[Example], model: Model) -> None:
    base = _bytes(Path(model.path))
    full, resumed = folder / "full", folder / "resumed"
    training = _train(make(), examples, model, full)
    _check_training(training, model, full)
    adapter = _bytes(full / "adapter")
    _check_files(adapter)
    _train(make(), examples, model, full, finished=True)
    _same(adapter, _bytes(full / "adapter"), "called again on a finished folder")
    _stop(make(), examples, model, resumed)
    _train(make(), examples, model, resumed)
    _same(adapter, _bytes(resumed / "adapter"), "stopped half-way and called again")
    require(_bytes(Path(model.path)) == base, "the base model's folder is left as it was")


def _train(trainer: Trainer, examples: Sequence[Example], model: Model, folder: Path, *, finished: bool = False) -> Training:
    reports: list[tuple[int, int]] = []
    folder.mkdir(parents=True, exist_ok=True)
    with never_raises("train()"):
        training = trainer.train(examples, model, folder, lambda done, total, note: reports.append((done, total)))
    require(isinstance(training, Training), f"train() gives a Training, not {short(training)}")
    if reports or not finished:  # there may be nothing left to report on
        _check_reports(reports)
    return training


def _check_reports(reports: Sequence[tuple[int, int]]) -> None:
    dones = [done for done, _ in reports]
    require(dones == sorted(dones), f"report(done, total, note) never goes backwards, and went {short(dones)}")
    within = all(0 <= done <= total for done, total in reports)
    require(within, f"report(done, total, note) keeps 0 <= done <= total, and said {short(list(reports))}")
    require(bool(reports), "train() reports its progress through report(done, total, note)")
    done, total = reports[-1]
    require(done == total, f"the last report says that all is done, not {done} of {total}")


def _check_training(training: Training, model: Model, folder: Path) -> None:
    adapter = training.model.adapter
    require(adapter is not None, "Training.model names the adapter")
    there = Path(str(adapter)).resolve() == (folder / "adapter").resolve()
    require(there, f"the adapter is left in folder / 'adapter', not in {adapter}")
    require(training.model.path == model.path, f"Training.model is the base it was given, not {training.model.path}")
    require(training.steps >= 1, f"Training.steps is at least 1, not {training.steps}")
    finite = len(training.losses) > 0 and all(math.isfinite(loss) for loss in training.losses)
    require(finite, f"Training.losses holds finite numbers, not {short(list(training.losses))}")
    change = training.weight_change
    require(math.isfinite(change) and change > 0, f"Training.weight_change is above 0 when something was learned, not {change}")
    require(bool(training.quantization), "Training.quantization says how the base was held, 'none' where it was not quantised")


def _check_files(adapter: Mapping[str, str]) -> None:
    require(
        "adapter_config.json" in adapter, f"the adapter folder holds adapter_config.json, not only {short(sorted(adapter))}"
    )
    tensors = any(name.endswith(".safetensors") for name in adapter)
    require(tensors, f"the adapter's weights are in safetensors, and the folder holds {short(sorted(adapter))}")
    pickles = [name for name in adapter if name.endswith(PICKLES)]
    require(not pickles, f"the adapter folder holds no pickles, and {short(pickles)} may be one")


def _stop(trainer: Trainer, examples: Sequence[Example], model: Model, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)

    def report(done: int, total: int, note: str) -> None:
        if 2 * done >= total:
            raise Killed

    try:
        trainer.train(examples, model, folder, report)
    except Killed:
        return
    except Exception as error:
        broken(f"train() must not raise, and raised {type(error).__name__}: {error}")
    broken("what `report` raises comes out of train(): it is how a run is stopped")


def _bytes(folder: Path) -> dict[str, str]:
    """A digest of every file below a folder, by its path."""
    if not folder.is_dir():
        return {}
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _same(first: Mapping[str, str], again: Mapping[str, str], how: str) -> None:
    changed = sorted(name for name in first.keys() | again.keys() if first.get(name) != again.get(name))
    require(not changed, f"the adapter is the same bytes, {how}: {short(changed)} changed")
