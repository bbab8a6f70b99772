"""More of what a run may hold: a category without right answers, judge, teacher, guard, external evaluation, observers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal

from cogumi_fake import note

from cogumi import hookimpl
from cogumi.errors import BadInput
from cogumi.hookspecs import Register
from cogumi.pipeline.observers import Silent
from cogumi.protocols import Benchmark, Category, ExternalEvaluation, Observer, Progress, Sampler
from cogumi.records import Completion, ItemResult, Message, Model, Problem, Request, Score, Weights
from cogumi.testing import FakeSampler, FakeTask, fake_benchmark, fake_category


class Opinions(FakeTask):
    """Additions that nobody calls right or wrong."""

    def score(self, problem: Problem, completions: Sequence[Completion]) -> Sequence[Score]:
        return [Score(correct=None) for _ in completions]

    def judge_messages(self, problem: Problem, first: str, second: str) -> Sequence[Message]:
        return (Message(role="user", content=f"{problem.prompt}\n1: {first}\n2: {second}"),)

    def judge_verdict(self, text: str) -> Literal["first", "second"] | None:
        return {"1": "first", "2": "second"}.get(text)  # type: ignore[return-value]


class Critic:
    """Prefers the text that is sure."""

    def __init__(self) -> None:
        self.sampler = FakeSampler(self.answer)

    def answer(self, request: Request, index: int) -> str:
        _, one, two = request.messages[-1]["content"].split("\n")
        return "1" if "sure" in one else "2" if "sure" in two else "neither"

    def sample(self, requests: Iterable[Request]) -> Iterator[Completion]:
        return self.sampler.sample(requests)

    def close(self) -> None:
        self.sampler.close()


def critic(model: Model) -> Sampler:
    """Judge without a model."""
    return Critic()


class Sage:
    """Knows every sum, and says it the same way each time."""

    def __init__(self) -> None:
        self.sampler = FakeSampler(self.answer)

    def answer(self, request: Request, index: int) -> str:
        a, b = (int(word) for word in request.messages[-1]["content"].rstrip("?").split() if word.isdigit())
        return f"Of course {a + b}"

    def sample(self, requests: Iterable[Request]) -> Iterator[Completion]:
        for completion in self.sampler.sample(requests):
            note("DRAWN", f"{completion.request} {completion.index}")
            yield completion

    def close(self) -> None:
        self.sampler.close()


def sage(model: Model) -> Sampler:
    """Teach without a model."""
    return Sage()


class Moody(Silent):
    """An observer that breaks at the first figures."""

    def metrics(self, stage: str, values: Mapping[str, float]) -> None:
        raise ConnectionError("nobody listens")


def moody() -> Observer:
    """Tell nobody, and break."""
    return Moody()


def tales() -> Category:
    """Additions as a matter of taste."""
    return fake_category("tales", task=Opinions(20))


def tales_test() -> Benchmark:
    """More of them, held out."""
    return fake_benchmark("tales-test", task=Opinions(15, first=1000))


def sums_guard() -> Benchmark:
    """Additions that must not be forgotten."""
    return fake_benchmark("sums-guard", task=FakeTask(25, first=2000))


def meter(*, task: str, slack: float = 0.0) -> ExternalEvaluation:
    """Measure a model from outside: a trained one scores higher on every second item."""

    def evaluate(model: Weights, limit: int | None, progress: Progress) -> Iterator[ItemResult]:
        for number in range(min(8, limit or 8)):
            progress(number, 8, task)
            yield ItemResult(
                id=f"{task}-{number}", metrics={"acc": float(model.adapter is not None and number % 2 == 0), "len": 3.0}
            )

    def check() -> None:
        if task != "easy":
            raise BadInput(f"no task is called '{task}'", field="task", fix="easy")

    return ExternalEvaluation(name=f"meter:{task}", evaluate=evaluate, metric="acc", check=check)


@hookimpl
def register_samplers(register: Register[Callable[..., Sampler]]) -> None:
    register("critic", critic)
    register("sage", sage)


@hookimpl
def register_observers(register: Register[Callable[..., Observer]]) -> None:
    register("moody", moody)


@hookimpl
def register_categories(register: Register[Callable[..., Category]]) -> None:
    register("tales", tales)


@hookimpl
def register_benchmarks(register: Register[Callable[..., Benchmark | ExternalEvaluation]]) -> None:
    register("tales-test", tales_test)
    register("sums-guard", sums_guard)
    register("meter", meter)
