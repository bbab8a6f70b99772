r'''Rows of HumanEval's and of MBPP's schema as problems.

HumanEval (Chen et al. 2021, "Evaluating Large Language Models Trained on Code", arXiv 2107.03374):

    {"task_id": "HumanEval/53", "prompt": "def add(x, y):\n    """Add ...", "canonical_solution": "    return x + y\n",
     "test": "def check(candidate):\n    assert candidate(0, 1) == 1\n", "entry_point": "add"}

MBPP (Austin et al. 2021, "Program Synthesis with Large Language Models", arXiv 2108.07732):

    {"task_id": 604, "text": "Write a function to reverse words.", "code": "def reverse_words(s): ...",
     "test_setup_code": "", "test_list": ["assert reverse_words(\"python program\") == \"program python\""]}

`Problem.reference` is the same for both: `prompt` (what the program goes behind), `entry_point`, `test`, `exports` (further
names that the test takes from the program), `solution`. A row that cannot be used is a `BadInput` that names its field.
'''

from __future__ import annotations

import ast
import builtins
import re
import textwrap
from collections.abc import Sequence

from cogumi.data import Row
from cogumi.errors import BadInput
from cogumi.records import JSON, Problem
from cogumi_code.syntax import parsed

VALIDATION = range(511, 601)
"""MBPP's task_ids of the validation split; those below are test and prompt examples, those above are the training split."""


def is_mbpp(row: Row) -> bool:
    """Whether a row is in MBPP's schema."""
    return "test_list" in row.value or ("entry_point" not in row.value and "text" in row.value)


def humaneval_problem(row: Row) -> Problem:
    """A row of HumanEval's schema."""
    task_id, entry_point = row.get("task_id", str), row.get("entry_point", str)
    prompt, test = row.get("prompt", str), row.get("test", str)
    solution = row.get("canonical_solution", str)
    if not task_id.strip():
        raise row.error("task_id", "empty", "give every problem a name of its own")
    if not prompt.strip():
        raise row.error("prompt", "empty", "give the head of the function")
    if not entry_point.isidentifier():
        raise row.error("entry_point", f"{entry_point!r} is no name", "name the function to be written")
    if not re.search(rf"\b(?:def|class)\s+{entry_point}\b|\b{entry_point}\s*=", prompt):
        raise row.error("entry_point", f"the prompt begins no function or class {entry_point}", "name what is to be written")
    _check_test(row, test)
    reference = _reference(prompt, entry_point, test, (), solution)
    return Problem(id=task_id, prompt=prompt, reference=reference, meta={"schema": "humaneval"})


def mbpp_problem(row: Row) -> Problem:
    """A row of MBPP's schema, of the full or of the sanitized edition."""
    field = "text" if "text" in row.value else "prompt"
    text, code = row.get(field, str), row.get("code", str).replace("\r\n", "\n")
    tests = _tests(row)
    if not text.strip():
        raise row.error(field, "empty", "word the task")
    setup = _setup(row)
    name, exports = _names(row, code, setup, tests)
    test = setup + "def check(candidate):\n" + textwrap.indent("\n".join(tests), "    ") + "\n"
    reference = _reference(setup, name, test, exports, code)
    meta = {"schema": "mbpp", "tests": tests}
    return Problem(id=f"mbpp-{mbpp_id(row)}", prompt=text, reference=reference, meta=meta)


def mbpp_id(row: Row) -> int | str:
    """The task_id of a row in MBPP's schema: a whole number in MBPP itself, a text in data of one's own."""
    value = row.value.get("task_id")
    return value if isinstance(value, str) and value.strip() else row.get("task_id", int)


def _reference(prompt: str, entry_point: str, test: str, exports: Sequence[str], solution: str) -> JSON:
    return {"prompt": prompt, "entry_point": entry_point, "test": test, "exports": list(exports), "solution": solution}


def _check_test(row: Row, test: str) -> None:
    tree = parsed(test)
    if not isinstance(tree, ast.Module):
        raise row.error("test", f"no Python (line {tree} of it)", "correct it")
    if not any(isinstance(node, ast.FunctionDef) and node.name == "check" and node.args.args for node in tree.body):
        raise row.error("test", "does not define check(candidate)", "put the asserts into a function check(candidate)")


def _tests(row: Row) -> list[str]:
    tests = row.get("test_list", list)
    if not tests:
        raise row.error("test_list", "empty", "give at least one assert")
    for test in tests:
        if not isinstance(test, str):
            raise row.error("test_list", f"holds a {type(test).__name__}, expected texts", "give asserts as texts")
        tree = parsed(test)
        if not isinstance(tree, ast.Module) or not any(isinstance(node, ast.Assert) for node in ast.walk(tree)):
            raise row.error("test_list", f"no assert: {test[:60]!r}", "give Python asserts")
    return [test.replace("\r\n", "\n") for test in tests]


def _setup(row: Row) -> str:
    """What the tests need beforehand: code, or (sanitized edition) imports."""
    lines = row.get("test_imports", list) if "test_imports" in row.value else []
    if any(not isinstance(line, str) for line in lines):
        raise row.error("test_imports", "holds something that is no text", "give imports as texts")
    code = row.get("test_setup_code", str) if row.value.get("test_setup_code") is not None else ""
    setup = "\n".join([*lines, code.replace("\r\n", "\n")]).strip("\n")
    if not isinstance(parsed(setup), ast.Module):
        raise row.error("test_setup_code", "no Python", "correct it")
    return setup + "\n" if setup else ""


def _names(row: Row, code: str, setup: str, tests: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """The function that the tests call, and what else they take from the solution."""
    solution = parsed(code)
    if not isinstance(solution, ast.Module):
        raise row.error("code", f"no Python (line {solution} of it)", "correct it")
    defined = _top_level(solution) - _top_level(_module(setup))
    called = [name for test in tests for name in _called(test)]
    functions = [name for name in called if name in defined] or [name for name in called if not hasattr(builtins, name)]
    if not functions:
        raise row.error("test_list", "calls no function of the solution's", "call the function that `code` defines")
    used = {leaf.id for test in tests for leaf in ast.walk(_module(test)) if isinstance(leaf, ast.Name)}
    plain = [node.name for node in solution.body if isinstance(node, ast.FunctionDef)]
    name = next((found for found in functions if found in plain), functions[0])
    return name, tuple(sorted((used & defined) - {name}))


def _module(source: str) -> ast.Module:
    tree = parsed(source)
    assert isinstance(tree, ast.Module)
    return tree


def _top_level(tree: ast.Module) -> set[str]:
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return {node.name for node in tree.body if isinstance(node, kinds)}


def _called(test: str) -> list[str]:
    """The functions that a test calls by name, from the left."""
    calls = [n for n in ast.walk(_module(test)) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
    calls.sort(key=lambda call: (call.lineno, call.col_offset))
    return [call.func.id for call in calls if isinstance(call.func, ast.Name)]


def training_side(rows: Sequence[Row], validation: bool) -> list[Row]:
    """The rows that may be trained on: nothing of HumanEval, and of MBPP only its training split, unless told otherwise."""
    for row in rows:
        if str(row.value.get("task_id", "")).startswith("HumanEval/"):
            raise row.error("task_id", "HumanEval is held out and never trained on", "give MBPP or problems of your own")
    kept = [row for row in rows if not is_mbpp(row) or _is_training(mbpp_id(row), validation)]
    if not kept:
        fix = "numbers from 601 on are MBPP's training split, 511 to 600 its validation; texts are never taken for MBPP's"
        raise BadInput("all rows have numbers of MBPP's test split", file=rows[0].file, field="task_id", fix=fix)
    return kept


def _is_training(task_id: int | str, validation: bool) -> bool:
    return isinstance(task_id, str) or task_id >= VALIDATION.stop or (validation and task_id in VALIDATION)
