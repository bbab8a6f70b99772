"""Running a worker: start it, follow its progress, and turn its end into a result or an error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from cogumi.errors import BadInput, RunFailed
from cogumi.store import write_json

QUIET = {
    "OMP_WAIT_POLICY": "PASSIVE",  # threads that spin while they wait make small models several times slower on a busy machine
    "TOKENIZERS_PARALLELISM": "false",
}
"""What a worker's environment says unless the user's says otherwise."""


class Display(Protocol):
    """Where a run says what it is doing."""

    def stage(self, name: str, note: str) -> None:
        """A stage begins; `note` says what it will do, or that it is done already."""

    def progress(self, done: int, total: int, note: str) -> None:
        """How far the stage is."""

    def say(self, text: str) -> None:
        """A sentence the user should read."""


class Silent:
    """A display that shows nothing."""

    def stage(self, name: str, note: str) -> None:
        """Nothing."""

    def progress(self, done: int, total: int, note: str) -> None:
        """Nothing."""

    def say(self, text: str) -> None:
        """Nothing."""


def run_worker(job: Mapping[str, Any], *, folder: Path, python: str, lock: int, show: Display) -> None:
    """Do a job in a process of its own. Its job file and its stderr stay in `folder` until the next one."""
    path, log = folder / "job.json", folder / "worker.log"
    write_json(path, job)
    environment = {**QUIET, **os.environ}
    command = [python, "-m", "cogumi.worker", str(path)]
    with log.open("wb") as errors:
        try:
            worker = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment, pass_fds=[lock]
            )
        except OSError as error:
            fix = "give an interpreter with cogumi and the plugin installed"
            raise BadInput(f"cannot be started: {error.strerror}", file=python, field="python", fix=fix) from error
        with worker:
            failure = _follow(worker, show)
    if failure is not None:
        raise (BadInput if failure["code"] == BadInput.exit_code else RunFailed)(failure["error"])
    if worker.returncode:
        raise RunFailed(f"{job['kind']} '{job['name']}' died ({_how(worker.returncode)}); its output is in {log}{_tail(log)}")


def _follow(worker: subprocess.Popen[bytes], show: Display) -> dict[str, Any] | None:
    """Show progress until the worker ends; the error it reported, if it did."""
    failure = None
    assert worker.stdout is not None
    try:
        for line in worker.stdout:
            message = json.loads(line)
            if "error" in message:
                failure = message
            elif "say" in message:
                show.say(message["say"])
            else:
                show.progress(message["done"], message["total"], message["note"])
    except BaseException:
        worker.kill()
        raise
    return failure


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f": {lines[-1]}" if lines else ""


def interpreter(name: str, pythons: Mapping[str, str]) -> str:
    """The interpreter for a sampler or trainer: its own, where the settings name one."""
    return pythons.get(name, sys.executable)
