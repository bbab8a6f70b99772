import json
import re
from fractions import Fraction
from itertools import islice
from pathlib import Path

import pytest
from cogumi_math import generate
from cogumi_math.stories import STORIES, Step, Story

DATA = Path(generate.__file__).parent / "data"
SIDES = ("train", "test")
LINE = re.compile(r"(\d+) ([-+*/]) (\d+) = (\d+) [a-zA-Z0-9 ]+\.")


def bundled(side):
    return [json.loads(line) for line in (DATA / f"{side}.jsonl").read_text(encoding="utf-8").splitlines()]


def words(text):
    return re.findall(r"\w+", text.lower())


def runs(row, length):
    found = words(row["question"])
    return {tuple(found[i : i + length]) for i in range(len(found) - length + 1)}


def independently(left, op, right):
    left, right = Fraction(left), Fraction(right)
    return {"+": left + right, "-": left - right, "*": left * right, "/": left / right}[op]


@pytest.mark.parametrize("side", SIDES)
def test_bundled_files_are_what_the_generator_prints(side, tmp_path):
    assert generate.main(["--side", side, "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out").read_bytes() == (DATA / f"{side}.jsonl").read_bytes()


@pytest.mark.parametrize(("side", "least"), [("train", 3000), ("test", 500)])
def test_bundled_files_hold_enough_different_problems_of_every_story(side, least):
    rows = bundled(side)
    assert len({row["question"] for row in rows}) == len(rows) >= least
    assert all(set(row) == {"question", "answer", "template"} for row in rows)


@pytest.mark.parametrize("side", SIDES)
def test_worked_steps_hold_and_lead_from_the_questions_numbers_to_the_answer(side):
    for row in bundled(side):
        *lines, last = row["answer"].splitlines()
        known = {int(n) for n in re.findall(r"\d+", row["question"])} | {2, 3, 4, 7, 12}
        for line in lines:
            left, op, right, value = LINE.fullmatch(line).groups()
            assert independently(left, op, right) == int(value), line
            assert {int(left), int(right)} <= known, row
            known.add(int(value))
        assert 2 <= len(lines) <= 4
        assert last == f"#### {value}"


def test_no_two_sides_share_a_problems_numbers_within_a_story():
    drawn = {"pretrain": islice(generate.items("pretrain"), 40_000)}
    drawn |= {side: islice(generate.items(side), 4_000) for side in SIDES}
    sides = {}
    for side, found in drawn.items():
        for item in found:
            sides.setdefault((item.story.key, tuple(item.numbers.items())), set()).add(side)
    assert all(len(found) == 1 for found in sides.values())


def test_no_bundled_problem_is_on_the_pretraining_side():
    asked = {item.question() for item in islice(generate.items("pretrain"), 40_000)}
    assert asked.isdisjoint(row["question"] for side in SIDES for row in bundled(side))


def test_bundled_sides_share_no_run_of_thirteen_words():
    training = set().union(*(runs(row, 13) for row in bundled("train")))
    assert not [row["question"] for row in bundled("test") if runs(row, 13) & training]


def test_the_pretraining_side_is_unlimited_and_a_function_of_its_seed(capsys):
    generate.main(["--side", "pretrain", "--count", "50", "--seed", "3"])
    first = capsys.readouterr().out
    generate.main(["--side", "pretrain", "--count", "50", "--seed", "3"])
    assert capsys.readouterr().out == first
    generate.main(["--side", "pretrain", "--count", "50", "--seed", "4"])
    assert capsys.readouterr().out != first
    assert len(first.splitlines()) == 50


def test_a_step_without_a_fitting_result_is_refused():
    story = Story("thirds", ("{a}",), {"a": (1, 9)}, (Step("a", "/", "3", "parts"),))
    assert generate.results(story, {"a": 9}) == [3]
    with pytest.raises(ValueError, match="10 / 3"):
        generate.results(story, {"a": 10})


def test_every_story_uses_all_its_numbers():
    for story in STORIES:
        used = {name for step in story.steps for name in (step.left, step.right)}
        assert set(story.ranges) <= used, story.key
        assert all(f"{{{name}}}" in text for text in story.texts for name in story.ranges), story.key
