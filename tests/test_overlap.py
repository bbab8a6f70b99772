from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from cogumi.data import read_rows
from cogumi.distillation.decontamination import N, find_overlap
from cogumi.records import Problem


def problem(name: str, prompt: str) -> Problem:
    return Problem(id=name, prompt=prompt)


def words(first: int, count: int) -> list[str]:
    return [f"w{i}" for i in range(first, first + count)]


def overlaps(one: str, other: str) -> bool:
    return bool(find_overlap([problem("train", one)], [problem("test", other)]))


def test_the_same_words_overlap_whatever_case_spacing_and_marks() -> None:
    found = find_overlap(
        [problem("t1", "What is 2 + 2 ?"), problem("t2", "What is 3 + 3?")],
        [problem("h1", "what  is 2 + 2"), problem("h2", "Why?")],
    )
    assert found == {"t1": "h1"}


def test_short_problems_overlap_only_as_a_whole() -> None:
    assert not overlaps("What is 2 + 2?", "What is 2 + 2 + 2?")


def test_a_long_problem_with_a_changed_ending_overlaps() -> None:
    text = words(0, 60)
    assert overlaps(" ".join([*text, "extra"]), " ".join(text))
    assert overlaps(" ".join(text[:50]), " ".join(text))


def test_a_shared_template_alone_does_not_overlap() -> None:
    template = words(0, 20)
    assert not overlaps(" ".join([*template, *words(100, 40)]), " ".join([*template, *words(200, 40)]))


def test_the_share_is_that_of_the_training_problem() -> None:
    text = words(0, 112)
    assert len(text) - N + 1 == 100
    copy, rest = text[:92], words(500, 20)
    assert overlaps(" ".join([*copy, *rest]), " ".join(text))
    assert not overlaps(" ".join([*text[:91], *words(500, 21)]), " ".join(text))


def test_grams_scattered_over_many_held_out_problems_are_no_repeat_of_one() -> None:
    text = words(0, 60)
    pieces = [problem(f"h{i}", " ".join([*text[i : i + 20], *words(1000 + 100 * i, 30)])) for i in range(0, 45, 7)]
    assert find_overlap([problem("t", " ".join(text))], pieces) == {}


@given(st.lists(st.text("ab ", max_size=8), max_size=6), st.lists(st.text("ab ", max_size=8), max_size=6))
def test_problems_without_marks_in_common_never_overlap(training: list[str], held_out: list[str]) -> None:
    mine = [problem(f"t{i}", f"x {text}") for i, text in enumerate(training)]
    theirs = [problem(f"h{i}", f"y {text}") for i, text in enumerate(held_out)]
    assert find_overlap(mine, theirs) == {}
    assert find_overlap(theirs, theirs).keys() == {p.id for p in theirs}


def test_the_two_sides_of_gsm8k_do_not_overlap(public_data: Path) -> None:
    sides = [
        [problem(f"{side}-{row.line}", row.get("question", str)) for row in read_rows(public_data / f"gsm8k/{side}.jsonl")]
        for side in ("train", "test")
    ]
    assert find_overlap(*sides) == {}
    repeated = [*sides[0][:50], problem("copy", sides[1][7].prompt.upper())]
    assert find_overlap(repeated, sides[1]) == {"copy": sides[1][7].id}
