"""`check_trainer`: the promises of a trainer, checked by training a tiny model several times."""

from __future__ import annotations

import hashlib
import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cogumi.protocols import Trainer, accepts
from cogumi.records import Preference, Training, Weights
from cogumi.testing.fakes import make_examples, make_preferences
from cogumi.testing.promises import broken, made_by, never_raises, require, short
from cogumi.weights import fingerprint, read_manifest

PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")
"""Suffixes of files that would be executed when they are loaded."""


class Killed(BaseException):
    """What stops a training in the middle, standing in for a kill; not an `Exception`, so that nobody handles it."""


def check_trainer(
    trainer: Trainer | Callable[[], Trainer],
    model: Weights,
    *,
    examples: Sequence[Any] = (),
    folder: Path | None = None,
) -> None:
    """Check a trainer (or its factory) by training `model` on a few short examples, three times.

    Once in full, once again in the same folder, and once stopped half-way and resumed: all must end with the same bytes.
    A trainer that accepts `Preference` is given pairs. `model` should be tiny, e.g. `random_model(tmp_path)`.
    Everything is written below `folder` (default: a temporary one).
    """
    make = made_by(trainer, Trainer)
    chosen = list(examples) or (make_preferences() if accepts(make()) is Preference else make_examples())
    if folder is not None:
        _check_in(folder, make, chosen, model)
        return
    with tempfile.TemporaryDirectory(prefix="check-trainer-") as temporary:
        _check_in(Path(temporary), make, chosen, model)


def _check_in(folder: Path, make: Callable[[], Trainer], examples: Sequence[Any], model: Weights) -> None:
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


def _train(trainer: Trainer, examples: Sequence[Any], model: Weights, folder: Path, *, finished: bool = False) -> Training:
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
    require(dones == sorted(dones), f"progress(done, total, note) never goes backwards, and went {short(dones)}")
    within = all(0 <= done <= total for done, total in reports)
    require(within, f"progress(done, total, note) keeps 0 <= done <= total, and said {short(list(reports))}")
    require(bool(reports), "train() reports its progress through progress(done, total, note)")
    done, total = reports[-1]
    require(done == total, f"the last report says that all is done, not {done} of {total}")


def _check_training(training: Training, model: Weights, folder: Path) -> None:
    adapter = folder / "adapter"
    require(adapter.is_dir(), "the adapter is left in folder / 'adapter'")
    manifest = read_manifest(adapter)
    if manifest is None:
        broken("the adapter has a manifest of what it was trained on: cogumi.weights.write_manifest(folder / 'adapter', ...)")
    same = manifest.base == fingerprint(replace(model, adapter=None))["weights"]
    require(same, "the manifest names the base that the adapter was trained on, by cogumi.weights.fingerprint")
    require(training.steps >= 1, f"Training.steps is at least 1, not {training.steps}")
    finite = len(training.losses) > 0 and all(math.isfinite(loss) for loss in training.losses)
    require(finite, f"Training.losses holds finite numbers, not {short(list(training.losses))}")
    change = training.weight_change
    require(math.isfinite(change) and change > 0, f"Training.weight_change is above 0 when something was learned, not {change}")


def _check_files(adapter: Mapping[str, str]) -> None:
    require(
        "adapter_config.json" in adapter, f"the adapter folder holds adapter_config.json, not only {short(sorted(adapter))}"
    )
    tensors = any(name.endswith(".safetensors") for name in adapter)
    require(tensors, f"the adapter's weights are in safetensors, and the folder holds {short(sorted(adapter))}")
    pickles = [name for name in adapter if name.endswith(PICKLES)]
    require(not pickles, f"the adapter folder holds no pickles, and {short(pickles)} may be one")


def _stop(trainer: Trainer, examples: Sequence[Any], model: Weights, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)

    def progress(done: int, total: int, note: str) -> None:
        if 2 * done >= total:
            raise Killed

    try:
        trainer.train(examples, model, folder, progress)
    except Killed:
        return
    except Exception as error:
        broken(f"train() must not raise, and raised {type(error).__name__}: {error}")
    broken("what `progress` raises comes out of train(): it is how a run is stopped")


def _bytes(folder: Path) -> dict[str, str]:
    """A digest of every file below a folder, by its path."""
    if not folder.is_dir():
        return {}
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _same(first: Mapping[str, str], again: Mapping[str, str], how: str) -> None:
    changed = sorted(name for name in first.keys() | again.keys() if first.get(name) != again.get(name))
    require(not changed, f"the adapter is the same bytes, {how}: {short(changed)} changed")
