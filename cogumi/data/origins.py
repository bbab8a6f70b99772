"""Where rows came from, told to whoever asks for it while they are read.

    with collect_origins() as origins:
        problems = task.problems()

A task reads its rows where and when it likes, and need not know that anybody asks; so what was read is told through the context
and not through the task.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What rows were read from."""

    kind: Literal["bundled", "hub", "file"]
    """What comes with a plugin; the data hub; a file of the user's."""
    name: str
    """The file's name; the repository with configuration and split; the path as it was given."""
    revision: str | None = None
    """The commit of the repository, where the hub tells it."""
    digest: str | None = None
    """SHA-256 of the file."""

    def __str__(self) -> str:
        """As a run's first lines name it."""
        if self.kind == "hub":
            return f"{self.name} on the hub" + ("" if self.revision is None else f", revision {self.revision[:12]}")
        told = "" if self.digest is None else f"sha256 {self.digest[:12]}"
        return f"bundled {self.name}" if self.kind == "bundled" else f"{self.name} ({told})"


_COLLECTING: ContextVar[list[Origin] | None] = ContextVar("collecting", default=None)


@contextlib.contextmanager
def collect_origins() -> Iterator[list[Origin]]:
    """A list that fills with the origins of all rows that are read meanwhile, each once."""
    found: list[Origin] = []
    token = _COLLECTING.set(found)
    try:
        yield found
    finally:
        _COLLECTING.reset(token)


def tell(origin: Origin) -> None:
    """Say what rows are read from; nobody need listen."""
    found = _COLLECTING.get()
    if found is not None and origin not in found:
        found.append(origin)
