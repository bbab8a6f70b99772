"""Trains in children of this process that are killed at given moments, then once to the end.

usage: runner.py MODEL EXAMPLES FOLDER OPTIONS [MOMENT...]

A moment is `step:N` (SIGKILL after the Nth step seen by that child), `sync:N` (at its Nth fsync of a checkpoint),
`final:N` (at its Nth fsync of the final files) or `after:S` (after S seconds of training, whatever it does). The heavy
imports happen once, here, and are inherited; each child is a process of its own with no other memory.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import threading
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
    for moment in moments:
        if (child := os.fork()) == 0:
            report = prepare(moment)
            train(read, model, folder, options, report)
            os._exit(3)  # it was not killed: the moment lies behind the end
        status = os.waitpid(child, 0)[1]
        print(moment, "killed" if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL else f"exit {status}")
    train(read, model, folder, options, lambda done, total, note: None)


def prepare(moment: str) -> Report:
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

    def report(done: int, total: int, note: str) -> None:
        if done == 0 and kind == "after" and "loading" in note:
            threading.Timer(float(value), os.kill, (os.getpid(), signal.SIGKILL)).start()
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
