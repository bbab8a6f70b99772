"""The server of one client: starts a zygote, and for each job an oracle, which it brings together, watches and clears away.

Started by exec, so that it is small, whatever its caller has loaded. Reads one JSON line per job and writes one per
result. The oracle is a fork of this process, replaced as soon as a program gives it any trouble.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from cogumi_sandbox import cleanup, preload
from cogumi_sandbox.oracle_process import OracleProcess
from cogumi_sandbox.trial import Trial
from cogumi_sandbox.zygote_process import ZygoteProcess


class Server:
    """One zygote and its programs."""

    def __init__(self, setup: dict[str, Any], temp: str) -> None:
        self.zygote = ZygoteProcess(setup, temp)
        self.oracle: OracleProcess | None = None

    def run(self, job: dict[str, Any]) -> dict[str, Any]:
        """One program from start to end."""
        started = time.monotonic()
        oracle = self._oracle_for(job)
        ours, theirs = socket.socketpair()
        printed, write = os.pipe()
        self.zygote.tell({"limits": job["limits"]}, (write, theirs.fileno()))
        theirs.close()
        os.close(write)
        trial = Trial(self.zygote, oracle, job, printed)
        oracle.give(job, ours)
        try:
            trial.watch()
        finally:
            if trial.final is None or trial.final["spoiled"]:
                self._retire_oracle()
            trial.end()
        return trial.result(time.monotonic() - started)

    def _oracle_for(self, job: dict[str, Any]) -> OracleProcess:
        if self.oracle is None or not self.oracle.fits(job):
            self._retire_oracle()
            self.oracle = OracleProcess(job["limits"]["memory"], self.zygote.control.fileno())
        return self.oracle

    def _retire_oracle(self) -> None:
        if self.oracle is not None:
            self.oracle.end()
            self.oracle = None

    def close(self) -> None:
        """End oracle and zygote."""
        self._retire_oracle()
        self.zygote.close()


def main(descriptor: int) -> None:
    """Serve jobs from standard input until it ends; results go to `descriptor`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    preload.everything()
    setup = json.loads(sys.stdin.readline())
    sys.path.extend(setup.pop("search"))  # tests may import what their caller can
    out = os.fdopen(descriptor, "w", buffering=1)
    temp = tempfile.mkdtemp(prefix="cogumi-sandbox-")
    Path(temp).chmod(0o711)  # the unused user has to reach its folder below
    try:
        with closing(Server(setup, temp)) as server:
            out.write(json.dumps({"ready": True}) + "\n")
            for line in sys.stdin:
                out.write(json.dumps(server.run(json.loads(line))) + "\n")
    except Exception as error:  # told to the caller, who may try again with another server
        with suppress(OSError):
            out.write(json.dumps({"broken": f"{type(error).__name__}: {error}"}) + "\n")
    finally:
        cleanup.remove(Path(temp))
