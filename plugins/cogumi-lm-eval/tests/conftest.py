"""The embedded model, MMLU and GSM8K where they are, and small files of their schemas."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from cogumi.records import Weights
from cogumi.testing import need_data


def write_rows(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def sums(first, count, subject=None):
    """Questions of four choices, in MMLU's schema."""
    for number in range(first, first + count):
        choices = [str(number + extra) for extra in (3, 1, 2, 5)]
        row = {"question": f"What is {number} + {number % 3 + 1}?", "choices": choices, "answer": (2, 0, 1)[number % 3 - 2]}
        yield row if subject is None else {**row, "subject": subject}


@pytest.fixture
def rows():
    """`rows(path, rows)` writes JSONL."""
    return write_rows


@pytest.fixture
def mmlu(tmp_path):
    """Two subjects of MMLU: 6 and 3 questions, 5 examples each."""
    folder = tmp_path / "mmlu"
    sizes = {"anatomy": 6, "astronomy": 3}
    write_rows(folder / "test.jsonl", [row for at, (s, n) in enumerate(sizes.items()) for row in sums(100 * at, n, s)])
    write_rows(folder / "dev.jsonl", [row for at, s in enumerate(sizes) for row in sums(500 + 100 * at, 5, s)])
    return folder


@pytest.fixture(scope="session")
def embedded():
    """The embedded model. Its weights change from version to version: nothing here may depend on figures."""
    spec = find_spec("cogumi_tiny")
    if spec is None or spec.origin is None:
        pytest.skip("install cogumi-tiny: its model is evaluated here")
    return Weights(name="embedded", path=str(Path(spec.origin).parent / "model"))


@pytest.fixture(scope="session")
def public():
    """`public(name)`: the folder of a public dataset."""

    return need_data


@pytest.fixture
def silent():
    """A report that nobody reads."""
    return lambda done, total, note: None
