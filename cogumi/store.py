"""The run folder: what is written, how it survives a kill, how it resumes.

Finished files appear by rename and never change. Samples are appended to a log of plain JSON lines, one write each, every
line with its own checksum (CRC-32 of the line without it), synced in groups; a torn last line is dropped and reported,
damage anywhere else is an error that names file and line. A finished log is sorted, so its bytes do not depend on the
order in which samples came or on how often the run was killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from cogumi.errors import BadInput
from cogumi.records import JSON, Completion

SYNC_SECONDS = 1.0
LOCK_SECONDS = 20.0
"""How long to wait for a folder that another process holds: the workers of a killed run need a moment to end."""


def dumps(value: JSON) -> str:
    """One line of JSON, the same for equal values."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def digest(value: JSON) -> str:
    """SHA-256 (hex) of a JSON value, whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 (hex) of a file; of a folder: of its files' names and digests."""
    if path.is_dir():
        return digest({str(f.relative_to(path)): file_digest(f) for f in sorted(path.rglob("*")) if f.is_file()})
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_file(path: Path, text: str) -> None:
    """Write a whole file, or nothing: under another name first, synced, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    with draft.open("wb") as stream:
        stream.write(text.encode("utf-8", "replace"))
        _sync(stream)
    draft.replace(path)


def write_json(path: Path, value: JSON) -> None:
    """A JSON file for people and programs: indented, keys in the order given."""
    write_file(path, json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def write_lines(path: Path, rows: Iterable[JSON]) -> None:
    """A JSON-lines file."""
    write_file(path, "".join(dumps(row) + "\n" for row in rows))


def read_json(path: Path) -> Any:
    """The value of a JSON file that cogumi wrote."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"cannot be read: {error}", file=path, fix="restore it, or start a new run folder") from error


def completion_of(row: Mapping[str, JSON]) -> Completion:
    """The completion that a row of a sample log stands for."""
    known = {name: value for name, value in row.items() if name not in ("token_ids", "sum")}
    ids = row.get("token_ids")
    return Completion(**known, token_ids=None if ids is None else tuple(ids))


class SampleLog:
    """An append-only log of completions, unique by (request, index). Use as a context manager."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.completions: dict[tuple[str, int], Completion] = {}
        raw = path.read_bytes() if path.exists() else b""
        whole = raw[: raw.rfind(b"\n") + 1]
        self.torn = len(whole) < len(raw)
        self._recover(whole)
        self._stream: IO[bytes] = path.open("ab")
        self._stream.truncate(len(whole))
        self._synced = time.monotonic()

    def __enter__(self) -> SampleLog:
        return self

    def __exit__(self, *_: object) -> None:
        _sync(self._stream)
        self._stream.close()

    def append(self, completion: Completion) -> None:
        """Add a row; it is on its way to the disk when this returns, and synced within about a second."""
        self.completions[completion.request, completion.index] = completion
        self._stream.write(_line(completion))
        self._stream.flush()
        if time.monotonic() - self._synced > SYNC_SECONDS:
            _sync(self._stream)
            self._synced = time.monotonic()

    def finish(self) -> None:
        """Sort the log by request and index, for good."""
        rows = sorted(self.completions.values(), key=lambda c: (c.request, c.index))
        write_file(self.path, b"".join(map(_line, rows)).decode())

    def _recover(self, whole: bytes) -> None:
        for number, line in enumerate(whole.split(b"\n")[:-1], 1):
            completion = _parse(line, self.path, number)
            self.completions[completion.request, completion.index] = completion


def read_samples(path: Path) -> dict[tuple[str, int], Completion]:
    """A finished log's completions by (request, index)."""
    lines = path.read_bytes().splitlines()
    parsed = (_parse(line, path, number) for number, line in enumerate(lines, 1))
    return {(c.request, c.index): c for c in parsed}


def _line(completion: Completion) -> bytes:
    row = {name: value for name, value in asdict(completion).items() if value is not None}
    body = dumps(row).encode("utf-8", "replace")
    return body[:-1] + b',"sum":"%08x"}\n' % zlib.crc32(body)


def _parse(line: bytes, path: Path, number: int) -> Completion:
    body, mark, tail = line.rpartition(b',"sum":"')
    if not mark or tail != b'%08x"}' % zlib.crc32(body + b"}"):
        fix = "restore the file from a copy, or delete it to draw its samples again"
        raise BadInput("the line is damaged: its checksum does not match", file=path, line=number, field="sum", fix=fix)
    return completion_of(json.loads(line))


def _sync(stream: IO[bytes]) -> None:
    stream.flush()
    os.fsync(stream.fileno())


class RunFolder:
    """A run's folder, held by one process (and its workers) at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state = path / ".state"

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

    def begin(self, record: Mapping[str, JSON], *, same: Sequence[str]) -> None:
        """Write `run.json`, or check that the one there says the same under the keys `same`."""
        path = self.path / "run.json"
        if not path.exists():
            write_json(path, record)
            return
        before = read_json(path)
        changes = [change for key in same for change in _changes(before.get(key), json.loads(dumps(record[key])), key)]
        if changes:
            fix = "choose another folder with --out, or go back to the old settings"
            raise BadInput("the run was begun with other settings: " + "; ".join(changes), file=path, fix=fix)

    def done(self, stage: str, key: str) -> bool:
        """Whether a stage was finished for this key and its outputs are still what it wrote."""
        entry = self._stages().get(stage)
        if entry is None or entry["key"] != key:
            return False
        for name, expected in entry["outputs"].items():
            path = self.path / name
            if not path.exists():
                return False
            if file_digest(path) != expected:
                fix = "restore it, or delete it to make it again"
                raise BadInput("was changed after the run wrote it", file=path, fix=fix)
        return True

    def finish(self, stage: str, key: str, outputs: Sequence[str]) -> None:
        """Record that a stage is done and what it left."""
        digests = {name: file_digest(self.path / name) for name in outputs}
        write_json(self.state / "stages.json", {**self._stages(), stage: {"key": key, "outputs": digests}})

    def output_digests(self, stage: str) -> Mapping[str, str]:
        """The digests of what a finished stage left, by name."""
        outputs: Mapping[str, str] = self._stages().get(stage, {}).get("outputs", {})
        return outputs

    def add_time(self, stage: str, seconds: float) -> None:
        """Add to the side file of timings, the only file of a run that depends on the clock."""
        write_lines(self.path / "timings.jsonl", [*self._times(), {"stage": stage, "seconds": round(seconds, 3)}])

    def seconds(self, stage: str) -> float:
        """The seconds spent in a stage so far, over all attempts."""
        return float(sum(row["seconds"] for row in self._times() if row["stage"] == stage))

    def _times(self) -> list[dict[str, Any]]:
        path = self.path / "timings.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def _stages(self) -> dict[str, Any]:
        path = self.state / "stages.json"
        return dict(read_json(path)) if path.exists() else {}


def _changes(old: JSON, new: JSON, name: str) -> list[str]:
    """Where two JSON values differ, as `name: old -> new`."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys = sorted(old.keys() | new.keys())
        return [c for key in keys for c in _changes(old.get(key), new.get(key), f"{name}.{key}")]
    return [] if old == new else [f"{name}: {dumps(old)} -> {dumps(new)}"]
