"""What goes into the sandbox and what comes out of it: plain frozen data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Verdict: TypeAlias = Literal["pass", "fail", "timeout", "memory", "output", "crash", "sandbox_error"]
"""How a program ended.

`pass`: the test ran to its end; `fail`: it did not, or the program could not be loaded; `timeout`: CPU time ran out, or
(tried twice) it did nothing for too long; `memory`: it asked for more memory than it may have; `output`: it printed without
end, or answered or stored more than it may; `crash`: its process ended or went silent instead of answering;
`sandbox_error`: the sandbox failed, or the machine was too busy to tell, which says nothing about the program and is never
to be counted as a fail.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one program may use. Sizes are bytes, times are seconds."""

    cpu: float = 3.0
    """CPU time of all its processes together; the test that calls it may use as much again."""
    memory: int = 1 << 30
    """Address space of each process, and resident memory of all of them together."""
    processes: int = 24
    """Processes and threads alive at the same time."""
    file: int = 32 << 20
    """Size of any one file it writes."""
    disk: int = 64 << 20
    """Size of its private temporary folder."""
    files: int = 64
    """Open file descriptors of each process."""
    output: int = 64 << 10
    """How much is kept of what it prints, standard output and standard error together; the rest is thrown away."""
    flood: int = 16 << 20
    """What it may print in all: of a program that prints more, no one would read it."""
    answer: int = 16 << 20
    """What it may answer to one call, as it crosses the pipe."""

    @property
    def wall(self) -> float:
        """Time in which it may do nothing: CPU time decides, and waiting for a processor does not count (see `clock`)."""
        return 3 * self.cpu + 2

    def __post_init__(self) -> None:
        for name in ("cpu", "memory", "processes", "file", "disk", "files", "output", "flood", "answer"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name}: {value!r} is not a positive number")


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program to be checked, in the fields of HumanEval's schema."""

    prompt: str
    """Trusted: imports, helpers and the signature. The program is `prompt + completion`."""
    completion: str
    """Hostile until proven otherwise."""
    test: str
    """Trusted, and never shown to the program: defines `check(candidate)`; may use what the prompt alone defines."""
    entry_point: str
    """The name in the program that is called."""
    exports: tuple[str, ...] = ()
    """Further names the test may take from the program itself, e.g. a class it has to define; prefer none."""
    limits: Limits = field(default_factory=Limits)
    """What it may use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A program to be run on inputs, to see how it behaves."""

    prompt: str
    """As in `Program`."""
    completion: str
    """As in `Program`."""
    entry_point: str
    """As in `Program`."""
    inputs: Sequence[tuple[Any, ...]]
    """Positional arguments of each call, as builtin data (numbers, texts, lists, dicts, sets, tuples, ...)."""
    limits: Limits = field(default_factory=Limits)
    """What all calls together may use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of a `Program`."""

    verdict: Verdict
    """How it ended."""
    detail: str
    """One line for people: the failing assertion, the exception, the signal; printable characters only."""
    level: int
    """The walls it ran behind: 1 (namespaces) to 4 (limits alone), 0 when it could not be run."""
    printed: str = ""
    """What it printed, as far as `Limits.output` goes: lines of printable characters."""
    cpu: float = 0.0
    """CPU seconds of all its processes, once its isolation stood."""
    wall: float = 0.0
    """Seconds from start to the last process's end."""

    @property
    def passed(self) -> bool | None:
        """True, False, or None where it could not be scored."""
        return None if self.verdict == "sandbox_error" else self.verdict == "pass"


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What became of a `Call`."""

    outputs: tuple[str | None, ...]
    """One per input: the canonical text of what was returned (see `cogumi_sandbox.canonical`), equal where the
    values are equal; None where the call raised, or there was no answer in time."""
    errors: tuple[str | None, ...]
    """One per input: why there is no output, in one line."""
    verdict: Verdict
    """`pass`: every call was answered, if only by raising; else what ended the run."""
    detail: str
    """One line for people."""
    level: int
    """As in `Result`."""
    printed: str = ""
    """As in `Result`."""
    cpu: float = 0.0
    """As in `Result`."""
    wall: float = 0.0
    """As in `Result`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One rung of the ladder of walls, as it was found on this machine."""

    number: int
    """1 is the strongest."""
    name: str
    """For people."""
    available: bool
    """Tried, not guessed: a program was run behind these walls and could not get through."""
    why: str
    """What was tried, or why it is not available and what would make it so."""
