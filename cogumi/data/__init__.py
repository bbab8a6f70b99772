"""Rows of a dataset, from a bundled file, the hub, a local folder or a local file, each knowing where it came from.

Every unusable line is a `BadInput` that names file, line and field. Reads `.jsonl` and `.csv`, plain or packed with gzip,
parquet through the package pyarrow, and the hub through `datasets`. Nothing in a dataset is executed, and nothing of it is kept
that is larger than an evaluation needs (`cogumi.data.limits`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import jsonlines

from cogumi.data.json_text import Unusable, field_at, strict_json
from cogumi.data.origins import Origin, collect_origins, tell
from cogumi.data.reading import Lines, TooLong, refuse_too_much
from cogumi.data.row import Row
from cogumi.data.tables import csv_rows, parquet_rows
from cogumi.errors import BadInput
from cogumi.files import file_digest

__all__ = [
    "SUFFIXES",
    "Origin",
    "Row",
    "Source",
    "Unusable",
    "collect_origins",
    "load_rows",
    "read_problems",
    "read_rows",
    "strict_json",
]

SUFFIXES = (".jsonl", ".jsonl.gz", ".parquet", ".csv", ".csv.gz")
ONE_A_LINE = "write one object a line"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a task's rows may come from."""

    hub: tuple[str, str | None, str]
    """Repository, configuration and split on the data hub, e.g. `("openai/gsm8k", "main", "test")`."""
    files: Sequence[str]
    """Names tried, in order, when a local folder is given, without suffix, e.g. `("test", "main/test")`."""
    bundled: Path | None = None
    """The file that comes with the plugin, if any."""


def load_rows(data: str, source: Source, *, unique: str) -> list[Row]:
    """All rows of `data`: `bundled`, `hub`, or the path of a file or folder; `unique` names a field that may not repeat."""
    if data == "bundled":
        if source.bundled is None:
            raise BadInput("this task has no bundled problems", field="data", fix="give a path, or hub")
        rows = list(read_rows(source.bundled))
        tell(Origin(kind="bundled", name=source.bundled.name, digest=file_digest(source.bundled)))
    elif data == "hub":
        rows = list(_hub_rows(*source.hub))
    else:
        path = _find(Path(data).expanduser(), source.files)
        rows = read_problems(path)
        tell(Origin(kind="file", name=str(path), digest=file_digest(path)))
    if not rows:
        raise BadInput("no rows", file=data, fix="give a file with at least one problem")
    _refuse_repeats(rows, unique)
    return rows


def read_problems(path: Path) -> list[Row]:
    """All rows of one local file, which is refused unread where it unpacks to more than a file of problems may hold."""
    if _form(path) != ".parquet":
        refuse_too_much(path)
    return list(read_rows(path))


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of one local file one at a time, as its name says; whether it is packed its content says."""
    if _form(path) == ".csv":
        return csv_rows(path)
    if _form(path) == ".parquet":
        return parquet_rows(path)
    return _jsonl_rows(path)


def _form(path: Path) -> str:
    return Path(path.name.removesuffix(".gz")).suffix


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


def _jsonl_rows(path: Path) -> Iterator[Row]:
    """One object a line; lines of blanks are no rows."""
    lines = Lines(path)
    reader = jsonlines.Reader(_one_by_one(lines), loads=strict_json)
    while True:
        try:
            value = reader.read(type=dict, skip_empty=True)
        except EOFError:
            return
        except TooLong as error:
            fix = "shorten it, or remove the line"
            raise BadInput(
                f"a row of {error}", file=path, line=lines.number, field=field_at(error.beginning), fix=fix
            ) from error
        except jsonlines.InvalidLineError as error:
            raise _unusable(lines, error) from error
        yield Row(value=value, file=str(path), line=lines.number)


def _one_by_one(lines: Lines) -> Iterator[bytes]:
    """The lines, each a row of its own."""
    for line in lines:
        lines.since_row = 0
        yield line


def _unusable(lines: Lines, error: jsonlines.InvalidLineError) -> BadInput:
    cause, field, fix = error.__cause__, None, "mend or remove the line"
    if isinstance(cause, Unusable):
        problem, field = str(cause), cause.field
    elif isinstance(cause, UnicodeError):
        problem = "not UTF-8"
    elif not lines.ended and cause is not None:
        problem = "torn line: the file ends in the middle of a record"
    else:
        problem = "not a JSON object"
        fix = ONE_A_LINE if lines.number == 1 and error.line[:1] in ("[", b"[") else fix
    return BadInput(problem, file=lines.path, line=lines.number, field=field, fix=fix)


def _hub_rows(repo: str, config: str | None, split: str) -> Iterator[Row]:
    try:
        from datasets import load_dataset
        from huggingface_hub import snapshot_download
    except ImportError as error:
        fix = "pip install datasets, or give local data: --data NAME=PATH"
        raise BadInput("reading the data hub needs the package datasets", field="data", fix=fix) from error
    try:  # without a connection and a cache the first call fails at once, where the second tries again for half a minute
        revision = Path(snapshot_download(repo, repo_type="dataset", allow_patterns="README.md")).name
        dataset = load_dataset(repo, config, split=split, revision=revision)
    except Exception as error:  # the hub client raises many unrelated types; each means: no data
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        fix = "connect, or give local data: --data NAME=PATH"
        raise BadInput(f"cannot be loaded from the hub: {reason}", file=repo, fix=fix) from error
    where = f"{repo} ({', '.join(filter(None, (config, split)))})"
    tell(Origin(kind="hub", name=where, revision=revision))
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
