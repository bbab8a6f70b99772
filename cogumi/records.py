"""The frozen records that cross the seams. Plain data: every one of them survives a trip through JSON.

Temperatures are dimensionless, token counts are counts of model tokens, log-probabilities are natural logarithms summed
over the sampled tokens.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, TypedDict

JSON: TypeAlias = Any
"""A value that `json.dumps` takes and `json.loads` gives back equal."""
Options: TypeAlias = Mapping[str, JSON]
"""What a factory is given, by name; checked and converted by its signature."""
Identity: TypeAlias = Mapping[str, JSON]
"""What decides an outcome, as resolved values: what a model is by contents, what a stage reads. It goes into a key, and two
of them are told apart value by value."""
Meta: TypeAlias = Mapping[str, JSON]
"""What else a data set says of an item: its own columns, of which the core knows `template` alone."""
Raw: TypeAlias = dict[str, JSON]
"""A JSON object as it was read, a line or a file, before a record is made of it; whoever knows its keys makes one at once."""


class Neutral:
    """Marks an option that cannot change an outcome: it enters no key, so that changing it never blocks a run.

    Said by the factory's signature: `batch_size: Annotated[int, Neutral] = 0`.
    """


class Message(TypedDict):
    """One turn of a conversation, in the form every chat template takes."""

    role: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """A causal language model on disk: what engines that load a model, trainers and external evaluations are handed."""

    name: str
    """What the user typed; for people, never part of a fingerprint."""
    path: str
    """A folder with `config.json`, tokenizer and safetensors weights; a repository on the hub until it is resolved."""
    adapter: str | None = None
    """A folder with a LoRA adapter for this very base, or None."""
    trust_remote_code: bool = False
    """Only ever True when the user asked for it: code in the model's folder is then executed."""
    data: str = "hub"
    """Where categories take their problems from unless told otherwise: `hub` or `bundled`."""
    training: Options = field(default_factory=dict)
    """Trainer options that suit this model better than the trainer's own defaults."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A model that a server holds: nothing of it is on this disk."""

    name: str
    """What the user typed; for people, never part of a fingerprint."""
    url: str
    """Where the server is, e.g. `http://localhost:8000/v1`. Not part of a fingerprint: the same model may move."""
    served: str
    """The name under which the server offers the model."""
    data: str = "hub"
    """Where categories take their problems from unless told otherwise: `hub` or `bundled`."""


Model: TypeAlias = Weights | Endpoint
"""A reference to a model: weights on disk, or a name that a server offers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """What a sampler makes of a reference: found, checked, and known by its contents."""

    model: Model
    """The reference with everything found: a local folder, a server that answers."""
    fingerprint: Identity
    """What the model is, by contents and never by path or address; two models that may differ have two of them."""
    notes: Sequence[str] = ()
    """What the user has to know before anything is drawn, in sentences."""
    thoughts: tuple[tuple[str, str], ...] = ()
    """Opening and closing marks of thoughts that the model's template declares (`cogumi.thoughts.declared`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Serves:
    """What a sampler can do; the core asks before it plans anything that needs it."""

    weights: bool = True
    """It loads models from disk."""
    endpoints: bool = False
    """It asks servers."""
    adapters: bool = True
    """It can put a trained LoRA adapter on the model. Without this a run stops after training."""
    logprobs: bool = True
    """It tells log-probabilities where they are asked for."""
    token_ids: bool = True
    """It tells the ids it drew, which training then uses as they are."""
    exact: bool = True
    """Sample i of a request is the same text in any batch, order, worker or resumed run. Where it cannot, the run says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One item of a task."""

    id: str
    """Unique within its task and stable over versions and orders, e.g. `gsm8k-test-17`."""
    prompt: str
    """The question as its dataset words it; also what overlap between sides is checked on."""
    reference: JSON = None
    """What `Task.score` needs (gold answer, tests); never shown to a model."""
    meta: Meta = field(default_factory=dict)
    """Anything else worth keeping with the item, e.g. its subject. `template` names what the problem was made from: problems
    of one template are a cluster, and intervals say so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How to draw. Every field is explicit: a sampler merges nothing in from a model's own generation config."""

    temperature: float
    """0.0 is greedy decoding."""
    max_tokens: int
    """Most tokens to draw, the end-of-sequence token included."""
    top_p: float = 1.0
    """Nucleus size in (0, 1]; 1.0 switches it off."""
    top_k: int = 0
    """Most probable tokens to draw among; 0 switches it off."""
    stop: tuple[str, ...] = ()
    """Texts that end a completion; the completion does not include them."""
    logprobs: bool = False
    """Whether `Completion.logprob` is wanted; it costs one more pass per sample to make it independent of the batch."""
    seed: int = 0
    """The run's seed; each sample's own seed derives from it (see `sample_seed`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A prompt, how to draw from it, and which of its samples are wanted."""

    id: str
    """Unique within a sampling job, e.g. `math/gsm8k-test-17#use`."""
    messages: tuple[Message, ...]
    """The conversation so far; the model writes the next assistant turn."""
    sampling: Sampling
    """The same for every sample of the request."""
    indices: tuple[int, ...] = (0,)
    """Sample i is the same text whatever else is asked for with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """One sample, or the reason why there is none."""

    request: str
    """`Request.id`."""
    index: int
    """Which of the request's samples this is."""
    text: str
    """The decoded text without special tokens and stop texts; empty when `finish` is `error`."""
    finish: Literal["stop", "length", "error"]
    """`stop`: the model ended it; `length`: cut at `max_tokens`; `error`: see `error`."""
    tokens: int = 0
    """Number of tokens drawn, the end-of-sequence token included."""
    logprob: float | None = None
    """Sum of the drawn tokens' log-probabilities under the model itself (temperature 1, nothing cut off); None when the
    request did not ask for it or the backend does not tell."""
    token_ids: tuple[int, ...] | None = None
    """The drawn ids, end-of-sequence included; None when the backend does not tell."""
    prompt_digest: str | None = None
    """`cogumi.chat.digest` of the prompt's ids; None when the backend does not tell."""
    error: str | None = None
    """What went wrong, in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What a task says of one completion."""

    correct: bool | None
    """None: could not be scored (never the model's fault; such a sample is left out and reported)."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Further figures of the same completion, averaged under their names."""
    note: str | None = None
    """A short reason, e.g. a sandbox verdict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemResult:
    """What an external evaluator says of one item."""

    id: str
    """Unique within the evaluation, and the same before and after."""
    metrics: Mapping[str, float]
    """Figures by name; higher is better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ballot:
    """One vote: a canonical answer and what it was read from."""

    answer: str | None
    """Equal answers are equal strings; None abstains and is never a candidate."""
    text: str = ""
    """What was said in the completion that the answer was read from (see `cogumi.thoughts`)."""
    logprob: float | None = None
    """`Completion.logprob`."""
    tokens: int = 0
    """`Completion.tokens`."""
    index: int = 0
    """Which of the problem's samples it is."""
    correct: bool | None = None
    """What the task says of it by the reference answer, where there is one; for voters with `uses_reference` alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """The outcome of a vote."""

    winner: str | None
    """The answer that won; None on a tie, or when no ballot had an answer."""
    tie: bool
    """No single answer has the most votes."""
    support: float
    """Votes (or weight) of the leading answer; 0 when no ballot had an answer."""
    total: float
    """All votes cast, abstentions included."""
    counts: Mapping[str, float] = field(default_factory=dict)
    """Votes (or weight) per answer."""

    @property
    def agreement(self) -> float:
        """The leading answer's share of all votes cast, abstentions included: 0.0 to 1.0."""
        return self.support / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """How a category is distilled, and why so."""

    generate_temperature: float
    """Temperature of the text that becomes the training target."""
    train_temperature: float
    """0.0: hard labels (cross-entropy); T > 0: soft labels (the frozen base's distribution sharpened by T)."""
    why: str
    """The reason for these values, in a few words."""
    vote_temperature: float | None = None
    """Temperature of the voters; None: the one at which the model is used. At 0.0 all votes would be one and the same."""
    votes: int = 10
    """Voters per problem."""
    min_agreement: float = 0.5
    """Least share of all votes the winner needs."""
    max_tokens: int = 512
    """Token limit of a completion, in training-side generation and in diagnosis."""
    target: Literal["generated", "best-vote"] = "generated"
    """`generated`: the text drawn at `generate_temperature`, kept where it agrees with the vote's winner;
    `best-vote`: the most probable of the winning voters' texts."""
    targets: int = 1
    """Most texts kept per problem. Above 1 they are voters' texts, chosen by a voter that is a `Selector`."""
    consistency: Literal["texts", "answers"] = "texts"
    """What a gate on consistency counts: equal texts, or equal answers where texts are not meant to be equal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demonstration:
    """One training example: a prompt and the assistant text to learn."""

    id: str
    """`CATEGORY/PROBLEM`, unique within a training set."""
    messages: tuple[Message, ...]
    """The prompt and, last, the assistant's turn to be learned."""
    train_temperature: float = 0.0
    """See `Strategy.train_temperature`."""
    prompt_digest: str | None = None
    """The digest of the prompt ids the target was sampled after, where known (see `cogumi.chat.digest`)."""
    token_ids: tuple[int, ...] | None = None
    """The ids of the target as they were sampled, where known, end-of-sequence included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """One training example for trainers that learn from pairs: which of two texts the votes prefer."""

    id: str
    """`CATEGORY/PROBLEM`, unique within a training set."""
    messages: tuple[Message, ...]
    """The prompt, ending in a user turn."""
    chosen: str
    """The best text of the answer with the most votes."""
    rejected: str
    """A text of the answer with the fewest votes."""
    weight: float = 1.0
    """The margin of the votes, as a share of all votes cast: 0 to 1 (ScPO, Prasad et al. 2024)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterManifest:
    """What an adapter was trained on: whoever serves it obeys this or refuses. Written by `cogumi.weights.write_manifest`."""

    base: str
    """The base's weights as `cogumi.weights.fingerprint` has them (key `weights`)."""
    quantization: Literal["none", "nf4"] = "none"
    """How the frozen base was held; an adapter trained against rounded weights belongs on rounded weights."""
    double_quantization: bool = True
    """Whether the scales of NF4 blocks were quantised too."""
    compute_dtype: str = "float32"
    """What the base computed in, and was rounded from: `float32`, `bfloat16` or `float16`."""
    format: int = 1
    """Version of this record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a model folder was made of, where it was converted from another format. Read by `cogumi.weights.read_origin`."""

    file: str
    """Name of the file that was converted, without its folder."""
    sha256: str
    """Of that file (hex)."""
    held: Mapping[str, int]
    """How many of its numbers were held in which type, the most common one first, e.g. `{"Q4_1": 134479872}`."""
    dtype: str
    """The type of the numbers in the folder; it holds each of them exactly."""
    files: Mapping[str, str]
    """SHA-256 (hex) of every other file of the folder, by name."""
    versions: Mapping[str, str]
    """What converted it: versions by package."""
    notes: Sequence[str] = ()
    """What the user has to know of it, in sentences."""
    format: int = 1
    """Version of this record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """What a trainer gives back."""

    steps: int
    """Optimiser steps taken."""
    losses: Sequence[float]
    """Training loss per logged step, in nats per target token."""
    weight_change: float
    """Norm of the adapter's effective update relative to the norm of the weights it is added to; 0.0 = nothing moved."""
    notes: Sequence[str] = ()
    """Whatever the user has to know, e.g. why 4-bit was not possible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How a trainer's process is started. Processes that a launcher starts share one job; the first of them speaks for all."""

    command: tuple[str, ...] = ()
    """Arguments between the interpreter and `-m cogumi.workers.main JOB`, e.g. `("-m", "torch.distributed.run",
    "--nproc-per-node", "2")`; none: one process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of `cogumi doctor`."""

    name: str
    """What was looked at."""
    ok: bool | None
    """True: works; False: does not; None: a remark."""
    detail: str
    """What was found."""
    fix: str = ""
    """What to do; never empty when `ok` is False."""


def sample_seed(request: Request, index: int) -> int:
    """The 63-bit seed of one sample: a function of the run's seed, the request's id and the sample's index alone."""
    text = f"{request.sampling.seed}\x1f{request.id}\x1f{index}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1
