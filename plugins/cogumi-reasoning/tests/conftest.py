import json

import pytest

from cogumi.testing import make_completions, need_data

ROWS = {
    "train": [
        ("Which one is a fruit?", "words", ["drum", "plum", "sock", "goat"], 1),
        ("Which number is even?", "", ["3", "5", "7", "8"], "D"),
    ],
    "test": [
        ("Which is larger than 20?", "numbers", ["12", "19", "7", "21"], 3),
        ("Which one is a tool?", "words", ["A saw", "A sock", "A dog", "A pear"], 0),
        ("Which one is a tool?", "words", ["A sock", "A dog", "A saw", "A pear"], 2),
        ("Which one is a tool?", "words", ["A saw", "A sock", "A dog", "A pear"], 0),
    ],
    "dev": [
        (f"Which one is {n}?", subject, [str(n + k) for k in range(4)], 0) for subject in ("numbers", "words") for n in range(6)
    ],
}


def write_rows(path, rows):
    names = ("question", "subject", "choices", "answer")
    path.write_text("".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture
def folder(tmp_path):
    for side, rows in ROWS.items():
        write_rows(tmp_path / f"{side}.jsonl", rows)
    return tmp_path


@pytest.fixture
def real():
    """MMLU as a folder with test.jsonl and dev.jsonl."""
    return need_data("mmlu")


@pytest.fixture
def said():
    """`said(text, ...)`: these texts as completions that ended by themselves, or as `finish` says."""

    return lambda *texts, finish="stop": make_completions(texts, finish=finish)
