"""Sampler `replay`: answers requests from a file of recorded samples, so that a run can be judged again without a model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from cogumi.data import read_rows
from cogumi.errors import BadInput
from cogumi.records import Completion, Model, Request
from cogumi.store import completion_of


class Replay:
    """Recorded completions by request and index; what was not recorded is an error row."""

    def __init__(self, recorded: Iterable[Completion]) -> None:
        self.recorded = {(c.request, c.index): c for c in recorded}

    def sample(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """The recorded completions of the wanted samples."""
        for request in requests:
            for index in request.indices:
                missing = Completion(
                    request=request.id, index=index, text="", finish="error", error="no such sample was recorded"
                )
                yield self.recorded.get((request.id, index), missing)

    def close(self) -> None:
        """Forget the recording."""
        self.recorded = {}


def replay(model: Model, *, path: Path) -> Replay:
    """Answer from a run's recorded samples (`-o replay.path=runs/NAME/samples/before.jsonl`)."""
    if not path.is_file():
        raise BadInput("no such file", file=path, field="replay.path", fix="give a samples/*.jsonl of a run")
    return Replay(completion_of(row.value) for row in read_rows(path))
