"""A server (oracle and worker) as its user sees it: jobs in, results out, one at a time."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
from contextlib import suppress
from typing import Any

from cogumi_sandbox import boot
from cogumi_sandbox.clock import MOST_HELD

START, GRACE = 120.0, 180.0
"""Seconds for a server to start, and beyond the longest that it may watch a program for it to answer. Nothing but a broken
server runs into them: they are long, so that a busy machine does not."""


class ServerBroken(Exception):
    """The server failed, which says nothing about the program; it must be replaced."""


class Client:
    """A running server. `setup` is what the zygote is told (see `isolation.Setup`)."""

    def __init__(self, setup: dict[str, Any]) -> None:
        self._out, out = os.pipe()
        self._process = subprocess.Popen(
            boot.command("server", boot.HERE, out),
            env=boot.environment(tempfile.gettempdir()),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[out],
            start_new_session=True,
        )
        os.close(out)
        self._rest = b""
        self._write({**setup, "path": boot.HERE, "search": [entry for entry in sys.path if entry and entry != boot.HERE]})
        self._read(START)

    def run(self, job: dict[str, Any]) -> dict[str, Any]:
        """Run one job; raises `ServerBroken`."""
        self._write(job)
        return self._read((MOST_HELD + 1) * job["limits"]["wall"] + GRACE)

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
            raise ServerBroken(f"the server is gone: {error}") from error

    def _read(self, patience: float) -> dict[str, Any]:
        parts = []
        while True:
            if not select.select([self._out], [], [], patience)[0]:
                raise ServerBroken("the server does not answer")
            part = os.read(self._out, 1 << 20)
            if not part:
                raise ServerBroken("the server has died")
            parts.append(part)
            if part.endswith(b"\n"):
                break
        reply: dict[str, Any] = json.loads(b"".join(parts))
        if "broken" in reply:
            raise ServerBroken(reply["broken"])
        return reply
