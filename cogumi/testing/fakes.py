"""Small, deterministic stand-ins for whatever a test does not want to load: samplers, tasks, trainers, records, a model."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from cogumi.protocols import Benchmark, Category, Progress
from cogumi.records import (
    AdapterManifest,
    Completion,
    Demonstration,
    Message,
    Preference,
    Problem,
    Request,
    Sampling,
    Score,
    Strategy,
    Training,
    Weights,
    sample_seed,
)
from cogumi.weights import fingerprint, write_manifest


class FakeSampler:
    """A sampler that answers with `answer(request, index)`; an exception from it becomes an error row.

    It keeps the promises of a sampler as long as `answer` is a pure function; a token is a word. Texts are cut at
    `stop` and `max_tokens`. `asked` counts the samples that were drawn.
    """

    def __init__(self, answer: Callable[[Request, int], str]) -> None:
        self.answer = answer
        self.asked = 0
        self.closed = False

    def sample(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """The answers to the wanted samples, in order."""
        for request in requests:
            for index in request.indices:
                self.asked += 1
                yield self._one(request, index)

    def _one(self, request: Request, index: int) -> Completion:
        try:
            text = self.answer(request, 0 if request.sampling.temperature == 0 else index)
        except Exception as error:  # the seam's own rule: a sample that fails is a row
            return Completion(
                request=request.id, index=index, text="", finish="error", error=f"{type(error).__name__}: {error}"
            )
        sampling = request.sampling
        for stop in sampling.stop:
            text = text.partition(stop)[0]
        words = re.findall(r"\s*\S+", text)
        whole = len(words) < sampling.max_tokens  # the end of the text is a token too
        return Completion(
            request=request.id,
            index=index,
            text=text if whole else "".join(words[: sampling.max_tokens]),
            finish="stop" if whole else "length",
            tokens=min(len(words) + 1, sampling.max_tokens),
            logprob=-float(len(words)) if sampling.logprobs else None,
        )

    def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True


class FakeTask:
    """A complete task without data: adding small numbers, answered by the last number of a text."""

    def __init__(self, count: int = 20, *, first: int = 0) -> None:
        self._problems = make_problems(count, first=first)

    def problems(self) -> Sequence[Problem]:
        """The additions."""
        return self._problems

    def messages(self, problem: Problem) -> Sequence[Message]:
        """The bare question."""
        return (Message(role="user", content=problem.prompt),)

    def answers(self, problem: Problem, completions: Sequence[Completion]) -> Sequence[str | None]:
        """The last number of each text."""
        return [_last_number(completion.text) for completion in completions]

    def score(self, problem: Problem, completions: Sequence[Completion]) -> Sequence[Score]:
        """Right when the last number is the sum."""
        return [Score(correct=answer == problem.reference) for answer in self.answers(problem, completions)]

    def gold(self, problem: Problem) -> str:
        """A right answer."""
        return f"The answer is {problem.reference}."


@dataclass(frozen=True)
class FakeTrainer:
    """A trainer that learns nothing: it leaves a valid, empty adapter whose bytes depend on the examples alone."""

    steps: int = 4
    """Steps it reports."""

    def train(self, examples: Sequence[Any], model: Weights, folder: Path, progress: Progress) -> Training:
        """Write a LoRA adapter of zeros into `folder / "adapter"`."""
        adapter = folder / "adapter"
        adapter.mkdir(parents=True, exist_ok=True)
        for step in range(1, self.steps + 1):
            progress(step, self.steps, "pretending")
        texts = json.dumps([asdict(example) for example in examples])
        config = {"peft_type": "LORA", "base_model_name_or_path": model.path, "r": 1, "revision": _hash(texts)}
        (adapter / "adapter_config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
        (adapter / "adapter_model.safetensors").write_bytes(_zeros("base_model.model.lora_A.weight"))
        base = fingerprint(replace(model, adapter=None))["weights"]
        write_manifest(adapter, AdapterManifest(base=base))
        losses = tuple(1.0 / step for step in range(1, self.steps + 1))
        return Training(steps=self.steps, losses=losses, weight_change=0.01)


def fake_category(name: str = "sums", *, task: FakeTask | None = None) -> Category:
    """A complete category of additions."""
    strategy = Strategy(generate_temperature=0.0, train_temperature=0.0, why="sums have one answer", max_tokens=32)
    return Category(name=name, task=task or FakeTask(), strategy=strategy, benchmark=f"{name}-test")


def fake_benchmark(name: str = "sums-test", *, task: FakeTask | None = None) -> Benchmark:
    """The additions that `fake_category` does not train on."""
    return Benchmark(name=name, task=task or FakeTask(first=1000), max_tokens=32)


def make_problems(count: int = 20, *, first: int = 0) -> list[Problem]:
    """Additions with their sums as text; other `first`, other problems."""
    numbers = range(first, first + count)
    return [Problem(id=f"sum-{n}", prompt=f"What is {n} + {n % 7 + 1}?", reference=str(n + n % 7 + 1)) for n in numbers]


def make_completions(
    texts: Iterable[str], *, request: str = "test", finish: Literal["stop", "length", "error"] = "stop"
) -> list[Completion]:
    """One completion per text, samples 0, 1, 2, ... of one request, which ended as `finish` says; a token is a word."""
    error = "the engine died" if finish == "error" else None
    return [
        Completion(request=request, index=index, text=text, finish=finish, tokens=len(text.split()) + 1, error=error)
        for index, text in enumerate(texts)
    ]


def make_requests(count: int = 3, *, samples: int = 1, temperature: float = 0.7, max_tokens: int = 16) -> list[Request]:
    """Requests for `samples` samples each of the questions of `make_problems`."""
    sampling = Sampling(temperature=temperature, max_tokens=max_tokens)
    return [
        Request(
            id=f"test/{problem.id}",
            messages=(Message(role="user", content=problem.prompt),),
            sampling=sampling,
            indices=tuple(range(samples)),
        )
        for problem in make_problems(count, first=17)
    ]


def make_examples(count: int = 8, *, train_temperature: float = 0.0) -> list[Demonstration]:
    """Training examples: additions, answered."""
    return [
        Demonstration(
            id=f"sums/{problem.id}",
            messages=(
                Message(role="user", content=problem.prompt),
                Message(role="assistant", content=f"The answer is {problem.reference}."),
            ),
            train_temperature=train_temperature,
        )
        for problem in make_problems(count)
    ]


def make_preferences(count: int = 8) -> list[Preference]:
    """Pairs to learn from: additions, answered rightly and wrongly."""
    return [
        Preference(
            id=f"sums/{problem.id}",
            messages=(Message(role="user", content=problem.prompt),),
            chosen=f"The answer is {problem.reference}.",
            rejected="The answer is 0.",
            weight=0.4,
        )
        for problem in make_problems(count)
    ]


def random_answer(request: Request, index: int) -> str:
    """An answer that looks drawn: for `FakeSampler(random_answer)`."""
    return f"I would say {sample_seed(request, index) % 100}, and that is all."


def random_model(folder: Path, *, seed: int = 0) -> Weights:
    """A real but untrained byte-level Llama of some 100,000 parameters in `folder`. Needs torch and transformers."""
    from cogumi.testing.tiny import save_random_model

    save_random_model(folder, seed)
    return Weights(name="random", path=str(folder), data="bundled")


def _last_number(text: str) -> str | None:
    numbers = re.findall(r"\d+", text)
    return numbers[-1].lstrip("0") or "0" if numbers else None


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _zeros(name: str) -> bytes:
    """A safetensors file with one 1 x 64 tensor of zeros."""
    import numpy
    from safetensors.numpy import save

    return bytes(save({name: numpy.zeros((1, 64), dtype=numpy.float32)}))
