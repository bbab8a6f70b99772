"""Who is told what a run does: nobody, several, or a file of JSON lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cogumi.protocols import Observer
from cogumi.registry.discovery import Entry


class Silent:
    """Tells nobody."""

    def begin(self, stage: str, note: str) -> None:
        """Nothing."""

    def progress(self, done: int, total: int, note: str) -> None:
        """Nothing."""

    def say(self, text: str) -> None:
        """Nothing."""

    def metrics(self, stage: str, values: Mapping[str, float]) -> None:
        """Nothing."""

    def end(self, stage: str, seconds: float) -> None:
        """Nothing."""

    def finish(self, outcome: str) -> None:
        """Nothing."""


class Several:
    """Tells the run's own observer, and those that were asked for; one that raises is said once and not told any more."""

    def __init__(self, first: Observer, others: Sequence[tuple[Entry, Observer]]) -> None:
        self.first, self.others = first, list(others)

    def _tell(self, how: Callable[[Observer], None]) -> None:
        how(self.first)
        for entry, observer in list(self.others):
            try:
                how(observer)
            except Exception as error:  # an observer is never worth a run
                self.others.remove((entry, observer))
                self.first.say(f"{entry.label} failed and is not told any more: {type(error).__name__}: {error}")

    def begin(self, stage: str, note: str) -> None:
        """A stage begins."""
        self._tell(lambda observer: observer.begin(stage, note))

    def progress(self, done: int, total: int, note: str) -> None:
        """How far the stage is."""
        self._tell(lambda observer: observer.progress(done, total, note))

    def say(self, text: str) -> None:
        """A sentence the user should read."""
        self._tell(lambda observer: observer.say(text))

    def metrics(self, stage: str, values: Mapping[str, float]) -> None:
        """Figures that a stage came to."""
        self._tell(lambda observer: observer.metrics(stage, values))

    def end(self, stage: str, seconds: float) -> None:
        """The stage is finished."""
        self._tell(lambda observer: observer.end(stage, seconds))

    def finish(self, outcome: str) -> None:
        """The run ended."""
        self._tell(lambda observer: observer.finish(outcome))


class JsonLines:
    """Appends one JSON object per event to a file; progress is left out, since it is for people."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(self, stage: str, note: str) -> None:
        """`{"event": "begin", "stage": ..., "note": ...}`."""
        self._write(event="begin", stage=stage, note=note)

    def progress(self, done: int, total: int, note: str) -> None:
        """Nothing."""

    def say(self, text: str) -> None:
        """`{"event": "say", "text": ...}`."""
        self._write(event="say", text=text)

    def metrics(self, stage: str, values: Mapping[str, float]) -> None:
        """`{"event": "metrics", "stage": ..., "values": {...}}`."""
        self._write(event="metrics", stage=stage, values=dict(values))

    def end(self, stage: str, seconds: float) -> None:
        """`{"event": "end", "stage": ..., "seconds": ...}`."""
        self._write(event="end", stage=stage, seconds=round(seconds, 3))

    def finish(self, outcome: str) -> None:
        """`{"event": "finish", "outcome": ...}`."""
        self._write(event="finish", outcome=outcome)

    def _write(self, **event: Any) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(event, ensure_ascii=False) + "\n")


def jsonl(*, path: Path = Path("events.jsonl")) -> JsonLines:
    """Write what happens to a file, one JSON object a line.

    path: where to.
    """
    return JsonLines(path)
