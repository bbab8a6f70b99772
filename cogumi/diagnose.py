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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

from cogumi import stats
from cogumi.data import read_rows
from cogumi.errors import RunFailed
from cogumi.plan import Exam
from cogumi.protocols import Exporter, ProblemMetrics, Voter
from cogumi.records import JSON, Ballot, Completion, Problem, Request, Sampling, Score, Vote
from cogumi.settings import Settings

Samples = Mapping[tuple[str, int], Completion]
ITEM_METRICS = ("response_consistency", "answer_consistency", "unique_responses", "accuracy", "truncated", "no_answer")


def use_id(exam: Exam, problem: Problem) -> str:
    """The request for a problem's samples at the use temperature."""
    return f"{exam.name}/{problem.id}#use"


def greedy_id(exam: Exam, problem: Problem) -> str:
    """The request for a problem's greedy answer."""
    return f"{exam.name}/{problem.id}#greedy"


def requests(exam: Exam, settings: Settings) -> list[Request]:
    """What has to be sampled. Before and after ask the same, with the same seeds."""
    limit, seed = exam.benchmark.max_tokens, settings.seed
    use = Sampling(temperature=settings.temperature, max_tokens=limit, seed=seed, logprobs=wants_logprobs(exam.voter))
    greedy = Sampling(temperature=0.0, max_tokens=limit, seed=seed)
    asked: list[Request] = []
    for problem in exam.problems:
        with exam.entries["benchmark"].blame():
            messages = tuple(exam.benchmark.task.messages(problem))
        indices = tuple(range(settings.samples))
        asked.append(Request(id=use_id(exam, problem), messages=messages, sampling=use, indices=indices))
        asked.append(Request(id=greedy_id(exam, problem), messages=messages, sampling=greedy))
    return asked


def diagnose(exam: Exam, samples: Samples, settings: Settings) -> dict[str, JSON]:
    """The diagnosis of one exam, as it stands in `before.json` and `after.json`."""
    items = [_item(exam, problem, samples, settings) for problem in exam.problems]
    errors = sum(item["errors"] for item in items)
    items = [item for item in items if item["response_consistency"] is not None]
    if not items:
        raise RunFailed(f"{exam.name}: no held-out problem could be sampled ({errors} errors; see the samples folder)")
    metrics = _metrics(items)
    return {
        "benchmark": exam.benchmark.name,
        "role": exam.role,
        "problems": len(items),
        "samples": settings.samples,
        "temperature": settings.temperature,
        "metrics": metrics,
        "matrix": _matrix(items),
        "unscored": sum(item["unscored"] for item in items),
        "errors": errors,
        "notes": dict(sorted(sum((Counter(item["notes"]) for item in items), Counter()).items())),
        "cause": likely_cause({name: metric["value"] for name, metric in metrics.items()}),
        "items": items,
    }


def outside(metric: str, file: Path) -> dict[str, JSON]:
    """What an outside evaluation came to, from its items; `metric` is the one that counts in a head to head."""
    items = [dict(row.value) for row in read_rows(file)]
    names = sorted({name for item in items for name in item["metrics"]})
    columns = {name: [float(item["metrics"][name]) for item in items if name in item["metrics"]] for name in names}
    means = {name: asdict(stats.mean(column)) for name, column in columns.items()}
    return {"metric": metric, "problems": len(items), "metrics": means, "items": items}


def wants_logprobs(voter: Voter) -> bool:
    """Whether a voter weighs ballots by log-probability (see `cogumi.protocols.Voter`)."""
    return bool(getattr(voter, "needs_logprobs", False))


def consistency(values: Iterable[str | None]) -> float:
    """The share of the most frequent value; each None counts as a value of its own."""
    counts = Counter(values)
    total = sum(counts.values())
    absent = counts.pop(None, 0)
    return max([*counts.values(), 1 if absent else 0]) / total


def exports(exam: Exam, samples: Samples, settings: Settings) -> Mapping[str, str]:
    """The samples at the use temperature in the formats that the benchmark's task offers: texts by file name."""
    task = exam.benchmark.task
    if not isinstance(task, Exporter):
        return {}
    ids = [(problem, use_id(exam, problem)) for problem in exam.problems]
    drawn = [(problem, [samples[request, index] for index in range(settings.samples)]) for problem, request in ids]
    with exam.entries["benchmark"].blame():
        return dict(task.export(drawn))


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


def _item(exam: Exam, problem: Problem, samples: Samples, settings: Settings) -> dict[str, Any]:
    """What one problem's samples say; `response_consistency` is None where all of them failed."""
    drawn = [samples[use_id(exam, problem), index] for index in range(settings.samples)]
    good = [completion for completion in drawn if completion.finish != "error"]
    greedy = samples[greedy_id(exam, problem), 0]
    failed = len(drawn) - len(good) + (greedy.finish == "error")
    if not good:
        return {"id": problem.id, "response_consistency": None, "errors": failed}
    with exam.entries["benchmark"].blame():
        answers = exam.benchmark.task.answers(problem, good)
        *scores, greedy_score = exam.benchmark.task.score(problem, [*good, greedy])
        cast = ballots(answers, good, scores)
    with exam.entries["voter"].blame():
        vote = exam.voter.vote(problem, cast)
        majority_correct = _winner_correct(vote, answers, scores)
    return {
        "id": problem.id,
        "response_consistency": consistency(completion.text for completion in good),
        "answer_consistency": consistency(answers),
        "unique_responses": len({completion.text for completion in good}),
        "tie": vote.tie,
        "accuracy": _mean(score.correct for score in scores),
        "majority_correct": majority_correct,
        "greedy_correct": None if greedy.finish == "error" else greedy_score.correct,
        "consistent": consistency(answers) > 0.5,
        "truncated": fmean(completion.finish == "length" for completion in good),
        "no_answer": fmean(answer is None for answer in answers),
        "metrics": {**_mean_metrics(scores), **_problem_metrics(exam, problem, good, scores)},
        "notes": dict(sorted(Counter(score.note for score in scores if score.note is not None).items())),
        "unscored": sum(score.correct is None for score in scores),
        "errors": failed,
    }


def ballots(answers: Sequence[str | None], completions: Sequence[Completion], scores: Sequence[Score]) -> list[Ballot]:
    """One ballot per completion."""
    return [
        Ballot(answer=answer, text=c.text, logprob=c.logprob, tokens=c.tokens, index=c.index, correct=score.correct)
        for answer, c, score in zip(answers, completions, scores, strict=True)
    ]


def _winner_correct(vote: Vote, answers: Sequence[str | None], scores: Sequence[Score]) -> bool | None:
    """Whether the winner is right; no winner is wrong, and None where nothing could be scored."""
    if vote.winner is None:
        return None if all(score.correct is None for score in scores) else False
    if vote.winner not in answers:
        raise ValueError(f"the winner {vote.winner!r} is no ballot's answer")
    marks = [score.correct for score, answer in zip(scores, answers, strict=True) if answer == vote.winner]
    return next((mark for mark in marks if mark), marks[0])


def _mean(values: Iterable[bool | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _mean_metrics(scores: Sequence[Score]) -> dict[str, float]:
    names = sorted({name for score in scores for name in score.metrics})
    return {name: fmean(score.metrics[name] for score in scores if name in score.metrics) for name in names}


def _problem_metrics(
    exam: Exam, problem: Problem, completions: Sequence[Completion], scores: Sequence[Score]
) -> Mapping[str, float]:
    task = exam.benchmark.task
    if not isinstance(task, ProblemMetrics):
        return {}
    with exam.entries["benchmark"].blame():
        return dict(task.problem_metrics(problem, completions, scores))


def _metrics(items: Sequence[Mapping[str, Any]]) -> dict[str, JSON]:
    columns: dict[str, list[float | None]] = {name: [item[name] for item in items] for name in ITEM_METRICS}
    columns["tie_rate"] = [float(item["tie"]) for item in items]
    columns["majority_accuracy"] = [item["majority_correct"] for item in items]
    columns["greedy_accuracy"] = [item["greedy_correct"] for item in items]
    for name in sorted({name for item in items for name in item["metrics"]}):
        columns[name] = [item["metrics"].get(name) for item in items]
    known = {name: [float(value) for value in column if value is not None] for name, column in columns.items()}
    return {name: asdict(stats.mean(column)) for name, column in known.items() if column}


def _matrix(items: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """The 2x2 of consistent x correct; problems that could not be scored are left out."""
    scored = [item for item in items if item["majority_correct"] is not None]
    return {
        f"{steady}_{right}": sum(
            item["consistent"] == (steady == "consistent") and item["majority_correct"] == (right == "correct")
            for item in scored
        )
        for steady in ("consistent", "inconsistent")
        for right in ("correct", "wrong")
    }
