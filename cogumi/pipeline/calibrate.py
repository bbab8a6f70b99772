"""How often a verdict is wrong where nothing changed, found out on a run's own samples.

Each problem's samples are dealt into two halves at random: one stands for before, the other for after. The model is the same,
so every PROCEED that comes of it is false; that training is not worth it may be true. Nothing is sampled, and every
repetition deals anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TypeVar

from cogumi.comparison.paired import compare
from cogumi.decision.verdict import decide
from cogumi.diagnosis.diagnose import diagnose_all
from cogumi.diagnosis.scoring import SCORES, Samples, Scores
from cogumi.errors import BadInput
from cogumi.pipeline.again import without_model
from cogumi.pipeline.deciding import facts_of
from cogumi.pipeline.folder import RunFolder
from cogumi.pipeline.manifest import settings_of
from cogumi.pipeline.observers import Silent
from cogumi.pipeline.run import Run
from cogumi.protocols import Observer
from cogumi.results import Decision, Diagnosis, TrainingResult
from cogumi.runs import RunView
from cogumi.sampling.log import Key, StoredLog, read_samples

T = TypeVar("T")
PRETENDED = TrainingResult(examples=1, steps=1, losses=(1.0,), weight_change=0.01, quantization="none", under_an_hour=True)
"""A training that took place and changed nothing."""


@dataclass(frozen=True, slots=True)
class Dealt(Mapping[Key, T]):
    """Half of the samples at the use temperature, numbered from 0; all others as they are."""

    stored: Mapping[Key, T]
    """All samples, or their scores."""
    seed: str
    """Decides how the samples are dealt."""
    count: int
    """Samples per problem."""
    second: bool
    """Which half this is."""

    def __getitem__(self, key: Key) -> T:
        request, index = key
        return self.stored[request, self._dealt(request)[index] if request.endswith("#use") else index]

    def __contains__(self, key: object) -> bool:
        return key in self.stored

    def __iter__(self) -> Iterator[Key]:
        return iter(self.stored)

    def __len__(self) -> int:
        return len(self.stored)

    def _dealt(self, request: str) -> list[int]:
        order = list(range(self.count))
        Random(f"{self.seed}/{request}").shuffle(order)
        half = self.count // 2
        return order[half : 2 * half] if self.second else order[:half]


def calibrate(folder: Path, repetitions: int, observer: Observer | None = None) -> dict[Decision, int]:
    """How often each verdict came of two halves of the untouched model's samples."""
    if not (folder / "before.json").exists():
        raise BadInput("no diagnosis in this folder", file=folder, fix="go on with the run: cogumi resume")
    settings, run_folder = settings_of(folder), RunFolder(folder)
    with run_folder.hold() as lock:
        run = without_model(run_folder, settings, observer or Silent(), lock)
        logs = Logs(read_samples(run.path("samples/before.jsonl")), StoredLog(run.path("scores/before.jsonl"), SCORES))
        found: Counter[Decision] = Counter()
        for number in range(repetitions):
            run.observer.progress(number, repetitions, "repetitions")
            found[_verdict(run, logs, str(number))] += 1
    return dict(found)


@dataclass(frozen=True, slots=True)
class Logs:
    """What the untouched model said, and what was made of it."""

    samples: Samples
    scores: Scores


def _verdict(run: Run, logs: Logs, seed: str) -> Decision:
    before, after = (_half(run, logs, seed, second=second) for second in (False, True))
    view = RunView(run.folder.path)
    facts = facts_of(view, run.plan.settings, view.manifest.category_gates, training=PRETENDED)
    return decide(run.plan.phase, before, after, compare(before, after), facts).verdict


def _half(run: Run, logs: Logs, seed: str, *, second: bool) -> Diagnosis:
    count = run.plan.settings.samples
    samples = Dealt(logs.samples, seed, count, second)
    return Diagnosis(evaluations=diagnose_all(run.plan.evaluations, samples, logs.scores, count // 2))
