"""The other side of a model-holding stage: a process of its own that is given files and leaves files.

`python -m cogumi.worker JOB.json` samples or trains, and writes progress as JSON lines to stdout. Its memory comes back
when it ends, an engine that crashes costs a stage and not the run, and it may run under another interpreter. It ends when
its parent does: stdin is a pipe that nobody writes to, and its end means that the parent is gone.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from cogumi.data import read_rows
from cogumi.distil import example_of
from cogumi.errors import CogumiError, RunFailed
from cogumi.plugins import Entry, load
from cogumi.protocols import Evaluation, Sampler, Trainer
from cogumi.records import Completion, Message, Model, Request, Sampling
from cogumi.store import SampleLog, dumps, read_json, write_json, write_lines

REPORT_SECONDS = 0.2
PARENT = 1


class Reporter:
    """Writes progress to stdout, a few lines a second at most."""

    def __init__(self) -> None:
        self.last = 0.0

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Report that `done` of `total` is done."""
        now = time.monotonic()
        if done >= total or now - self.last >= REPORT_SECONDS:
            self.last = now
            say({"done": done, "total": total, "note": note})


def say(message: Mapping[str, Any]) -> None:
    """One line to the parent."""
    os.write(PARENT, (dumps(message) + "\n").encode())


def sample(entry: Entry, job: Mapping[str, Any], report: Reporter) -> None:
    """Draw what the log does not have yet."""
    requests = [request_of(row) for row in read_json(Path(job["requests"]))]
    total = sum(len(request.indices) for request in requests)
    with SampleLog(Path(job["log"])) as log:
        if log.torn:
            say({"say": f"{log.path}: the last line was torn by a kill and is drawn again"})
        missing = [left for request in requests if (left := _missing(request, log)).indices]
        if missing:
            _draw(entry, job, missing, log, lambda: report(len(log.completions), total))
        log.finish()


def _missing(request: Request, log: SampleLog) -> Request:
    """What is left to draw of a request; a sample that failed is drawn again."""
    drawn = {c.index for i in request.indices if (c := log.completions.get((request.id, i))) and c.finish != "error"}
    return replace(request, indices=tuple(i for i in request.indices if i not in drawn))


def _draw(entry: Entry, job: Mapping[str, Any], requests: list[Request], log: SampleLog, report: Any) -> None:
    wanted = {(request.id, index) for request in requests for index in request.indices}
    report()
    sampler: Sampler = entry.make(Model(**job["model"]), **job["options"])
    for completion in _samples(entry, sampler, requests):
        key = (completion.request, completion.index)
        if key not in wanted:
            raise RunFailed(f"{entry.plugin}: {entry} gave sample {key[1]} of '{key[0]}', not asked for or given twice")
        wanted.remove(key)
        log.append(completion)
        report()
    if wanted:
        request, index = min(wanted)
        problem = f"{entry} left out {len(wanted)} samples, e.g. sample {index} of '{request}'"
        raise RunFailed(f"{entry.plugin}: {problem}")
    _refuse_total_failure(entry, log)


def _samples(entry: Entry, sampler: Sampler, requests: list[Request]) -> Iterator[Completion]:
    """What the sampler yields; what it raises is its own, what its consumer raises is not."""
    with entry.blame():
        yield from sampler.sample(requests)
        sampler.close()


def _refuse_total_failure(entry: Entry, log: SampleLog) -> None:
    """When every sample failed, the reason is the run's and not the samples'."""
    errors = Counter(completion.error for completion in log.completions.values() if completion.finish == "error")
    if log.completions and sum(errors.values()) == len(log.completions):
        reason, count = errors.most_common(1)[0]
        raise RunFailed(f"{entry.plugin}: {entry} failed on all samples, {count} times with: {reason}")


def train(entry: Entry, job: Mapping[str, Any], report: Reporter) -> None:
    """Train, and leave what the trainer said in `training.json`."""
    examples = [example_of(row.value) for path in job["examples"] for row in read_rows(Path(path))]
    folder = Path(job["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    trainer: Trainer = entry.make(**job["options"])
    with entry.blame():
        training = trainer.train(examples, Model(**job["model"]), folder, report)
    if not (folder / "adapter").is_dir():
        raise RunFailed(f"{entry.plugin}: {entry} left no adapter")
    result = {name: value for name, value in asdict(training).items() if name != "model"}
    write_json(folder / "training.json", {"examples": len(examples), **result})


def evaluate(entry: Entry, job: Mapping[str, Any], report: Reporter) -> None:
    """Have an outside evaluation made, and leave one line per item, by id."""
    evaluation: Evaluation = entry.make(**job["options"])
    with entry.blame():
        items = sorted(evaluation.evaluate(Model(**job["model"]), job["limit"], report), key=lambda item: item.id)
    if not items:
        raise RunFailed(f"{entry.plugin}: {entry} gave no items")
    if repeated := [name for name, count in Counter(item.id for item in items).items() if count > 1]:
        raise RunFailed(f"{entry.plugin}: {entry} gave item '{repeated[0]}' more than once")
    write_lines(Path(job["items"]), [asdict(item) for item in items])


def request_of(row: Mapping[str, Any]) -> Request:
    """The request that a JSON object stands for."""
    sampling = {**row["sampling"], "stop": tuple(row["sampling"]["stop"])}
    messages = tuple(Message(role=m["role"], content=m["content"]) for m in row["messages"])
    return Request(id=row["id"], messages=messages, sampling=Sampling(**sampling), indices=tuple(row["indices"]))


def _end_with_parent() -> None:
    os.read(0, 1)  # not sys.stdin: a thread that holds its lock would break the interpreter's own end
    os._exit(1)


def main(path: str) -> int:
    """Do one job."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    job = read_json(Path(path))
    try:
        entry = load().get(job["kind"], job["name"])
        {"sampler": sample, "trainer": train, "benchmark": evaluate}[job["kind"]](entry, job, Reporter())
    except CogumiError as error:
        say({"error": str(error), "code": error.exit_code})
        return error.exit_code
    return 0


if __name__ == "__main__":
    PARENT = os.dup(1)
    os.dup2(2, 1)  # whatever an engine prints goes to the log, not between the progress lines
    sys.exit(main(sys.argv[1]))
