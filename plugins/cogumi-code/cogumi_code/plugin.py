"""What this distribution registers: the category `code` (training side) and the benchmark `humaneval` (held out).

HumanEval: Chen et al. 2021, 164 problems, never trained on. MBPP: Austin et al. 2021, of whose 974 problems the 374 of the
training split (task_id 601 to 974) are used. The bundled problems have HumanEval's schema and were made by this project.
Light to import: the sandbox is loaded when a program is to be run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from cogumi import hookimpl
from cogumi.data import Row, Source
from cogumi.errors import BadInput
from cogumi.hookspecs import Register
from cogumi.protocols import Benchmark, Category
from cogumi.records import Problem, Strategy
from cogumi_code.problems import humaneval_problem, is_mbpp, mbpp_problem, training_side
from cogumi_code.runner import ACCEPT, Level, Walls
from cogumi_code.task import CodeTask, Reading, Style

MAX_TOKENS = 512
"""HumanEval's and MBPP's own solutions stay under 300 tokens; the rest is room for a fence and a few words."""
DATA = Path(__file__).parent / "data"
TRAINING = Source(
    hub=("google-research-datasets/mbpp", "full", "train"),
    files=("train", "mbpp", "full/train", "full/train-00000-of-00001", "mbpp/mbpp"),
    bundled=DATA / "train.jsonl",
)
HELD_OUT = Source(
    hub=("openai/openai_humaneval", None, "test"),
    files=("test", "HumanEval", "openai_humaneval/test-00000-of-00001", "humaneval/HumanEval"),
    bundled=DATA / "test.jsonl",
)
STRATEGY = Strategy(
    generate_temperature=0.0,
    train_temperature=0.0,
    why="code must be correct",
    votes=10,
    min_agreement=0.4,  # as in math: four programs of ten that behave alike are rarely wrong
    max_tokens=MAX_TOKENS,
)


def code(
    *,
    data: str = "hub",
    style: Style = "chat",
    validation: bool = False,
    level: Level = "auto",
    workers: int | None = None,
    accept_unsandboxed: bool = False,
) -> Category:
    """MBPP's training side: short Python functions, judged by running them in a sandbox.

    data: `hub`, `bundled`, a file in MBPP's or HumanEval's schema, or a folder with train and test files.
    style: `chat`, or `completion` for models that only continue text.
    validation: also use MBPP's validation split (task_id 511 to 600).
    level: walls of the sandbox, 1 (strongest) to 4 (limits alone); `auto`: the strongest that this machine offers.
    workers: programs run at a time; none: one per CPU.
    accept_unsandboxed: run model-written code behind limits alone where nothing better is to be had.
    """

    def problems(rows: Sequence[Row]) -> list[Problem]:
        return [_problem(row) for row in training_side(rows, validation)]

    walls = _walls(level, workers, accept_unsandboxed)
    task = CodeTask(Reading(data=data, source=TRAINING, problems=problems), style, walls)
    return Category(name="code", task=task, strategy=STRATEGY, benchmark="humaneval")


def humaneval(
    *,
    data: str = "hub",
    style: Style = "chat",
    level: Level = "auto",
    workers: int | None = None,
    accept_unsandboxed: bool = False,
) -> Benchmark:
    """HumanEval: 164 Python functions to be completed, judged by running their tests in a sandbox.

    data: `hub`, `bundled`, a file in HumanEval's schema (also .gz), or a folder with train and test files.
    style: `chat`, or `completion` for models that only continue text.
    level: walls of the sandbox, 1 (strongest) to 4 (limits alone); `auto`: the strongest that this machine offers.
    workers: programs run at a time; none: one per CPU.
    accept_unsandboxed: run model-written code behind limits alone where nothing better is to be had.
    """

    def problems(rows: Sequence[Row]) -> list[Problem]:
        return [humaneval_problem(row) for row in rows]

    walls = _walls(level, workers, accept_unsandboxed)
    task = CodeTask(Reading(data=data, source=HELD_OUT, problems=problems), style, walls)
    return Benchmark(name="humaneval", task=task, max_tokens=MAX_TOKENS)


@hookimpl
def register_categories(register: Register[Callable[..., Category]]) -> None:
    """Offer `code`."""
    register("code", code)


@hookimpl
def register_benchmarks(register: Register[Callable[..., Benchmark]]) -> None:
    """Offer `humaneval`."""
    register("humaneval", humaneval)


def doctor() -> Iterator[tuple[str, bool | None, str, str]]:
    """For `cogumi doctor`: the walls of the sandbox that hold on this machine, and why stronger ones are missing."""
    from cogumi_sandbox import probe

    found = probe()
    best = next((level for level in found if level.available and level.number < 4), None)
    for level in found:
        name = f"sandbox level {level.number}, {level.name}"
        if level is best:
            yield name, True, f"{level.why}; this is what programs run behind", ""
        elif best is None and level.number == 4:
            yield name, False, "the only one to be had", ACCEPT
        else:
            yield name, None, level.why, ""


def _problem(row: Row) -> Problem:
    return mbpp_problem(row) if is_mbpp(row) else humaneval_problem(row)


def _walls(level: Level, workers: int | None, accept_unsandboxed: bool) -> Walls:
    if workers is not None and workers < 1:
        raise BadInput(f"{workers} workers do no work", field="workers", fix="at least 1")
    if level == 4 and not accept_unsandboxed:
        raise BadInput("level 4 is limits alone", field="level", fix="say so: accept_unsandboxed=true")
    return Walls(level=level, workers=workers, accept_unsandboxed=accept_unsandboxed)
