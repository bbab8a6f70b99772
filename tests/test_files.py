"""Files that appear whole or not at all, and digests."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cogumi.codec import to_json
from cogumi.errors import BadInput
from cogumi.files import (
    cache_folder,
    checked_line,
    digest,
    file_digest,
    read_checked,
    read_json,
    read_records,
    write_file,
    write_json,
    write_lines,
)
from cogumi.records import ItemResult

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "deep" / "file.txt"
    write_file(path, "old")

    def crash(_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", crash)
    with pytest.raises(OSError, match="disk full"):
        write_file(path, "new")
    assert path.read_text() == "old"


@settings(max_examples=40)
@given(st.recursive(st.none() | st.booleans() | st.integers() | TEXTS, lambda v: st.lists(v) | st.dictionaries(TEXTS, v)))
def test_json_comes_back_equal(room: Path, value: object) -> None:
    write_json(room / "value.json", value)
    assert read_json(room / "value.json") == value
    write_lines(room / "lines.jsonl", [value, value])
    assert [json.loads(line) for line in (room / "lines.jsonl").read_text(encoding="utf-8").split("\n")[:-1]] == [value] * 2


def test_a_damaged_json_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(BadInput, match=r"x\.json: cannot be read: .* \(restore it, or start a new run folder\)"):
        read_json(tmp_path / "x.json")


def test_a_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})


def test_the_digest_of_a_folder_is_of_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "one/sub").mkdir(parents=True)
    (tmp_path / "one/sub/file").write_text("x")
    first = file_digest(tmp_path / "one")
    (tmp_path / "one").rename(tmp_path / "two")
    assert file_digest(tmp_path / "two") == first
    (tmp_path / "two/sub/file").write_text("y")
    assert file_digest(tmp_path / "two") != first


def test_a_stream_that_breaks_off_leaves_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"

    def rows() -> object:
        yield 1
        raise LookupError("gone")

    with pytest.raises(LookupError):
        write_lines(path, rows())  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
    write_file(path, "old")
    with pytest.raises(LookupError):
        write_lines(path, rows())  # type: ignore[arg-type]
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("rows.jsonl", "old")]


@given(st.dictionaries(TEXTS, st.integers() | TEXTS, max_size=4), st.data())
def test_a_line_s_checksum_tells_any_change(row: dict[str, object], data: st.DataObject) -> None:
    row = {"first": 0, **row}
    line = checked_line(row).rstrip(b"\n")
    assert read_checked(line, Path("x"), 1) == row
    where = data.draw(st.integers(0, len(line) - 1))
    changed = line[:where] + bytes([line[where] ^ 1]) + line[where + 1 :]
    with pytest.raises(BadInput, match=r"^x:7: sum: the line is damaged"):
        read_checked(changed, Path("x"), 7)


# --- records of a JSON-lines file -------------------------------------------------------------------------------------


def test_records_of_a_file_come_back(tmp_path: Path) -> None:
    turns = [ItemResult(id=name, metrics={"acc": 0.5}) for name in ("a\u2028b", "c")]
    write_lines(tmp_path / "x.jsonl", map(to_json, turns))
    assert list(read_records(ItemResult, tmp_path / "x.jsonl")) == turns


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"id": "b", "metr', "not JSON: "),
        ("\xff", "not JSON: "),
        ("[]", "list where an object is expected"),
        ('{"id": "b", "metrics": {"acc": "high"}}', "metrics.acc: str where float is expected"),
        ('{"id": "b", "metrics": {}, "more": 1}', "more: no such field"),
    ],
)
def test_what_is_no_record_is_named_by_its_line(tmp_path: Path, line: str, problem: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"id": "a", "metrics": {}}\n' + line.encode("latin-1") + b"\n")
    with pytest.raises(BadInput) as caught:
        list(read_records(ItemResult, path))
    assert str(caught.value).startswith(f"{path}:2: {problem}")


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"COGUMI_CACHE_DIR": "/a", "XDG_CACHE_HOME": "/b"}, "/a"),
        ({"XDG_CACHE_HOME": "/b"}, "/b/cogumi"),
        ({"COGUMI_CACHE_DIR": "~/mine"}, "/home/me/mine"),
        ({}, "/home/me/.cache/cogumi"),
    ],
)
def test_the_cache_is_where_the_user_says(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: str) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    for name in ("COGUMI_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == Path(expected)
