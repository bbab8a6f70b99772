"""What this distribution registers: the category `creativity`, the benchmark `writing` and the voter `medoid`.

WritingPrompts: Fan et al. 2018, "Hierarchical Neural Story Generation"; 272,600 stories to their prompts on the training side
and 15,138 held out, of which the prompts are used. The bundled prompts were made by this project.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cogumi import hookimpl
from cogumi.data import Source
from cogumi.hookspecs import Register
from cogumi.protocols import Benchmark, Category, Voter
from cogumi.records import Strategy
from cogumi_creativity.medoid import medoid
from cogumi_creativity.prompts import ask
from cogumi_creativity.task import Writing

MAX_TOKENS = 256
"""The prompt allows 120 words, which are about 160 tokens: a text that is longer than this ignored it."""

STRATEGY = Strategy(
    generate_temperature=0.7,
    train_temperature=0.3,
    why="generate diverse, learn consistent patterns",
    votes=10,
    min_agreement=0.3,  # what ten texts that have nothing to do with one another do not reach; see the README
    max_tokens=MAX_TOKENS,
    target="best-vote",  # the voters' own texts: one more draw would be one more opinion
    targets=3,
)


def creativity(*, data: str = "hub") -> Category:
    """WritingPrompts' training side: prompts for short texts, without right answers.

    data: `hub`, `bundled`, a file whose rows have a field `prompt`, or a folder with train and test files.
    """
    return Category(name="creativity", task=_task(data, "train"), strategy=STRATEGY, benchmark="writing", voter="medoid")


def writing(*, data: str = "hub") -> Benchmark:
    """WritingPrompts' held-out side: consensus, diversity, and the verdicts of a judge if there is one.

    data: `hub`, `bundled`, a file whose rows have a field `prompt`, or a folder with train and test files.
    """
    return Benchmark(name="writing", task=_task(data, "test"), max_tokens=MAX_TOKENS)


@hookimpl
def register_categories(register: Register[Callable[..., Category]]) -> None:
    """Offer `creativity`."""
    register("creativity", creativity)


@hookimpl
def register_benchmarks(register: Register[Callable[..., Benchmark]]) -> None:
    """Offer `writing`."""
    register("writing", writing)


@hookimpl
def register_voters(register: Register[Callable[..., Voter]]) -> None:
    """Offer `medoid`."""
    register("medoid", medoid)


def _task(data: str, split: str) -> Writing:
    bundled = Path(__file__).parent / "data" / f"{split}.jsonl"
    return Writing(
        data, Source(hub=("euclaise/writingprompts", None, split), files=(split, f"data/{split}"), bundled=bundled), ask
    )
