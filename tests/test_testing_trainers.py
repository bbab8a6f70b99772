"""Every promise that a check makes of a trainer, against one that breaks this promise and no other."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from cogumi.protocols import Progress
from cogumi.records import AdapterManifest, Demonstration, Preference, Training, Weights
from cogumi.testing import FakeTrainer, check_trainer, make_examples
from cogumi.weights import MANIFEST, write_manifest

COUNTER = itertools.count()


class Trainer:
    """The fake trainer with something done before and after it."""

    def __init__(
        self,
        after: Callable[[Training, Weights, Path], Any] = lambda training, model, folder: training,
        report: Callable[[Progress], Progress] = lambda report: report,
    ) -> None:
        self.after, self.report = after, report

    def train(self, examples: Sequence[Demonstration], model: Weights, folder: Path, progress: Progress) -> Any:
        training = FakeTrainer().train(examples, model, folder, self.report(progress))
        return self.after(training, model, folder)


def _with(**changes: Any) -> Trainer:
    return Trainer(lambda training, model, folder: dataclasses.replace(training, **changes))


def _writes(name: str, text: Callable[[], str] = lambda: "x") -> Trainer:
    def after(training: Training, model: Weights, folder: Path) -> Training:
        (folder / name).write_text(text())
        return training

    return Trainer(after)


def _removes(name: str) -> Trainer:
    def after(training: Training, model: Weights, folder: Path) -> Training:
        (folder / name).unlink()
        return training

    return Trainer(after)


def _elsewhere(training: Training, model: Weights, folder: Path) -> Training:
    (folder / "adapter").rename(folder / "lora")
    return training


def _of_another_base(training: Training, model: Weights, folder: Path) -> Training:
    write_manifest(folder / "adapter", AdapterManifest(base="0" * 64))
    return training


def _touches_base(training: Training, model: Weights, folder: Path) -> Training:
    (Path(model.path) / "note.txt").write_text("I was here")
    return training


def _counts_resumes(training: Training, model: Weights, folder: Path) -> Training:
    """A trainer that goes on training when it is called on a folder that it has finished."""
    calls = folder / "calls"
    calls.write_text(calls.read_text() + "+" if calls.exists() else "+")
    (folder / "adapter" / "state.json").write_text(json.dumps(len(calls.read_text())))
    return training


class ForgetsWhereItWas:
    """Ends with other bytes when it was stopped half-way."""

    def train(self, examples: Sequence[Demonstration], model: Weights, folder: Path, progress: Progress) -> Training:
        resumed = (folder / "started").exists()
        (folder / "started").touch()
        if (folder / "done").exists():
            resumed = False
        training = FakeTrainer().train(examples, model, folder, progress)
        (folder / "adapter" / "note.json").write_text(json.dumps({"resumed": resumed}))
        (folder / "done").touch()
        return training


class Deaf:
    """Swallows whatever `progress` raises."""

    def train(self, examples: Sequence[Demonstration], model: Weights, folder: Path, progress: Progress) -> Training:
        def quiet(done: int, total: int, note: str) -> None:
            try:
                progress(done, total, note)
            except BaseException:
                return

        return FakeTrainer().train(examples, model, folder, quiet)


class Raising:
    def train(self, examples: Sequence[Demonstration], model: Weights, folder: Path, progress: Progress) -> Training:
        raise RuntimeError("out of memory")


def _backwards(progress: Progress) -> Progress:
    return lambda done, total, note: progress(total - done, total, note)


def _overshoots(progress: Progress) -> Progress:
    return lambda done, total, note: progress(done + 1, total, note)


def _stops_short(progress: Progress) -> Progress:
    return lambda done, total, note: progress(done, total + 1, note)


def _silent(progress: Progress) -> Progress:
    return lambda done, total, note: None


BROKEN_TRAINERS: list[tuple[Any, str]] = [
    (Raising(), "train() must not raise, and raised RuntimeError: out of memory"),
    (Trainer(lambda training, model, folder: None), "train() gives a Training"),
    (Trainer(report=_backwards), "never goes backwards"),
    (Trainer(report=_overshoots), "keeps 0 <= done <= total"),
    (Trainer(report=_stops_short), "the last report says that all is done, not 4 of 5"),
    (Trainer(report=_silent), "train() reports its progress"),
    (Deaf(), "what `progress` raises comes out of train()"),
    (_removes(f"adapter/{MANIFEST}"), "the adapter has a manifest of what it was trained on"),
    (Trainer(_of_another_base), "the manifest names the base that the adapter was trained on"),
    (Trainer(_elsewhere), "the adapter is left in folder / 'adapter'"),
    (_with(steps=0), "Training.steps is at least 1"),
    (_with(losses=(1.0, float("nan"))), "Training.losses holds finite numbers"),
    (_with(losses=()), "Training.losses holds finite numbers"),
    (_with(weight_change=0.0), "Training.weight_change is above 0"),
    (_removes("adapter/adapter_config.json"), "the adapter folder holds adapter_config.json"),
    (_removes("adapter/adapter_model.safetensors"), "the adapter's weights are in safetensors"),
    (_writes("adapter/optimizer.pt"), "the adapter folder holds no pickles"),
    (_writes("adapter/log.txt", lambda: str(next(COUNTER))), "the same bytes, called again on a finished folder"),
    (Trainer(_counts_resumes), "the same bytes, called again on a finished folder"),
    (ForgetsWhereItWas(), "the same bytes, stopped half-way and called again"),
    (Trainer(_touches_base), "the base model's folder is left as it was"),
]


@pytest.fixture
def base(tmp_path: Path) -> Weights:
    """A folder that stands for a base model; the fake trainer loads nothing from it."""
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "config.json").write_text("{}")
    return Weights(name="base", path=str(tmp_path / "base"))


@pytest.mark.parametrize(("trainer", "promise"), BROKEN_TRAINERS)
def test_a_broken_trainer_is_told_its_promise(trainer: Any, promise: str, base: Weights, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=re.escape(promise)):
        check_trainer(trainer, base, folder=tmp_path / "out")


def test_a_good_trainer_passes(base: Weights, tmp_path: Path) -> None:
    check_trainer(FakeTrainer, base)
    check_trainer(FakeTrainer(1), base, folder=tmp_path / "out", examples=make_examples(1))
    assert sorted(path.name for path in (tmp_path / "out" / "full" / "adapter").iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
        MANIFEST,
    ]


class Pairwise(FakeTrainer):
    """Takes pairs, and keeps what it was given."""

    accepts = Preference

    def train(self, examples: Sequence[Any], model: Weights, folder: Path, progress: Progress) -> Training:
        assert all(isinstance(example, Preference) and example.chosen != example.rejected for example in examples)
        return super().train(examples, model, folder, progress)


def test_a_trainer_that_accepts_preferences_is_given_pairs(base: Weights) -> None:
    check_trainer(Pairwise, base)
    with pytest.raises(AssertionError):
        check_trainer(Pairwise, base, examples=make_examples(1))
