"""The stage `temperatures`: which of several lower temperatures the untouched model does best at, on the training side.

Training has to beat what costs nothing, and a lower temperature costs nothing. Where several are asked for, the best of them on
the held-out side looks better than it is, and to have to beat all of them asks more than anybody could choose. So one is chosen
where nothing is measured: each problem of the training side is asked a few times at each. A category whose training side has
nothing to score by chooses none, and a run with one baseline temperature draws nothing here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import fmean

from cogumi.codec import to_json
from cogumi.comparison import estimates
from cogumi.diagnosis.scoring import Samples, Scores
from cogumi.distillation import distill
from cogumi.distillation.distill import Rules
from cogumi.files import digest, file_digest, write_json
from cogumi.pipeline.draw import announced, count_samples, draw, request_key
from cogumi.pipeline.run import Run
from cogumi.pipeline.score import Work, score
from cogumi.planning.plan import CategoryRun, Plan
from cogumi.records import Completion, Identity, Problem, Request
from cogumi.report.temperatures import chosen_sentences
from cogumi.results import ChosenTemperature, Diagnosis, Temperatures

NAME = "temperatures"
SAMPLES = 2
"""Samples of each training-side problem at each temperature: a choice needs no more than a ranking."""


def several(plan: Plan) -> bool:
    """Whether there is a choice."""
    return any(len(temperatures_of(category)) > 1 for category in plan.categories)


def temperatures_of(category: CategoryRun) -> tuple[float, ...]:
    """The temperatures among which a category chooses, the lowest first."""
    return tuple(sorted(set(category.evaluation.baseline_temperatures)))


def choosing(plan: Plan) -> list[CategoryRun]:
    """The categories that have a choice, and something to score by."""
    return [c for c in plan.categories if len(temperatures_of(c)) > 1 and any(_scorable(c))]


def temperature_requests(plan: Plan, rules: Rules) -> list[Request]:
    """What the training side is asked besides its votes."""
    return [request for category in choosing(plan) for request in requests_of(category, rules)]


def cost(plan: Plan, rules: Rules) -> list[str]:
    """What the choice takes, in a sentence; nothing where there is none."""
    asked = temperature_requests(plan, rules)
    if not asked:
        return []
    named = ", ".join(dict.fromkeys(f"{t:g}" for category in choosing(plan) for t in temperatures_of(category)))
    return [f"One of the baseline temperatures {named} is chosen on the training side: {count_samples(asked):,} samples of it."]


def reads_temperatures(run: Run) -> Identity:
    """What decides the choice."""
    asked = temperature_requests(run.plan, run.rules)
    return {
        "by": dict(run.plan.student.identity),
        "requests": digest({request.id: [request_key(request), len(request.indices)] for request in asked}),
        "categories": {c.name: dict(c.chosen.identity) for c in choosing(run.plan)},
    }


def reads_choice(run: Run) -> Identity:
    """What a later stage reads of it."""
    return {NAME: file_digest(run.path(f"{NAME}.json"))} if several(run.plan) else {}


def choose_temperatures(run: Run) -> Sequence[str]:
    """Draw, score and choose."""
    asked = temperature_requests(run.plan, run.rules)
    run.observer.begin(NAME, announced(asked))
    files = []
    samples: Samples = {}
    scores: Scores = {}
    if asked:
        samples = draw(run, NAME, run.plan.student, asked)
        scores = score(run, NAME, temperature_works(run.plan, samples))
        files = [f"samples/{NAME}.jsonl", f"scores/{NAME}.jsonl"]
    found = write_temperatures(run, scores)
    for sentence in chosen_sentences(found, run.read_or_none(Diagnosis, "before.json")):
        run.observer.say(sentence)
    return [f"{NAME}.json", *files]


def write_temperatures(run: Run, scores: Scores) -> Temperatures:
    """Leave the choice of every category that has one."""
    categories = [category for category in run.plan.categories if len(temperatures_of(category)) > 1]
    found = Temperatures(categories={category.name: choice(category, scores) for category in categories})
    write_json(run.path(f"{NAME}.json"), to_json(found))
    return found


def temperature_works(plan: Plan, samples: Samples) -> list[Work]:
    """What there is to score: each problem's samples at one temperature are answered together."""
    return [work_of(category, samples) for category in choosing(plan)]


def work_of(category: CategoryRun, samples: Samples) -> Work:
    """The same of one category."""

    def groups(problem: Problem) -> Sequence[Sequence[Completion]]:
        names = [request_id(category, problem, temperature) for temperature in temperatures_of(category)]
        return [[samples[name, i] for i in range(SAMPLES) if (name, i) in samples] for name in names]

    return Work(
        name=category.name,
        task=category.category.task,
        chosen=category.chosen,
        problems=list(_scorable(category)),
        groups=groups,
        thoughts=category.evaluation.thoughts,
    )


def request_id(category: CategoryRun, problem: Problem, temperature: float) -> str:
    """The request for a problem's samples at a temperature."""
    return f"{category.name}/{problem.id}#t{temperature:g}"


def requests_of(category: CategoryRun, rules: Rules) -> Iterator[Request]:
    """Drawn as votes are, but for the temperature."""
    sampling = replace(distill.voting(category, rules), logprobs=False)
    for problem in _scorable(category):
        messages = distill.prompt_of(category, problem, rules)
        for temperature in temperatures_of(category):
            yield Request(
                id=request_id(category, problem, temperature),
                messages=messages,
                sampling=replace(sampling, temperature=temperature),
                indices=tuple(range(SAMPLES)),
            )


def _scorable(category: CategoryRun) -> Iterator[Problem]:
    """The training-side problems with something to score by."""
    return (problem for problem in category.training if problem.reference is not None)


def choice(category: CategoryRun, scores: Scores) -> ChosenTemperature:
    """The temperature with the highest accuracy over the problems that could be scored at all of them."""
    temperatures = temperatures_of(category)
    rows = [(p, [_accuracy(scores, request_id(category, p, t)) for t in temperatures]) for p in _scorable(category)]
    known = [(p, [value for value in row if value is not None]) for p, row in rows]
    scored = [(p, row) for p, row in known if len(row) == len(temperatures)]
    if not scored:
        return ChosenTemperature(chosen=None, problems=0, accuracy={})
    templates = [p.meta.get("template") for p, _ in scored]
    clusters = [str(template) for template in templates] if None not in templates else None
    columns = [[row[place] for _, row in scored] for place in range(len(temperatures))]
    means = {f"{t:g}": estimates.mean(column, clusters) for t, column in zip(temperatures, columns, strict=True)}
    best = max(means, key=lambda name: (means[name].value, -float(name)))
    return ChosenTemperature(chosen=best, problems=len(scored), accuracy=means)


def _accuracy(scores: Scores, request: str) -> float | None:
    rows = [scores[request, index] for index in range(SAMPLES) if (request, index) in scores]
    marks = [row.correct for row in rows if row.correct is not None]
    return fmean(marks) if marks else None
