import json
import random
import re
from itertools import islice
from pathlib import Path

import pytest
from code_tests import said
from cogumi_code import generate
from cogumi_code.grammar import KINDS, Op, Spec, expression, neighbours, parameter, value
from cogumi_code.plugin import code, humaneval

from cogumi.distillation.decontamination import find_overlap

DATA = Path(generate.__file__).parent / "data"
SIDES = ("train", "test")
LEAST = {"train": 1500, "test": 200}


def bundled(side):
    return [json.loads(line) for line in (DATA / f"{side}.jsonl").read_text(encoding="utf-8").splitlines()]


def defined(row, body):
    names = {}
    exec(row["prompt"] + body + "\n" + row["test"], names)
    return names


def passes(row, body):
    names = defined(row, body)
    try:
        names["check"](names[row["entry_point"]])
    except Exception:
        return False
    return True


@pytest.mark.parametrize("side", SIDES)
def test_bundled_files_are_what_the_generator_prints(side, tmp_path):
    assert generate.main(["--side", side, "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out").read_bytes() == (DATA / f"{side}.jsonl").read_bytes()


@pytest.mark.parametrize("side", SIDES)
def test_bundled_problems_are_many_different_and_in_humanevals_schema(side):
    rows = bundled(side)
    assert len({row["task_id"] for row in rows}) == len({row["prompt"] for row in rows}) == len(rows) >= LEAST[side]
    for row in rows:
        assert set(row) == {"task_id", "prompt", "canonical_solution", "test", "entry_point"}
        assert 5 <= row["test"].count("assert candidate(") <= 8


@pytest.mark.parametrize("side", SIDES)
def test_canonical_solutions_pass_their_tests_and_their_own_example(side):
    for row in bundled(side):
        assert passes(row, row["canonical_solution"])
        call, expected = re.search(r">>> (.*)\n    (.*)\n", row["prompt"]).groups()
        assert repr(eval(call, defined(row, row["canonical_solution"]))) == expected


@pytest.mark.parametrize("make", [code, humaneval])
def test_canonical_solutions_pass_in_the_sandbox(make):
    task = make(data="bundled").task
    for problem in task.problems()[::40]:
        assert task.score(problem, said(task.gold(problem)))[0].correct
        assert task.answers(problem, said(task.gold(problem)))[0] is not None


def test_tests_fail_every_program_that_is_one_slip_away():
    drawn = {item.prompt(): item.spec for item in islice(generate.items("test"), 1000)}
    rows = [row for row in bundled("test") if row["prompt"] in drawn]
    assert len(rows) > 150
    for row in rows:
        spec = drawn[row["prompt"]]
        draw = random.Random(1)
        inputs = [generate._argument(spec, draw) for _ in range(200)]
        for other in neighbours(spec):
            same = all(value(other, argument) == value(spec, argument) for argument in inputs)
            assert same or not passes(row, f"    return {expression(other)}\n"), (row["prompt"], other)


@pytest.mark.parametrize("side", ["pretrain", *SIDES])
def test_what_code_computes_is_what_is_said_without_it(side):
    for item in islice(generate.items(side), 600):
        function = eval(f"lambda {parameter(item.spec)}: {expression(item.spec)}")
        draw = random.Random(item.spec.identity)
        for _ in range(5):
            argument = generate._argument(item.spec, draw)
            assert function(argument) == value(item.spec, argument), item.spec


def test_no_two_sides_share_what_a_function_does():
    found = {side: {item.spec.identity for item in islice(generate.items(side), 6000)} for side in ("pretrain", *SIDES)}
    assert not found["pretrain"] & found["train"]
    assert not found["pretrain"] & found["test"]
    assert not found["train"] & found["test"]


def test_no_bundled_problem_is_on_the_pretraining_side():
    asked = {item.prompt() for item in islice(generate.items("pretrain"), 20_000)}
    assert asked.isdisjoint(row["prompt"] for side in SIDES for row in bundled(side))


def test_bundled_sides_do_not_overlap():
    assert find_overlap(code(data="bundled").task.problems(), humaneval(data="bundled").task.problems()) == {}


def test_the_pretraining_side_is_unlimited_and_a_function_of_its_seed(capsys):
    generate.main(["--side", "pretrain", "--count", "50", "--seed", "3"])
    first = capsys.readouterr().out
    generate.main(["--side", "pretrain", "--count", "50", "--seed", "3"])
    assert capsys.readouterr().out == first
    generate.main(["--side", "pretrain", "--count", "50", "--seed", "4"])
    assert capsys.readouterr().out != first
    assert len(first.splitlines()) == 50


def test_a_constant_that_does_not_matter_makes_no_problem():
    useless = Spec("text", (Op("first", 3), Op("first", 9)), "value")
    assert generate.telling(useless, random.Random(0)) is None


def test_every_kind_of_operation_is_used_and_confused_with_known_ones():
    used = {op.kind for item in islice(generate.items("pretrain"), 3000) for op in item.spec.ops}
    assert used == set(KINDS)
    assert all(other in KINDS and other != name for name, kind in KINDS.items() for other in kind.others)
