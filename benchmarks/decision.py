"""How long a comparison and its verdict take: 12 categories of 1,319 problems with ten samples of each, and a guard.

    python benchmarks/decision.py [PROBLEMS] [CATEGORIES]

The promise is 2 seconds for both together. What `cogumi gate` reads besides, both diagnoses from their files, stands in a line
of its own. Seconds are of the clock; those of the processor, which a busy machine does not stretch, stand behind them.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

from cogumi import stats
from cogumi.codec import to_json
from cogumi.comparison.paired import compare
from cogumi.decision.facts import Facts
from cogumi.decision.verdict import decide
from cogumi.files import read_record, write_json
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
    marks = [now()]
    comparison = compare(before, after)
    marks.append(now())
    verdict = decide(PHASE, before, after, comparison, Facts())
    marks.append(now())
    print(f"{categories} categories of {problems:,} problems: {verdict.verdict}")
    print(f"compare {between(*marks[:2])}, decide {between(*marks[1:])}, together {between(marks[0], marks[2])}")
    print(f"both diagnoses read from files {reading(before, after)}")


def now() -> tuple[float, float]:
    """The clock, and the processor's time of this process."""
    return time.perf_counter(), time.process_time()


def between(start: tuple[float, float], end: tuple[float, float]) -> str:
    return f"{end[0] - start[0]:.2f} s ({end[1] - start[1]:.2f})"


def reading(*sides: Diagnosis) -> str:
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{number}.json" for number in range(len(sides))]
        for file, side in zip(files, sides, strict=True):
            write_json(file, to_json(side))
        start = now()
        for file in files:
            read_record(Diagnosis, file)
        return between(start, now())


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
