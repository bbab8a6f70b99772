"""A judge/worker pair as its user sees it: jobs in, results out, one at a time."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from cogumi_code.sandbox.server import BOOT, environment

START, GRACE = 60.0, 60.0
"""Seconds for a pair to start, and beyond a program's wall time for it to answer."""


class PairBroken(Exception):
    """The pair failed, which says nothing about the program; it must be replaced."""


class Pair:
    """A running server. `setup` is what the zygote is told (see `walls.Setup`)."""

    def __init__(self, setup: dict[str, Any]) -> None:
        path = str(Path(__file__).resolve().parents[2])
        self._out, out = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-s", "-P", "-S", "-c", BOOT.format("server"), path, str(out)],
            env=environment(tempfile.gettempdir()),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[out],
            start_new_session=True,
        )
        os.close(out)
        self._rest = b""
        self._write({**setup, "path": path, "search": [entry for entry in sys.path if entry and entry != path]})
        self._read(START)

    def run(self, job: dict[str, Any]) -> dict[str, Any]:
        """Run one job; raises `PairBroken`."""
        self._write(job)
        return self._read(job["limits"]["wall"] + GRACE)

    def close(self) -> None:
        """End it and all it started."""
        if self._process.stdin is not None:
            with suppress(OSError):  # what could not be written is of no use any more
                self._process.stdin.close()
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._out)

    def _write(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise PairBroken(f"the pair is gone: {error}") from error

    def _read(self, patience: float) -> dict[str, Any]:
        parts = []
        while True:
            if not select.select([self._out], [], [], patience)[0]:
                raise PairBroken("the pair does not answer")
            part = os.read(self._out, 1 << 20)
            if not part:
                raise PairBroken("the pair has died")
            parts.append(part)
            if part.endswith(b"\n"):
                break
        reply: dict[str, Any] = json.loads(b"".join(parts))
        if "broken" in reply:
            raise PairBroken(reply["broken"])
        return reply
