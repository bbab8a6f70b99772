"""Files of rows that readers are tried on, and what is said of them where they are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogumi.data import Row, Source, load_rows
from cogumi.errors import BadInput

SOURCE = Source(hub=("owner/words", "main", "test"), files=("test", "main/test"))


def write(path: Path, content: str | bytes) -> Path:
    """A file with this content, in a folder that is made where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rows_of(path: Path) -> list[Row]:
    """Its rows, each question once."""
    return load_rows(str(path), SOURCE, unique="question")


def refusal(path: Path) -> str:
    """Why it is refused, in one line."""
    with pytest.raises(BadInput) as caught:
        rows_of(path)
    message = str(caught.value)
    assert "\n" not in message
    return message
