import json
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest
from cogumi_instruction import generate
from cogumi_instruction.checkers import constraint
from cogumi_instruction.generate import CLASHES, KINDS
from cogumi_instruction.topics import ENDS, KEYWORDS, TOPICS

from cogumi.distillation.decontamination import find_overlap
from cogumi.records import Problem

DATA = Path(generate.__file__).parent / "data"
SIDES = ("train", "test")
SHORT = {kind.instruction: name for name, kind in KINDS.items()}


def bundled(side):
    return [json.loads(line) for line in (DATA / f"{side}.jsonl").read_text(encoding="utf-8").splitlines()]


def identity(row):
    """What is asked, whatever the wording and the order."""
    pairs = zip(row["instruction_id_list"], row["kwargs"], strict=True)
    topic = next(topic for topic in TOPICS if f"the {topic}" in row["prompt"].split(".")[0].split("?")[0].removesuffix(" like"))
    return topic, frozenset((name, json.dumps(kwargs, sort_keys=True)) for name, kwargs in pairs)


@pytest.mark.parametrize("side", SIDES)
def test_bundled_files_are_what_the_generator_prints(side, tmp_path):
    assert generate.main(["--side", side, "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out").read_bytes() == (DATA / f"{side}.jsonl").read_bytes()


@pytest.mark.parametrize(("side", "least"), [("train", 1000), ("test", 240)])
def test_bundled_files_hold_enough_different_problems_of_every_constraint(side, least):
    rows = bundled(side)
    assert len({row["key"] for row in rows}) == len({row["prompt"] for row in rows}) == len(rows) >= least
    assert len({identity(row) for row in rows}) == len(rows)
    asked = Counter(SHORT[name] for row in rows for name in row["instruction_id_list"])
    assert set(asked) == set(KINDS)
    assert min(asked.values()) > len(rows) / 25
    assert Counter(len(row["kwargs"]) for row in rows).keys() == {1, 2}


@pytest.mark.parametrize("side", SIDES)
def test_bundled_rows_ask_for_what_their_constraints_check(side):
    for row in bundled(side):
        for name, kwargs in zip(row["instruction_id_list"], row["kwargs"], strict=True):
            assert constraint(name, kwargs).kwargs == kwargs
            values = [value for value in kwargs.values() if value not in ("less than", "P.S.")]
            shown = [str(each) for value in values for each in (value if isinstance(value, list) else [value])]
            assert all(each in row["prompt"] for each in shown), row
        assert frozenset(SHORT[name] for name in row["instruction_id_list"]) not in CLASHES


def test_no_two_sides_share_a_problem_whatever_the_wording():
    drawn = {"pretrain": islice(generate.items("pretrain"), 20_000)}
    drawn |= {side: islice(generate.items(side), 4_000) for side in SIDES}
    sides = {}
    for side, found in drawn.items():
        for item in found:
            sides.setdefault((item.topic, frozenset(item.values.items())), set()).add(side)
    assert all(len(found) == 1 for found in sides.values())


def test_no_bundled_problem_is_on_the_pretraining_side():
    asked = {item.prompt() for item in islice(generate.items("pretrain"), 20_000)}
    assert asked.isdisjoint(row["prompt"] for side in SIDES for row in bundled(side))


def test_the_bundled_sides_do_not_overlap():
    training, held_out = ([Problem(id=str(row["key"]), prompt=row["prompt"]) for row in bundled(side)] for side in SIDES)
    assert find_overlap(training, held_out) == {}


def test_the_pretraining_side_is_unlimited_and_a_function_of_its_seed(capsys):
    generate.main(["--side", "pretrain", "--count", "50", "--seed", "3"])
    first = capsys.readouterr().out
    generate.main(["--side", "pretrain", "--count", "50", "--seed", "3"])
    assert capsys.readouterr().out == first
    generate.main(["--side", "pretrain", "--count", "50", "--seed", "4"])
    assert capsys.readouterr().out != first
    assert len(first.splitlines()) == 50


def test_words_do_not_get_into_each_others_way():
    adjectives = {word for words in TOPICS.values() for word in words}
    assert all(len(set(words)) == 6 for words in TOPICS.values())
    assert not {*KEYWORDS} & (adjectives | {*TOPICS})
    assert not [end for end in ENDS if set(end.lower().strip(".?").split()) & adjectives]
    assert not [one for one in ENDS for other in ENDS if one != other and other.lower().endswith(one.lower())]
