r"""Equality of formulas by math-verify, in a process that can be killed.

    \sqrt{8} and 2\sqrt{2}   equal        x + 1 and 1 + x   equal        10^{10^9} and x   beyond: nobody can say

math-verify is slow to import, keeps time with the alarm signal (so only in the main thread), and cannot stop a long
computation. So a worker process answers, started with the first question, replaced when it dies, and ended with the
object that owns it or with the interpreter. Works from any thread, and in a process that was forked.

What counts is the processor time that a question itself takes, in a process that has warmed up: how busy the machine is
decides nothing. A question without an answer is asked once more, alone, in a fresh process. Only what is then known is
remembered: an answer, or that the processor time was spent again.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
import weakref
from enum import Enum
from pathlib import Path

from cogumi.errors import RunFailed

PROCESSOR_SECONDS = 2.0
"""Processor time that one question may take; formulas people write take a tenth of a second at most."""
WALL_SECONDS = 120.0
"""How long to wait for one answer: a backstop for a process that hangs without computing, far behind the limit above."""
START_SECONDS = 120.0
"""How long the process may take to start and to warm up on a busy machine."""


class Outcome(Enum):
    """What became of a question."""

    EQUAL = "equal"
    UNEQUAL = "unequal"
    BEYOND = "its processor time was spent, or it took the process down with it"
    LOST = "no answer, and not by its own doing: the process hung, or somebody ended it"


DECIDED = (Outcome.EQUAL, Outcome.UNEQUAL)
KILLED = (signal.SIGHUP, signal.SIGINT, signal.SIGKILL, signal.SIGTERM)
"""Signals that others send: a person, a scheduler, a machine short of memory."""
ANSWERS = {"true": Outcome.EQUAL, "false": Outcome.UNEQUAL}


class Formulas:
    """Decides whether two formulas are equal, where that can be said within the limits."""

    def __init__(self, *, seconds: float = PROCESSOR_SECONDS, wall_seconds: float = WALL_SECONDS) -> None:
        self._seconds = seconds
        self._wall_seconds = wall_seconds
        self._lock = threading.Lock()
        self._worker: _Worker | None = None
        self._known: dict[tuple[str, str], Outcome] = {}

    def equal(self, gold: str, target: str) -> bool | None:
        """Whether math-verify holds them equal; None where they could not be compared. Never raises for a text.

        A formula that cannot be read is unequal to every other text.
        """
        if gold == target:
            return True
        with self._lock:
            if all(self._alone(text) in DECIDED for text in (gold, target)):
                outcome = self._ask(gold, target)
                return outcome is Outcome.EQUAL if outcome in DECIDED else None
        return None

    def is_beyond(self, text: str) -> bool:
        """Whether a formula cannot be evaluated: compared with the number 1 it spends its processor time, twice."""
        with self._lock:
            return self._alone(text) is Outcome.BEYOND

    def close(self) -> None:
        """End the worker; a later question starts a new one."""
        with self._lock:
            self._drop()

    def _alone(self, text: str) -> Outcome:
        """What becomes of a formula beside a number: a hostile one is found out once, whatever it is compared with."""
        return self._ask(text, "1")

    def _ask(self, gold: str, target: str) -> Outcome:
        if (gold, target) in self._known:
            return self._known[gold, target]
        question = json.dumps([gold, target])
        outcome = self._outcome(question)
        if outcome not in DECIDED:
            outcome = self._outcome(question)  # the process is a fresh one now
        if outcome is not Outcome.LOST:
            self._known[gold, target] = outcome
        return outcome

    def _outcome(self, question: str) -> Outcome:
        if self._worker is None or self._worker.pid != os.getpid():
            self._worker = _Worker(self._seconds)
        outcome = self._worker.ask(question, self._wall_seconds)
        if outcome not in DECIDED:
            self._drop()
        return outcome

    def _drop(self) -> None:
        if self._worker is not None:
            self._worker.end()
            self._worker = None


class _Worker:
    """One worker process, warm. Raises `RunFailed` when it cannot be started at all."""

    def __init__(self, seconds: float) -> None:
        command = [sys.executable, "-P", str(Path(__file__).with_name("worker.py")), str(seconds)]
        self.pid = os.getpid()
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
        self.end = weakref.finalize(self, _end, self._process, self.pid)
        if self._line(START_SECONDS) != "ready":
            self.end()
            raise RunFailed("math-verify cannot be started; see what `python -c 'import math_verify'` says")

    def ask(self, question: str, seconds: float) -> Outcome:
        """The answer, or why there is none."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(question.encode() + b"\n")
        except OSError:  # it was dead before the question came
            return Outcome.LOST
        line = self._line(seconds)
        if line is None:
            return Outcome.LOST
        return ANSWERS[line] if line else self._cause_of_death()

    def _cause_of_death(self) -> Outcome:
        """Whose doing it is that the process died: it is the question's, unless a signal came from elsewhere."""
        return Outcome.LOST if -self._process.wait() in KILLED else Outcome.BEYOND

    def _line(self, seconds: float) -> str | None:
        """What the process says next; empty when it died, None when that takes longer than so many seconds."""
        assert self._process.stdout is not None
        until = time.monotonic() + seconds
        line = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                if not selector.select(max(until - time.monotonic(), 0.0)):
                    return None
                chunk = os.read(self._process.stdout.fileno(), 4096)
                if not chunk:
                    return ""
                line += chunk
        return line.decode().strip()


def _end(process: subprocess.Popen[bytes], owner: int) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    if owner == os.getpid():  # a forked child owns neither the process nor the right to wait for it
        process.kill()
        process.wait()
