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

from cogumi.protocols import Report
from cogumi.records import Example, Model, Training
from cogumi.testing import FakeTrainer, check_trainer, make_examples

COUNTER = itertools.count()


class Trainer:
    """The fake trainer with something done before and after it."""

    def __init__(
        self,
        after: Callable[[Training, Model, Path], Any] = lambda training, model, folder: training,
        report: Callable[[Report], Report] = lambda report: report,
    ) -> None:
        self.after, self.report = after, report

    def train(self, examples: Sequence[Example], model: Model, folder: Path, report: Report) -> Any:
        training = FakeTrainer().train(examples, model, folder, self.report(report))
        return self.after(training, model, folder)


def _with(**changes: Any) -> Trainer:
    return Trainer(lambda training, model, folder: dataclasses.replace(training, **changes))


def _writes(name: str, text: Callable[[], str] = lambda: "x") -> Trainer:
    def after(training: Training, model: Model, folder: Path) -> Training:
        (folder / name).write_text(text())
        return training

    return Trainer(after)


def _removes(name: str) -> Trainer:
    def after(training: Training, model: Model, folder: Path) -> Training:
        (folder / name).unlink()
        return training

    return Trainer(after)


def _elsewhere(training: Training, model: Model, folder: Path) -> Training:
    (folder / "adapter").rename(folder / "lora") if (folder / "adapter").is_dir() and not (folder / "lora").exists() else None
    return dataclasses.replace(training, model=dataclasses.replace(training.model, adapter=str(folder / "lora")))


def _touches_base(training: Training, model: Model, folder: Path) -> Training:
    (Path(model.path) / "note.txt").write_text("I was here")
    return training


def _counts_resumes(training: Training, model: Model, folder: Path) -> Training:
    """A trainer that goes on training when it is called on a folder that it has finished."""
    calls = folder / "calls"
    calls.write_text(calls.read_text() + "+" if calls.exists() else "+")
    (folder / "adapter" / "state.json").write_text(json.dumps(len(calls.read_text())))
    return training


class ForgetsWhereItWas:
    """Ends with other bytes when it was stopped half-way."""

    def train(self, examples: Sequence[Example], model: Model, folder: Path, report: Report) -> Training:
        resumed = (folder / "started").exists()
        (folder / "started").touch()
        if (folder / "done").exists():
            resumed = False
        training = FakeTrainer().train(examples, model, folder, report)
        (folder / "adapter" / "note.json").write_text(json.dumps({"resumed": resumed}))
        (folder / "done").touch()
        return training


class Deaf:
    """Swallows whatever `report` raises."""

    def train(self, examples: Sequence[Example], model: Model, folder: Path, report: Report) -> Training:
        def quiet(done: int, total: int, note: str) -> None:
            try:
                report(done, total, note)
            except BaseException:
                return

        return FakeTrainer().train(examples, model, folder, quiet)


class Raising:
    def train(self, examples: Sequence[Example], model: Model, folder: Path, report: Report) -> Training:
        raise RuntimeError("out of memory")


def _backwards(report: Report) -> Report:
    return lambda done, total, note: report(total - done, total, note)


def _overshoots(report: Report) -> Report:
    return lambda done, total, note: report(done + 1, total, note)


def _stops_short(report: Report) -> Report:
    return lambda done, total, note: report(done, total + 1, note)


def _silent(report: Report) -> Report:
    return lambda done, total, note: None


BROKEN_TRAINERS: list[tuple[Any, str]] = [
    (Raising(), "train() must not raise, and raised RuntimeError: out of memory"),
    (Trainer(lambda training, model, folder: None), "train() gives a Training"),
    (Trainer(report=_backwards), "never goes backwards"),
    (Trainer(report=_overshoots), "keeps 0 <= done <= total"),
    (Trainer(report=_stops_short), "the last report says that all is done, not 4 of 5"),
    (Trainer(report=_silent), "train() reports its progress"),
    (Deaf(), "what `report` raises comes out of train()"),
    (_with(model=Model(name="x", path="x")), "Training.model names the adapter"),
    (Trainer(_elsewhere), "the adapter is left in folder / 'adapter'"),
    (
        Trainer(lambda t, m, f: dataclasses.replace(t, model=dataclasses.replace(t.model, path="merged"))),
        "Training.model is the base it was given, not merged",
    ),
    (_with(steps=0), "Training.steps is at least 1"),
    (_with(losses=(1.0, float("nan"))), "Training.losses holds finite numbers"),
    (_with(losses=()), "Training.losses holds finite numbers"),
    (_with(weight_change=0.0), "Training.weight_change is above 0"),
    (_with(quantization=""), "Training.quantization says how the base was held"),
    (_removes("adapter/adapter_config.json"), "the adapter folder holds adapter_config.json"),
    (_removes("adapter/adapter_model.safetensors"), "the adapter's weights are in safetensors"),
    (_writes("adapter/optimizer.pt"), "the adapter folder holds no pickles"),
    (_writes("adapter/log.txt", lambda: str(next(COUNTER))), "the same bytes, called again on a finished folder"),
    (Trainer(_counts_resumes), "the same bytes, called again on a finished folder"),
    (ForgetsWhereItWas(), "the same bytes, stopped half-way and called again"),
    (Trainer(_touches_base), "the base model's folder is left as it was"),
]


@pytest.fixture
def base(tmp_path: Path) -> Model:
    """A folder that stands for a base model; the fake trainer loads nothing from it."""
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "config.json").write_text("{}")
    return Model(name="base", path=str(tmp_path / "base"))


@pytest.mark.parametrize(("trainer", "promise"), BROKEN_TRAINERS)
def test_a_broken_trainer_is_told_its_promise(trainer: Any, promise: str, base: Model, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=re.escape(promise)):
        check_trainer(trainer, base, folder=tmp_path / "out")


def test_a_good_trainer_passes(base: Model, tmp_path: Path) -> None:
    check_trainer(FakeTrainer, base)
    check_trainer(FakeTrainer(1), base, folder=tmp_path / "out", examples=make_examples(1))
    assert sorted(path.name for path in (tmp_path / "out" / "full" / "adapter").iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
