"""Files that survive: whole or not at all, the same bytes for the same content, known by digest.

Finished files appear by rename and never change. Lines of a log carry their own checksum (CRC-32 of the line without it).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, TypeVar

from cogumi.codec import from_json
from cogumi.errors import BadInput
from cogumi.records import JSON, Raw

T = TypeVar("T")


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


def remembered_digest(path: Path) -> str:
    """`file_digest` of a large file, remembered in the user's cache by path, size, both times and inode.

    A file that was replaced or changed is read again, since no program can set its change time. Where the cache cannot be
    written the file is simply read each time.
    """
    stat = path.stat()
    seen = [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]
    memory = cache_folder() / "digests" / f"{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:32]}.json"
    try:
        known = json.loads(memory.read_text(encoding="utf-8"))
        if known["seen"] == seen and isinstance(known["digest"], str):
            return str(known["digest"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # nothing remembered, or not readably: the file itself says it all
    found = file_digest(path)
    with contextlib.suppress(OSError):  # a cache that cannot be written costs time alone
        write_json(memory, {"seen": seen, "digest": found})
    return found


def cache_folder() -> Path:
    """Where what can be made again is kept: `COGUMI_CACHE_DIR`, else `cogumi` in `XDG_CACHE_HOME` or in `~/.cache`."""
    if own := os.environ.get("COGUMI_CACHE_DIR"):
        return Path(own).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "cogumi"


def recall(kind: str, key: JSON) -> Any:
    """What was remembered of this kind under this key; None where nothing is."""
    try:
        return json.loads((cache_folder() / kind / f"{digest(key)}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # nothing, or not readably
        return None


def remember(kind: str, key: JSON, value: JSON) -> None:
    """Keep it in the user's cache; one that cannot be written costs time alone."""
    with contextlib.suppress(OSError):
        write_json(cache_folder() / kind / f"{digest(key)}.json", value)


def write_file(path: Path, text: str | bytes) -> None:
    """Write a whole file, or nothing: under another name first, synced, then renamed."""
    with replacing(path) as stream:
        stream.write(text if isinstance(text, bytes) else text.encode("utf-8", "replace"))


class replacing:  # reads as what it does: `with replacing(path) as stream`
    """A stream whose bytes take the place of a file when the block ends, and leave it alone when it raises."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.draft = path.with_name(f".{path.name}.part")

    def __enter__(self) -> IO[bytes]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.stream = self.draft.open("wb")
        return self.stream

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self.stream:
            if kind is None:
                sync(self.stream)
        if kind is None:
            self.draft.replace(self.path)
        else:
            self.draft.unlink(missing_ok=True)


def write_json(path: Path, value: JSON) -> None:
    """A JSON file for people and programs: indented, keys in the order given."""
    write_file(path, json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def write_lines(path: Path, rows: Iterable[JSON]) -> None:
    """A JSON-lines file, one row held at a time."""
    with replacing(path) as stream:
        for row in rows:
            stream.write(line(row))


def line(row: JSON) -> bytes:
    """A row as a line of such a file."""
    return (dumps(row) + "\n").encode("utf-8", "replace")


def read_json(path: Path) -> Any:
    """The value of a JSON file that cogumi wrote."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"cannot be read: {error}", file=path, fix="restore it, or start a new run folder") from error


def read_record(kind: type[T], path: Path) -> T:
    """The record that such a file holds. Raises `BadInput` naming file and field where it does not fit."""
    return from_json(kind, read_json(path), file=path)


def read_records(kind: type[T], path: Path) -> Iterator[T]:
    """The records of a JSON-lines file, one held at a time. Raises `BadInput` naming file, line and field of what is none."""
    with path.open("rb") as stream:
        for number, row in enumerate(stream, 1):
            try:
                value = json.loads(row)
            except ValueError as error:
                raise BadInput(f"not JSON: {error}", file=path, line=number, fix="restore it, or make it again") from error
            yield from_json(kind, value, file=path, line=number)


def set_aside(path: Path) -> Path:
    """Rename a file or folder that gives way to another one: `NAME.old`, then `NAME.old2`, ...; where it is now."""
    names = (path.with_name(f"{path.name}.old{number if number > 1 else ''}") for number in range(1, 1000))
    return path.replace(next(name for name in names if not name.exists()))


def checked_line(row: JSON) -> bytes:
    """A row as a line with its checksum, the line break included."""
    body = dumps(row).encode("utf-8", "replace")
    return body[:-1] + b',"sum":"%08x"}\n' % zlib.crc32(body)


def read_checked(line: bytes, path: Path, number: int) -> Raw:
    """The row of such a line. Raises `BadInput` naming file and line where its checksum does not match."""
    body, mark, tail = line.rpartition(b',"sum":"')
    if not mark or tail != b'%08x"}' % zlib.crc32(body + b"}"):
        fix = "restore the file from a copy, or delete it to make its rows again"
        raise BadInput("the line is damaged: its checksum does not match", file=path, line=number, field="sum", fix=fix)
    row: Raw = json.loads(body + b"}")
    return row


def add_time(path: Path, stage: str, seconds: float) -> None:
    """Add a line to a side file of timings (`cogumi.results.Timing`); a line that was torn stays alone."""
    torn = path.exists() and path.read_bytes()[-1:] not in (b"", b"\n")
    with path.open("a", encoding="utf-8") as stream:
        stream.write("\n" * torn + dumps({"stage": stage, "seconds": round(seconds, 3)}) + "\n")


def sync(stream: IO[bytes]) -> None:
    """Have the disk know all that was written."""
    stream.flush()
    os.fsync(stream.fileno())
