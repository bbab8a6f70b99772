"""What a plugin's objects must be able to do. Structural: nothing has to be inherited."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from cogumi.phases import Gate
from cogumi.records import (
    Ballot,
    Completion,
    Demonstration,
    ItemResult,
    Launch,
    Message,
    Preference,
    Problem,
    Request,
    Resolved,
    Score,
    Serves,
    Strategy,
    Training,
    Vote,
    Weights,
)

Progress = Callable[[int, int, str], None]
"""`progress(done, total, note)`: how far a long job is, for people."""


@runtime_checkable
class Sampler(Protocol):
    """Draws completions from one model. Made light: nothing is loaded before the first `sample`.

    It is made in the run's own process, to be asked what it serves, and again in a worker, to draw. Open for a whole stage,
    it may be asked to sample several times.
    """

    def sample(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Yield one completion for every wanted index of every request, in any order, each as soon as it is done.

        `requests` is an open stream: it ends where nothing more is wanted at the moment, and may hold more once completions
        were seen; an engine that draws continuously may ask it again, and any other returns and is called again. Sample i
        of a request is the same text in any batch, order, worker or resumed run, unless `serves.exact` is False. A sample
        that fails is a `Completion` with `finish="error"`; raise only when nothing more can be drawn.
        """

    def close(self) -> None:
        """Give all memory back; the sampler is not used again."""


@runtime_checkable
class Resolver(Protocol):
    """What a sampler may add: what it serves, and how it finds, checks and fingerprints the model it was made for.

    Without it a sampler serves weights from disk, with adapters, by the core's own rules (`cogumi.weights.resolve`).
    """

    serves: Serves
    """What it can do."""

    def resolve(self) -> Resolved:
        """Find and check the model without loading it. Raises `BadInput` for whatever can be found wrong now."""


@runtime_checkable
class Task(Protocol):
    """Problems, how to ask them, and how to read and judge what comes back.

    Completions are handed to it as `cogumi.thoughts.shown` gives them: thoughts set apart, answer tags taken off, in NFC.
    """

    def problems(self) -> Sequence[Problem]:
        """All problems in a stable order; raises `BadInput` naming file, line and field for unusable data."""

    def messages(self, problem: Problem) -> Sequence[Message]:
        """The conversation to put to the model, ending in a user turn."""

    def answers(self, problem: Problem, completions: Sequence[Completion]) -> Sequence[str | None]:
        """One canonical answer per completion: equivalent answers are equal strings within the call, None is no answer."""

    def score(self, problem: Problem, completions: Sequence[Completion]) -> Sequence[Score]:
        """One score per completion, in order."""


@runtime_checkable
class ProblemMetrics(Protocol):
    """What a task may add: figures of one problem over all its samples, e.g. pass@k."""

    def problem_metrics(
        self, problem: Problem, completions: Sequence[Completion], scores: Sequence[Score]
    ) -> Mapping[str, float]:
        """Figures by name, averaged over problems; the completions are those at the use temperature, one score each."""


@runtime_checkable
class Guessable(Protocol):
    """What a task may add, where the chance of guessing right differs from problem to problem (else: `Benchmark.chance`)."""

    def chance(self, problem: Problem) -> float:
        """How often a guess is right, e.g. 0.2 with five choices."""


@runtime_checkable
class Solved(Protocol):
    """What a task may add: worked answers. A control is trained on them, and the conformance checks expect them to be right."""

    def gold(self, problem: Problem) -> str:
        """A completion that deserves the full score."""


@runtime_checkable
class ArtifactWriter(Protocol):
    """What a task may add: its outputs in a format that other tools read."""

    def export(self, drawn: Sequence[tuple[Problem, Sequence[Completion]]]) -> Mapping[str, str]:
        """Texts by file name, left under `exports/STAGE/BENCHMARK/` in the run folder; the same input, the same bytes."""


@runtime_checkable
class Judged(Protocol):
    """What a task without right answers may add: how to ask a judge which of two completions is the better one."""

    def judge_messages(self, problem: Problem, first: str, second: str) -> Sequence[Message]:
        """The conversation to put to the judge, ending in a user turn. It is asked in both orders."""

    def judge_verdict(self, text: str) -> Literal["first", "second"] | None:
        """Which one the judge's text prefers; None where it cannot be told."""


@runtime_checkable
class Voter(Protocol):
    """Turns ballots into a decision.

    What it goes by besides the answers it declares in attributes: `needs_logprobs = True` has log-probabilities drawn,
    `uses_reference = True` says that it looks at `Ballot.correct`, and `control = True` that it decides by other means than
    the votes, so that a vote can be held against it.
    """

    def vote(self, problem: Problem, ballots: Sequence[Ballot]) -> Vote:
        """Decide. The order of the ballots must not matter, and a tie has no winner (a control settles ties)."""


@runtime_checkable
class Selector(Protocol):
    """What a voter may add: which texts to train on where several of one problem are kept (`Strategy.targets`)."""

    def select(self, problem: Problem, ballots: Sequence[Ballot], count: int) -> Sequence[int]:
        """Positions in `ballots` of at most `count` texts, the best one first; none nearly repeats another."""


@runtime_checkable
class Trainer(Protocol):
    """Teaches a model its examples. Made light: heavy imports belong in `train`.

    What it takes and how it is started it may declare in attributes: `accepts` (`Demonstration`, which is the default, or
    `Preference`) and `launch` (a `Launch`).
    """

    def train(self, examples: Sequence[Any], model: Weights, folder: Path, progress: Progress) -> Training:
        """Train in `folder` (checkpoints included) and leave the adapter in `folder / "adapter"`, with its manifest.

        Called again after a kill with the same arguments it resumes and ends with the same bytes.
        """


@runtime_checkable
class Merger(Protocol):
    """What a trainer may add: its adapter merged into the base, as a model folder that needs neither."""

    def merge(self, model: Weights, folder: Path, progress: Progress) -> Sequence[str]:
        """Write the model (its `adapter` names the trained one) to `folder`, which is empty; gives sentences for the user."""


@runtime_checkable
class Observer(Protocol):
    """Is told what a run does: the terminal, a tracker, a notifier. What it raises is said once and never ends a run."""

    def begin(self, stage: str, note: str) -> None:
        """A stage begins; `note` says what it will do, or that it is done already."""

    def progress(self, done: int, total: int, note: str) -> None:
        """How far the stage is."""

    def say(self, text: str) -> None:
        """A sentence the user should read."""

    def metrics(self, stage: str, values: Mapping[str, float]) -> None:
        """Figures that a stage came to, by dotted names, e.g. `math.accuracy`."""

    def end(self, stage: str, seconds: float) -> None:
        """The stage is finished, after this long."""

    def finish(self, outcome: str) -> None:
        """The run ended: its verdict, the last stage, or the error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """What a category plugin registers: a training side, and how to distill and judge it."""

    name: str
    """The name people type."""
    task: Task
    """The training side."""
    strategy: Strategy
    """Temperatures, votes, limits."""
    benchmark: str
    """Name of the benchmark with the held-out side."""
    voter: str = "majority"
    """Name of the voter."""
    gates: tuple[Gate, ...] = ()
    """Gates of its own, beside those of the phase; each is about this category."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """What a benchmark plugin registers: a held-out side."""

    name: str
    """The name people type."""
    task: Task
    """The held-out problems, prompted and judged."""
    max_tokens: int = 512
    """Token limit of a completion."""
    chance: float = 0.0
    """Accuracy of guessing, e.g. 0.25 with four choices; what a guard retains is counted above it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalEvaluation:
    """What a benchmark plugin registers where an external evaluator does everything, prompts and scores included."""

    name: str
    """The name people type, with its argument, e.g. `lm-eval:arc_easy`."""
    evaluate: Callable[[Weights, int | None, Progress], Iterable[ItemResult]]
    """`evaluate(model, limit, progress)`: one `ItemResult` for each of the first `limit` items (None: all)."""
    metric: str
    """Which of the items' metrics counts in a head to head."""
    check: Callable[[], None] = lambda: None
    """Raises `BadInput` for whatever can be found wrong before a model is loaded."""


def accepts(trainer: Trainer) -> type[Demonstration] | type[Preference]:
    """The kind of examples that a trainer takes."""
    kind: type[Demonstration] | type[Preference] = getattr(trainer, "accepts", Demonstration)
    return kind


def launch(trainer: Trainer) -> Launch:
    """How a trainer's process is started."""
    how: Launch = getattr(trainer, "launch", Launch())
    return how


def serves(sampler: Sampler) -> Serves:
    """What a sampler can do."""
    return sampler.serves if isinstance(sampler, Resolver) else Serves()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """How a voter decides, as it declares in attributes."""

    needs_logprobs: bool
    """It looks at log-probabilities."""
    uses_reference: bool
    """It looks at what is right by the reference: an oracle in a diagnosis, rejection sampling in distillation."""
    control: bool
    """It decides by other means than the votes."""


def ways(voter: Voter) -> Ways:
    """What a voter goes by."""
    return Ways(**{name: bool(getattr(voter, name, False)) for name in ("needs_logprobs", "uses_reference", "control")})
