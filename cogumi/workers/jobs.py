"""What a worker is given to do, and what it says: typed records that both sides import, and nothing else of the run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from cogumi.codec import from_json, to_json
from cogumi.errors import BadInput
from cogumi.files import read_json, read_records, write_json
from cogumi.records import Demonstration, Message, Model, Options, Preference, Request, Training, Weights


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
class Trained:
    """The `training.json` of such a job."""

    examples: int
    """How many examples the trainer was given."""
    training: Training
    """What it gave back."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class EachJob:
    """Several jobs of one plugin, one after the other in one process: what is imported once serves all."""

    trainings: tuple[TrainJob, ...] = ()
    samplings: tuple[SampleJob, ...] = ()
    timings: Path
    """The side file of timings, which gets a line as each job ends."""
    names: tuple[str, ...]
    """What that line calls each job, trainings first."""
    job: Literal["each"] = "each"

    @property
    def parts(self) -> tuple[TrainJob | SampleJob, ...]:
        """The jobs, in their order."""
        return (*self.trainings, *self.samplings)

    @property
    def maker(self) -> Maker:
        """Whose factory makes the objects that do the jobs."""
        return self.parts[0].maker


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedAnswer:
    """One answer of a vote."""

    answer: str
    """The canonical answer."""
    count: float
    """Its votes, or their weight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Which sample a training target is."""

    request: str
    """`Completion.request`."""
    index: int
    """Which of the request's samples."""
    by: str
    """The role that said it: `student` or `teacher`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Why an example was kept, and how it was drawn."""

    answer: str | None
    """The answer that won the vote."""
    agreement: float
    """Its share of all votes cast."""
    votes: tuple[CountedAnswer, ...]
    """Every answer with its votes, losers included."""
    total: float
    """All votes cast, abstentions included."""
    generate_temperature: float
    """Temperature of the target."""
    vote_temperature: float
    """Temperature of the voters."""
    train_temperature: float
    """See `Strategy.train_temperature`."""
    seed: int
    """The run's seed."""
    target: Origin
    """The sample that is learned."""
    prompt_digest: str | None
    """The digest of the prompt ids it was sampled after, where known."""
    token_ids: tuple[int, ...] | None
    """Its ids as they were sampled, where known, end-of-sequence included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A line of `self_distillation/CATEGORY.jsonl`: chat messages, and beside them the evidence for them."""

    id: str
    """`CATEGORY/PROBLEM`, with `#2`, `#3` and so on where a problem has several."""
    messages: tuple[Message, ...]
    """The prompt and, last, the assistant's turn to be learned."""
    evidence: Evidence | None = None
    """Why it was kept; None for an example from elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """How far it is."""

    done: int
    """What is done so far."""
    total: int
    """All there is to do."""
    note: str = ""
    """What is being done, in a few words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """A sentence for the user."""

    say: str
    """The sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why it ends without having done its job."""

    error: str
    """What is wrong, for people."""
    code: int
    """Its exit code."""


Job: TypeAlias = SampleJob | TrainJob | EvaluateJob | MergeJob | EachJob
KINDS: Mapping[str, type[Job]] = {kind.__dataclass_fields__["job"].default: kind for kind in get_args(Job)}

Said: TypeAlias = Advance | Remark | Failure
MESSAGES: tuple[type[Said], ...] = (Advance, Remark, Failure)


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


def missing_of(request: Request, drawn: Iterator[int]) -> Request:
    """What is left to draw of a request."""
    there = set(drawn)
    return replace(request, indices=tuple(i for i in request.indices if i not in there))


def read_examples(job: TrainJob) -> Iterator[Demonstration | Preference]:
    """What the trainer is given, in the order of its files and their lines."""
    for path in job.examples:
        yield from read_records(Preference, path) if job.preferences else map(demonstration_of, read_records(Example, path))


def demonstration_of(example: Example) -> Demonstration:
    """What a trainer needs of an example and its evidence."""
    evidence = example.evidence
    if evidence is None:
        return Demonstration(id=example.id, messages=example.messages)
    return Demonstration(
        id=example.id,
        messages=example.messages,
        train_temperature=evidence.train_temperature,
        prompt_digest=evidence.prompt_digest,
        token_ids=evidence.token_ids,
    )


def message_of(line: bytes) -> Said | None:
    """The message that a line holds; None for a line of somebody else, e.g. a launcher."""
    try:
        value = json.loads(line)
    except ValueError:
        return None
    for kind in MESSAGES:
        try:
            return from_json(kind, value)
        except BadInput:
            continue
    return None
