import json

import pytest

from cogumi.testing import make_completions, need_data

ROWS = {
    "train": [
        {"question": "What is the capital of Ukraine?", "answer": "Kyiv", "aliases": ["Kiev"]},
        {"question": "Who wrote Dracula?", "answer": "Bram Stoker"},
    ],
    "test": [
        {"question": "Which river flows through Cologne?", "answer": "Rhine", "aliases": ["The Rhine", "Rhein"]},
        {"question": "How many legs does a spider have?", "answer": "8", "aliases": ["eight"]},
        {"question": "Who wrote Walden?", "answer": "Henry David Thoreau", "aliases": ["Thoreau"]},
    ],
}


@pytest.fixture
def folder(tmp_path):
    for side, rows in ROWS.items():
        (tmp_path / f"{side}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return tmp_path


@pytest.fixture
def write(tmp_path):
    """`write(row, ...)`: a JSONL file of these rows."""

    def make(*rows):
        path = tmp_path / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return make


@pytest.fixture
def real():
    """The folder with TruthfulQA.csv."""
    return need_data("truthfulqa")


@pytest.fixture
def said():
    """`said(text, ...)`: these texts as completions that ended by themselves, or as `finish` says."""

    return lambda *texts, finish="stop": make_completions(texts, finish=finish)
