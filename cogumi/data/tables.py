"""Rows of tables: CSV, and parquet through the package pyarrow."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cogumi.data.limits import MAX_FILE, MAX_ROW, MAX_ROWS, megabytes
from cogumi.data.reading import Lines, TooLong
from cogumi.data.row import Row
from cogumi.errors import BadInput

BATCH = 1_000
"""Most rows of a parquet file that are unpacked together."""


def csv_rows(path: Path) -> Iterator[Row]:
    """The rows of a CSV file with the names of its first line, each with the number of its last line."""
    lines = Lines(path)
    reader = csv.DictReader((line.decode("utf-8") for line in lines), strict=True)
    csv.field_size_limit(MAX_ROW)
    try:
        _refuse_twice(reader.fieldnames or (), path)
        for value in reader:
            lines.since_row = 0
            if not _blank(list(value.values())):
                yield _whole(Row(value=value, file=str(path), line=reader.line_num))
    except UnicodeDecodeError as error:
        raise BadInput(f"not UTF-8: line {lines.number}", file=path) from error
    except TooLong as error:
        raise _too_long(path, lines.number, "columns") from error
    except csv.Error as error:
        raise BadInput(f"not CSV: {error}", file=path, line=reader.reader.line_num) from error


def parquet_rows(path: Path) -> Iterator[Row]:
    """The rows of a parquet file, each with its number. What it unpacks to is bounded as a file of lines is."""
    try:
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise BadInput("reading parquet needs the package pyarrow", file=path, fix="pip install pyarrow") from error
    try:
        file = ParquetFile(path)
        _refuse_twice(file.schema_arrow.names, path)
        yield from _batches(file, _batch_size(file, path), path)
    except (OSError, ValueError) as error:
        raise BadInput(f"not a parquet file: {error}", file=path) from error


def _batches(file: Any, size: int, path: Path) -> Iterator[Row]:
    number, total = 0, 0
    for batch in file.iter_batches(batch_size=size):
        total += batch.nbytes
        if total > MAX_FILE:
            raise _too_much(path, megabytes(MAX_FILE), number + 1)
        for place in range(batch.num_rows):
            number += 1
            row = batch.slice(place, 1)
            if batch.nbytes > MAX_ROW and row.nbytes > MAX_ROW:
                raise _too_long(path, number, max(row.schema.names, key=lambda name: row.column(name).nbytes))
            yield Row(value=row.to_pylist()[0], file=str(path), line=number)


def _batch_size(file: Any, path: Path) -> int:
    """Rows that are unpacked together: no more than fit, should each hold as much as a whole column."""
    meta = file.metadata
    chunks = [
        (meta.row_group(g).column(c).total_uncompressed_size, meta.row_group(g).column(c).path_in_schema)
        for g in range(meta.num_row_groups)
        for c in range(meta.num_columns)
    ]
    if sum(size for size, _ in chunks) > MAX_FILE:
        raise _too_much(path, megabytes(MAX_FILE), None)
    if meta.num_rows > MAX_ROWS:
        raise _too_much(path, f"{MAX_ROWS:,} rows", None)
    return max(1, min(BATCH, MAX_FILE // max([size for size, _ in chunks], default=1)))


def _too_much(path: Path, what: str, row: int | None) -> BadInput:
    return BadInput(f"more than {what} of problems", file=path, line=row, field="data", fix="give a part of it")


def _too_long(path: Path, line: int, field: str) -> BadInput:
    problem = f"a row of more than {megabytes(MAX_ROW)}"
    return BadInput(problem, file=path, line=line, field=field, fix="shorten it, or remove the row")


def _refuse_twice(names: Sequence[str], path: Path) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise BadInput("the column stands twice", file=path, line=1, field=twice[0], fix="give each a name of its own")


def _whole(row: Row) -> Row:
    """The row, refused where it has other columns than the first line names."""
    if None in row.value or None in row.value.values():
        raise row.error("columns", "not as many as in the first line", "quote texts that hold a comma")
    return row


def _blank(cells: Sequence[object]) -> bool:
    """Whether a row was a line of blanks."""
    return len(cells) > 1 and not str(cells[0]).strip() and all(cell is None for cell in cells[1:])
