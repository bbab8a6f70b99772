"""The sandbox: a pool of oracles and workers behind the strongest walls that this machine offers."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Literal, Self

from cogumi_sandbox import jobs, rootfs
from cogumi_sandbox.client import Client, ServerBroken
from cogumi_sandbox.probe import NAMES, setup, try_level
from cogumi_sandbox.records import Behaviour, Call, Level, Program, Result

ATTEMPTS = 3
"""How often a program is tried whose sandbox failed."""


class NoSandbox(RuntimeError):
    """No walls are to be had that may be used without the user's consent; the message says why, level by level."""


class Sandbox:
    """Runs programs, several at a time. A context manager.

    `workers`: servers at work at the same time, by default one per CPU. `level`: 1 to 4, or `auto` for the strongest that
    holds here; limits alone (4) are used only with `accept_unsandboxed`. Raises `NoSandbox` on entering where there is
    nothing to use. Results come in the order of the programs, each as soon as it and all before it are there.
    """

    def __init__(
        self,
        *,
        workers: int | None = None,
        level: Literal["auto", 1, 2, 3, 4] = "auto",
        accept_unsandboxed: bool = False,
    ) -> None:
        self.workers = workers or len(os.sched_getaffinity(0))
        self.level = 0
        self._wanted = level
        self._accept = accept_unsandboxed
        self._library = rootfs.Library()
        self._idle: SimpleQueue[Client | None] = SimpleQueue()
        self._room = Room()

    def __enter__(self) -> Self:
        try:
            self.level = choose(self._wanted, self._accept, self._library)
        except BaseException:
            self._library.close()
            raise
        for _ in range(self.workers):
            self._idle.put(None)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for _ in range(self.workers):
            server = self._idle.get()
            if server is not None:
                server.close()
        self._library.close()

    def check(self, programs: Iterable[Program]) -> Iterator[Result]:
        """The result of each program, in order."""
        return self._map(lambda program: jobs.result(self._tried(jobs.check_job(program)), self.level), list(programs))

    def run(self, calls: Iterable[Call]) -> Iterator[Behaviour]:
        """The behaviour of each program on its inputs, in order; raises `TypeError` for an input that is no data."""
        return self._map(lambda c: jobs.behaviour(self._tried(jobs.run_job(c)), self.level, len(c.inputs)), list(calls))

    def _map(self, act: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]:
        with ThreadPoolExecutor(self.workers) as pool:
            yield from pool.map(act, items)

    def _tried(self, job: dict[str, Any]) -> dict[str, Any]:
        """A job's answer: again if the sandbox failed, and once more alone if the machine may have had a part in it."""
        with self._room.shared():
            reply = self._repeated(job)
        if reply["again"]:
            with self._room.alone():
                reply = self._repeated(job)
        return reply

    def _repeated(self, job: dict[str, Any]) -> dict[str, Any]:
        reply = jobs.failure("")
        for _ in range(ATTEMPTS):
            reply = self._once(job)
            if reply["verdict"] != "sandbox_error" or reply["again"]:
                break
        return reply

    def _once(self, job: dict[str, Any]) -> dict[str, Any]:
        server = self._idle.get()
        try:
            if server is None:
                server = Client(setup(self.level, self._library.path(self.level)))
            return server.run(job)
        except (ServerBroken, OSError) as error:
            if server is not None:
                server.close()
                server = None
            return jobs.failure(str(error))
        finally:
            self._idle.put(server)


class Room:
    """Many may be in it together, or one alone; who wants to be alone waits for the others, and they for it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._waiting = 0

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Be in it with others."""
        with self._changed:
            self._changed.wait_for(lambda: self._inside >= 0 and not self._waiting)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Be in it alone."""
        with self._changed:
            self._waiting += 1
            self._changed.wait_for(lambda: self._inside == 0)
            self._waiting -= 1
            self._inside = -1
        try:
            yield
        finally:
            with self._changed:
                self._inside = 0
                self._changed.notify_all()


def choose(wanted: Literal["auto", 1, 2, 3, 4], accept: bool, library: rootfs.Library) -> int:
    """The level to use; raises `NoSandbox`."""
    tried: list[Level] = []
    for number in NAMES if wanted == "auto" else (wanted,):
        if number == 4 and not accept:
            break
        tried.append(try_level(number, library))
        if tried[-1].available:
            return number
    reasons = "; ".join(f"{level.number} ({level.name}): {level.why}" for level in tried)
    hint = "" if accept else "; limits alone only with --accept-unsandboxed"
    raise NoSandbox(f"no sandbox to run programs in: {reasons or 'none was tried'}{hint}")
