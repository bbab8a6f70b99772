"""The run folder: who holds it, which stages are done and under which key, and the side file of timings."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cogumi.codec import from_json, to_json
from cogumi.errors import BadInput
from cogumi.files import add_time, digest, file_digest, read_json, write_json
from cogumi.records import JSON, Identity
from cogumi.runs import stage_seconds

LOCK_SECONDS = 20.0
"""How long to wait for a folder that another process holds: the workers of a killed run need a moment to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A finished stage."""

    key: str
    """Digest of all that it read."""
    reads: Identity
    """The values it read, to say what differs."""
    outputs: Mapping[str, str]
    """What it left, with digests."""


class RunFolder:
    """A run's folder, held by one process (and its workers) at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state = path / ".state"
        self.timings = path / "timings.jsonl"

    @contextlib.contextmanager
    def hold(self) -> Iterator[int]:
        """Lock the folder; yields the descriptor that holds the lock, for workers to inherit."""
        try:
            self.state.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.state / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise BadInput(f"cannot be written: {error.strerror}", file=self.path, field="out", fix="choose another") from error
        try:
            self._wait_for(lock)
            yield lock
        finally:
            os.close(lock)

    def _wait_for(self, lock: int) -> None:
        end = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > end:
                    fix = "wait for it, or choose another folder"
                    raise BadInput("another cogumi is working in this folder", file=self.path, fix=fix) from None
                time.sleep(0.1)

    def done(self, stage: str) -> Done | None:
        """What is known of a finished stage."""
        return self._stages().get(stage)

    def is_done(self, stage: str, key: str) -> bool:
        """Whether a stage was finished for this key and its outputs are still what it wrote."""
        found = self.done(stage)
        return found is not None and found.key == key and self.is_whole(found)

    def is_whole(self, found: Done) -> bool:
        """Whether all outputs are there; one that was changed is an error."""
        for name, expected in found.outputs.items():
            path = self.path / name
            if not path.exists():
                return False
            if file_digest(path) != expected:
                fix = "restore it, or delete it to make it again"
                raise BadInput("was changed after the run wrote it", file=path, fix=fix)
        return True

    def reopen(self, stage: str) -> None:
        """A finished stage is done again: what it leaves half done is its own until it is finished."""
        found = self.done(stage)
        if found is not None:
            self._record(stage, replace(found, key=""))

    def finish(self, stage: str, key: str, reads: Identity, outputs: Sequence[str]) -> Done:
        """Record that a stage is done and what it left."""
        found = Done(key=key, reads=reads, outputs={name: file_digest(self.path / name) for name in outputs})
        self._record(stage, found)
        return found

    def _record(self, stage: str, found: Done) -> None:
        stages = {name: to_json(done) for name, done in self._stages().items()}
        write_json(self.state / "stages.json", {**stages, stage: to_json(found)})

    def remember(self, name: str, value: JSON) -> None:
        """Keep a value beside the stages."""
        write_json(self.state / f"{name}.json", value)

    def recall(self, name: str) -> Any:
        """A value kept beside the stages, or None."""
        path = self.state / f"{name}.json"
        return read_json(path) if path.exists() else None

    def add_time(self, stage: str, seconds: float) -> None:
        """Add to the side file of timings, the only file of a run that depends on the clock."""
        add_time(self.timings, stage, seconds)

    def seconds(self, stage: str) -> float:
        """The seconds spent in a stage so far, over all attempts."""
        return stage_seconds(self.path).get(stage, 0.0)

    def _stages(self) -> dict[str, Done]:
        path = self.state / "stages.json"
        if not path.exists():
            return {}
        value = read_json(path)
        if not isinstance(value, dict):
            raise BadInput("not an object", file=path, fix="delete it: what is finished is then found again")
        return {name: from_json(Done, entry, file=path) for name, entry in value.items()}


def key_of(stage: str, reads: Identity, needs: Mapping[str, Mapping[str, str]]) -> str:
    """The key of a stage: a digest of the values it reads and of the outputs it builds on."""
    return digest([stage, reads, needs])


def differences(old: JSON, new: JSON, name: str = "") -> list[str]:
    """Where two JSON values differ, shortly, as `name: old -> new`; long texts and digests are only said to differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [key for key in old if key in new] + [key for key in (*old, *new) if (key in old) != (key in new)]
        return [c for key in keys for c in differences(old.get(key), new.get(key), f"{name}.{key}" if name else key)]
    if old == new:
        return []
    if any(isinstance(value, dict | list) or len(str(value)) > SHOWN for value in (old, new)):
        return [f"{name} differs"]
    return [f"{name}: {_said(old)} -> {_said(new)}"]


SHOWN = 30
"""Values up to this many characters are shown when they differ."""


def _said(value: JSON) -> str:
    return "none" if value is None else str(value)
