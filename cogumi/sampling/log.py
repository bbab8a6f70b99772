"""The log of samples and of their scores: append-only lines of JSON, each with its own checksum, unique by (request, index).

Each row is appended with one write, and synced in groups; a torn last line is dropped and reported, damage anywhere else is
an error that names file and line. A finished log is sorted, so its bytes do not depend on the order in which rows came or on
how often the run was killed. Logs that several workers wrote (`NAME.SHARD.jsonl`) are merged by key.

What is held in memory is where each row stands, never its text: readers take one problem at a time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import IO, Any, Generic, Protocol, TypeVar

from cogumi.files import checked_line, read_checked, replacing, sync
from cogumi.records import Completion, Raw

SYNC_SECONDS = 1.0
Key = tuple[str, int]


class Row(Protocol):
    """What a log holds: a frozen record of one sample."""

    @property
    def request(self) -> str:
        """The request's id."""

    @property
    def index(self) -> int:
        """Which of its samples."""


T = TypeVar("T", bound=Row)


@dataclass(frozen=True, slots=True)
class Form(Generic[T]):
    """How a log's rows are read."""

    decode: Callable[[Raw], T]
    """The record of a row."""
    failed: Callable[[T], bool] = lambda row: False
    """Whether the record stands for a sample that has to be drawn again."""
    silent: Callable[[T], bool] = lambda row: False
    """Whether it lacks a log-probability."""


def completion_of(row: Raw) -> Completion:
    """The completion that a row of a sample log stands for."""
    ids = row.pop("token_ids", None)
    row.pop("sum", None)
    return Completion(**row, token_ids=None if ids is None else tuple(ids))


COMPLETIONS: Form[Completion] = Form(completion_of, lambda row: row.finish == "error", lambda row: row.logprob is None)


class Log(Generic[T]):
    """A log to append to. Use as a context manager."""

    def __init__(self, path: Path, form: Form[T]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self.form = path, form
        self.places: dict[Key, tuple[int, int]] = {}
        self.failed: set[Key] = set()
        self.silent: set[Key] = set()
        self._end = 0
        for place, row in _rows(path, form) if path.exists() else ():
            self._remember(row, place)
            self._end = sum(place)
        self.torn = path.exists() and path.stat().st_size > self._end
        self._stream: IO[bytes] = path.open("r+b" if path.exists() else "w+b")
        self._stream.truncate(self._end)
        self._synced = time.monotonic()

    def __enter__(self) -> Log[T]:
        return self

    def __exit__(self, *_: object) -> None:
        sync(self._stream)
        self._stream.close()

    def __len__(self) -> int:
        return len(self.places)

    def has(self, key: Key, *, logprob: bool = False) -> bool:
        """Whether the sample is there and did not fail, with its log-probability where that is wanted."""
        return key in self.places and key not in self.failed and not (logprob and key in self.silent)

    def append(self, row: T) -> None:
        """Add a row; it is on its way to the disk when this returns, and synced within about a second."""
        line = checked_line(_plain(row))
        self._stream.seek(0, 2)
        self._stream.write(line)
        self._stream.flush()
        self._remember(row, (self._end, len(line)))
        self._end += len(line)
        if time.monotonic() - self._synced > SYNC_SECONDS:
            sync(self._stream)
            self._synced = time.monotonic()

    def rows(self) -> Iterator[T]:
        """All rows, by request and index."""
        for number, key in enumerate(sorted(self.places), 1):
            yield self.form.decode(read_checked(self._line(key).rstrip(b"\n"), self.path, number))

    def absorb(self, shard: Path) -> None:
        """Take in the rows of another log that this one does not have."""
        for _, row in _rows(shard, self.form):
            if not self.has((row.request, row.index)):
                self.append(row)

    def finish(self, keep: Callable[[Key], bool] = lambda key: True) -> None:
        """Sort the log by request and index, for good."""
        with replacing(self.path) as stream:
            for key in sorted(self.places):
                if keep(key):
                    stream.write(self._line(key))

    def _line(self, key: Key) -> bytes:
        offset, length = self.places[key]
        self._stream.seek(offset)
        return self._stream.read(length)

    def _remember(self, row: T, place: tuple[int, int]) -> None:
        key = (row.request, row.index)
        self.places[key] = place
        (self.failed.add if self.form.failed(row) else self.failed.discard)(key)
        (self.silent.add if self.form.silent(row) else self.silent.discard)(key)


class StoredLog(Mapping[Key, T]):
    """A finished log's rows by (request, index), read from the file when they are asked for."""

    def __init__(self, path: Path, form: Form[T]) -> None:
        self.path, self.form = path, form
        self._stream: IO[bytes] | None = None
        self._places = {(row.request, row.index): (place, number) for number, (place, row) in enumerate(_rows(path, form), 1)}

    def __getitem__(self, key: Key) -> T:
        (offset, length), number = self._places[key]
        if self._stream is None:
            self._stream = self.path.open("rb")
        self._stream.seek(offset)
        return self.form.decode(read_checked(self._stream.read(length).rstrip(b"\n"), self.path, number))

    def __contains__(self, key: object) -> bool:
        return key in self._places

    def __iter__(self) -> Iterator[Key]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def close(self) -> None:
        """Give the file back."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def __del__(self) -> None:
        self.close()


def read_samples(path: Path) -> StoredLog[Completion]:
    """A finished log's completions by (request, index)."""
    return StoredLog(path, COMPLETIONS)


def _rows(path: Path, form: Form[T]) -> Iterator[tuple[tuple[int, int], T]]:
    """Where each row stands, and the row; a last line without its end is torn, and left out."""
    offset = 0
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if not line.endswith(b"\n"):
                return
            yield (offset, len(line)), form.decode(read_checked(line[:-1], path, number))
            offset += len(line)


def _plain(row: Any) -> Raw:
    """A record's fields that say something, in their order."""
    return {field.name: value for field in fields(row) if (value := getattr(row, field.name)) is not None and value != {}}
