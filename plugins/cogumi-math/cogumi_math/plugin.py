"""What this distribution registers: the category `math` and the benchmark `gsm8k`, the two sides of one dataset.

GSM8K: Cobbe et al. 2021, "Training Verifiers to Solve Math Word Problems"; 7,473 problems to train on, 1,319 held out.
The bundled problems have its schema and were made by this project.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cogumi import hookimpl
from cogumi.data import Source
from cogumi.errors import BadInput
from cogumi.hookspecs import Register
from cogumi.protocols import Benchmark, Category
from cogumi.records import Message, Strategy
from cogumi_math.prompts import eight_shot, zero_shot
from cogumi_math.task import WordProblems

MAX_TOKENS = 400
"""GSM8K's own worked answers stay under 400 tokens, and so do the chains of thought of models tuned on them."""

STRATEGY = Strategy(
    generate_temperature=0.0,
    train_temperature=0.0,
    why="exact answers",
    votes=10,
    min_agreement=0.4,  # wrong slips scatter: four equal answers of ten are rarely a wrong one, and half loses good problems
    max_tokens=MAX_TOKENS,
)


def math(*, data: str = "hub", shots: int = 0) -> Category:
    """GSM8K's training side: grade-school word problems.

    data: `hub`, `bundled`, a file in GSM8K's schema, or a folder with train and test files.
    shots: worked examples in the prompt, 0 or 8.
    """
    return Category(name="math", task=_task(data, "train", shots), strategy=STRATEGY, benchmark="gsm8k")


def gsm8k(*, data: str = "hub", shots: int = 0) -> Benchmark:
    """GSM8K's held-out side.

    data: `hub`, `bundled`, a file in GSM8K's schema, or a folder with train and test files.
    shots: worked examples in the prompt, 0 or 8.
    """
    return Benchmark(name="gsm8k", task=_task(data, "test", shots), max_tokens=MAX_TOKENS)


@hookimpl
def register_categories(register: Register[Callable[..., Category]]) -> None:
    """Offer `math`."""
    register("math", math)


@hookimpl
def register_benchmarks(register: Register[Callable[..., Benchmark]]) -> None:
    """Offer `gsm8k`."""
    register("gsm8k", gsm8k)


def _task(data: str, split: str, shots: int) -> WordProblems:
    return WordProblems(data, _source(split), _prompt(shots))


def _source(split: str) -> Source:
    files = (split, f"main/{split}", f"main/{split}-00000-of-00001")  # the last is the hub repository's own layout
    bundled = Path(__file__).parent / "data" / f"{split}.jsonl"
    return Source(hub=("openai/gsm8k", "main", split), files=files, bundled=bundled)


def _prompt(shots: int) -> Callable[[str], tuple[Message, ...]]:
    prompts = {0: zero_shot, 8: eight_shot}
    if shots not in prompts:
        raise BadInput(f"{shots} shots are not offered", field="shots", fix="0 or 8")
    return prompts[shots]
