"""The sandbox of a task: opened when it is first needed, closed at exit, and never asked the same thing twice.

Contract: equal programs get equal answers within a run, whichever thread asks; a program that differs only in comments and
layout from one that was run is not run again. What the sandbox failed at (`sandbox_error`) is asked anew.
"""

from __future__ import annotations

import ast
import hashlib
import threading
import weakref
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

from cogumi.errors import BadInput
from cogumi_code.syntax import parsed

if TYPE_CHECKING:
    from cogumi_sandbox import Behaviour, Call, Program, Result, Sandbox

Level: TypeAlias = Literal["auto", 1, 2, 3, 4]
Asked = TypeVar("Asked", "Program", "Call")
Answered = TypeVar("Answered", "Result", "Behaviour")
ACCEPT = "at your own risk: --accept-unsandboxed"
"""How to do without walls."""
REMEMBERED = 100_000
"""Answers that are kept; beyond that all are forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walls:
    """How the sandbox is wanted."""

    level: Level = "auto"
    """Its level, or `auto` for the strongest that the machine offers."""
    workers: int | None = None
    """Programs at a time; None: one per CPU."""
    accept_unsandboxed: bool = False
    """Whether limits alone will do."""


class Runner:
    """Runs programs. Safe to use from several threads."""

    def __init__(self, walls: Walls) -> None:
        self._walls = walls
        self._lock = threading.Lock()
        self._opened: Sandbox | None = None
        self._results: dict[Hashable, Result] = {}
        self._behaviours: dict[Hashable, Behaviour] = {}

    def check(self, programs: Sequence[Program]) -> list[Result]:
        """The result of each program, in order. Raises `BadInput` where there is no sandbox to be had."""
        return _remembered(programs, self._results, lambda program: program.test, lambda few: self._sandbox().check(few))

    def run(self, calls: Sequence[Call]) -> list[Behaviour]:
        """The behaviour of each program on its inputs, in order. Raises `BadInput` as `check` does."""
        return _remembered(calls, self._behaviours, lambda call: repr(call.inputs), lambda few: self._sandbox().run(few))

    def _sandbox(self) -> Sandbox:
        with self._lock:
            if self._opened is None:
                self._opened = _open(self._walls)
                weakref.finalize(self, self._opened.__exit__, None, None, None)
            return self._opened


def _open(walls: Walls) -> Sandbox:
    from cogumi_sandbox import NoSandbox, Sandbox

    try:
        return Sandbox(workers=walls.workers, level=walls.level, accept_unsandboxed=walls.accept_unsandboxed).__enter__()
    except NoSandbox as error:
        raise BadInput(str(error), field="level", fix=f"see `cogumi doctor`; {ACCEPT}") from error


def _remembered(
    asked: Sequence[Asked],
    known: dict[Hashable, Answered],
    against: Callable[[Asked], str],
    ask: Callable[[list[Asked]], Iterator[Answered]],
) -> list[Answered]:
    """Answers from memory where there are some; of equal programs the one with the smallest text is asked."""
    keys = [_key(item, against(item)) for item in asked]
    new: dict[Hashable, Asked] = {}
    for key, item in sorted(zip(keys, asked, strict=True), key=lambda pair: pair[1].completion):
        if key not in known:
            new.setdefault(key, item)
    answers = dict(zip(new, ask(list(new.values())), strict=True)) if new else {}
    found = [answers[key] if key in answers else known[key] for key in keys]
    if len(known) + len(answers) > REMEMBERED:
        known.clear()
    known.update({key: answer for key, answer in answers.items() if answer.verdict != "sandbox_error"})
    return found


def _key(item: Program | Call, against: str) -> Hashable:
    tree = parsed(item.prompt + item.completion)
    text = ast.dump(tree) if isinstance(tree, ast.Module) else item.prompt + "\0" + item.completion
    parts = (item.prompt, text, item.entry_point, against, repr(item.limits))
    return hashlib.sha256("\x1f".join(parts).encode(errors="surrogatepass")).digest()
