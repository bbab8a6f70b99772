"""The stages of `cogumi run`: diagnose (before), distill, train, diagnose (after), compare, gate, report.

Each says what it reads, as resolved and typed values, and the stages whose outputs it builds on; its key is the digest of
both. So a change redoes what depends on it and nothing else, and options that cannot change an outcome are in no key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cogumi.codec import to_json
from cogumi.diagnosis import diagnose
from cogumi.distillation import distill
from cogumi.files import digest, write_file, write_json, write_lines
from cogumi.pipeline.controls import reads_controls, train_controls
from cogumi.pipeline.deciding import (
    compare_both,
    gate,
    reads_comparison,
    reads_decision,
    reads_report,
    report,
)
from cogumi.pipeline.draw import announced, draw, refuse_redrawing, request_key
from cogumi.pipeline.folder import differences
from cogumi.pipeline.rivals import head_to_head, rivals_read
from cogumi.pipeline.run import Run, Stage, maker
from cogumi.pipeline.score import score
from cogumi.pipeline.temperatures import choose_temperatures, reads_temperatures, several
from cogumi.pipeline.training import (
    reads_training,
    refuse_other_data,
    train_model,
    trained,
    training_changes,
    wants_preferences,
)
from cogumi.pipeline.works import held_out_works, outcomes_of, reseeded, training_works
from cogumi.planning.plan import CategoryRun, Evaluation, ExternalRun
from cogumi.records import JSON, Identity, Request
from cogumi.results import Diagnosis, Distillation
from cogumi.roles.role import Role
from cogumi.workers.jobs import EvaluateJob
from cogumi.workers.launch import run_worker


def held_out_requests(run: Run, *, baselines: bool) -> list[Request]:
    """What the held-out side is asked."""
    settings = run.plan.settings
    null = run.plan.trainer is None and not baselines  # where nothing is trained, other seeds say what chance alone does
    evaluations = [reseeded(e) if null else e for e in run.plan.evaluations]
    asked = [diagnose.requests(e, settings.samples, settings.system, baselines=baselines) for e in evaluations]
    return [request for wanted in asked for request in wanted]


def training_requests(run: Run) -> list[Request]:
    """What the training side is asked."""
    return [request for category in run.plan.categories for request in distill.requests(category, run.rules)]


def reads_before(run: Run) -> Identity:
    """What decides a diagnosis of the untouched model."""
    return _reads_diagnosis(run, run.plan.student, baselines=True)


def reads_after(run: Run) -> Identity:
    """What decides a diagnosis of the trained model."""
    return _reads_diagnosis(run, trained(run), baselines=False)


def _reads_diagnosis(run: Run, role: Role, *, baselines: bool) -> Identity:
    plan = run.plan
    requests = {
        request.id: [request_key(request), len(request.indices)] for request in held_out_requests(run, baselines=baselines)
    }
    return {
        "by": dict(role.identity),
        "samples": plan.settings.samples,
        "requests": digest(requests),
        "evaluations": {e.name: evaluation_identity(e) for e in plan.evaluations},
        "external": {e.name: {**e.chosen.identity, "limit": e.limit} for e in plan.external},
    }


def evaluation_identity(evaluation: Evaluation) -> Identity:
    """All that decides what an evaluation makes of its samples."""
    return {
        "purpose": evaluation.purpose,
        "grader": dict(evaluation.grader.identity),
        "voter": dict(evaluation.voting.identity),
        "chance": evaluation.chance,
        "consistency": evaluation.consistency,
        "problems": digest([[p.id, p.reference, p.meta.get("template")] for p in evaluation.problems]),
    }


def diagnose_before(run: Run) -> Sequence[str]:
    """Where does the model disagree with itself?"""
    return diagnose_role(run, "before", run.plan.student, baselines=True)


def diagnose_after(run: Run) -> Sequence[str]:
    """The same questions to the trained model."""
    return diagnose_role(run, "after", trained(run), baselines=False)


def diagnose_role(run: Run, name: str, role: Role, *, baselines: bool) -> Sequence[str]:
    """Draw, score and diagnose all held-out problems."""
    plan, count = run.plan, run.plan.settings.samples
    asked = held_out_requests(run, baselines=baselines)
    run.observer.begin(name, announced(asked))
    samples = draw(run, name, role, asked)
    scores = score(run, name, held_out_works(plan, samples))
    external = {e.name: _evaluate(run, name, role, e) for e in plan.external}
    found = diagnose.diagnose_all(plan.evaluations, samples, scores, count)
    write_diagnosis(run, name, Diagnosis(evaluations=found, external={n: result for n, (result, _) in external.items()}))
    artifacts = {
        f"exports/{name}/{e.benchmark.name}/{file}": text
        for e in plan.evaluations
        for file, text in diagnose.artifacts(e, samples, count).items()
    }
    for file, text in artifacts.items():
        write_file(run.path(file), text)
    files = [file for _, file in external.values()]
    return [f"samples/{name}.jsonl", f"scores/{name}.jsonl", f"{name}.json", *files, *artifacts]


def write_diagnosis(run: Run, name: str, found: Diagnosis) -> None:
    """Leave a diagnosis, and tell its figures."""
    write_json(run.path(f"{name}.json"), to_json(found))
    values = {f"{e}.{m}": i.value for e, result in found.evaluations.items() for m, i in result.metrics.items()}
    run.observer.metrics(name, values)


def _evaluate(run: Run, name: str, role: Role, external: ExternalRun) -> tuple[Any, str]:
    """Have an external evaluation made, unless this model's is there; the result, and its file."""
    file = f"external/{name}/{external.name.replace(':', '-').replace('/', '-')}.jsonl"
    path, state = run.path(file), f"external-{name}-{file.rpartition('/')[2].removesuffix('.jsonl')}"
    key = digest([dict(role.identity), dict(external.chosen.identity), external.limit])
    if not path.exists() or run.folder.recall(state) != key:
        run.observer.begin(name, external.name)
        job = EvaluateJob(maker=maker(external.chosen), model=role.weights, limit=external.limit, items=path)
        run_worker(job, run.place, python=run.plan.python(external.chosen.entry))
        run.folder.remember(state, key)
    return diagnose.external(external.evaluation.metric, path), file


def reads_distill(run: Run) -> Identity:
    """What decides the training data."""
    plan = run.plan
    asked = training_requests(run)
    teacher = plan.roles.get("teacher")
    return {
        "by": dict(plan.student.identity),
        "requests": digest({request.id: [request_key(request), len(request.indices)] for request in asked}),
        "strategies": {c.name: to_json(c.strategy) for c in plan.categories},
        "categories": {c.name: dict(c.chosen.identity) for c in plan.categories},
        "voters": {c.name: dict(c.evaluation.voting.identity) for c in plan.categories},
        "rules": to_json(run.rules),
        "teacher": None if teacher is None else dict(teacher.identity),
        "preferences": wants_preferences(run),
    }


def distill_consensus(run: Run) -> Sequence[str]:
    """Sample and vote on the training side, and keep what the model agrees on with itself."""
    plan, asked = run.plan, training_requests(run)
    run.observer.begin("distill", announced(asked))
    samples = draw(run, "distill", plan.student, asked)
    scores = score(run, "distill", training_works(plan, samples, "student"))
    outcomes = outcomes_of(plan, run.rules, samples, scores)
    more: list[str] = []
    if (teacher := plan.roles.get("teacher")) is not None:
        more = _teach(run, teacher, outcomes)
    return [*write_distillation(run, outcomes), "samples/distill.jsonl", "scores/distill.jsonl", *more]


def _teach(run: Run, teacher: Role, outcomes: dict[str, list[distill.Kept]]) -> list[str]:
    """Ask the teacher what the student does not agree on with itself, and take what it agrees on."""
    categories = run.plan.categories
    asked = [request for c in categories for request in distill.questions(c, outcomes[c.name], run.rules)]
    if not asked:
        return []
    run.observer.begin("teach", announced(asked))
    samples = draw(run, "teach", teacher, asked)
    scores = score(run, "teach", training_works(run.plan, samples, "teacher"))
    for category in categories:
        found = outcomes[category.name]
        outcomes[category.name] = [distill.taught(category, outcome, samples, scores) for outcome in found]
    return ["samples/teach.jsonl", "scores/teach.jsonl"]


def write_distillation(run: Run, outcomes: Mapping[str, Sequence[distill.Kept]]) -> list[str]:
    """Leave votes, training data and summary. Refuses, before it writes, data on which another adapter would be trained."""
    plan = run.plan
    data = {name: rows for category in plan.categories for name, rows in _training_data(run, category, outcomes).items()}
    refuse_other_data(run, data)
    for name, rows in data.items():
        write_lines(run.path(name), rows)
    write_votes(run, outcomes, run.folder.path)
    return [*data, "votes.jsonl", "distillation.json"]


def write_votes(run: Run, outcomes: Mapping[str, Sequence[distill.Kept]], folder: Path) -> Distillation:
    """Leave votes and summary in a folder; the summary."""
    categories = run.plan.categories
    write_lines(folder / "votes.jsonl", (to_json(distill.vote_row(c, o)) for c in categories for o in outcomes[c.name]))
    summary = summary_of(run, outcomes)
    write_json(folder / "distillation.json", to_json(summary))
    return summary


def summary_of(run: Run, outcomes: Mapping[str, Sequence[distill.Kept]]) -> Distillation:
    """How much was kept, by category."""
    pairs = wants_preferences(run)
    return Distillation(categories={c.name: distill.summary(c, outcomes[c.name], pairs=pairs) for c in run.plan.categories})


def _training_data(run: Run, category: CategoryRun, outcomes: Mapping[str, Sequence[distill.Kept]]) -> dict[str, list[JSON]]:
    """The rows of one category's files, by name."""
    found, rules = outcomes[category.name], run.rules
    examples: list[JSON] = [to_json(row) for outcome in found for row in distill.example_rows(category, outcome, rules)]
    data = {f"self_distillation/{category.name}.jsonl": examples}
    if wants_preferences(run):
        pairs = (distill.preference_of(category, outcome, rules) for outcome in found)
        data[f"preferences/{category.name}.jsonl"] = [to_json(pair) for pair in pairs if pair is not None]
    return data


def refuse_redoing(run: Run, names: Sequence[str]) -> None:
    """Refuse, before anything is written, whatever would have to be drawn or trained again."""
    plan = run.plan
    if "before" in names:
        refuse_redrawing(run, "before", plan.student, held_out_requests(run, baselines=True))
    if "distill" in names:
        refuse_redrawing(run, "distill", plan.student, training_requests(run))
    trains = "train" in names and plan.trainer is not None and not run.redo
    if trains and (changes := _data_changes(run) or ([] if _will_distill(run) else training_changes(run))):
        raise run.needs_redo("the adapter would have to be trained again", changes)


def _will_distill(run: Run) -> bool:
    """Whether training data is made anew: whether it is another one is known then."""
    distilled = run.folder.done("distill")
    return distilled is None or differences(dict(distilled.reads), dict(reads_distill(run))) != []


def _data_changes(run: Run) -> list[str]:
    """What will make other training data than a finished adapter was trained on; a task that only scores anew is none."""
    distilled = run.folder.done("distill")
    if distilled is None or run.folder.done("train") is None or not run.path("adapter").exists():
        return []
    scoring = ("categories", "requests")
    now = reads_distill(run)
    old, new = ({key: value for key, value in reads.items() if key not in scoring} for reads in (distilled.reads, now))
    other = distilled.reads["requests"] != now["requests"]
    return differences(old, new) or (["other training problems are asked"] if other else [])


STAGES: Mapping[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage(name="before", needs=(), reads=reads_before, work=diagnose_before),
        Stage(name="distill", needs=(), reads=reads_distill, work=distill_consensus),
        Stage(name="train", needs=(), follows=("distill",), reads=reads_training, work=train_model),
        Stage(name="after", needs=(), follows=("train",), reads=reads_after, work=diagnose_after),
        Stage(
            name="temperatures",
            needs=(),
            follows=("before",),
            reads=reads_temperatures,
            work=choose_temperatures,
            asked=several,
        ),
        Stage(
            name="controls",
            needs=("before", "distill", "after"),
            follows=("train",),
            reads=reads_controls,
            work=train_controls,
            asked=lambda plan: bool(plan.controls),
        ),
        Stage(name="compare", needs=("before", "after"), reads=reads_comparison, work=compare_both),
        Stage(name="match", needs=("before", "after"), reads=rivals_read, work=head_to_head),
        Stage(
            name="gate",
            needs=("before", "after", "compare"),
            follows=("temperatures", "controls"),
            reads=reads_decision,
            work=gate,
        ),
        Stage(
            name="report",
            needs=("before", "distill", "train", "after", "compare", "match", "gate"),
            reads=reads_report,
            work=report,
        ),
    )
}
