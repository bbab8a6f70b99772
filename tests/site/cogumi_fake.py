"""An installed plugin that needs no model: what the core's end-to-end tests run on.

It is as slow as a test wants it (a little per sample and per step), so that it can be killed in the middle, and it writes
down what it does: every sample that it draws in the file that DRAWN names, every training in TRAINED.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cogumi import hookimpl
from cogumi.hookspecs import Register
from cogumi.protocols import Benchmark, Category, Progress, Sampler, Trainer
from cogumi.records import Completion, Demonstration, Model, Neutral, Request, Training, Weights, sample_seed
from cogumi.testing import FakeSampler, FakeTask, FakeTrainer, fake_benchmark, fake_category


def note(variable: str, line: str) -> None:
    """Write a line to the file that an environment variable names."""
    if variable in os.environ:
        with Path(os.environ[variable]).open("a") as stream:
            stream.write(line + "\n")


def learned(adapter: str) -> float:
    """How often a trained model is right: as often as what an honest trainer learned, else nearly always."""
    file = Path(adapter) / "learned.txt"
    return float(file.read_text()) if file.exists() else 0.98


class Dice:
    """Right half of the time and worded differently each time; with an adapter nearly always the same right text.

    At temperature 0 it is right on seven problems of ten unless told otherwise, so its vote knows more, and training can pay.
    """

    def __init__(self, model: Model, pause: float, broken: str, accent: str, greedy: float) -> None:
        self.pause, self.broken, self.accent, self.greedy = pause, broken, accent, greedy
        self.chance = learned(model.adapter) if isinstance(model, Weights) and model.adapter else 0.5
        self.sampler = FakeSampler(self.answer)

    def answer(self, request: Request, index: int) -> str:
        dice = random.Random(sample_seed(request, index))
        a, b = (int(word) for word in request.messages[-1]["content"].rstrip("?").split() if word.isdigit())
        greedy = request.sampling.temperature == 0
        if dice.random() < (max(self.chance, self.greedy) if greedy else self.chance):
            words = "sure" if greedy or self.chance > 0.9 else f"guess {dice.random()}"
            return f"{self.accent}I am {words}. The answer is {a + b}."
        return f"{self.accent}I guess {dice.random()}. The answer is {a + b + dice.randint(1, 90)}."

    def sample(self, requests: Iterable[Request]) -> Iterator[Completion]:
        for completion in self.sampler.sample(requests):
            if self.broken == "crash":
                os.abort()
            if self.broken == "raise":
                raise RuntimeError("the engine is out of order")
            if self.broken == "errors" or (self.broken == "some" and completion.index == 1):
                completion = replace(completion, finish="error", text="", error="no luck")
            note("DRAWN", f"{completion.request} {completion.index}")
            time.sleep(self.pause)
            yield completion

    def close(self) -> None:
        self.sampler.close()


class Pretend:
    """A trainer that takes its time; an honest one makes a model that is right as often as its examples are."""

    def __init__(self, pause: float, honest: bool) -> None:
        self.pause, self.honest = pause, honest

    def train(self, examples: Sequence[Demonstration], model: Weights, folder: Path, progress: Progress) -> Training:
        note("TRAINED", f"{len(examples)} examples")
        for step in range(4):
            progress(step, 4, "")
            time.sleep(self.pause)
        training = FakeTrainer().train(examples, model, folder, progress)
        if self.honest:
            (folder / "adapter" / "learned.txt").write_text(str(sum(map(is_right, examples)) / len(examples)))
        return training


def is_right(example: Demonstration) -> bool:
    """Whether an example's text gives the sum that its prompt asks for."""
    a, b = (int(word) for word in example.messages[-2]["content"].rstrip("?").split() if word.isdigit())
    return example.messages[-1]["content"].endswith(f" {a + b}.")


def dice(
    model: Model,
    *,
    pause: Annotated[float, Neutral] = 0.0,
    broken: Annotated[str, Neutral] = "",
    accent: str = "",
    greedy: float = 0.7,
) -> Sampler:
    """Draw answers to additions without a model.

    pause: seconds before each sample.
    broken: how to break.
    accent: how each text begins.
    """
    return Dice(model, pause, broken, accent, greedy)


def pretend(*, pause: float = 0.0, honest: bool = False) -> Trainer:
    """Leave an adapter of zeros.

    pause: seconds before each step.
    honest: whether the model is right afterwards as often as the examples are.
    """
    return Pretend(pause, honest)


def sums() -> Category:
    """Additions."""
    return fake_category("sums", task=FakeTask(30))


def sums_test() -> Benchmark:
    """Additions that are held out."""
    return fake_benchmark("sums-test", task=FakeTask(40, first=1000))


def hollow() -> Model:
    """A folder that looks like a model's from outside."""
    return Weights(name="hollow", path=str(Path(__file__).parent / "hollow"), data="bundled")


@hookimpl
def register_samplers(register: Register[Callable[..., Sampler]]) -> None:
    register("dice", dice)


@hookimpl
def register_trainers(register: Register[Callable[..., Trainer]]) -> None:
    register("pretend", pretend)


@hookimpl
def register_categories(register: Register[Callable[..., Category]]) -> None:
    register("sums", sums)


@hookimpl
def register_benchmarks(register: Register[Callable[..., Benchmark]]) -> None:
    register("sums-test", sums_test)


@hookimpl
def register_models(register: Register[Callable[[], Model]]) -> None:
    register("hollow", hollow)
