"""Sampler `replay`: answers requests from a file of recorded samples, so that a run can be judged again without a model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from cogumi.data import read_rows
from cogumi.errors import BadInput
from cogumi.files import file_digest
from cogumi.records import Completion, Model, Request, Resolved, Serves
from cogumi.sampling.log import completion_of


class Replay:
    """Recorded completions by request and index; what was not recorded is an error row."""

    serves = Serves(endpoints=True)

    def __init__(self, model: Model, path: Path) -> None:
        self.model, self.path = model, path
        self.recorded: dict[tuple[str, int], Completion] = {}

    def resolve(self) -> Resolved:
        """The recording is the model: nothing else is looked at."""
        return Resolved(model=self.model, fingerprint={"recording": file_digest(self.path)})

    def sample(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """The recorded completions of the wanted samples."""
        if not self.recorded:
            rows = (completion_of(dict(row.value)) for row in read_rows(self.path))
            self.recorded = {(c.request, c.index): c for c in rows}
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
    return Replay(model, path)
