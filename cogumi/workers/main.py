"""The other side of a model-holding stage: a process of its own that is given files and leaves files.

`python -m cogumi.workers.main JOB.json` samples, trains, evaluates or merges, and writes progress as JSON lines to stdout.
Its memory comes back when it ends, an engine that crashes costs a stage and not the run, and it may run under another
interpreter or a launcher. It ends when its parent does: stdin is a pipe that nobody writes to, and its end means that the
parent is gone. It imports the records, the log and the job, and nothing of planning, statistics or reports.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from cogumi.codec import to_json
from cogumi.errors import BadInput, CogumiError, RunFailed, attribute_errors_to
from cogumi.files import add_time, dumps, read_records, write_json, write_lines
from cogumi.records import Completion, Request
from cogumi.registry.options import check_options
from cogumi.sampling.log import COMPLETIONS, Key, Log
from cogumi.sampling.schedule import Fixed, Stream
from cogumi.workers import jobs

PROGRESS_SECONDS = 0.2
PARENT = 1
FIRST = os.environ.get("RANK", "0") == "0"
"""Whether this process speaks for all that a launcher started."""


class Reporter:
    """Writes progress to stdout, a few lines a second at most."""

    def __init__(self) -> None:
        self.last = 0.0

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Report that `done` of `total` is done."""
        now = time.monotonic()
        if done >= total or now - self.last >= PROGRESS_SECONDS:
            self.last = now
            say(jobs.Advance(done=done, total=total, note=note))


def say(message: jobs.Said) -> None:
    """One line to the parent."""
    if FIRST:
        os.write(PARENT, (dumps(to_json(message)) + "\n").encode())


def make(maker: jobs.Maker, *arguments: object) -> Any:
    """The object that does the job, made by the factory of the plugin that offers it."""
    found: dict[str, Callable[..., object]] = {}
    with attribute_errors_to(maker.label):
        (point,) = metadata.entry_points(group="cogumi", name=maker.plugin)
        getattr(point.load(), f"register_{maker.kind}s")(register=found.__setitem__)
        factory = found[maker.name]
    options = check_options(maker.label, factory, maker.options)
    with attribute_errors_to(maker.label):
        return factory(*arguments, **options)


def sample(job: jobs.SampleJob, progress: Reporter) -> None:
    """Draw what the log does not have yet."""
    requests = list(read_records(Request, job.requests))
    wanted = {(request.id, index): request.sampling.logprobs for request in requests for index in request.indices}
    with Log(job.log, COMPLETIONS) as log:
        if log.torn:
            say(jobs.Remark(say=f"{log.path}: the last line was torn by a kill and is drawn again"))
        for shard in sorted(job.log.parent.glob(f"{job.log.stem}.*.jsonl")):
            log.absorb(shard)
        _draw(job, requests, wanted, log, progress)
        log.finish()


def _draw(
    job: jobs.SampleJob, requests: list[Request], wanted: Mapping[Key, bool], log: Log[Completion], progress: Reporter
) -> None:
    missing = {key for key, logprob in wanted.items() if not log.has(key, logprob=logprob)}
    if not missing:
        return
    left = (jobs.missing_of(r, (i for i in r.indices if (r.id, i) not in missing)) for r in requests)
    stream = Stream(Fixed(request for request in left if request.indices))
    done = len(wanted) - len(missing)
    progress(done, len(wanted))
    for completion in _completions(job.maker, make(job.maker, job.model), stream):
        key = (completion.request, completion.index)
        if key not in stream.asked:
            raise RunFailed(f"{job.maker.label} gave sample {key[1]} of '{key[0]}', not asked for or given twice")
        log.append(completion)
        stream.see(completion)
        done += 1
        progress(done, done + len(stream.asked))
    if stream.asked:
        request, index = min(stream.asked)
        raise RunFailed(f"{job.maker.label} left out {len(stream.asked)} samples, e.g. sample {index} of '{request}'")
    _refuse_total_failure(job.maker, log, wanted)


def _completions(maker: jobs.Maker, sampler: Any, stream: Stream) -> Iterator[Completion]:
    """What the sampler yields; what it raises is its own, what its consumer raises is not."""
    with attribute_errors_to(maker.label):
        while stream:
            yield from sampler.sample(stream)
        sampler.close()


def _refuse_total_failure(maker: jobs.Maker, log: Log[Completion], wanted: Collection[Key]) -> None:
    """When every sample failed, the reason is the run's and not the samples'."""
    if wanted and log.failed.issuperset(wanted):
        errors = Counter(row.error for row in log.rows() if row.finish == "error")
        reason, count = errors.most_common(1)[0]
        raise RunFailed(f"{maker.label} failed on all samples, {count} times with: {reason}")


def train(job: jobs.TrainJob, progress: Reporter) -> None:
    """Train, and leave what the trainer said in `training.json`."""
    examples = list(jobs.read_examples(job))
    job.folder.mkdir(parents=True, exist_ok=True)
    trainer = make(job.maker)
    with attribute_errors_to(job.maker.label):
        training = trainer.train(examples, job.model, job.folder, progress)
    if not (job.folder / "adapter").is_dir():
        raise RunFailed(f"{job.maker.label} left no adapter")
    if FIRST:
        write_json(job.folder / "training.json", asdict(jobs.Trained(examples=len(examples), training=training)))


def evaluate(job: jobs.EvaluateJob, progress: Reporter) -> None:
    """Have an external evaluation made, and leave one line per item, by id."""
    evaluation = make(job.maker)
    with attribute_errors_to(job.maker.label):
        items = sorted(evaluation.evaluate(job.model, job.limit, progress), key=lambda item: item.id)
    if not items:
        raise RunFailed(f"{job.maker.label} gave no items")
    if repeated := [name for name, count in Counter(item.id for item in items).items() if count > 1]:
        raise RunFailed(f"{job.maker.label} gave item '{repeated[0]}' more than once")
    write_lines(job.items, [asdict(item) for item in items])


def merge(job: jobs.MergeJob, progress: Reporter) -> None:
    """Merge the adapter into its base."""
    trainer = make(job.maker)
    with attribute_errors_to(job.maker.label):
        notes = list(trainer.merge(job.model, job.folder, progress))
    write_json(job.notes, notes)


def each(job: jobs.EachJob, progress: Reporter) -> None:
    """Do one job after the other, each with the memory of the one before given back."""
    for name, part in zip(job.names, job.parts, strict=True):
        begin = time.monotonic()
        WORK[part.job](part, progress)
        gc.collect()
        if FIRST:
            add_time(job.timings, name, time.monotonic() - begin)


def _end_with_parent() -> None:
    os.read(0, 1)  # not sys.stdin: a thread that holds its lock would break the interpreter's own end
    os._exit(1)


WORK: Mapping[str, Callable[[Any, Reporter], None]] = {
    "sample": sample,
    "train": train,
    "evaluate": evaluate,
    "merge": merge,
    "each": each,
}


def main(path: str) -> int:
    """Do one job."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        job = jobs.read_job(Path(path))
        WORK[job.job](job, Reporter())
    except CogumiError as error:
        say(jobs.Failure(error=str(error), code=error.exit_code))
        return error.exit_code
    except OSError as error:
        problem = f"{error.strerror or error} (make room or mend it; the same command goes on from here)"
        failed = BadInput(problem, file=error.filename) if error.filename else RunFailed(problem)
        say(jobs.Failure(error=str(failed), code=1))
        return 1
    return 0


if __name__ == "__main__":
    PARENT = os.dup(1)
    os.dup2(2, 1)  # whatever an engine prints goes to the log, not between the progress lines
    sys.exit(main(sys.argv[1]))
