"""Where does the model disagree with itself? Samples at the use temperature and one greedy answer per held-out problem.

The words have one meaning each:

- *response consistency*: the share of the most frequent text among a problem's samples (10 different ones = 10 %);
- *answer consistency*: the same over canonical answers; a sample without an answer counts as its own;
- *tie*: no single answer has the most votes;
- *accuracy*: mean over the samples; *majority accuracy*: the vote's winner, a tie counts as wrong; *greedy accuracy*:
  temperature 0;
- *consistent*: more than half of the samples share one answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from cogumi import stats
from cogumi.data import read_rows
from cogumi.diagnosis.at_k import at_k
from cogumi.diagnosis.scoring import Samples, Scores, ballots, score_of
from cogumi.errors import RunFailed
from cogumi.planning.plan import Evaluation, asked
from cogumi.protocols import ArtifactWriter, ProblemMetrics
from cogumi.records import Completion, Problem, Request, Vote
from cogumi.results import (
    CELLS,
    METRICS,
    AnswerCount,
    EvaluationResult,
    ExternalItem,
    ExternalResult,
    ProblemResult,
    ScoredSample,
)
from cogumi.thoughts import shown


@dataclass(frozen=True, slots=True)
class Ids:
    """The ids of a held-out problem's requests."""

    evaluation: str
    problem: str

    @property
    def use(self) -> str:
        """Its samples at the use temperature."""
        return f"{self.evaluation}/{self.problem}#use"

    @property
    def greedy(self) -> str:
        """Its greedy answer."""
        return f"{self.evaluation}/{self.problem}#greedy"

    def baseline(self, temperature: float) -> str:
        """Its samples at a lower temperature."""
        return f"{self.evaluation}/{self.problem}#t{temperature:g}"


def ids(evaluation: Evaluation, problem: Problem) -> Ids:
    """The ids of a problem's requests."""
    return Ids(evaluation.name, problem.id)


def requests(evaluation: Evaluation, samples: int, system: str | None, *, baselines: bool) -> list[Request]:
    """What has to be sampled. Before and after ask the same, with the same seeds; baselines are the untouched model's."""
    use = evaluation.use
    greedy = replace(use, temperature=0.0, top_p=1.0, top_k=0, logprobs=False)
    indices = tuple(range(samples))
    wanted: list[Request] = []
    for problem in evaluation.problems:
        with evaluation.grader.entry.attribute_errors():
            messages = asked(tuple(evaluation.benchmark.task.messages(problem)), system)
        name = ids(evaluation, problem)
        wanted.append(Request(id=name.use, messages=messages, sampling=use, indices=indices))
        wanted.append(Request(id=name.greedy, messages=messages, sampling=greedy))
        for temperature in evaluation.baseline_temperatures if baselines else ():
            lower = replace(use, temperature=temperature, logprobs=False)
            half = tuple(range(baseline_samples(samples)))
            wanted.append(Request(id=name.baseline(temperature), messages=messages, sampling=lower, indices=half))
    return wanted


def baseline_samples(samples: int) -> int:
    """Samples at a lower temperature, which scatters less: half of those at the use temperature."""
    return max(1, samples // 2)


def groups(evaluation: Evaluation, problem: Problem, samples: Samples, count: int) -> list[list[Completion]]:
    """A problem's samples as they are answered: those at the use temperature together, and each other request by itself."""
    name = ids(evaluation, problem)
    keys = [[(name.use, i) for i in range(count)], [(name.greedy, 0)]]
    lower = range(baseline_samples(count))
    keys += [[(name.baseline(t), i) for i in lower] for t in evaluation.baseline_temperatures]
    return [[samples[key] for key in group if key in samples] for group in keys]


def diagnose(evaluation: Evaluation, samples: Samples, scores: Scores, count: int) -> EvaluationResult:
    """The diagnosis of one evaluation from its samples and their scores."""
    found = [_item(evaluation, problem, samples, scores, count) for problem in evaluation.problems]
    items = tuple(item for item, _ in found if item is not None)
    errors = sum(failed for _, failed in found)
    if not items:
        problem = f"{evaluation.name}: no held-out problem could be sampled ({errors} errors; see the samples folder)"
        raise RunFailed(problem)
    clusters = templates(items)
    metrics = {name: _estimate(name, items, clusters, count) for name in _names(items)}
    values = {name: interval.value for name, interval in metrics.items() if interval is not None}
    return EvaluationResult(
        benchmark=evaluation.benchmark.name,
        purpose=evaluation.purpose,
        voter=evaluation.voting.entry.name,
        problems=len(items),
        samples=count,
        temperature=evaluation.use.temperature,
        metrics={name: interval for name, interval in metrics.items() if interval is not None},
        matrix=_matrix(items),
        cause=_said_of_chance(metrics.get("accuracy"), evaluation.chance) + likely_cause(values),
        items=items,
        chance=evaluation.chance,
        consistency="answers" if evaluation.consistency == "answers" else "texts",
        baselines=_baselines(items, clusters),
        at_k=at_k(items, count, clusters),
        unscored=sum(item.unscored for item in items),
        errors=errors,
        notes=dict(sorted(sum((Counter(item.notes) for item in items), Counter()).items())),
    )


def diagnose_all(
    evaluations: Iterable[Evaluation], samples: Samples, scores: Scores, count: int
) -> dict[str, EvaluationResult]:
    """The diagnoses of several evaluations, by name."""
    return {evaluation.name: diagnose(evaluation, samples, scores, count) for evaluation in evaluations}


def external(metric: str, file: Path) -> ExternalResult:
    """What an external evaluation came to, from its items; `metric` is the one that counts in a head to head."""
    items = tuple(ExternalItem(id=row.get("id", str), metrics=dict(row.value["metrics"])) for row in read_rows(file))
    names = sorted({name for item in items for name in item.metrics})
    columns = {name: [float(item.metrics[name]) for item in items if name in item.metrics] for name in names}
    means = {name: stats.mean(column) for name, column in columns.items()}
    return ExternalResult(metric=metric, problems=len(items), metrics=means, items=items)


def consistency(values: Iterable[str | None]) -> float:
    """The share of the most frequent value; each None counts as a value of its own."""
    counts = Counter(values)
    total = sum(counts.values())
    absent = counts.pop(None, 0)
    return max([*counts.values(), 1 if absent else 0]) / total


def artifacts(evaluation: Evaluation, samples: Samples, count: int) -> Mapping[str, str]:
    """The samples at the use temperature in the formats that the benchmark's task offers: texts by file name."""
    task = evaluation.benchmark.task
    if not isinstance(task, ArtifactWriter):
        return {}
    names = [(problem, ids(evaluation, problem).use) for problem in evaluation.problems]
    drawn = [(problem, [shown(samples[r, index], evaluation.thoughts) for index in range(count)]) for problem, r in names]
    with evaluation.grader.entry.attribute_errors():
        return dict(task.export(drawn))


def templates(items: Sequence[ProblemResult]) -> list[str] | None:
    """What each problem was made from, where all say so: then intervals are over templates."""
    known = [item.template for item in items if item.template is not None]
    return known if len(known) == len(items) and len(set(known)) < len(items) else None


def likely_cause(value: Mapping[str, float]) -> str:
    """What most likely keeps the model from doing better, in a sentence."""
    gap = value.get("majority_accuracy", 0.0) - value.get("accuracy", 0.0)
    if value["truncated"] >= 0.2:
        return f"Truncated: {value['truncated']:.0%} of the answers hit the token limit; raise it before judging any further."
    if value["no_answer"] >= 0.2:
        return f"No answer format: {value['no_answer']:.0%} of the samples have no readable answer; check prompt and template."
    if "accuracy" not in value:
        return "No text is right or wrong here: see how alike and how varied the texts are, or name a judge (--judge MODEL)."
    if gap >= 0.05:
        return (
            f"Too random: a vote over the samples is right {gap * 100:.0f} points more often than a single one, "
            "so the model knows more than it says; this is what distillation can win."
        )
    if value["answer_consistency"] < 0.6:
        return "Too random, and the vote is no better than a single sample: there is little consensus to teach."
    if value.get("accuracy", 1.0) < 0.5:
        return "Wrong but sure: the model agrees with itself on wrong answers; it needs a teacher, not its own consensus."
    return "Consistent: the model mostly agrees with itself."


def _said_of_chance(accuracy: stats.Interval | None, chance: float) -> str:
    """What to say before anything else of a model that is right less often than guessing is."""
    if accuracy is None or accuracy.value >= chance:
        return ""
    found = f"{accuracy.value:.1%} ({accuracy.low:.1%} to {accuracy.high:.1%})"
    return f"Below chance: right on {found}, where guessing is right on {chance:.1%}. "


def _item(
    evaluation: Evaluation, problem: Problem, samples: Samples, scores: Scores, count: int
) -> tuple[ProblemResult | None, int]:
    """What one problem's samples say, and how many failed; None where all of them did."""
    use, (greedy,), *lower = groups(evaluation, problem, samples, count)
    good = [completion for completion in use if completion.finish != "error"]
    failed = sum(c.finish == "error" for group in (use, [greedy], *lower) for c in group)
    if not good:
        return None, failed
    rows = [scores[c.request, c.index] for c in good]
    with evaluation.voting.entry.attribute_errors():
        vote = evaluation.voter.vote(problem, ballots(good, rows, evaluation.thoughts))
        majority_correct = _winner_correct(vote, rows)
    answers = [row.answer for row in rows]
    template = problem.meta.get("template")
    item = ProblemResult(
        id=problem.id,
        response_consistency=consistency(completion.text for completion in good),
        answer_consistency=consistency(answers),
        unique_responses=len({completion.text for completion in good}),
        tie=vote.tie,
        consistent=consistency(answers) > 0.5,
        accuracy=_mean(row.correct for row in rows),
        majority_correct=majority_correct,
        greedy_correct=scores[greedy.request, 0].correct if greedy.finish != "error" else None,
        truncated=fmean(completion.finish == "length" for completion in good),
        no_answer=fmean(answer is None for answer in answers),
        baselines=_lower(evaluation, lower, scores),
        answers=_answer_counts(rows),
        metrics={**_mean_metrics(rows), **_problem_metrics(evaluation, problem, good, rows)},
        notes=dict(sorted(Counter(row.note for row in rows if row.note is not None).items())),
        unscored=sum(row.correct is None for row in rows),
        errors=failed,
        template=None if template is None else str(template),
    )
    return item, failed


def _lower(evaluation: Evaluation, drawn: Sequence[Sequence[Completion]], scores: Scores) -> dict[str, float]:
    """Accuracy at each lower temperature, where it could be scored."""
    found = {}
    for temperature, group in zip(evaluation.baseline_temperatures, drawn, strict=True):
        value = _mean(scores[c.request, c.index].correct for c in group if c.finish != "error")
        if value is not None:
            found[f"{temperature:g}"] = value
    return found


def _answer_counts(rows: Sequence[ScoredSample]) -> tuple[AnswerCount, ...]:
    counts = Counter(row.answer for row in rows if row.answer is not None)
    marks: dict[str | None, bool | None] = {}
    for row in rows:
        marks[row.answer] = marks.get(row.answer) or row.correct
    return tuple(AnswerCount(count=count, correct=marks[answer]) for answer, count in counts.most_common())


def _winner_correct(vote: Vote, rows: Sequence[ScoredSample]) -> bool | None:
    """Whether the winner is right; no winner is wrong, and None where nothing could be scored."""
    if vote.winner is None:
        return None if all(row.correct is None for row in rows) else False
    marks = [row.correct for row in rows if row.answer == vote.winner]
    if not marks:
        raise ValueError(f"the winner {vote.winner!r} is no ballot's answer")
    return next((mark for mark in marks if mark), marks[0])


def _mean(values: Iterable[bool | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _mean_metrics(rows: Sequence[ScoredSample]) -> dict[str, float]:
    names = sorted({name for row in rows for name in row.metrics})
    return {name: fmean(row.metrics[name] for row in rows if name in row.metrics) for name in names}


def _problem_metrics(
    evaluation: Evaluation, problem: Problem, completions: Sequence[Completion], rows: Sequence[ScoredSample]
) -> Mapping[str, float]:
    task = evaluation.benchmark.task
    if not isinstance(task, ProblemMetrics):
        return {}
    with evaluation.grader.entry.attribute_errors():
        said = [shown(completion, evaluation.thoughts) for completion in completions]
        return dict(task.problem_metrics(problem, said, [score_of(row) for row in rows]))


def _names(items: Sequence[ProblemResult]) -> Iterator[str]:
    yield from METRICS
    yield from sorted({name for item in items for name in item.metrics})


def _estimate(name: str, items: Sequence[ProblemResult], clusters: Sequence[str] | None, count: int) -> stats.Interval | None:
    pairs = [(value, place) for place, item in enumerate(items) if (value := item.value(name)) is not None]
    if not pairs:
        return None
    low = 1 / count if name in ("response_consistency", "answer_consistency") else 0.0
    known = None if clusters is None else [clusters[place] for _, place in pairs]
    return stats.mean([value for value, _ in pairs], low=low, clusters=known)


def _baselines(items: Sequence[ProblemResult], clusters: Sequence[str] | None) -> dict[str, stats.Interval]:
    names = sorted({name for item in items for name in item.baselines}, key=float)
    columns = {name: [(item.baselines[name], i) for i, item in enumerate(items) if name in item.baselines] for name in names}
    return {
        name: stats.mean([v for v, _ in column], clusters=None if clusters is None else [clusters[i] for _, i in column])
        for name, column in columns.items()
    }


def _matrix(items: Sequence[ProblemResult]) -> dict[str, int]:
    """The 2x2 of consistent x correct; problems that could not be scored are left out."""
    cells = Counter(item.cell for item in items)
    return {cell: cells[cell] for cell in CELLS}
