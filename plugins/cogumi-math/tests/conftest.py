import json

import pytest

from cogumi.testing import make_completions, need_data

ROWS = {
    "train": [
        ("Ida packs 6 boxes of 4 mugs and drops 2 mugs. How many are left?", "6*4=<<6*4=24>>24\n24-2=<<24-2=22>>22\n#### 22"),
        ("A car costs $1,500 and loses half. What is it worth?", "1,500/2 = 750\n#### 750"),
    ],
    "test": [
        ("A desk costs twice as much as a $900 chair. How many dollars is the desk?", "2*900=<<2*900=1800>>1,800\n#### 1,800"),
        ("What is half of a seventh?", "It is one fourteenth.\n#### \\frac{1}{14}"),
        ("What is the root of eight?", "It is twice the root of two.\n#### 2\\sqrt{2}"),
        ("Which share of 8 is 4?", "4/8 = 0.5\n#### 0.5"),
    ],
}


def write_rows(path, rows):
    path.write_text("".join(json.dumps({"question": q, "answer": a}) + "\n" for q, a in rows), encoding="utf-8")


@pytest.fixture
def folder(tmp_path):
    for side, rows in ROWS.items():
        write_rows(tmp_path / f"{side}.jsonl", rows)
    return tmp_path


@pytest.fixture
def real():
    """GSM8K as a folder with train.jsonl and test.jsonl."""
    return need_data("gsm8k")


@pytest.fixture
def said():
    """`said(text, ...)`: these texts as completions that ended by themselves, or as `finish` says."""

    return lambda *texts, finish="stop": make_completions(texts, finish=finish)
