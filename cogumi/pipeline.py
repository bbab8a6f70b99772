"""The stages of `cogumi run`, in order: estimate, diagnose, distil, train, diagnose again, match, gate, report.

Every stage reads files and leaves files in the run folder, and is done when its outputs are what its key says: the key is
a digest of the run's settings, versions and fingerprints and of the outputs it builds on. A run that was killed goes on
where it was; a finished stage is not done again.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cogumi import diagnose, distil, gates, identity
from cogumi.budget import count_samples, estimate
from cogumi.errors import BadInput, RunFailed, near
from cogumi.examples import pick_examples
from cogumi.head_to_head import Pair, judge_outcomes, judge_requests
from cogumi.match import on_both, text_pairs
from cogumi.models import fingerprint
from cogumi.plan import Outside, Part, Plan, make_plan, measured_by, with_adapter
from cogumi.plugins import Entry, load
from cogumi.processes import Display, Silent, interpreter, run_worker
from cogumi.records import JSON, Model, Request
from cogumi.report import render_html, render_markdown
from cogumi.settings import Settings
from cogumi.store import RunFolder, digest, read_json, read_samples, write_file, write_json, write_lines

IDENTITY = ("settings", "strategies", "versions", "fingerprints")
TRAINING_LIMIT_SECONDS = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a run came to."""

    folder: Path
    """The run folder."""
    verdict: Mapping[str, Any] | None
    """`verdict.json`, or None when the run stopped at an earlier stage."""
    before: Mapping[str, Any] | None
    """`before.json`."""
    after: Mapping[str, Any] | None
    """`after.json`."""


@dataclass(slots=True, kw_only=True)
class Run:
    """A run under way: its plan, its folder, the lock that holds it, and who watches."""

    plan: Plan
    folder: RunFolder
    lock: int
    show: Display
    record: Mapping[str, JSON]
    done: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def path(self, name: str) -> Path:
        """A file of the run folder."""
        return self.folder.path / name

    def read(self, name: str) -> Any:
        """A JSON file of the run folder, or None where it does not exist yet."""
        return read_json(self.path(name)) if self.path(name).exists() else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage: what it builds on, what it leaves, and its work."""

    name: str
    """What people call it."""
    needs: tuple[str, ...]
    """Stages whose outputs it reads."""
    work: Callable[[Run], Sequence[str]]
    """Does it and returns the names of its outputs."""


def run(settings: Settings, *, until: str = "report", show: Display | None = None) -> Result:
    """Run the stages up to and including `until`, and only those it builds on.

    Raises `BadInput` before anything is loaded or written when something given is unusable, and `RunFailed` when a stage
    cannot be finished; what was drawn until then is kept, and the same call goes on from there.
    """
    plan = make_plan(settings, load())
    wanted = _wanted(until)
    if plan.model.adapter is not None and STAGES["train"] in wanted:
        fix = "merge it into the base first; `cogumi diagnose` and `cogumi distil` take it as it is"
        raise BadInput("training on top of an adapter is not possible", field="adapter", fix=fix)
    record = identity.record(plan)
    folder = RunFolder(settings.out)
    with folder.hold() as lock:
        folder.begin(record, same=IDENTITY)
        state = Run(plan=plan, folder=folder, lock=lock, show=show or Silent(), record=record)
        state.show.stage("estimate", estimate(plan))
        for note in plan.notes:
            state.show.say(note)
        for stage in wanted:
            do(stage, state)
        return result(settings.out)


def result(folder: Path) -> Result:
    """What a run folder holds."""
    names = ("verdict.json", "before.json", "after.json")
    verdict, before, after = (read_json(folder / name) if (folder / name).exists() else None for name in names)
    return Result(folder=folder, verdict=verdict, before=before, after=after)


def do(stage: Stage, run: Run) -> None:
    """Do a stage, or find that it is done."""
    inputs = {name: dict(run.done[name]) for name in stage.needs}
    key = digest([stage.name, {name: run.record[name] for name in IDENTITY}, inputs])
    if run.folder.done(stage.name, key):
        run.show.stage(stage.name, "done already")
    else:
        with _timed(run, stage.name):
            outputs = stage.work(run)
        run.folder.finish(stage.name, key, outputs)
    run.done[stage.name] = run.folder.output_digests(stage.name)


@contextlib.contextmanager
def _timed(run: Run, name: str) -> Iterator[None]:
    begin = time.monotonic()
    try:
        yield
    finally:
        run.folder.add_time(name, time.monotonic() - begin)


def diagnose_before(run: Run) -> Sequence[str]:
    """Where does the model disagree with itself?"""
    return _diagnose(run, "before", run.plan.model)


def distil_consensus(run: Run) -> Sequence[str]:
    """Sample and vote on the training side, and keep what the model agrees on with itself."""
    plan = run.plan
    asked = [request for part in plan.parts for request in distil.requests(part, plan.settings)]
    run.show.stage("distil", _count(asked))
    _sample(run, "distil", plan.model, plan.sampler, asked)
    samples = read_samples(run.path("samples/distil.jsonl"))
    outcomes = {part.name: distil.distil(part, samples, plan.settings) for part in plan.parts}
    votes = [distil.vote_row(part, outcome) for part in plan.parts for outcome in outcomes[part.name]]
    write_lines(run.path("votes.jsonl"), votes)
    for part in plan.parts:
        rows = [row for outcome in outcomes[part.name] for row in distil.example_rows(part, outcome, plan.settings)]
        write_lines(run.path(_examples(part)), rows)
    summary = {part.name: distil.summary(part, outcomes[part.name]) for part in plan.parts}
    write_json(run.path("distillation.json"), summary)
    return ["samples/distil.jsonl", "votes.jsonl", "distillation.json", *map(_examples, plan.parts)]


def train_model(run: Run) -> Sequence[str]:
    """Train an adapter on what was kept."""
    plan, folder = run.plan, run.folder.state / "train"
    if not any(run.path(_examples(part)).stat().st_size for part in plan.parts):
        dropped = {name: part["dropped"] for name, part in run.read("distillation.json").items()}
        raise RunFailed(f"nothing was kept to train on: {dropped} (more problems, or another --temperature, may help)")
    run.show.stage(
        "train", f"{plan.trainer.name} on {sum(p['examples'] for p in run.read('distillation.json').values())} examples"
    )
    job = {
        "examples": [str(run.path(_examples(part))) for part in plan.parts],
        "folder": str(folder),
        "model": asdict(plan.model),
    }
    if not (run.path("adapter").exists() and run.path("training.json").exists()):
        _work(run, plan.trainer, plan.options(plan.trainer), job)
        shutil.rmtree(run.path("adapter"), ignore_errors=True)
        (folder / "adapter").replace(run.path("adapter"))
        write_json(run.path("training.json"), read_json(folder / "training.json"))
    shutil.rmtree(folder, ignore_errors=True)
    for note in run.read("training.json")["notes"]:
        run.show.say(note)
    return ["training.json", "adapter"]


def diagnose_after(run: Run) -> Sequence[str]:
    """The same questions to the trained model."""
    return _diagnose(run, "after", with_adapter(run.plan.model, run.path("adapter")))


def match(run: Run) -> Sequence[str]:
    """Head to head: after against before, and against the other run where one is named."""
    rivals = {"before": (run.path("before.json"), run.path("samples/before.jsonl"))}
    if (other := run.plan.settings.against) is not None:
        diagnosis = measured_by(other)
        rivals["against"] = (diagnosis, other / "samples" / f"{diagnosis.stem}.jsonl")
    mine = read_samples(run.path("samples/after.jsonl"))
    theirs = {name: read_samples(samples) if samples.exists() else {} for name, (_, samples) in rivals.items()}
    judged = {name: text_pairs(run.plan, mine, samples) for name, samples in theirs.items()}
    verdicts = _judge(run, judged)
    after = run.read("after.json")
    found = {name: on_both(after, read_json(diagnosis)) for name, (diagnosis, _) in rivals.items()}
    for name, exam, outcome in verdicts:
        found[name].setdefault(exam, {})["judged"] = outcome
    write_json(run.path("head_to_head.json"), found)
    return ["head_to_head.json", *(["samples/judge.jsonl"] if run.plan.judge is not None else [])]


def _judge(run: Run, asked: Mapping[str, Mapping[str, Sequence[Pair]]]) -> list[tuple[str, str, dict[str, JSON]]]:
    """The judge's outcome of every rival and exam."""
    judge = run.plan.judge
    if judge is None:
        return []
    tasks: dict[str, Any] = {exam.name: exam.benchmark.task for exam in run.plan.exams}
    todo = [(rival, exam, f"{exam}-{rival}", pairs) for rival, exams in asked.items() for exam, pairs in exams.items()]
    seed = run.plan.settings.seed
    requests = [r for _, exam, name, pairs in todo for r in judge_requests(name, tasks[exam], pairs, seed=seed)]
    run.show.stage("judge", _count(requests))
    _sample(run, "judge", judge.model, judge.sampler, requests)
    samples = read_samples(run.path("samples/judge.jsonl"))
    return [(rival, exam, judge_outcomes(name, tasks[exam], pairs, samples)) for rival, exam, name, pairs in todo]


def gate(run: Run) -> Sequence[str]:
    """Hold before against after, and decide."""
    seconds = run.folder.seconds("train")
    verdict = gates.judge(
        run.plan.settings.phase,
        run.read("before.json"),
        run.read("after.json"),
        training_under_an_hour=seconds < TRAINING_LIMIT_SECONDS,
    )
    write_json(run.path("verdict.json"), verdict)
    run.show.stage("gate", verdict["verdict"])
    return ["verdict.json"]


def report(run: Run) -> Sequence[str]:
    """Write it all down for people."""
    before, after, verdict = (run.read(f"{name}.json") for name in ("before", "after", "verdict"))
    extras = {name: run.read(f"{name}.json") for name in ("distillation", "training", "head_to_head")}
    record = {**run.read("run.json"), **extras}
    samples = {name: read_samples(run.path(f"samples/{name}.jsonl")) for name in ("before", "after")}
    examples = pick_examples(run.plan, samples["before"], samples["after"], before, after)
    write_file(run.path("report.md"), render_markdown(record, before, after, verdict, examples))
    write_file(run.path("report.html"), render_html(record, before, after, verdict, examples))
    run.show.stage("report", str(run.path("report.md")))
    return ["report.md", "report.html"]


STAGES = {
    stage.name: stage
    for stage in (
        Stage(name="before", needs=(), work=diagnose_before),
        Stage(name="distil", needs=(), work=distil_consensus),
        Stage(name="train", needs=("distil",), work=train_model),
        Stage(name="after", needs=("train",), work=diagnose_after),
        Stage(name="match", needs=("before", "after"), work=match),
        Stage(name="gate", needs=("before", "after"), work=gate),
        Stage(name="report", needs=("before", "distil", "train", "after", "match", "gate"), work=report),
    )
}


def _wanted(until: str) -> list[Stage]:
    """The stage `until` and all it builds on, in order."""
    if until not in STAGES:
        raise BadInput(f"no stage is called '{until}'", field="until", fix=near(until, STAGES))
    needed, queue = {until}, [until]
    while queue:
        fresh = set(STAGES[queue.pop()].needs) - needed
        needed |= fresh
        queue += fresh
    return [stage for stage in STAGES.values() if stage.name in needed]


def _diagnose(run: Run, name: str, model: Model) -> Sequence[str]:
    plan = run.plan
    asked = [request for exam in plan.exams for request in diagnose.requests(exam, plan.settings)]
    run.show.stage(name, _count(asked))
    _sample(run, name, model, plan.sampler, asked)
    outside = [_evaluate(run, name, model, evaluation) for evaluation in plan.outside]
    samples = read_samples(run.path(f"samples/{name}.jsonl"))
    diagnoses = {exam.name: diagnose.diagnose(exam, samples, plan.settings) for exam in plan.exams}
    read = {o.name: diagnose.outside(o.evaluation.metric, file) for o, file in zip(plan.outside, outside, strict=True)}
    write_json(run.path(f"{name}.json"), {"categories": diagnoses, "outside": read})
    exported = {
        f"exports/{name}/{exam.benchmark.name}/{file}": text
        for exam in plan.exams
        for file, text in diagnose.exports(exam, samples, plan.settings).items()
    }
    for file, text in exported.items():
        write_file(run.path(file), text)
    return [f"samples/{name}.jsonl", f"{name}.json", *(str(o.relative_to(run.folder.path)) for o in outside), *exported]


def _evaluate(run: Run, name: str, model: Model, outside: Outside) -> Path:
    """Have an outside evaluation made, unless this model's is there; the file with its items."""
    path = run.path(f"outside/{name}/{outside.name.replace(':', '-').replace('/', '-')}.jsonl")
    key = digest([fingerprint(model), outside.name, outside.limit])
    _set_aside(run, path, key)
    if not path.exists():
        job = {"model": asdict(model), "limit": outside.limit, "items": str(path)}
        run.show.stage(name, outside.name)
        _work(run, outside.entry, outside.options, job)
    return path


def _sample(run: Run, name: str, model: Model, sampler: Entry, asked: Sequence[Request]) -> None:
    """Have every sample drawn that the stage's log does not have yet."""
    rows = [asdict(request) for request in asked]
    log = run.path(f"samples/{name}.jsonl")
    _set_aside(run, log, digest([fingerprint(model), rows]))
    requests = run.folder.state / f"{name}.requests.json"
    write_json(requests, rows)
    _work(run, sampler, run.plan.options(sampler), {"requests": str(requests), "log": str(log), "model": asdict(model)})
    requests.unlink()


def _set_aside(run: Run, path: Path, key: str) -> None:
    """Keep what another model gave (an adapter that has been made again) from standing for this one."""
    mark = run.folder.state / f"{path.parent.name}-{path.stem}.key"
    if path.exists() and mark.exists() and mark.read_text(encoding="utf-8") != key:
        path.replace(path.with_suffix(".jsonl.old"))
        run.show.say(f"{path} is another model's; it is kept as {path.name}.old")
    write_file(mark, key)


def _work(run: Run, entry: Entry, options: Mapping[str, JSON], job: Mapping[str, JSON]) -> None:
    python = interpreter(entry.name, run.plan.settings.pythons)
    whole = {"kind": entry.kind, "name": entry.name, "options": options, **job}
    run_worker(whole, folder=run.folder.state, python=python, lock=run.lock, show=run.show)


def _examples(part: Part) -> str:
    return f"self_distillation/{part.name}.jsonl"


def _count(asked: Sequence[Request]) -> str:
    return f"{count_samples(asked):,} samples of {len(asked):,} prompts"
