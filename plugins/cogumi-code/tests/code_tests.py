"""What the tests of category and benchmark share: where the real data lies, and completions from texts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cogumi.records import Completion


def real(name: str) -> Path:
    """A folder or file of COGUMI_DATA_DIR; the test is skipped where it is missing."""
    path = Path(os.environ.get("COGUMI_DATA_DIR") or Path(__file__).parents[4] / "shared" / "data") / name
    if not path.exists():
        pytest.skip(f"set COGUMI_DATA_DIR to a folder that holds {name}")
    return path


def said(*texts: str, finish: str = "stop") -> list[Completion]:
    """These texts as completions."""
    error = "the engine died" if finish == "error" else None
    return [Completion(request="r", index=i, text=text, finish=finish, error=error) for i, text in enumerate(texts)]
