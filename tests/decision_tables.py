"""Diagnoses from tables: how many problems are right by single samples, by vote and at temperature 0."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cogumi import stats
from cogumi.comparison.paired import compare
from cogumi.decision.facts import Facts
from cogumi.decision.verdict import decide
from cogumi.phases import Gate, Phase
from cogumi.results import CELLS, METRICS, Diagnosis, EvaluationResult, ProblemResult, TrainingResult, Verdict

MINIMAL = Phase(
    name="minimal",
    passed="Go on.",
    gates=(
        Gate(name="consistency", metric="consistency", threshold=0.40),
        Gate(name="MATH", category="math", metric="accuracy", threshold=0.45),
        Gate(name="training time", metric="training_hours", relation="<", threshold=1.0),
        Gate(name="guard retained", metric="retained", threshold=0.85),
    ),
)
TRAINED = TrainingResult(examples=90, steps=75, losses=(1.0, 0.5), weight_change=0.01, quantization="none", under_an_hour=True)
FACTS = Facts(training=TRAINED)


def problem(name: str, right: int, vote: bool, greedy: bool, **fields: Any) -> ProblemResult:
    """A problem of which so many of ten samples are right; the wrong ones are all different."""
    values: dict[str, Any] = {
        "response_consistency": max(right, 1) / 10,
        "answer_consistency": max(right, 1) / 10,
        "unique_responses": 11 - max(right, 1),
        "tie": not vote,
        "consistent": right > 5,
        "accuracy": right / 10,
        "majority_correct": vote,
        "greedy_correct": greedy,
        "truncated": 0.0,
        "no_answer": 0.0,
    }
    return ProblemResult(id=name, **{**values, **fields})


def table(accuracy: float, vote: int, greedy: int, *, n: int = 100, sure_wrong: int = 0, **fields: Any) -> list[ProblemResult]:
    """n problems: `accuracy` per cent of samples right, `vote` problems right by vote and `greedy` at temperature 0.

    The first ones are right; the last `sure_wrong` are consistent and wrong. `fields` are set on every problem.
    """
    total = round(accuracy * n / 10)
    able = max(vote, greedy, -(-total // 10))
    rights = [total // able + (i < total % able) if i < able else 0 for i in range(n)] if able else [0] * n
    wrong = {"consistent": True, "majority_correct": False, "answer_consistency": 0.9, "tie": False}
    return [
        problem(f"p{i:04}", rights[i], i < vote, i < greedy, **{**(wrong if i >= n - sure_wrong else {}), **fields})
        for i in range(n)
    ]


def evaluation(items: Sequence[ProblemResult], **fields: Any) -> EvaluationResult:
    """These problems as an evaluation, with its means."""
    columns = {name: [v for item in items if (v := item.value(name)) is not None] for name in METRICS}
    cells = [item.cell for item in items]
    common: dict[str, Any] = {
        "benchmark": "bench",
        "purpose": "trained",
        "voter": "majority",
        "samples": 10,
        "temperature": 0.7,
        "cause": "",
    }
    return EvaluationResult(
        **{**common, **fields},
        problems=len(items),
        metrics={name: stats.mean(values) for name, values in columns.items() if values},
        matrix={cell: cells.count(cell) for cell in CELLS},
        items=tuple(items),
    )


GUARD = evaluation(table(90, 90, 90), purpose="guard", benchmark="guarded")


def diagnosis(**sides: EvaluationResult | Sequence[ProblemResult]) -> Diagnosis:
    """Evaluations by name; bare problems are of a trained category."""
    return Diagnosis(evaluations={k: v if isinstance(v, EvaluationResult) else evaluation(v) for k, v in sides.items()})


def verdict(before: Diagnosis, after: Diagnosis, *, phase: Phase = MINIMAL, facts: Facts = FACTS) -> Verdict:
    """What is decided."""
    return decide(phase, before, after, compare(before, after), facts)


def judged(
    before: Sequence[ProblemResult], after: Sequence[ProblemResult], *, phase: Phase = MINIMAL, facts: Facts = FACTS
) -> Verdict:
    """The verdict on math with a guard that is right on 90 problems, unchanged."""
    return verdict(diagnosis(math=before, mmlu=GUARD), diagnosis(math=after, mmlu=GUARD), phase=phase, facts=facts)


def changed(items: Sequence[ProblemResult], **fields: Any) -> list[ProblemResult]:
    """The same problems with other fields."""
    return [replace(item, **fields) for item in items]


def drawn(
    chances: Sequence[float], greedy: Mapping[int, bool], seed: int, *, samples: int = 10, others: int = 4
) -> list[ProblemResult]:
    """Samples drawn with each problem's chance to be right; a wrong one gives one of `others` wrong answers."""
    draw = random.Random(seed)
    return [_drawn(f"p{i:04}", chance, greedy[i], draw, samples, others) for i, chance in enumerate(chances)]


def _drawn(name: str, chance: float, greedy: bool, draw: random.Random, samples: int, others: int) -> ProblemResult:
    answers = [0 if draw.random() < chance else draw.randint(1, others) for _ in range(samples)]
    counts = sorted(((answers.count(answer), answer) for answer in set(answers)), reverse=True)
    tie = len(counts) > 1 and counts[0][0] == counts[1][0]
    most, right = counts[0][0] / samples, answers.count(0) / samples
    return problem(
        name,
        0,
        not tie and counts[0][1] == 0,
        greedy,
        accuracy=right,
        response_consistency=most,
        answer_consistency=most,
        unique_responses=len(counts),
        tie=tie,
        consistent=most > 0.5,
    )


def statuses(found: Verdict, kind: str) -> dict[str, str]:
    """Status by name of the criteria of a kind."""
    return {criterion.name: criterion.status for criterion in found.criteria if criterion.kind == kind}
