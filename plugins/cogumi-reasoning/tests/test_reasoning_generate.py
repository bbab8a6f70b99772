import json
import re
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest
from cogumi_reasoning import generate, words
from cogumi_reasoning.plugin import mmlu, reasoning
from cogumi_reasoning.subjects import SUBJECTS, Draft

from cogumi.distillation.decontamination import find_overlap

DATA = Path(generate.__file__).parent / "data"
SIDES = ("train", "test", "dev")
KIND = {word: kind for kind, those in words.KINDS.items() for word in those}
OTHER = dict([*words.OPPOSITES, *((b, a) for a, b in words.OPPOSITES)])


def bundled(side):
    return [json.loads(line) for line in (DATA / f"{side}.jsonl").read_text(encoding="utf-8").splitlines()]


def name_of(row):
    return row["question"], frozenset(row["choices"])


def drawn(count=3000, side="pretrain"):
    return list(islice(generate.items(side), count))


@pytest.mark.parametrize("side", SIDES)
def test_bundled_files_are_what_the_generator_prints(side, tmp_path):
    assert generate.main(["--side", side, "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out").read_bytes() == (DATA / f"{side}.jsonl").read_bytes()


def test_without_a_side_all_bundled_files_are_written(tmp_path):
    assert generate.main(["--out", str(tmp_path)]) == 0
    assert all((tmp_path / f"{side}.jsonl").read_bytes() == (DATA / f"{side}.jsonl").read_bytes() for side in SIDES)


@pytest.mark.parametrize(("side", "least"), [("train", 1000), ("test", 240), ("dev", 55)])
def test_bundled_files_hold_enough_different_problems_of_every_subject(side, least):
    rows = bundled(side)
    assert len({name_of(row) for row in rows}) == len(rows) >= least
    assert set(Counter(row["subject"] for row in rows).values()) == {generate.BUNDLED[side]}
    assert all(set(row) == {"question", "subject", "choices", "answer"} for row in rows)


@pytest.mark.parametrize("side", ["train", "test"])
def test_letters_are_uniform(side):
    rows = bundled(side)
    assert all(0.19 < n / len(rows) < 0.31 for n in Counter(row["answer"] for row in rows).values())


def test_no_two_sides_share_a_question_with_its_choices():
    sides = {}
    for side in ("pretrain", *SIDES):
        for item in drawn(6_000, side):
            sides.setdefault((item.question, frozenset(item.choices)), set()).add(side)
    assert all(len(found) == 1 for found in sides.values())


def test_bundled_sides_do_not_overlap():
    assert find_overlap(reasoning(data="bundled").task.problems(), mmlu(data="bundled").task.problems()) == {}


def test_the_pretraining_side_is_unlimited_and_a_function_of_its_seed(capsys):
    printed = []
    for seed in ("3", "3", "4"):
        generate.main(["--side", "pretrain", "--count", "50", "--seed", seed])
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1] != printed[2]
    assert len(printed[0].splitlines()) == 50


def test_no_word_has_two_kinds_and_none_two_opposites():
    assert len(KIND) == sum(map(len, words.KINDS.values()))
    assert len(OTHER) == 2 * len(words.OPPOSITES)
    assert len(set(words.PURPOSES.values())) == len(words.PURPOSES)


def test_every_subject_has_four_different_choices_and_a_reason_that_ends_in_the_right_one():
    for item in drawn():
        assert len(set(item.choices)) == 4
        assert not item.reason or re.search(rf"(?<!\w){re.escape(item.choices[item.answer])}\.$", item.reason)
    assert set(SUBJECTS) == {item.subject for item in drawn(len(SUBJECTS))}


def test_a_draft_has_its_side_whatever_the_order_of_its_choices():
    one, other = Draft("q", "a", ("b", "c", "d")), Draft("q", "a", ("d", "b", "c"))
    assert generate.side_of(one) == generate.side_of(other)


def solved(subject, question, choices):
    """The choices that are right, found another way than the generator's."""
    asked = re.findall(r"\w+", question)
    return [choice for choice in choices if FITS[subject](question, asked, choice, choices)]


def follows(names):
    def fits(question, asked, choice, choices):
        here = names.index(asked[-1])
        return names[(here + (1 if "after" in asked else -1)) % len(names)] == choice

    return fits


def compared(question, asked, choice, choices):
    (most, middle), (again, least) = re.findall(r"(\w+) is \w+ than (\w+)\.", question)
    assert middle == again
    return choice == (most if asked[-1] in ("tallest", "oldest", "fastest") else least)


def given(question, asked, choice, choices):
    return re.findall(r"to (\w+)\.", question)[-1] == choice


FITS = {
    "number_order": lambda q, a, c, cs: int(c) == (max if a[-1] == "largest" else min)(map(int, cs)),
    "counting": lambda q, a, c, cs: int(c) == 2 * int(a[-1]) - int(a[-2]),
    "arithmetic": lambda q, a, c, cs: int(c) == int(a[-2]) + int(a[-1]),
    "alphabet": lambda q, a, c, cs: c == min(cs) if "first" in a else ord(c) == ord(a[-1]) + 1,
    "calendar": lambda q, a, c, cs: follows(words.DAYS if "day" in a else words.MONTHS)(q, a, c, cs),
    "categories": lambda q, a, c, cs: KIND[c] in q,
    "odd_one_out": lambda q, a, c, cs: KIND[c] not in q,
    "opposites": lambda q, a, c, cs: OTHER[a[-1]] == c,
    "purposes": lambda q, a, c, cs: words.PURPOSES[q.partition(" to ")[2].rstrip("?")] == c,
    "comparisons": compared,
    "giving": given,
}


@pytest.mark.parametrize("subject", sorted(SUBJECTS))
def test_exactly_one_choice_is_right(subject):
    rows = [row for side in SIDES for row in bundled(side)] + [item.row() for item in drawn()]
    for row in rows:
        if row["subject"] == subject:
            assert solved(subject, row["question"], row["choices"]) == [row["choices"][row["answer"]]], row
