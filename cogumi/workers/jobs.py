"""What a worker can be given to do: typed records that both sides import, and nothing else of the run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from cogumi.codec import from_json, to_json
from cogumi.errors import BadInput
from cogumi.files import read_json, write_json
from cogumi.records import JSON, Demonstration, Message, Model, Options, Preference, Request, Sampling, Weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """Whose factory makes the object that does the job, and with which options."""

    plugin: str
    """Entry-point name of the plugin."""
    label: str
    """Whose code it is, for errors."""
    kind: Literal["sampler", "trainer", "benchmark"]
    """What is made."""
    name: str
    """The name it is registered under."""
    options: Options
    """What its factory is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleJob:
    """Draw what a log does not have yet."""

    maker: Maker
    model: Model
    requests: Path
    """JSON lines of requests."""
    log: Path
    """Where completions go."""
    job: Literal["sample"] = "sample"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainJob:
    """Train an adapter, and leave what the trainer said in `training.json`."""

    maker: Maker
    model: Weights
    examples: tuple[Path, ...]
    """JSON lines of self-distillation or of preferences."""
    preferences: bool
    """Which of the two they are."""
    folder: Path
    """Where to train."""
    job: Literal["train"] = "train"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateJob:
    """Have an external evaluation made, and leave one line per item."""

    maker: Maker
    model: Weights
    limit: int | None
    """Most items; None: all."""
    items: Path
    """Where the items go."""
    job: Literal["evaluate"] = "evaluate"


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeJob:
    """Merge a trained adapter into its base."""

    maker: Maker
    model: Weights
    folder: Path
    """Where the merged model goes."""
    notes: Path
    """Where the trainer's sentences for the user go."""
    job: Literal["merge"] = "merge"


Job: TypeAlias = SampleJob | TrainJob | EvaluateJob | MergeJob
KINDS: Mapping[str, type[Job]] = {kind.__dataclass_fields__["job"].default: kind for kind in get_args(Job)}


def write_job(path: Path, job: Job) -> None:
    """Leave a job for a worker."""
    write_json(path, to_json(job))


def read_job(path: Path) -> Job:
    """The job that was left."""
    value = read_json(path)
    kind = KINDS.get(str(value.get("job"))) if isinstance(value, dict) else None
    if kind is None:
        raise BadInput("no job of a worker", file=path)
    return from_json(kind, value, file=path)


def request_row(request: Request) -> dict[str, JSON]:
    """A request as a line."""
    row: dict[str, JSON] = to_json(request)
    return row


def request_of(row: Mapping[str, Any]) -> Request:
    """The request that a line stands for."""
    sampling = {**row["sampling"], "stop": tuple(row["sampling"]["stop"])}
    messages = tuple(Message(role=m["role"], content=m["content"]) for m in row["messages"])
    return Request(id=row["id"], messages=messages, sampling=Sampling(**sampling), indices=tuple(row["indices"]))


def missing_of(request: Request, drawn: Iterator[int]) -> Request:
    """What is left to draw of a request."""
    there = set(drawn)
    return replace(request, indices=tuple(i for i in request.indices if i not in there))


def demonstration_of(row: Mapping[str, Any]) -> Demonstration:
    """The training example that a line of `self_distillation/CATEGORY.jsonl` stands for."""
    evidence = row.get("evidence", {})
    ids = evidence.get("token_ids")
    return Demonstration(
        id=row["id"],
        messages=tuple(row["messages"]),
        train_temperature=evidence.get("train_temperature", 0.0),
        prompt_digest=evidence.get("prompt_digest"),
        token_ids=None if ids is None else tuple(ids),
    )


def preference_of(row: Mapping[str, Any]) -> Preference:
    """The training example that a line of `preferences/CATEGORY.jsonl` stands for."""
    return Preference(**{**row, "messages": tuple(row["messages"])})
