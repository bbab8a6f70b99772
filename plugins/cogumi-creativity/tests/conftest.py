import json

import pytest

from cogumi.records import Ballot
from cogumi.testing import make_completions

ROWS = {
    "train": [{"prompt": "Write about rain.", "story": "It rained."}, {"prompt": "Write about snow.", "id": "snow"}],
    "test": [{"prompt": "[ WP ] A clock runs backwards."}, {"prompt": "Write a farewell.", "id": "bye"}],
}


@pytest.fixture
def folder(tmp_path):
    for side, rows in ROWS.items():
        (tmp_path / f"{side}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return tmp_path


@pytest.fixture
def said():
    """`said(text, ...)`: these texts as completions that ended by themselves, or as `finish` says."""

    return lambda *texts, finish="stop": make_completions(texts, finish=finish)


@pytest.fixture
def cast():
    """`cast(answer, ...)`: one ballot per answer."""

    def make(*answers):
        return [Ballot(answer=a, text=f"{a}!", index=i) for i, a in enumerate(answers)]

    return make
