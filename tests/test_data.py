from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from row_files import SOURCE, refusal, rows_of, write

from cogumi.data import Row, Source, load_rows, read_rows
from cogumi.errors import BadInput

GOOD = '{"question": "1 + 1?", "answer": "2"}\n{"question": "2 + 2?", "answer": "4"}\n'


def test_rows_know_their_file_and_line(tmp_path: Path) -> None:
    path = write(tmp_path / "test.jsonl", GOOD)
    rows = rows_of(path)
    assert [row.value["answer"] for row in rows] == ["2", "4"]
    assert [(row.file, row.line) for row in rows] == [(str(path), 1), (str(path), 2)]


def test_a_last_line_without_a_line_feed_is_a_row(tmp_path: Path) -> None:
    assert len(rows_of(write(tmp_path / "test.jsonl", GOOD.rstrip()))) == 2


def test_windows_line_ends_and_a_byte_order_mark_do_no_harm(tmp_path: Path) -> None:
    path = write(tmp_path / "test.jsonl", b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert [row.get("question", str) for row in rows_of(path)] == ["1 + 1?", "2 + 2?"]


@pytest.mark.parametrize("separator", ["\u2028", "\u0085", "\x0b", "\x1c"])
def test_only_a_line_feed_ends_a_line(tmp_path: Path, separator: str) -> None:
    text = json.dumps({"question": f"a{separator}b"}, ensure_ascii=False)
    assert rows_of(write(tmp_path / "test.jsonl", text + "\n"))[0].value["question"] == f"a{separator}b"


@pytest.mark.parametrize(
    ("second", "problem"),
    [
        ('{"question": "x", \n', "not a JSON object"),
        ('["question"]\n', "not a JSON object"),
        ("null\n", "not a JSON object"),
        ('["question"]', "not a JSON object"),
        ('{"question": "x", "ans', "torn line"),
        (b'{"question": "caf\xe9"}\n', "not UTF-8"),
        (b'{"question": "caf\xe9"}', "not UTF-8"),
        ('{"question": "\\ud83d"}\n', "not UTF-8"),
    ],
)
def test_an_unusable_line_is_named(tmp_path: Path, second: str | bytes, problem: str) -> None:
    first = b'{"question": "1 + 1?"}\n'
    path = write(tmp_path / "test.jsonl", first + (second.encode() if isinstance(second, str) else second))
    assert refusal(path).startswith(f"{path}:2: {problem}")


def test_a_whole_surrogate_pair_is_text(tmp_path: Path) -> None:
    path = write(tmp_path / "test.jsonl", '{"question": "\\ud83d\\ude00"}\n')
    assert rows_of(path)[0].value["question"] == "\U0001f600"


@settings(max_examples=60)
@given(st.binary(max_size=80))
def test_any_bytes_are_rows_or_one_clear_line(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = write(tmp_path_factory.mktemp("any") / "test.jsonl", content)
    outcome = rows_or_refusal(path)
    assert outcome
    assert not isinstance(outcome, str) or (outcome.startswith(str(path)) and "\n" not in outcome)


def rows_or_refusal(path: Path) -> list[Row] | str:
    try:
        return rows_of(path)
    except BadInput as error:
        return str(error)


def test_a_repeated_value_names_both_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "test.jsonl", GOOD + '{"question": "1 + 1?", "answer": "two"}\n')
    assert refusal(path) == f"{path}:3: question: the same as in line 1 (remove one of the two)"


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    path = write(tmp_path / "test.jsonl", "")
    assert refusal(path) == f"{path}: no rows (give a file with at least one problem)"


def test_a_field_must_be_there_and_of_its_type(tmp_path: Path) -> None:
    row = next(read_rows(write(tmp_path / "x.jsonl", '{"text": 5, "flag": true, "count": 3, "none": null}\n')))
    assert row.get("count", int) == 3
    for field, kind, problem in (
        ("other", str, "missing"),
        ("text", str, "a int, expected a str"),
        ("flag", int, "a bool, expected a int"),
        ("none", str, "a NoneType, expected a str"),
    ):
        with pytest.raises(BadInput) as caught:
            row.get(field, kind)
        assert str(caught.value).startswith(f"{tmp_path / 'x.jsonl'}:1: {field}: {problem} (")


def test_rows_without_the_unique_field_are_left_to_the_task(tmp_path: Path) -> None:
    rows = rows_of(write(tmp_path / "test.jsonl", '{"q": "1"}\n{"q": "1"}\n'))
    with pytest.raises(BadInput, match=r"test\.jsonl:1: question: missing"):
        rows[0].get("question", str)


def test_a_folder_is_searched_for_the_names_in_order(tmp_path: Path) -> None:
    write(tmp_path / "main/test.jsonl", GOOD)
    assert rows_of(tmp_path)[0].file == str(tmp_path / "main/test.jsonl")
    write(tmp_path / "test.jsonl", GOOD)
    assert rows_of(tmp_path)[0].file == str(tmp_path / "test.jsonl")


def test_a_folder_without_data_says_what_was_expected(tmp_path: Path) -> None:
    assert refusal(tmp_path) == (
        f"{tmp_path}: data: no dataset file in this folder (expected one of test.jsonl, main/test.jsonl, or name the file)"
    )


def test_a_path_that_does_not_exist(tmp_path: Path) -> None:
    path = tmp_path / "none.jsonl"
    assert refusal(path) == f"{path}: data: no such file or folder (give a .jsonl file or a dataset's folder)"


def test_gzip_is_read_as_it_is(tmp_path: Path) -> None:
    path = write(tmp_path / "test.jsonl.gz", gzip.compress(GOOD.encode()))
    assert len(rows_of(path)) == 2


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_damaged_gzip_is_refused(tmp_path: Path, damage: str) -> None:
    packed = gzip.compress(GOOD.encode() * 50)
    content = {"cut": packed[:-9], "flipped": packed[:20] + bytes([packed[20] ^ 255]) + packed[21:]}
    path = write(tmp_path / "test.jsonl.gz", content[damage])
    assert refusal(path).startswith(f"{path}: cannot be read: ")


def test_csv_rows_are_read_with_their_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "test.csv", 'question,answer\n"a, b\nc?",1\nd?,2\n')
    assert [(row.value["question"], row.line) for row in rows_of(path)] == [("a, b\nc?", 3), ("d?", 4)]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("question,answer\na, b?,1\n", "2: columns: not as many as in the first line"),
        ("question,answer\na?\n", "2: columns: not as many as in the first line"),
        ('question,answer\n"a?"b,1\n', "2: not CSV"),
        (b"question,answer\ncaf\xe9,1\n", " not UTF-8"),
        ("question,answer\n", " no rows"),
    ],
)
def test_unusable_csv_is_refused(tmp_path: Path, content: str | bytes, problem: str) -> None:
    path = write(tmp_path / "test.csv", content)
    assert refusal(path).startswith(f"{path}:{problem}")


def test_parquet_rows_are_read(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pa.table({"question": ["a?", "b?"], "answer": ["1", "2"]}), tmp_path / "test.parquet")
    assert [(row.value["answer"], row.line) for row in rows_of(tmp_path)] == [("1", 1), ("2", 2)]


def test_what_is_no_parquet_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    path = write(tmp_path / "test.parquet", "question,answer\n")
    assert refusal(path).startswith(f"{path}: not a parquet file: ")


def test_a_task_without_bundled_problems_says_so() -> None:
    with pytest.raises(BadInput, match=r"data: this task has no bundled problems \(give a path, or hub\)"):
        load_rows("bundled", SOURCE, unique="question")


def test_bundled_rows_are_the_ones_that_come_with_the_plugin(tmp_path: Path) -> None:
    bundled = write(tmp_path / "own.jsonl", GOOD)
    source = Source(hub=SOURCE.hub, files=SOURCE.files, bundled=bundled)
    assert [row.file for row in load_rows("bundled", source, unique="question")] == [str(bundled)] * 2


@pytest.mark.parametrize(
    ("name", "count"), [("gsm8k/train.jsonl", 7473), ("gsm8k/test.jsonl", 1319), ("mmlu/test.jsonl", 14042)]
)
def test_public_data_is_read_whole(public_data: Path, name: str, count: int) -> None:
    assert len(load_rows(str(public_data / name), SOURCE, unique="no such field")) == count
