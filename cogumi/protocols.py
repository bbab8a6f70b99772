"""What a plugin's objects must be able to do. Structural: nothing has to be inherited."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from cogumi.records import (
    Ballot,
    Completion,
    Example,
    Item,
    Message,
    Model,
    Problem,
    Request,
    Score,
    Strategy,
    Training,
    Vote,
)

Report = Callable[[int, int, str], None]
"""`report(done, total, note)`: progress of a long job, for people."""


@runtime_checkable
class Sampler(Protocol):
    """Draws completions. Sample i of a request is the same text in any batch, order, worker or resumed run."""

    def sample(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Yield one completion for every wanted index of every request, in any order, each as soon as it is done.

        A sample that fails is a `Completion` with `finish="error"`; raise only when nothing more can be drawn.
        """

    def close(self) -> None:
        """Give all memory back; the sampler is not used again."""


@runtime_checkable
class Task(Protocol):
    """Problems, how to ask them, and how to read and judge what comes back."""

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
class Exporter(Protocol):
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
    """Teaches a model its examples."""

    def train(self, examples: Sequence[Example], model: Model, folder: Path, report: Report) -> Training:
        """Train in `folder` (checkpoints included) and leave the adapter in `folder / "adapter"`.

        Called again after a kill with the same arguments it resumes and ends with the same bytes.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """What a category plugin registers: a training side, and how to distil and judge it."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """What a benchmark plugin registers: a held-out side."""

    name: str
    """The name people type."""
    task: Task
    """The held-out problems, prompted and judged."""
    max_tokens: int = 512
    """Token limit of a completion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What a benchmark plugin registers where an outside evaluator does everything, prompts and scores included."""

    name: str
    """The name people type, with its argument, e.g. `lm-eval:arc_easy`."""
    evaluate: Callable[[Model, int | None, Report], Iterable[Item]]
    """`evaluate(model, limit, report)`: one `Item` for each of the first `limit` items (None: all)."""
    metric: str
    """Which of the items' metrics counts in a head to head."""
    check: Callable[[], None] = lambda: None
    """Raises `BadInput` for whatever can be found wrong before a model is loaded."""
