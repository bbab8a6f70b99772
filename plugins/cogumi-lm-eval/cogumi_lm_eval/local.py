"""A task's data from local files instead of the hub: the splits it reads, found by their names, in the hub's schema.

    /data/mmlu/test.jsonl  {"question": "Find ...", "subject": "abstract_algebra", "choices": ["0", "4", "2", "6"], "answer": 1}
    /data/mmlu/dev.jsonl   the same, the worked examples

lm-eval asks a task's `custom_dataset` for its data where it has one; `dataset` below is put there. Rows are read by
`cogumi.data`, which names file and line of an unusable one. A file that holds several configurations of a hub dataset, told
apart by a field `subject` as MMLU's are, gives each task the rows of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from cogumi.data import SUFFIXES, Row, read_problems
from cogumi.errors import BadInput
from cogumi.records import Raw

ALIASES = {"validation": ("validation", "valid", "val", "dev"), "dev": ("dev", "validation", "valid", "val")}
"""Names of files for a split, besides its own."""

SUBJECT = "subject"
"""The field that tells configurations apart."""

ALL = ("all", "default", "main")
"""Names of configurations that are the whole dataset."""


def sources(task: Mapping[str, Any], data: str, asked: str, shots: int) -> dict[str, Any]:
    """What `dataset` needs for one task: files by split, splits to leave empty, and the subject to keep.

    `task` is its configuration, `asked` the name that the user gave, `shots` the number of worked examples.
    Raises `BadInput` for data that is not there.
    """
    if "class" in task:
        raise BadInput(f"'{task.get('task')}' is written in Python and reads the hub alone", field="data", fix="use data=hub")
    path = Path(data).expanduser()
    held_out, examples = _splits(task)
    if path.is_file():
        files = {held_out: str(path)}
    elif path.is_dir():
        folders = [folder for name in (asked, _base(task), "") if (folder := path / name).is_dir()]
        found = {split: _find(folders, split, task.get("dataset_name")) for split in (held_out, examples) if split}
        files = {split: str(file) for split, file in found.items() if file is not None}
    else:
        raise BadInput("no such file or folder", file=path, field="data", fix="give a .jsonl file or a folder of them")
    if held_out not in files:
        raise BadInput(f"no file of the split {held_out}", file=path, field="data", fix=f"call it {held_out}.jsonl")
    if examples and examples not in files and shots:
        fix = f"give a folder with {held_out}.jsonl and {examples}.jsonl, or set shots=0"
        raise BadInput(f"no file of the split {examples}, which {shots} worked examples come from", file=path, fix=fix)
    name = task.get("dataset_name")
    empty = [examples] if examples and examples not in files else []
    return {"files": files, "empty": empty, "subject": None if name is None or name in ALL else name}


def dataset(*, files: Mapping[str, str], empty: Sequence[str], subject: str | None, **_: Any) -> Any:
    """The splits by name, as `datasets.load_dataset` would give them. Called by lm-eval, with a task's metadata besides."""
    from datasets import Dataset, DatasetDict

    splits = {split: Dataset.from_list(_of_subject(path, subject)) for split, path in files.items()}
    first = next(iter(splits.values()))
    return DatasetDict(splits | {split: first.select([]) for split in empty})


def _splits(task: Mapping[str, Any]) -> tuple[str, str | None]:
    """The split a task is scored on, and the one its worked examples come from: lm-eval's rules."""
    held_out = task.get("test_split") or task.get("validation_split")
    if held_out is None:
        raise BadInput(f"'{task.get('task')}' names neither a test nor a validation split", field="task")
    shown = task.get("fewshot_config") or {}
    examples = shown.get("split") or task.get("fewshot_split")
    if examples is None and not shown.get("samples"):
        examples = task.get("training_split") or task.get("validation_split") or held_out
    return str(held_out), None if examples is None else str(examples)


def _base(task: Mapping[str, Any]) -> str:
    return str(task.get("dataset_path") or "").rpartition("/")[2].lower()


def _find(folders: Iterable[Path], split: str, configuration: str | None) -> Path | None:
    """The file of a split: beside its kin, in a folder of its configuration, or as repositories on the hub have it."""
    inner = ("", "data") if configuration is None else (configuration, "", "data")
    for folder in folders:
        for place in (folder / name for name in inner):
            for name in ALIASES.get(split, (split,)):
                for file in (place / f"{stem}{suffix}" for stem in (name, f"{name}-00000-of-00001") for suffix in SUFFIXES):
                    if file.is_file():
                        return file
    return None


def _of_subject(path: str, subject: str | None) -> list[Raw]:
    rows = _rows(Path(path), Path(path).stat().st_mtime_ns)
    if subject is None or SUBJECT not in rows[0].value:
        return [row.value for row in rows]
    kept = [row.value for row in rows if row.value[SUBJECT] == subject]
    if not kept:
        raise BadInput(f"no row is of the subject '{subject}'", file=path, field=SUBJECT, fix="give some of it")
    return kept


@lru_cache(maxsize=4)
def _rows(path: Path, changed: int) -> tuple[Row, ...]:
    """The rows of a file, read once for all tasks that share it. All have the fields of the first, of the same types."""
    found = read_problems(path)
    rows = tuple(_typed(found) if path.name.removesuffix(".gz").endswith(".csv") else found)
    if not rows:
        raise BadInput("no rows", file=path, fix="give a file with at least one")
    kinds: dict[str, str] = {}
    for row in rows:
        for field in rows[0].value:
            value = row.get(field, object)
            kind = kinds.setdefault(field, _kind(value)) if value is not None else None
            if kind is not None and kind != _kind(value):
                raise row.error(field, f"a {_kind(value)}, expected a {kind}", "correct the row")
    return rows


def _kind(value: Any) -> str:
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def _is_whole(text: str) -> bool:
    """Whether a text is a whole number of 64 bits, as tables hold them."""
    return text.isdecimal() and len(text) < 19


def _typed(rows: list[Row]) -> list[Row]:
    """The rows of a CSV file with columns of whole numbers as numbers, as the hub's reader has them."""
    if not rows:
        return rows
    whole = [name for name in rows[0].value if all(_is_whole(str(row.value.get(name))) for row in rows)]
    typed = [{**row.value, **{name: int(row.value[name]) for name in whole}} for row in rows]
    return [Row(value=value, file=row.file, line=row.line) for value, row in zip(typed, rows, strict=True)]
