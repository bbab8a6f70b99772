r"""Equality of formulas by math-verify, in a process that can be killed.

    \sqrt{8} and 2\sqrt{2}   equal        x + 1 and 1 + x   equal        10^{10^9} and 1   not decided in time: unequal

math-verify is slow to import, keeps time with the alarm signal (so only in the main thread), and cannot stop a long
computation. So a worker process answers, started with the first question, replaced when it dies, and ended with the
object that owns it or with the interpreter. Works from any thread, and in a process that was forked.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

from cogumi.errors import RunFailed

PROCESSOR_SECONDS = 2.0
"""Processor time that one question may take; formulas people write take a tenth of a second at most."""
WALL_SECONDS = 20.0
"""How long to wait for one answer, should the process hang without computing."""
START_SECONDS = 120.0
"""How long the process may take to start on a busy machine."""


class Formulas:
    """Decides whether two formulas are equal; a formula that cannot be read or computed equals only its own text."""

    def __init__(self, *, seconds: float = PROCESSOR_SECONDS, wall_seconds: float = WALL_SECONDS) -> None:
        self._seconds = seconds
        self._wall_seconds = wall_seconds
        self._lock = threading.Lock()
        self._worker: _Worker | None = None
        self._known: dict[tuple[str, str], bool] = {}
        self._usable: dict[str, bool] = {}

    def equal(self, gold: str, target: str) -> bool:
        """Whether math-verify holds them equal. Never raises for a text, whatever it is."""
        if gold == target:
            return True
        with self._lock:
            return self._is_usable(gold) and self._is_usable(target) and self._ask(gold, target)

    def close(self) -> None:
        """End the worker; a later question starts a new one."""
        with self._lock:
            self._drop()

    def _is_usable(self, text: str) -> bool:
        """Whether a formula can be compared with a number in time: a hostile one is found out once, and alone."""
        if text not in self._usable:
            self._ask(text, "1")
            self._usable[text] = self._worker is not None
        return self._usable[text]

    def _ask(self, gold: str, target: str) -> bool:
        if (gold, target) not in self._known:
            self._known[gold, target] = self._answer(json.dumps([gold, target]))
        return self._known[gold, target]

    def _answer(self, question: str) -> bool:
        if self._worker is None or self._worker.pid != os.getpid():
            self._worker = _Worker(self._seconds)
        answer = self._worker.ask(question, self._wall_seconds)
        if answer is None:
            self._drop()
        return answer == "true"

    def _drop(self) -> None:
        if self._worker is not None:
            self._worker.end()
            self._worker = None


class _Worker:
    """One worker process. Raises `RunFailed` when it cannot be started at all."""

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

    def ask(self, question: str, seconds: float) -> str | None:
        """The line that answers, or None when none came in time."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(question.encode() + b"\n")
        except OSError:  # it died: the answer is that there is none
            return None
        return self._line(seconds)

    def _line(self, seconds: float) -> str | None:
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
                    return None
                line += chunk
        return line.decode().strip()


def _end(process: subprocess.Popen[bytes], owner: int) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    if owner == os.getpid():  # a forked child owns neither the process nor the right to wait for it
        process.kill()
        process.wait()
