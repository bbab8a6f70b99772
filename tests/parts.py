"""A category's part in a run, made of the fakes, and samples that say exactly what a test wants."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from cogumi.diagnosis import diagnose
from cogumi.diagnosis.scoring import Samples, score_problem
from cogumi.distillation import distill
from cogumi.distillation.distill import Kept, Rules
from cogumi.planning.plan import CategoryRun, Chosen, Evaluation
from cogumi.protocols import Task, Voter
from cogumi.records import Completion, Problem, Request, Sampling, Strategy
from cogumi.registry.discovery import Entry, Plugin
from cogumi.results import EvaluationResult, ScoredSample
from cogumi.testing import FakeTask, fake_benchmark, fake_category
from cogumi.voting import majority

PLUGIN = Plugin(name="sums", dist="cogumi-sums", version="1.2")
RULES = Rules(temperature=0.7, seed=11)
Texts = Callable[[Request, int], str | None]
"""The text of one sample; None makes it an error."""
Scored = dict[tuple[str, int], ScoredSample]


def chosen(kind: str, name: str = "sums") -> Chosen:
    """An offer that is only there to be blamed."""
    return Chosen(entry=Entry(kind=kind, name=name, factory=lambda: None, plugin=PLUGIN), options={})


def evaluation(
    held_out: Iterable[Problem] = (), *, task: Task | None = None, voter: Voter | None = None, **use: Any
) -> Evaluation:
    """The held-out side; `use` changes how it is sampled."""
    decider = voter or majority()
    drawn_as = Sampling(temperature=0.7, max_tokens=32, seed=11, logprobs=bool(getattr(decider, "needs_logprobs", False)))
    return Evaluation(
        name="sums",
        purpose="trained",
        benchmark=replace(fake_benchmark(), task=task or FakeTask()),
        grader=chosen("benchmark"),
        voter=decider,
        voting=chosen("voter"),
        problems=tuple(held_out),
        available=100,
        use=replace(drawn_as, **use),
    )


def part(
    *,
    training: Iterable[Problem] = (),
    held_out: Iterable[Problem] = (),
    task: Task | None = None,
    voter: Voter | None = None,
    **strategy: Any,
) -> CategoryRun:
    """A part of the given problems; `strategy` changes fields of the fake category's strategy."""
    category = fake_category()
    changed: Strategy = replace(category.strategy, **strategy)
    grader: Any = task or FakeTask()
    return CategoryRun(
        category=replace(category, task=grader),
        chosen=chosen("category"),
        strategy=changed,
        evaluation=evaluation(held_out, task=grader, voter=voter),
        training=tuple(training),
        available=100,
        overlap={},
    )


def drawn(requests: Iterable[Request], text: Texts) -> dict[tuple[str, int], Completion]:
    """What was sampled for these requests."""
    samples: dict[tuple[str, int], Completion] = {}
    for request in requests:
        for index in request.indices:
            samples[request.id, index] = completion(request, index, text(request, index))
    return samples


def completion(request: Request, index: int, text: str | None) -> Completion:
    """A finished sample; None is a failed one, and a text that ends in "..." was cut off."""
    if text is None:
        return Completion(request=request.id, index=index, text="", finish="error", error="no luck")
    finish: Any = "length" if text.endswith("...") else "stop"
    return Completion(request=request.id, index=index, text=text, finish=finish, tokens=3)


def held_out_scores(evaluation: Evaluation, samples: Samples, count: int) -> Scored:
    """What the benchmark's task makes of these samples."""
    guard = evaluation.grader.entry.attribute_errors
    task = evaluation.benchmark.task
    groups = {problem.id: diagnose.groups(evaluation, problem, samples, count) for problem in evaluation.problems}
    return _scored(task, evaluation.problems, groups, guard)


def training_scores(run: CategoryRun, samples: Samples, by: str = "student") -> Scored:
    """What the category's task makes of these samples."""
    groups = {problem.id: [distill.group(run, problem, samples, by)] for problem in run.training}
    return _scored(run.category.task, run.training, groups, run.chosen.entry.attribute_errors)


def diagnosed(evaluation: Evaluation, text: Texts, count: int) -> EvaluationResult:
    """The diagnosis of these texts."""
    asked = diagnose.requests(evaluation, count, None, baselines=True)
    samples = drawn(asked, text)
    return diagnose.diagnose(evaluation, samples, held_out_scores(evaluation, samples, count), count)


def distilled(run: CategoryRun, text: Texts, rules: Rules = RULES) -> list[Kept]:
    """What distillation makes of these texts."""
    samples = drawn(distill.requests(run, rules), text)
    return distill.distill(run, samples, training_scores(run, samples), rules)


def _scored(
    task: Task,
    problems: Iterable[Problem],
    groups: dict[str, list[list[Completion]]],
    guard: Callable[[], AbstractContextManager[None]],
) -> Scored:
    rows: Sequence[ScoredSample] = [
        row for problem in problems for row in score_problem(task, problem, groups[problem.id], guard())
    ]
    return {(row.request, row.index): row for row in rows}
