"""What this distribution registers: the category `instruction` and the benchmark `ifeval`.

IFEval: Zhou et al. 2023, "Instruction-Following Evaluation for Large Language Models"; 541 prompts, all held out. The
bundled problems have its schema and were made by this project.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cogumi import hookimpl
from cogumi.data import Source
from cogumi.hookspecs import Register
from cogumi.protocols import Benchmark, Category
from cogumi.records import Strategy
from cogumi_instruction.task import Instructions

MAX_TOKENS = 1280
"""What lm-evaluation-harness allows for IFEval, some of whose prompts ask for 1,000 words and more."""

STRATEGY = Strategy(
    generate_temperature=0.2,
    train_temperature=0.0,
    why="follow instructions precisely",
    max_tokens=MAX_TOKENS,
)


def instruction(*, data: str = "hub") -> Category:
    """Instructions to train on, in IFEval's schema.

    data: `hub`, `bundled`, a file in IFEval's schema, or a folder with a training file.
    """
    source = Source(hub=("argilla/ifeval-like-data", "filtered", "train"), files=("train",), bundled=_bundled("train"))
    return Category(name="instruction", task=Instructions(data, source, "instruction"), strategy=STRATEGY, benchmark="ifeval")


def ifeval(*, data: str = "hub") -> Benchmark:
    """IFEval: 541 prompts with constraints that a program can verify.

    data: `hub`, `bundled`, a file in IFEval's schema, or a folder with IFEval's file or a test file.
    """
    source = Source(hub=("google/IFEval", None, "train"), files=("test", "input_data", "ifeval_input_data"), bundled=_bundled("test"))
    return Benchmark(name="ifeval", task=Instructions(data, source, "ifeval"), max_tokens=MAX_TOKENS)


@hookimpl
def register_categories(register: Register[Callable[..., Category]]) -> None:
    """Offer `instruction`."""
    register("instruction", instruction)


@hookimpl
def register_benchmarks(register: Register[Callable[..., Benchmark]]) -> None:
    """Offer `ifeval`."""
    register("ifeval", ifeval)


def _bundled(side: str) -> Path:
    return Path(__file__).parent / "data" / f"{side}.jsonl"
