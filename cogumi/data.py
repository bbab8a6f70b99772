"""Rows of a dataset, from a bundled file, the hub, a local folder or a local file, each knowing where it came from.

Every unusable line is a `BadInput` that names file, line and field. Reads `.jsonl` (also `.gz`), `.csv` and, through the
`datasets` package, parquet and the hub. Nothing in a dataset is executed.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import jsonlines

from cogumi.errors import BadInput
from cogumi.records import JSON, Raw

T = TypeVar("T")
SUFFIXES = (".jsonl", ".jsonl.gz", ".parquet", ".csv")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a task's rows may come from."""

    hub: tuple[str, str | None, str]
    """Repository, configuration and split on the data hub, e.g. `("openai/gsm8k", "main", "test")`."""
    files: Sequence[str]
    """Names tried, in order, when a local folder is given, without suffix, e.g. `("test", "main/test")`."""
    bundled: Path | None = None
    """The file that comes with the plugin, if any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a dataset."""

    value: Raw
    """The row as read."""
    file: str
    """The file or hub address it was read from."""
    line: int
    """Its line (its row, where the format has no lines), from 1."""

    def get(self, field: str, kind: type[T]) -> T:
        """The value of a field that must be there and of this type."""
        if field not in self.value:
            raise self.error(field, "missing", f"give it a {kind.__name__}")
        value = self.value[field]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.error(field, f"a {type(value).__name__}, expected a {kind.__name__}", "correct the row")
        return value

    def error(self, field: str, problem: str, fix: str) -> BadInput:
        """The error that names this row and one of its fields."""
        return BadInput(problem, file=self.file, line=self.line, field=field, fix=fix)


def load_rows(data: str, source: Source, *, unique: str) -> list[Row]:
    """All rows of `data`: `bundled`, `hub`, or the path of a file or folder; `unique` names a field that may not repeat."""
    if data == "bundled":
        if source.bundled is None:
            raise BadInput("this task has no bundled problems", field="data", fix="give a path, or hub")
        rows = list(read_rows(source.bundled))
    elif data == "hub":
        rows = list(_hub_rows(*source.hub))
    else:
        rows = list(read_rows(_find(Path(data).expanduser(), source.files)))
    if not rows:
        raise BadInput("no rows", file=data, fix="give a file with at least one problem")
    _refuse_repeats(rows, unique)
    return rows


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of one local file, by its suffix."""
    if path.suffix == ".csv":
        return _csv_rows(path)
    if path.suffix == ".parquet":
        return _parquet_rows(path)
    return _jsonl_rows(path)


def _find(path: Path, names: Sequence[str]) -> Path:
    if path.is_file():
        return path
    if not path.is_dir():
        raise BadInput("no such file or folder", file=path, field="data", fix="give a .jsonl file or a dataset's folder")
    candidates = [path / f"{name}{suffix}" for name in names for suffix in SUFFIXES]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    tried = ", ".join(f"{name}.jsonl" for name in names)
    raise BadInput("no dataset file in this folder", file=path, field="data", fix=f"expected one of {tried}, or name the file")


def _bytes(path: Path) -> bytes:
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if path.suffix == ".gz" else raw
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(f"cannot be read: {error}", file=path) from error


def _jsonl_rows(path: Path) -> Iterator[Row]:
    raw = _bytes(path)
    reader = jsonlines.Reader(io.BytesIO(raw), loads=_loads)
    line = 0
    while True:
        line += 1
        try:
            value = reader.read(type=dict)
        except EOFError:
            return
        except jsonlines.InvalidLineError as error:
            raise BadInput(_line_problem(raw, line, error), file=path, line=line, fix="mend or remove the line") from error
        yield Row(value=value, file=str(path), line=line)


def _loads(text: str | bytes) -> JSON:
    """The value of one line; half a surrogate pair, written as an escape, is a UnicodeEncodeError."""
    value = json.loads(text)
    if "\\ud" in str(text).lower():
        json.dumps(value, ensure_ascii=False).encode()
    return value


def _line_problem(raw: bytes, line: int, error: jsonlines.InvalidLineError) -> str:
    text = raw.split(b"\n")[line - 1]
    if not text.strip():
        return "blank line"
    if isinstance(error.__cause__, UnicodeError):
        return "not UTF-8"
    if line - 1 == raw.count(b"\n") and isinstance(error.__cause__, ValueError):
        return "torn line: the file ends in the middle of a record"
    return "not a JSON object"


def _csv_rows(path: Path) -> Iterator[Row]:
    try:
        reader = csv.DictReader(io.StringIO(_bytes(path).decode("utf-8-sig")), strict=True)
        for value in reader:
            row = Row(value=value, file=str(path), line=reader.line_num)
            if None in value or None in value.values():
                raise row.error("columns", "not as many as in the first line", "quote texts that hold a comma")
            yield row
    except UnicodeDecodeError as error:
        raise BadInput("not UTF-8", file=path) from error
    except csv.Error as error:
        raise BadInput(f"not CSV: {error}", file=path, line=reader.reader.line_num) from error


def _parquet_rows(path: Path) -> Iterator[Row]:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise BadInput("reading parquet needs the package pyarrow", file=path, fix="pip install pyarrow") from error
    try:
        table = pyarrow.parquet.read_table(path)
    except (OSError, ValueError) as error:
        raise BadInput(f"not a parquet file: {error}", file=path) from error
    for number, value in enumerate(table.to_pylist(), 1):
        yield Row(value=value, file=str(path), line=number)


def _hub_rows(repo: str, config: str | None, split: str) -> Iterator[Row]:
    try:
        from datasets import load_dataset
        from huggingface_hub import snapshot_download
    except ImportError as error:
        fix = "pip install datasets, or give local data: --data NAME=PATH"
        raise BadInput("reading the data hub needs the package datasets", field="data", fix=fix) from error
    try:  # without a connection and a cache the first call fails at once, where the second tries again for half a minute
        snapshot_download(repo, repo_type="dataset", allow_patterns="README.md")
        dataset = load_dataset(repo, config, split=split)
    except Exception as error:  # the hub client raises many unrelated types; each means: no data
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        fix = "connect, or give local data: --data NAME=PATH"
        raise BadInput(f"cannot be loaded from the hub: {reason}", file=repo, fix=fix) from error
    for number, value in enumerate(dataset, 1):
        yield Row(value=value, file=f"{repo}/{split}", line=number)


def _refuse_repeats(rows: Sequence[Row], field: str) -> None:
    seen: dict[str, int] = {}
    for row in rows:
        if field not in row.value:
            continue  # the task will say so
        value = str(row.value[field])
        if value in seen:
            raise row.error(field, f"the same as in line {seen[value]}", "remove one of the two")
        seen[value] = row.line
