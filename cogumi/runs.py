"""A run folder as records: what `cogumi.load("runs/x")` and `cogumi.run(...)` give. Nothing is asked, made or written."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from cogumi.codec import from_json
from cogumi.data import read_rows
from cogumi.diagnosis.scoring import SCORES
from cogumi.errors import BadInput
from cogumi.files import read_json, read_record
from cogumi.planning.manifest import FORMAT, Manifest
from cogumi.records import Completion
from cogumi.results import (
    Comparison,
    Controls,
    Diagnosis,
    Distillation,
    HeadToHead,
    ProblemRow,
    ScoredSample,
    Temperatures,
    Timing,
    TrainingResult,
    Verdict,
    VoteRow,
)
from cogumi.sampling.log import COMPLETIONS, StoredLog

T = TypeVar("T")
Cell: TypeAlias = str | int | float | bool | None
"""What a data frame holds in one place."""


def read_manifest(folder: Path) -> Manifest:
    """run.json. Raises `BadInput` naming file and field where it is none."""
    path = folder / "run.json"
    if not path.is_file():
        raise BadInput("no run in this folder: it has no run.json", file=folder, fix="name the folder of a run")
    value = read_json(path)
    if not isinstance(value, dict) or not isinstance(value.get("settings"), dict):
        raise BadInput("not a run's record", file=path, fix="restore it, or start a new run folder")
    if value.get("format") != FORMAT:
        raise BadInput(f"format {value.get('format')!r}, and this version reads {FORMAT}", file=path, field="format")
    settings = {**value["settings"], "out": str(folder)}
    return from_json(Manifest, {**value, "settings": settings}, file=path)


def stage_seconds(folder: Path) -> dict[str, float]:
    """Seconds by stage, over all attempts, from timings.jsonl; a torn line of that side file counts for nothing."""
    path, found = folder / "timings.jsonl", defaultdict[str, float](float)
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []:
        if (timing := _timing(line)) is not None:
            found[timing.stage] += timing.seconds
    return dict(found)


def _timing(line: str) -> Timing | None:
    """What a line of the side file says; None where it was torn."""
    try:
        timing = from_json(Timing, json.loads(line))
    except (ValueError, BadInput):
        return None
    return timing if math.isfinite(timing.seconds) else None


class RunView:
    """A finished or stopped run. What it did not come to is None."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not folder.is_dir():
            raise BadInput("no such folder", file=folder, fix="name the folder of a run")

    @cached_property
    def manifest(self) -> Manifest:
        """What the run is, resolved: run.json."""
        return read_manifest(self.folder)

    @cached_property
    def before(self) -> Diagnosis | None:
        """The diagnosis of the untouched model."""
        return self._read(Diagnosis, "before.json")

    @cached_property
    def after(self) -> Diagnosis | None:
        """The diagnosis of the trained model."""
        return self._read(Diagnosis, "after.json")

    @cached_property
    def comparison(self) -> Comparison | None:
        """Before against after."""
        return self._read(Comparison, "comparison.json")

    @cached_property
    def head_to_head(self) -> HeadToHead | None:
        """Against rivals."""
        return self._read(HeadToHead, "head_to_head.json")

    @cached_property
    def distillation(self) -> Distillation | None:
        """What was kept to train on."""
        return self._read(Distillation, "distillation.json")

    @cached_property
    def temperatures(self) -> Temperatures | None:
        """Which lower temperature was chosen on the training side; None where there was no choice."""
        return self._read(Temperatures, "temperatures.json")

    @cached_property
    def training(self) -> TrainingResult | None:
        """What training did."""
        return self._read(TrainingResult, "training.json")

    @cached_property
    def verdict(self) -> Verdict | None:
        """What was decided."""
        return self._read(Verdict, "verdict.json")

    @cached_property
    def controls(self) -> Controls | None:
        """The vote's training beside trainings that lack an ingredient."""
        return self._read(Controls, "controls.json")

    @cached_property
    def seconds(self) -> Mapping[str, float]:
        """Seconds spent in each stage, over all attempts: the side file of timings."""
        return stage_seconds(self.folder)

    @property
    def adapter(self) -> Path | None:
        """The trained adapter's folder."""
        path = self.folder / "adapter"
        return path if path.is_dir() else None

    def problems(self) -> Iterator[ProblemRow]:
        """Every problem of the run, as the model is asked and as it is scored."""
        return self._rows(ProblemRow, "problems.jsonl")

    def votes(self) -> Iterator[VoteRow]:
        """Every vote on the training side, with its losers and what became of the problem."""
        return self._rows(VoteRow, "votes.jsonl")

    def samples(self, stage: str = "after") -> Iterator[Completion]:
        """Every sample of a stage (`before`, `distill`, `after`, ...), by request and index."""
        return iter(StoredLog(self._file(f"samples/{stage}.jsonl"), COMPLETIONS).values())

    def scores(self, stage: str = "after") -> Iterator[ScoredSample]:
        """What the task made of every sample of a stage that did not fail."""
        return iter(StoredLog(self._file(f"scores/{stage}.jsonl"), SCORES).values())

    def to_pandas(self, stage: str = "after") -> Any:
        """Samples and their scores as a data frame, one row per sample. Needs pandas."""
        try:
            import pandas  # type: ignore[import-untyped,unused-ignore]
        except ImportError as error:
            raise BadInput("a data frame needs the package pandas", fix="pip install pandas") from error
        marks = {(score.request, score.index): score for score in self.scores(stage)}
        return pandas.DataFrame([_flat(sample, marks.get((sample.request, sample.index))) for sample in self.samples(stage)])

    def _read(self, kind: type[T], name: str) -> T | None:
        path = self.folder / name
        return read_record(kind, path) if path.exists() else None

    def _rows(self, kind: type[T], name: str) -> Iterator[T]:
        path = self._file(name)
        return (from_json(kind, dict(row.value), file=path, line=row.line) for row in read_rows(path))

    def _file(self, name: str) -> Path:
        path = self.folder / name
        if not path.is_file():
            raise BadInput("no such file in this run", file=path, fix="name a stage that the run has come to")
        return path


def _flat(sample: Completion, score: ScoredSample | None) -> Mapping[str, Cell]:
    """One row: the sample, and what the task made of it."""
    category, _, rest = sample.request.partition("/")
    problem, _, kind = rest.rpartition("#")
    row: dict[str, Cell] = {
        "category": category,
        "problem": problem,
        "kind": kind,
        "index": sample.index,
        "text": sample.text,
        "finish": sample.finish,
        "tokens": sample.tokens,
        "logprob": sample.logprob,
    }
    if score is not None:
        row |= {"answer": score.answer, "correct": score.correct, "note": score.note, **score.metrics}
    return row
