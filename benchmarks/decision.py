"""How long a comparison and its verdict take: 12 categories of 1,319 problems with ten samples of each, and a guard.

    python benchmarks/decision.py [PROBLEMS] [CATEGORIES]

The promise is 2 seconds for both together; what is read from files before and after is not counted.
"""

from __future__ import annotations

import random
import sys
import time

from cogumi import stats
from cogumi.comparison.paired import compare
from cogumi.decision.facts import Facts
from cogumi.decision.verdict import decide
from cogumi.phases import Gate, Phase
from cogumi.results import METRICS, Diagnosis, EvaluationResult, ProblemResult, Purpose

PHASE = Phase(
    name="benchmark",
    passed="",
    gates=(
        Gate(name="consistency", metric="consistency", threshold=0.4),
        Gate(name="retained", metric="retained", threshold=0.85),
    ),
)


def problem(number: int, chance: float, draw: random.Random) -> ProblemResult:
    right = sum(draw.random() < chance for _ in range(10))
    most = max(right, 3) / 10
    return ProblemResult(
        id=f"p{number:05}",
        response_consistency=most,
        answer_consistency=most,
        unique_responses=11 - max(right, 3),
        tie=right == 3,
        consistent=most > 0.5,
        accuracy=right / 10,
        majority_correct=right > 3,
        greedy_correct=draw.random() < chance,
        truncated=draw.randrange(2) / 10,
        no_answer=draw.randrange(2) / 10,
    )


def side(problems: int, lift: float, purpose: Purpose, seed: int) -> EvaluationResult:
    chances, draw = random.Random(seed), random.Random(f"{seed} {lift}")
    items = [problem(i, min(1.0, chances.betavariate(2, 2) + lift), draw) for i in range(problems)]
    columns = {name: [v for item in items if (v := item.value(name)) is not None] for name in METRICS}
    return EvaluationResult(
        benchmark="bench",
        purpose=purpose,
        voter="majority",
        problems=problems,
        samples=10,
        temperature=0.7,
        metrics={name: stats.mean(values) for name, values in columns.items()},
        matrix={},
        cause="",
        items=tuple(items),
    )


def diagnosis(problems: int, categories: int, lift: float) -> Diagnosis:
    trained = {f"category{c}": side(problems, lift, "trained", c) for c in range(categories)}
    return Diagnosis(evaluations={**trained, "guard": side(problems, 0.0, "guard", -1)})


def main(problems: int = 1319, categories: int = 12) -> None:
    before, after = (diagnosis(problems, categories, lift) for lift in (0.0, 0.2))
    start = time.perf_counter()
    comparison = compare(before, after)
    compared = time.perf_counter()
    verdict = decide(PHASE, before, after, comparison, Facts())
    done = time.perf_counter()
    print(f"{categories} categories of {problems:,} problems: {verdict.verdict}")
    print(f"compare {compared - start:.2f} s, decide {done - compared:.2f} s, together {done - start:.2f} s")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
