"""Having a model asked: what the log has is kept, what is missing is drawn, and what would have to be drawn again is named.

A log is bound to what it was drawn from: the role (model by contents, adapter, sampler, the options that can change a text)
and each request (conversation and sampling). More problems, more samples or another benchmark add rows. A request that
means something else now would have to be drawn again, and that takes `--redo`; what was there is then kept as `.old`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cogumi.codec import from_json, to_json
from cogumi.files import digest, set_aside, write_lines
from cogumi.pipeline.folder import differences
from cogumi.pipeline.run import Run, maker
from cogumi.planning.plan import Chosen
from cogumi.records import Completion, Identity, Request
from cogumi.roles.role import Role
from cogumi.sampling.log import COMPLETIONS, Log, StoredLog, read_samples
from cogumi.workers.jobs import EachJob, SampleJob
from cogumi.workers.launch import run_worker


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What the samples of a log were drawn from."""

    by: Identity
    """`Role.identity`."""
    sampling: Mapping[str, Identity]
    """How each kind of request is drawn (`kind_of`), to say what differs."""
    requests: Mapping[str, str]
    """`request_key` by request id."""

    def beside(self, other: Drawn) -> Drawn:
        """What this and another drawing by the same role left, the later one winning."""
        return replace(self, sampling={**other.sampling, **self.sampling}, requests={**other.requests, **self.requests})


def count_samples(requests: Sequence[Request]) -> int:
    """How many samples some requests ask for."""
    return sum(len(request.indices) for request in requests)


def announced(requests: Sequence[Request]) -> str:
    """How a stage that draws is announced."""
    return f"{count_samples(requests):,} samples of {len(requests):,} prompts"


def draw(run: Run, name: str, role: Role, asked: Sequence[Request]) -> StoredLog[Completion]:
    """Have every sample drawn that `samples/NAME.jsonl` does not have yet; the finished log."""
    job = _sample_job(run, name, role, asked)
    run_worker(job, run.place, python=run.plan.python(role.sampler))
    job.requests.unlink()
    return read_samples(job.log)


def draw_each(run: Run, roles: Mapping[str, Role], asked: Mapping[str, Sequence[Request]]) -> None:
    """The same for several logs, by their names, in one process. The roles share a sampler."""
    jobs = tuple(_sample_job(run, name, role, asked[name]) for name, role in roles.items())
    each = EachJob(samplings=jobs, timings=run.folder.timings, names=tuple(f"{name} measure" for name in roles))
    run_worker(each, run.place, python=run.plan.python(run.plan.student.sampler))
    for job in jobs:
        job.requests.unlink()


def _sample_job(run: Run, name: str, role: Role, asked: Sequence[Request]) -> SampleJob:
    """What a worker needs to know, with what still holds of an older log in place."""
    log = run.path(f"samples/{name}.jsonl")
    run.folder.remember(f"drawn-{name}", to_json(_reconcile(run, name, log, _wanted(role, asked))))
    rows = run.folder.state / f"{name}.requests.jsonl"
    write_lines(rows, map(to_json, asked))
    return SampleJob(maker=maker(Chosen(entry=role.sampler, options=role.options)), model=role.model, requests=rows, log=log)


def refuse_redrawing(run: Run, name: str, role: Role, asked: Sequence[Request]) -> None:
    """Refuse, before anything is written, what would have to be drawn again."""
    before = _drawn(run, name)
    changes = [] if before is None else _changes(before, _wanted(role, asked))[0]
    if changes and not run.redo:
        raise run.needs_redo(f"samples/{name}.jsonl would have to be drawn again", changes)


def request_key(request: Request) -> str:
    """Digest of what a request asks, whichever of its samples are wanted; log-probabilities change no text."""
    return digest([list(request.messages), _sampling(request)])[:16]


def drawn_keys(run: Run, name: str) -> dict[str, str]:
    """Per request of a log, a digest of what it was drawn from."""
    found = _drawn(run, name)
    if found is None:
        return {}
    by = digest(dict(found.by))[:16]
    return {request: f"{by}{key}" for request, key in found.requests.items()}


def kind_of(request: str) -> str:
    """`math/p-17#use` -> `math use`."""
    return f"{request.partition('/')[0]} {request.rpartition('#')[2]}"


def _wanted(role: Role, asked: Sequence[Request]) -> Drawn:
    return Drawn(
        by=dict(role.identity),
        sampling={kind_of(request.id): _sampling(request) for request in asked},
        requests={request.id: request_key(request) for request in asked},
    )


def _sampling(request: Request) -> Identity:
    found: Identity = to_json(replace(request.sampling, logprobs=False))
    return found


def _drawn(run: Run, name: str) -> Drawn | None:
    """What the samples of a log were drawn from; None where there is no log."""
    found, there = run.folder.recall(f"drawn-{name}"), run.path(f"samples/{name}.jsonl").exists()
    return from_json(Drawn, found, file=run.folder.state / f"drawn-{name}.json") if there and found is not None else None


def _reconcile(run: Run, name: str, log: Path, now: Drawn) -> Drawn:
    """Keep what still holds; with `--redo` set aside what has to be drawn again; what the log is drawn from then."""
    before = _drawn(run, name)
    if before is None:
        return now
    changes, stale = _changes(before, now)
    if changes and not run.redo:
        raise run.needs_redo(f"samples/{name}.jsonl would have to be drawn again", changes)
    everything = before.by != now.by
    if changes:
        _set_aside(run, log, stale, everything)
    return now if everything else now.beside(before)


def _changes(before: Drawn, now: Drawn) -> tuple[list[str], set[str]]:
    """What would have to be drawn again, in short words, and the requests that mean something else now."""
    changes = _describe(differences(dict(before.by), dict(now.by)))
    stale = {r for r, key in now.requests.items() if before.requests.get(r, key) != key}
    if stale:
        kinds = sorted(Counter(map(kind_of, stale)).items())
        changes += _sampling_changes(before, now) or [f"{count} prompts of {kind} differ" for kind, count in kinds]
    return changes, stale


def _sampling_changes(before: Drawn, now: Drawn) -> list[str]:
    """The same change of several kinds of requests is said once."""
    found = [
        change
        for kind, sampling in now.sampling.items()
        for change in differences(dict(before.sampling.get(kind, sampling)), dict(sampling))
    ]
    return list(dict.fromkeys(found))


def _describe(changes: Sequence[str]) -> list[str]:
    """`model.weights differs` as people say it."""
    return [f"the {change[6:-8]} of the model differ" if change.startswith("model.") else change for change in changes]


def _set_aside(run: Run, log: Path, stale: set[str], everything: bool) -> None:
    """Keep the old log as `.old`, and start the new one with the rows that still hold."""
    old = set_aside(log)
    run.observer.say(f"{log.name} is drawn again; what was there is kept as {old.name}")
    if everything:
        return
    with Log(log, COMPLETIONS) as fresh:
        for row in StoredLog(old, COMPLETIONS).values():
            if row.request not in stale:
                fresh.append(row)
