"""The stage `controls`: trainings that lack the vote, measured beside it on the same held-out problems.

They are trained on what the training side drew already, one after the other in one process, and measured with half as many
samples and the same seeds; for the table the vote and the untouched model are counted on as many of their own samples. So
all of them together cost about one and a half runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from cogumi.codec import to_json
from cogumi.comparison.controls import UNTOUCHED, VOTE, Measured, compare_arms
from cogumi.diagnosis.diagnose import baseline_samples, diagnose_all, ids, requests
from cogumi.diagnosis.scoring import Samples
from cogumi.distillation.controls import NULL, Drawn, lacking, learner, target_tokens
from cogumi.distillation.distill import Kept, example_rows, taught
from cogumi.files import digest, file_digest, write_json, write_lines
from cogumi.pipeline.draw import announced, draw_each, request_key
from cogumi.pipeline.run import Run
from cogumi.pipeline.score import score, stored
from cogumi.pipeline.training import train_each
from cogumi.pipeline.works import held_out_works, outcomes_of, reseeded
from cogumi.planning import defaults
from cogumi.planning.plan import CategoryRun, Evaluation, Plan
from cogumi.records import Identity, Request
from cogumi.results import Arm, Controls, Diagnosis, TrainingResult
from cogumi.roles.role import Role
from cogumi.sampling.log import read_samples
from cogumi.workers.jobs import Example


def control_samples(plan: Plan) -> int:
    """Samples per held-out problem at the use temperature: half of a diagnosis's."""
    return baseline_samples(plan.settings.samples)


def control_requests(plan: Plan, name: str) -> list[Request]:
    """What a control is asked; the one that trains nothing with other seeds."""
    evaluations = [reseeded(e) if name == NULL else e for e in plan.evaluations]
    count, system = control_samples(plan), plan.settings.system
    return [request for e in evaluations for request in requests(e, count, system, baselines=False)]


def reads_controls(run: Run) -> Identity:
    """What decides the controls, beside what they are held against."""
    plan = run.plan
    asked = {name: [[r.id, request_key(r)] for r in control_requests(plan, name)] for name in plan.controls}
    return {
        "controls": list(plan.controls),
        "by": dict(plan.student.identity),
        "trainer": None if plan.trainer is None else dict(plan.trainer.chosen.identity),
        "samples": control_samples(plan),
        "requests": digest(asked),
        "baked": _temperature(plan),
    }


def train_controls(run: Run) -> Sequence[str]:
    """Train, ask and measure every control."""
    plan, about = run.plan, _write_data(run)
    learned = [name for name in plan.controls if name in about]
    run.observer.begin("controls", f"training {', '.join(learned)}" if learned else "nothing to train")
    train_each(run, {f"controls/{name}": _files(run, name) for name in learned})
    roles = {name: _role(run, name) for name in plan.controls if name == NULL or name in learned}
    asked = {stage_of(name): control_requests(plan, name) for name in roles}
    run.observer.begin("controls", announced([request for wanted in asked.values() for request in wanted]))
    draw_each(run, {stage_of(name): role for name, role in roles.items()}, asked)
    for name in roles:
        _score(run, name)
    adapters = [f"controls/{name}/{file}" for name in learned for file in (*_names(run), "training.json", "adapter")]
    logs = [f"{kind}/{stage_of(name)}.jsonl" for name in roles for kind in ("samples", "scores")]
    return [*write_controls(run, _about(run, about)), *adapters, *logs]


def write_controls(run: Run, about: Mapping[str, Arm]) -> list[str]:
    """Leave each control's diagnosis and the table of arms, by their names; `about` says what each arm was trained on."""
    controls = [name for name in about if name not in (UNTOUCHED, VOTE)]
    stages = {UNTOUCHED: "before", VOTE: "after"} | {name: stage_of(name) for name in controls}
    arms = {name: _measured(run, stage) for name, stage in stages.items()}
    for name in controls:
        write_json(run.path(f"controls/{name}.json"), to_json(arms[name].diagnosis))
    whole = run.read(Diagnosis, "before.json"), run.read(Diagnosis, "after.json")
    found = compare_arms(arms, about, whole, control_samples(run.plan))
    write_json(run.path("controls.json"), to_json(found))
    return ["controls.json", *(f"controls/{name}.json" for name in controls)]


def measure_again(run: Run) -> None:
    """Diagnose every control again from its stored samples and scores, and rewrite the table of arms."""
    write_controls(run, run.read(Controls, "controls.json").arms)
    if (done := run.folder.done("controls")) is not None:
        run.folder.finish("controls", done.key, done.reads, list(done.outputs))


def _about(run: Run, learned: Mapping[str, Learned]) -> dict[str, Arm]:
    """What each arm was trained on, in the order of the table."""
    said = {name: run.read(TrainingResult, f"{_place(name)}training.json") for name in learned}
    found = {
        name: Arm(examples=one.examples, target_tokens=learned[name].tokens or None, steps=one.steps, on=learned[name].on)
        for name, one in said.items()
    }
    return found | ({NULL: Arm()} if NULL in run.plan.controls else {})


def _place(name: str) -> str:
    return "" if name == VOTE else f"controls/{name}/"


@dataclass(frozen=True, slots=True)
class Learned:
    """What one arm learns from."""

    tokens: int
    """Tokens of its targets."""
    on: tuple[str, ...]
    """Categories that have something for it."""


def _write_data(run: Run) -> dict[str, Learned]:
    """Leave what each control learns; what the vote learned, and every control that has something to learn."""
    drawn = _drawn(run)
    found = {VOTE: _learned(drawn, {d.run.name: d.kept for d in drawn})}
    for name in run.plan.controls:
        kept = {} if name == NULL else {d.run.name: lacking(name, d) for d in drawn}
        if any(kept.values()):
            for d in drawn:
                rows = _rows(learner(name, d.run, _temperature(run.plan)), kept[d.run.name], run)
                write_lines(run.path(f"controls/{name}/{d.run.name}.jsonl"), map(to_json, rows))
            found[name] = _learned(drawn, kept)
        elif name != NULL:
            run.observer.say(f"the control {name} is left out: there is nothing that it could be trained on")
    return found


def _learned(drawn: Sequence[Drawn], kept: Mapping[str, Sequence[Kept]]) -> Learned:
    tokens = sum(target_tokens(kept[d.run.name], d.kept) for d in drawn)
    return Learned(tokens, tuple(d.run.name for d in drawn if kept[d.run.name]))


def _drawn(run: Run) -> list[Drawn]:
    """The training side as it was distilled, with what a teacher added."""
    samples, scores = stored(run, "distill")
    outcomes = outcomes_of(run.plan, run.rules, samples, scores)
    if run.path("samples/teach.jsonl").exists():
        theirs = stored(run, "teach")
        outcomes = {c.name: [taught(c, o, *theirs) for o in outcomes[c.name]] for c in run.plan.categories}
    return [Drawn(run=c, outcomes=outcomes[c.name], samples=samples, rules=run.rules) for c in run.plan.categories]


def _rows(category: CategoryRun, kept: Sequence[Kept], run: Run) -> list[Example]:
    """Training rows; where a problem is gone through again its rows are numbered."""
    rows = [row for outcome in kept for row in example_rows(category, outcome, run.rules)]
    seen: Counter[str] = Counter()
    numbered = []
    for row in rows:
        seen[row.id] += 1
        numbered.append(row if seen[row.id] == 1 else replace(row, id=f"{row.id}#{seen[row.id]}"))
    return numbered


def _score(run: Run, name: str) -> None:
    """Have the task score what a control was asked."""
    stage = stage_of(name)
    score(run, stage, held_out_works(run.plan, read_samples(run.path(f"samples/{stage}.jsonl")), control_samples(run.plan)))


def _measured(run: Run, stage: str) -> Measured:
    """An arm's diagnosis on as many samples as all arms have, and how long its answers are."""
    evaluations, count = run.plan.evaluations, control_samples(run.plan)
    samples, scores = stored(run, stage)
    found = Diagnosis(evaluations=diagnose_all(evaluations, samples, scores, count))
    return Measured(diagnosis=found, tokens={e.name: _length(e, samples, count) for e in evaluations})


def _length(evaluation: Evaluation, samples: Samples, count: int) -> float | None:
    """Mean tokens of an evaluation's samples at the use temperature; None where nobody told them."""
    names = [ids(evaluation, problem).use for problem in evaluation.problems]
    drawn = [samples[name, index] for name in names for index in range(count)]
    told = [completion.tokens for completion in drawn if completion.finish != "error"]
    return fmean(told) if any(told) else None


def _role(run: Run, name: str) -> Role:
    """The student with what a control learned."""
    if name == NULL:
        return run.plan.student
    adapter = run.path(f"controls/{name}/adapter")
    return run.plan.student.with_adapter(adapter, file_digest(adapter))


def stage_of(name: str) -> str:
    """What a control's samples and scores are called."""
    return f"control-{name}"


def is_control(stage: str) -> bool:
    """Whether samples and scores of this name are a control's."""
    return stage.startswith("control-")


def _files(run: Run, name: str) -> list[str]:
    return [f"controls/{name}/{file}" for file in _names(run)]


def _names(run: Run) -> list[str]:
    return [f"{category.name}.jsonl" for category in run.plan.categories]


def _temperature(plan: Plan) -> float:
    """The temperature that `baked` is trained at: the lowest at which the untouched model is measured."""
    lower = [t for category in plan.categories for t in category.evaluation.baseline_temperatures]
    return min(lower, default=defaults.LOWER_TEMPERATURE)
