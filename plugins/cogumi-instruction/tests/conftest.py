import json

import pytest

from cogumi.testing import make_completions, need_data


@pytest.fixture
def real():
    """IFEval as a folder with input_data.jsonl, on a machine that can count sentences."""
    from cogumi_instruction import punkt

    data = need_data("ifeval")
    if not punkt.available():
        pytest.skip(f"NLTK's sentence model is missing: {punkt.FIX}")
    return data


@pytest.fixture
def rows(real):
    """The real rows."""
    return [json.loads(line) for line in (real / "input_data.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def said():
    """`said(text, ...)`: these texts as completions that ended by themselves, or as `finish` says."""

    return lambda *texts, finish="stop": make_completions(texts, finish=finish)


@pytest.fixture
def write(tmp_path):
    """`write(row, ...)`: a file with these rows."""

    def make(*rows, name="rows.jsonl"):
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return make


@pytest.fixture
def row():
    """`row(instruction, kwargs, ...)`: a row with these constraints."""

    def make(*pairs, key=1, prompt="Write about tea."):
        ids, kwargs = pairs[::2], pairs[1::2]
        return {"key": key, "prompt": prompt, "instruction_id_list": list(ids), "kwargs": list(kwargs)}

    return make
