"""The process that the oracle runs in: a fork of the server, used for many programs while none gives it trouble."""

from __future__ import annotations

import builtins
import os
import resource
import select
import signal
import socket
import sys
import threading
from contextlib import suppress
from typing import Any, NoReturn

from cogumi_sandbox import oracle, usage
from cogumi_sandbox.framing import Channel, Closed

MOST_CHECKED = 64
"""Programs that one oracle sees."""
ORACLE_MEMORY = 2
"""An oracle may use this many times the address space of a program: it holds the answers, and what tests make of them."""

DYING = 10.0
"""Seconds that an oracle may take to end after it has hung up."""


class OracleProcess:
    """A process that checks one program after the other, until one gives it trouble or it has checked enough.

    `warm`: its CPU seconds when it was ready for the present job; it may say later that it was not, for a test's imports.

    It holds nothing of a program but data while it checks it, and nothing afterwards; whatever ends otherwise than by its own
    verdict ends it too.
    """

    def __init__(self, memory: int, *others: int) -> None:
        self.memory = memory
        self._checked = 0
        self.warm = 0.0
        self._status: int | None = None
        ours, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            for fd in (ours.fileno(), *others):
                os.close(fd)
            try:
                check_all(theirs, ORACLE_MEMORY * memory)
            finally:
                os._exit(1)
        theirs.close()
        self._socket = ours
        self.channel = Channel(ours.fileno(), 1 << 30)

    def fits(self, job: dict[str, Any]) -> bool:
        """May it check this job too?"""
        return self._checked < MOST_CHECKED and job["limits"]["memory"] == self.memory

    def give(self, job: dict[str, Any], channel: socket.socket) -> None:
        """Hand it a job and the channel to the program; closes the channel on this side."""
        self._checked += 1
        self.warm = usage.cpu(self.pid)
        with channel:
            socket.send_fds(self._socket, [b"."], [channel.fileno()])
        with suppress(Closed):
            self.channel.send(job)

    def cpu(self) -> float:
        """CPU seconds that it has used for its present job since it was warm."""
        return max(usage.cpu(self.pid) - self.warm, 0.0)

    def status(self) -> int:
        """How it ended, when it has hung up: its exit code, or minus the signal; it is given a moment, then it is ended."""
        if self._status is None:
            watch = os.pidfd_open(self.pid)
            if not select.select([watch], [], [], DYING)[0]:
                os.kill(self.pid, signal.SIGTERM)  # not as the kernel would for want of memory
            os.close(watch)
            self._status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._status

    def end(self) -> None:
        """End it."""
        self._socket.close()
        if self._status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


def check_all(control: socket.socket, memory: int) -> NoReturn:
    """In the oracle: decide about one program after the other and report."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    channel = Channel(control.fileno(), 1 << 30)
    before = state()
    while True:
        _, fds, _, _ = socket.recv_fds(control, 1, 1)
        job = channel.receive()
        if job["kind"] == "check":
            verdict, detail = oracle.check(job, fds[0], channel.send)
        else:
            verdict, detail = oracle.behave(job, fds[0], channel.send)
        os.close(fds[0])
        spoiled = verdict not in ("pass", "fail") or state() != before
        channel.send({"verdict": verdict, "detail": readable(detail), "spoiled": spoiled})


def state() -> tuple[object, ...]:
    """What a test may have changed in its oracle for good."""
    builtin = {name: id(value) for name, value in vars(builtins).items() if name != "_"}
    return builtin, sys.getrecursionlimit(), sys.gettrace(), sys.getprofile(), threading.active_count(), tuple(sys.path)


def readable(text: str) -> str:
    """One short line without anything that a terminal could take for a command."""
    return "".join(c if c.isprintable() else "�" for c in text.replace("\n", " "))[:500]
