"""More of what a run may hold: a category without right answers, a judge, a guard and an outside evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

from cogumi import hookimpl
from cogumi.errors import BadInput
from cogumi.hookspecs import Register
from cogumi.protocols import Benchmark, Category, Evaluation, Report, Sampler
from cogumi.records import Completion, Item, Message, Model, Problem, Request, Score
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


def tales() -> Category:
    """Additions as a matter of taste."""
    return fake_category("tales", task=Opinions(20))


def tales_test() -> Benchmark:
    """More of them, held out."""
    return fake_benchmark("tales-test", task=Opinions(15, first=1000))


def sums_guard() -> Benchmark:
    """Additions that must not be forgotten."""
    return fake_benchmark("sums-guard", task=FakeTask(25, first=2000))


def meter(*, task: str, slack: float = 0.0) -> Evaluation:
    """Measure a model from outside: a trained one scores higher on every second item."""

    def evaluate(model: Model, limit: int | None, report: Report) -> Iterator[Item]:
        for number in range(min(8, limit or 8)):
            report(number, 8, task)
            yield Item(id=f"{task}-{number}", metrics={"acc": float(model.adapter is not None and number % 2 == 0), "len": 3.0})

    def check() -> None:
        if task != "easy":
            raise BadInput(f"no task is called '{task}'", field="task", fix="easy")

    return Evaluation(name=f"meter:{task}", evaluate=evaluate, metric="acc", check=check)


@hookimpl
def register_samplers(register: Register[Callable[..., Sampler]]) -> None:
    register("critic", critic)


@hookimpl
def register_categories(register: Register[Callable[..., Category]]) -> None:
    register("tales", tales)


@hookimpl
def register_benchmarks(register: Register[Callable[..., Benchmark | Evaluation]]) -> None:
    register("tales-test", tales_test)
    register("sums-guard", sums_guard)
    register("meter", meter)
