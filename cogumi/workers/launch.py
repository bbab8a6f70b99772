"""Running a worker: start it, follow its progress, and turn its end into a result or an error."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from cogumi.errors import BadInput, RunFailed
from cogumi.protocols import Observer
from cogumi.records import Launch
from cogumi.workers.jobs import Advance, Failure, Job, Remark, message_of, write_job

ENVIRONMENT = {
    "OMP_WAIT_POLICY": "PASSIVE",  # threads that spin while they wait make small models several times slower on a busy machine
    "TOKENIZERS_PARALLELISM": "false",
}
"""What a worker's environment says unless the user's says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """Where workers work, and who watches."""

    folder: Path
    """Holds the job file and the worker's output until the next one."""
    lock: int
    """The descriptor that holds the run folder; a worker inherits it."""
    observer: Observer
    """Is told how far it is."""


def run_worker(job: Job, place: Workplace, *, python: str | None = None, launch: Launch | None = None) -> None:
    """Do a job in a process of its own, under the interpreter and launcher that it needs."""
    path, log = place.folder / "job.json", place.folder / "worker.log"
    write_job(path, job)
    command = [python or sys.executable, *(launch or Launch()).command, "-m", "cogumi.workers.main", str(path)]
    environment = {**ENVIRONMENT, **os.environ}
    with log.open("wb") as errors:
        try:
            worker = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment, pass_fds=[place.lock]
            )
        except OSError as error:
            fix = "give an interpreter with cogumi and the plugin installed"
            raise BadInput(f"cannot be started: {error.strerror}", file=python, field="python", fix=fix) from error
        with worker:
            failure = _follow(worker, place.observer)
    if failure is not None:
        raise (BadInput if failure.code == BadInput.exit_code else RunFailed)(failure.error)
    if worker.returncode:
        died = f"died ({_end(worker.returncode)}); its output is in {log}{_last_line(log)}"
        raise RunFailed(f"{job.maker.kind} '{job.maker.name}' {died}")


def _follow(worker: subprocess.Popen[bytes], observer: Observer) -> Failure | None:
    """Pass progress on until the worker ends; the error it reported, if it did."""
    failure = None
    assert worker.stdout is not None
    try:
        for line in worker.stdout:
            match message_of(line):
                case Failure() as told:
                    failure = told
                case Remark(say=sentence):
                    observer.say(sentence)
                case Advance(done=done, total=total, note=note):
                    observer.progress(done, total, note)
    except BaseException:
        worker.kill()
        raise
    return failure


def _end(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f": {lines[-1]}" if lines else ""
