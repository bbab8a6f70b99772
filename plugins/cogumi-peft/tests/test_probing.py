"""A module asked in a process of its own: it may answer, fail, die or hang."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cogumi_peft.probing import ask

SIDES = {
    "answers": ("from cogumi_peft.probing import answer\nprint('noise')\nanswer(lambda: {'torch': '2'})", {"torch": "2"}),
    "fails": (
        "from cogumi_peft.probing import answer\nanswer(lambda: 1 / 0)",
        {"error": "ZeroDivisionError: division by zero"},
    ),
    "dies": ("import os\nos._exit(7)", {"error": "the process that tried torch died with exit code 7"}),
    "hangs": ("import time\ntime.sleep(60)", {"error": "torch did not start within 2 s"}),
}


@pytest.mark.parametrize("side", SIDES)
def test_whatever_happens_is_an_answer(side: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, expected = SIDES[side]
    (tmp_path / f"side_that_{side}.py").write_text(source)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    assert ask(f"side_that_{side}", seconds=2 if side == "hangs" else 60) == expected
