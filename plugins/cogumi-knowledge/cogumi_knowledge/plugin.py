"""What this distribution registers: the category `knowledge` and the benchmarks `triviaqa` and `truthfulqa`.

`knowledge` and `triviaqa` are the two sides of one dataset, TriviaQA (Joshi et al. 2017; configuration `rc.nocontext`, train
and validation, for the test split's answers are not public), or of the bundled problems. So the category is judged by what
it was trained on: short answers by exact match. `truthfulqa` (Lin et al. 2022, 817 problems, MC1 with letters) asks something
else, whether popular falsehoods are believed; it has no training side and no bundled problems, and is measured when asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cogumi import hookimpl
from cogumi.data import Source
from cogumi.errors import BadInput
from cogumi.hookspecs import Register
from cogumi.protocols import Benchmark, Category
from cogumi.records import Strategy
from cogumi_knowledge.task import Questions

MAX_TOKENS = 48
"""A short answer in a sentence; nearly all answers of TriviaQA are shorter than ten words."""
DATA = Path(__file__).parent / "data"
TRAINING = Source(
    hub=("mandarjoshi/trivia_qa", "rc.nocontext", "train"),
    files=("train", "rc.nocontext/train", "rc.nocontext/train-00000-of-00001"),  # the last is the hub repository's layout
    bundled=DATA / "train.jsonl",
)
HELD_OUT = Source(
    hub=("mandarjoshi/trivia_qa", "rc.nocontext", "validation"),
    files=("test", "validation", "rc.nocontext/validation", "rc.nocontext/validation-00000-of-00001"),
    bundled=DATA / "test.jsonl",
)
TRUTHFUL = Source(
    hub=("truthfulqa/truthful_qa", "multiple_choice", "validation"),
    files=("TruthfulQA", "truthfulqa/TruthfulQA", "validation", "multiple_choice/validation-00000-of-00001"),
)
STRATEGY = Strategy(
    generate_temperature=0.0,
    train_temperature=0.0,
    why="factual precision",
    votes=10,
    min_agreement=0.4,  # wrong answers scatter: four equal ones of ten are rarely wrong, and half drops facts half known
    max_tokens=MAX_TOKENS,
)


def knowledge(*, data: str = "hub") -> Category:
    """TriviaQA's training side: questions with short factual answers.

    data: `hub`, `bundled`, a file in a plain, TriviaQA's or TruthfulQA's schema, or a folder with train and test files.
    """
    return Category(name="knowledge", task=Questions(data, TRAINING), strategy=STRATEGY, benchmark="triviaqa")


def triviaqa(*, data: str = "hub") -> Benchmark:
    """TriviaQA's held-out side: short answers by normalised exact match.

    data: `hub`, `bundled`, a file in a plain, TriviaQA's or TruthfulQA's schema, or a folder with train and test files.
    """
    return Benchmark(name="triviaqa", task=Questions(data, HELD_OUT), max_tokens=MAX_TOKENS)


def truthfulqa(*, data: str = "hub") -> Benchmark:
    """TruthfulQA: the true one of several choices (MC1, lettered).

    data: `hub`, TruthfulQA.csv, or a folder that holds it.
    """
    if data == "bundled":
        raise BadInput(
            "truthfulqa has no bundled problems", field="data", fix="--data truthfulqa=hub, or =PATH to TruthfulQA.csv"
        )
    return Benchmark(name="truthfulqa", task=Questions(data, TRUTHFUL), max_tokens=MAX_TOKENS)


@hookimpl
def register_categories(register: Register[Callable[..., Category]]) -> None:
    """Offer `knowledge`."""
    register("knowledge", knowledge)


@hookimpl
def register_benchmarks(register: Register[Callable[..., Benchmark]]) -> None:
    """Offer `triviaqa` and `truthfulqa`."""
    register("triviaqa", triviaqa)
    register("truthfulqa", truthfulqa)
