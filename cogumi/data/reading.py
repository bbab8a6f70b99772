"""The lines of a file, packed with gzip or not, one at a time: memory never grows with the file or with a line of it."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from cogumi.data.limits import MAX_FILE, MAX_ROW, MAX_ROWS, megabytes
from cogumi.errors import BadInput

GZIP = b"\x1f\x8b"
CHUNK = 2**20
OTHERS = {
    b"PK\x03\x04": "a zip archive",
    b"BZh": "packed with bzip2",
    b"\xfd7zXZ\x00": "packed with xz",
    b"\x28\xb5\x2f\xfd": "packed with zstd",
    b"PAR1": "a parquet file under another name",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
"""What a file that is no text begins with."""
FAILURES = (OSError, EOFError, zlib.error)
"""What reading a file may raise, a damaged gzip included."""


class Lines:
    """The lines of a file as bytes, each with its line feed; a byte-order mark at the beginning is left out.

    A line that is longer than a row may be is a `TooLong`. Iterating counts: `number` is the last line's, from 1.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.number = 0
        self.since_row = 0
        """Bytes since a reader set this to 0: a row of several lines counts as one."""
        self.ended = True
        """Whether the last line had a line feed."""

    def __iter__(self) -> Iterator[bytes]:
        try:
            with open_plain(self.path) as stream:
                while line := stream.readline(MAX_ROW + 1):
                    yield self._counted(line)
        except FAILURES as error:
            raise BadInput(f"cannot be read: {error}", file=self.path) from error

    def _counted(self, line: bytes) -> bytes:
        self.number += 1
        self.since_row += len(line)
        if self.since_row > MAX_ROW:
            raise TooLong(line)
        self.ended = line.endswith(b"\n")
        return line.removeprefix(b"\xef\xbb\xbf") if self.number == 1 else line


class TooLong(Exception):
    """A row that is longer than a row may be."""

    def __init__(self, beginning: bytes) -> None:
        super().__init__(f"more than {megabytes(MAX_ROW)}")
        self.beginning = beginning


def open_plain(path: Path) -> BinaryIO:
    """The bytes of a file, unpacked where its content is gzip, whatever it is called. Refuses other packings by name."""
    with path.open("rb") as stream:
        begin = stream.read(8)
    for mark, what in OTHERS.items():
        if begin.startswith(mark):
            raise BadInput(f"not UTF-8 text: {what}", file=path, fix="give it as text, plain or packed with gzip")
    return cast(BinaryIO, gzip.open(path, "rb") if begin.startswith(GZIP) else path.open("rb"))


def refuse_too_much(path: Path) -> None:
    """Refuse a file that unpacks to more than a file of problems may hold, before any of it is kept."""
    size = rows = 0
    try:
        with open_plain(path) as stream:
            while chunk := stream.read(CHUNK):
                size, rows = size + len(chunk), rows + chunk.count(b"\n")
                if size > MAX_FILE or rows > MAX_ROWS:
                    what = f"{megabytes(MAX_FILE)}" if size > MAX_FILE else f"{MAX_ROWS:,} lines"
                    fix = "give a part of it"
                    raise BadInput(f"more than {what} of problems", file=path, line=rows + 1, field="data", fix=fix)
    except FAILURES as error:
        raise BadInput(f"cannot be read: {error}", file=path) from error
