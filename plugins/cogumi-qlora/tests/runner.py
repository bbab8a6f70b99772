"""Trains in children of this process that are killed at given moments, then once to the end.

usage: runner.py MODEL EXAMPLES FOLDER OPTIONS [MOMENT...]

A moment is `step:N` (SIGKILL after the Nth step seen by that child), `sync:N` (at its Nth fsync of a checkpoint),
`final:N` (at its Nth fsync of the final files) or `share:F` (after F of the time that a training takes that nobody disturbs,
whatever it does then; that time is taken here first). The heavy imports happen once, here, and are inherited; each child is
a process of its own with no other memory.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from cogumi_peft.quiet import silence_bitsandbytes
from cogumi_qlora import checkpoints, qlora, trainer

from cogumi.records import Demonstration, Message, Weights

Report = Callable[[int, int, str], None]


def main(model: str, examples: str, folder: str, options: str, *moments: str) -> None:
    silence_bitsandbytes()
    importlib.import_module("cogumi_qlora.loop")
    read = [as_example(value) for value in json.loads(Path(examples).read_text())]
    timed = any(moment.startswith("share:") for moment in moments)
    seconds = undisturbed(read, model, f"{folder}.timed", options) if timed else 0.0
    for moment in moments:
        if (child := os.fork()) == 0:
            report = prepare(moment, seconds)
            train(read, model, folder, options, report)
            os._exit(3)  # it was not killed: the moment lies behind the end
        status = os.waitpid(child, 0)[1]
        print(moment, "killed" if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL else f"exit {status}")
    train(read, model, folder, options, lambda done, total, note: None)


def undisturbed(examples: list[Demonstration], model: str, folder: str, options: str) -> float:
    """Seconds that a whole training takes in a child."""
    begin = time.monotonic()
    if (child := os.fork()) == 0:
        train(examples, model, folder, options, lambda done, total, note: None)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        raise RuntimeError("the training that was to be timed failed")
    return time.monotonic() - begin


def prepare(moment: str, seconds: float) -> Report:
    """Arrange for the end; returns the report that the training is to call."""
    kind, _, value = moment.partition(":")
    seen = {"step": 0, "sync": 0, "final": 0}

    def count(what: str) -> None:
        seen[what] += 1
        if what == kind and seen[what] == int(value):
            os.kill(os.getpid(), signal.SIGKILL)

    real_sync = checkpoints.sync

    def sync(what: str, path: Path) -> None:
        count(what)
        real_sync(path)

    checkpoints.sync, trainer.sync = partial(sync, "sync"), partial(sync, "final")

    if kind == "share":
        threading.Timer(float(value) * seconds, os.kill, (os.getpid(), signal.SIGKILL)).start()

    def report(done: int, total: int, note: str) -> None:
        if done:
            count("step")

    return report


def train(
    examples: list[Demonstration], model: str, folder: str, options: str, report: Callable[[int, int, str], None]
) -> None:
    qlora(**json.loads(options)).train(examples, Weights(name="m", path=model), Path(folder), report)


def as_example(value: dict) -> Demonstration:
    messages = tuple(Message(role=m["role"], content=m["content"]) for m in value["messages"])
    return Demonstration(id=value["id"], messages=messages, train_temperature=value["train_temperature"])


if __name__ == "__main__":
    main(*sys.argv[1:])
