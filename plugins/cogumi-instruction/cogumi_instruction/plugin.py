"""What this distribution registers: the category `instruction` and the benchmark `ifeval`.

IFEval: Zhou et al. 2023, "Instruction-Following Evaluation for Large Language Models"; 541 prompts, all held out. The
bundled problems have its schema and were made by this project.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from cogumi import hookimpl
from cogumi.data import Source
from cogumi.hookspecs import Register
from cogumi.protocols import Benchmark, Category
from cogumi.records import Strategy
from cogumi_instruction.task import Instructions

MAX_TOKENS = 1280
"""What lm-evaluation-harness allows for IFEval, some of whose prompts ask for 1,000 words and more."""

FILES = ("input_data", "ifeval_input_data")
"""What IFEval's file is called, in its authors' repository and on the hub."""

STRATEGY = Strategy(
    generate_temperature=0.2,
    train_temperature=0.0,
    why="follow instructions precisely",
    max_tokens=MAX_TOKENS,
)


def instruction(*, data: str = "hub") -> Category:
    """Instructions to train on, in IFEval's schema.

    data: `hub` (ifeval-like-data, made by a language model: what cannot be used is left out, with a warning), `bundled`,
        a file in IFEval's schema, or a folder with a training file.
    """
    source = Source(hub=("argilla/ifeval-like-data", "filtered", "train"), files=("train",), bundled=_bundled("train"))
    task = Instructions(data, source, "instruction", lenient=data == "hub")
    return Category(name="instruction", task=task, strategy=STRATEGY, benchmark="ifeval")


def ifeval(*, data: str = "hub") -> Benchmark:
    """IFEval: 541 prompts with constraints that a program can verify.

    data: `hub`, `bundled`, a file in IFEval's schema, or a folder with IFEval's file or a test file.
    """
    source = Source(hub=("google/IFEval", None, "train"), files=("test", *FILES), bundled=_bundled("test"))
    return Benchmark(name="ifeval", task=Instructions(data, source, "ifeval"), max_tokens=MAX_TOKENS)


@hookimpl
def register_categories(register: Register[Callable[..., Category]]) -> None:
    """Offer `instruction`."""
    register("instruction", instruction)


@hookimpl
def register_benchmarks(register: Register[Callable[..., Benchmark]]) -> None:
    """Offer `ifeval`."""
    register("ifeval", ifeval)


def doctor() -> Iterator[tuple[str, bool | None, str, str]]:
    """For `cogumi doctor`: whether sentences can be counted."""
    from cogumi_instruction import punkt

    name = "sentence model punkt_tab"
    if punkt.available():
        yield name, True, "found; all of IFEval's constraints can be checked", ""
    else:
        yield name, None, f"not found; prompts with {' or '.join(punkt.INSTRUCTIONS)} are refused", punkt.FIX


def _bundled(side: str) -> Path:
    return Path(__file__).parent / "data" / f"{side}.jsonl"
