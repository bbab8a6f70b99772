"""Head to head: the trained model against another run, a reference, and by a judge also against itself before training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cogumi.codec import to_json
from cogumi.comparison.head_to_head import Pair, judge_outcomes, judge_requests
from cogumi.comparison.pairing import on_both, text_pairs
from cogumi.diagnosis.diagnose import diagnose_all, requests
from cogumi.diagnosis.scoring import Samples
from cogumi.errors import BadInput
from cogumi.files import file_digest, read_record, write_json
from cogumi.pipeline.draw import announced, draw
from cogumi.pipeline.run import Run
from cogumi.pipeline.score import score
from cogumi.pipeline.works import held_out_works
from cogumi.planning.plan import Evaluation, Plan
from cogumi.protocols import Judged
from cogumi.records import Identity, Request
from cogumi.results import Diagnosis, HeadToHead, Match
from cogumi.roles.role import Role
from cogumi.sampling.log import read_samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """Whom the trained model is held against."""

    name: str
    """`before`, `against` or `reference`."""
    diagnosis: Path
    """What was measured of it."""
    samples: Path
    """What it said; may be absent."""


def measured_by(folder: Path) -> Path:
    """The latest diagnosis of another run: `after.json`, or `before.json` where it trained nothing."""
    for name in ("after.json", "before.json"):
        if (folder / name).is_file():
            return folder / name
    raise BadInput("no diagnosis in this folder", file=folder, field="against", fix="name the folder of another run")


def check_rival(folder: Path, plan: Plan) -> None:
    """Another run must have measured something that this one does, too."""
    file = measured_by(folder)
    theirs = read_record(Diagnosis, file)
    known = {(name, e.benchmark, item.id) for name, e in theirs.evaluations.items() for item in e.items}
    known |= {(name, "", "") for name in theirs.external}
    mine = {(e.name, e.benchmark.name, problem.id) for e in plan.evaluations for problem in e.problems}
    mine |= {(external.name, "", "") for external in plan.external}
    if known.isdisjoint(mine):
        fix = "name a run of the same categories, data and seed"
        raise BadInput("it measured no problem that this run does", file=file, field="against", fix=fix)


def rivals_read(run: Run) -> Identity:
    """Who is asked, and the other run's diagnosis by content."""
    against = run.plan.settings.against
    roles = {name: dict(role.identity) for name, role in run.plan.roles.items() if name in ("judge", "reference")}
    return {"roles": roles, "against": None if against is None else file_digest(measured_by(against))}


def head_to_head(run: Run) -> Sequence[str]:
    """The trained model against each rival, on scores, and by the judge where there is one."""
    rivals = _rivals(run)
    more = _reference(run) if "reference" in run.plan.roles else []
    after = run.read(Diagnosis, "after.json")
    scores = {
        rival.name: on_both(after, read_record(Diagnosis, rival.diagnosis))
        for rival in rivals
        if rival.name != "before"  # comparison.json has it
    }
    judged, asked = _judged(run, rivals)
    write_json(run.path("head_to_head.json"), to_json(HeadToHead(scores=scores, judged=judged)))
    return ["head_to_head.json", *more, *(["samples/judge.jsonl"] if asked else [])]


def _rivals(run: Run) -> list[Rival]:
    found = [Rival(name="before", diagnosis=run.path("before.json"), samples=run.path("samples/before.jsonl"))]
    if (other := run.plan.settings.against) is not None:
        diagnosis = measured_by(other)
        samples = other / "samples" / f"{diagnosis.stem}.jsonl"
        found.append(Rival(name="against", diagnosis=diagnosis, samples=samples))
    if "reference" in run.plan.roles:
        files = (run.path("reference.json"), run.path("samples/reference.jsonl"))
        found.append(Rival(name="reference", diagnosis=files[0], samples=files[1]))
    return found


def _reference(run: Run) -> list[str]:
    """The same questions to the reference."""
    plan, count = run.plan, run.plan.settings.samples
    asked = [r for e in plan.evaluations for r in requests(e, count, plan.settings.system, baselines=False)]
    run.observer.begin("reference", announced(asked))
    samples = draw(run, "reference", plan.roles["reference"], asked)
    scores = score(run, "reference", held_out_works(plan, samples))
    found = Diagnosis(evaluations=diagnose_all(plan.evaluations, samples, scores, count))
    write_json(run.path("reference.json"), to_json(found))
    return ["samples/reference.jsonl", "scores/reference.jsonl", "reference.json"]


def _judged(run: Run, rivals: Sequence[Rival]) -> tuple[dict[str, dict[str, Match]], bool]:
    """The judge's outcome against every rival, of every evaluation without right answers."""
    judge = run.plan.roles.get("judge")
    if judge is None:
        return {}, False
    mine = read_samples(run.path("samples/after.jsonl"))
    todo = [
        (rival.name, evaluation, _pairs(evaluation, mine, theirs))
        for rival in rivals
        if rival.samples.exists()
        for theirs in [read_samples(rival.samples)]
        for evaluation in run.plan.evaluations
        if isinstance(evaluation.benchmark.task, Judged)
    ]
    samples = _ask(run, judge, todo)
    found: dict[str, dict[str, Match]] = {}
    for rival, evaluation, pairs in todo:
        task: Any = evaluation.benchmark.task
        with evaluation.grader.entry.attribute_errors():
            outcome = judge_outcomes(f"{evaluation.name}-{rival}", task, pairs, samples, evaluation.thoughts)
        found.setdefault(rival, {})[evaluation.name] = outcome
    return found, True


def _pairs(evaluation: Evaluation, mine: Samples, theirs: Samples) -> list[Pair]:
    task = evaluation.benchmark.task
    return text_pairs(evaluation.name, task, evaluation.problems, mine, theirs, thoughts=evaluation.thoughts)


def _ask(run: Run, judge: Role, todo: Sequence[tuple[str, Evaluation, Sequence[Pair]]]) -> Samples:
    asked: list[Request] = []
    for rival, evaluation, pairs in todo:
        task: Any = evaluation.benchmark.task
        with evaluation.grader.entry.attribute_errors():
            asked += judge_requests(f"{evaluation.name}-{rival}", task, pairs, seed=run.plan.settings.seed)
    run.observer.begin("judge", f"{len(asked):,} questions")
    return draw(run, "judge", judge, asked)
