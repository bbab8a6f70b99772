"""What this distribution registers: the category `reasoning` and the benchmark `mmlu`, the two sides of one dataset.

MMLU: Hendrycks et al. 2021, "Measuring Massive Multitask Language Understanding"; 99,842 questions to train on (from other
tests, without subjects), 14,042 of 57 subjects held out, five worked examples of each subject. The bundled problems have its
schema and were made by this project.
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
from cogumi_reasoning.task import MultipleChoice

MAX_TOKENS = 256
"""Room to think in a few sentences; an answer without any takes under ten tokens."""

STRATEGY = Strategy(
    generate_temperature=0.1,
    train_temperature=0.0,
    why="slight diversity, deterministic training",
    min_agreement=0.6,  # ten guesses among four letters agree six times in 8 % of all cases, five times in 31 %
    max_tokens=MAX_TOKENS,
)
SIDES = {
    "train": Source(
        hub=("cais/mmlu", "auxiliary_train", "train"),
        files=("train", "auxiliary_train", "auxiliary_train/train-00000-of-00001", "all/auxiliary_train-00000-of-00001"),
        bundled=Path(__file__).parent / "data" / "train.jsonl",
    ),
    **{
        side: Source(
            hub=("cais/mmlu", "all", side),
            files=(side, f"all/{side}", f"all/{side}-00000-of-00001"),
            bundled=Path(__file__).parent / "data" / f"{side}.jsonl",
        )
        for side in ("test", "dev")
    },
}
"""The sides; the files' last names are the hub repository's own layout."""


def reasoning(*, data: str = "hub", shots: int = 0) -> Category:
    """MMLU's training side: multiple-choice questions with four choices.

    data: `hub`, `bundled`, a file in MMLU's schema, or a folder with train, test and dev files.
    shots: worked examples in the prompt, 0 or 5.
    """
    return Category(name="reasoning", task=_task(data, "train", shots), strategy=STRATEGY, benchmark="mmlu")


def mmlu(*, data: str = "hub", shots: int = 0) -> Benchmark:
    """MMLU's held-out side, which guards against forgetting.

    data: `hub`, `bundled`, a file in MMLU's schema, or a folder with train, test and dev files.
    shots: worked examples in the prompt, 0 or 5.
    """
    return Benchmark(name="mmlu", task=_task(data, "test", shots), max_tokens=MAX_TOKENS, chance=0.25)


@hookimpl
def register_categories(register: Register[Callable[..., Category]]) -> None:
    """Offer `reasoning`."""
    register("reasoning", reasoning)


@hookimpl
def register_benchmarks(register: Register[Callable[..., Benchmark]]) -> None:
    """Offer `mmlu`."""
    register("mmlu", mmlu)


def _task(data: str, side: str, shots: int) -> MultipleChoice:
    if shots not in (0, 5):
        raise BadInput(f"{shots} shots are not offered", field="shots", fix="0 or 5")
    return MultipleChoice(data, SIDES[side], SIDES["dev"], shots)
