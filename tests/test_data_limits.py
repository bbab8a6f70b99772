"""Files as people really have them: blank lines, packed or not, and what must not fill the memory or get lost in silence."""

from __future__ import annotations

import bz2
import gzip
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import row_files
from row_files import rows_of, write

from cogumi.data import read_rows, strict_json
from cogumi.data.limits import MAX_DEPTH, MAX_DIGITS, MAX_ROW, MAX_ROWS, MAX_TEXT
from cogumi.errors import BadInput

GOOD = b'{"question": "1 + 1?", "answer": "2"}\n'
NINES = "9" * 5_000


def refusal(path: Path) -> str:
    """Why a file is refused, in one line that is not long, whatever stands in the file."""
    message = row_files.refusal(path)
    assert len(message) < 400
    return message


@pytest.mark.parametrize("blank", ["\n", "   \n", "\t\r\n", "\n\n\n"])
@pytest.mark.parametrize("where", ["first", "between", "last"])
def test_blank_lines_are_no_rows_and_do_not_shift_the_numbers(tmp_path: Path, blank: str, where: str) -> None:
    one, two = '{"question": "a?"}\n', '{"question": "b?"}\n'
    text = {"first": blank + one + two, "between": one + blank + two, "last": one + two + blank}[where]
    rows = rows_of(write(tmp_path / "test.jsonl", text))
    assert [row.value["question"] for row in rows] == ["a?", "b?"]
    assert [row.line for row in rows] == [n for n, line in enumerate(text.split("\n"), 1) if line.strip()]


def test_a_blank_line_in_csv_is_no_row(tmp_path: Path) -> None:
    rows = rows_of(write(tmp_path / "test.csv", "question,answer\na?,1\n\n   \nb?,2\n\n"))
    assert [(row.value["answer"], row.line) for row in rows] == [("1", 2), ("2", 5)]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"question": "a?", "answer": "1", "answer": "2"}', "answer: the key stands twice in one object"),
        ('{"question": "a?", "meta": {"x": 1, "x": 1}}', "x: the key stands twice in one object"),
        (f'{{"question": "a?", "answer": {NINES}}}', "answer: a whole number of more than 4,300 digits"),
        (f'{{"question": "a?", "meta": {{"n": [-{NINES}]}}, "answer": 1}}', "meta: a whole number of more than 4,300 digits"),
        ('{"question": "a?", "meta": ' + "[" * 150 + "]" * 150 + "}", "meta: nested more than 100 deep"),
        ('{"question": "[[[[", "meta": ' + '{"a":' * 5_000 + "1" + "}" * 5_000 + "}", "meta: nested more than 100 deep"),
        ('{"question": "a?", "meta": ' + "[" * 1_000_000, "meta: nested more than 100 deep"),
    ],
)
def test_what_python_would_drop_or_cannot_hold_is_named(tmp_path: Path, line: str, said: str) -> None:
    path = write(tmp_path / "test.jsonl", GOOD + line.encode() + b"\n")
    assert refusal(path).startswith(f"{path}:2: {said}")


def test_what_can_be_held_is_read(tmp_path: Path) -> None:
    deep = "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1)
    number = "9" * MAX_DIGITS
    text = f'{{"question": "{"[" * 500}", "number": {number}, "negative": -{number}, "deep": {deep}, "nan": NaN}}'
    (row,) = rows_of(write(tmp_path / "test.jsonl", text))
    assert row.value["number"] == 10**MAX_DIGITS - 1
    assert json.loads(json.dumps(row.value["deep"])) == json.loads(deep)


def test_a_column_that_stands_twice(tmp_path: Path) -> None:
    path = write(tmp_path / "test.csv", "question,answer,answer\na?,1,2\n")
    assert refusal(path).startswith(f"{path}:1: answer: the column stands twice")


@pytest.mark.parametrize("name", ["test.jsonl", "test.jsonl.gz"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "packed"])
def test_whether_a_file_is_packed_its_content_says(tmp_path: Path, name: str, pack: Callable[[bytes], bytes]) -> None:
    assert [row.value["answer"] for row in rows_of(write(tmp_path / name, pack(GOOD)))] == ["2"]


@pytest.mark.parametrize("name", ["test.csv", "test.csv.gz"])
def test_packed_csv(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, gzip.compress(b"\xef\xbb\xbfquestion,answer\na?,1\n"))
    assert [row.get("question", str) for row in rows_of(tmp_path)] == ["a?"]


def test_two_packed_parts_behind_each_other_are_one_file(tmp_path: Path) -> None:
    parts = gzip.compress(GOOD) + gzip.compress(GOOD.replace(b"1 + 1", b"2 + 2"))
    assert [row.line for row in rows_of(write(tmp_path / "test.jsonl", parts))] == [1, 2]


def test_other_packings_are_named(tmp_path: Path) -> None:
    path = write(tmp_path / "test.jsonl", bz2.compress(GOOD))
    assert refusal(path) == f"{path}: not UTF-8 text: packed with bzip2 (give it as text, plain or packed with gzip)"


def test_a_list_of_rows_is_told_how_to_be_written(tmp_path: Path) -> None:
    path = write(tmp_path / "test.jsonl", "[" + GOOD.decode().strip() + "]\n")
    assert refusal(path) == f"{path}:1: not a JSON object (write one object a line)"


def test_a_long_row_is_named_by_the_field_that_makes_it_long(tmp_path: Path) -> None:
    path = write(tmp_path / "test.jsonl", GOOD + json.dumps({"question": "a?", "answer": "x" * MAX_ROW}).encode() + b"\n")
    assert refusal(path) == f"{path}:2: answer: a row of more than 4 MB (shorten it, or remove the line)"


def test_a_row_of_many_lines_is_one_row(tmp_path: Path) -> None:
    path = write(tmp_path / "test.csv", b"question,answer\na?,1\n" + b'"b\n",' * (MAX_ROW // 5 + 1) + b"2\n")
    message = refusal(path)
    assert message.startswith(f"{path}:")
    assert "columns: a row of more than 4 MB" in message
    ordinary = "".join(f'"{n}\n{"x" * 500}",{n}\n' for n in range(20_000))
    assert len(rows_of(write(tmp_path / "test.csv", "question,answer\n" + ordinary))) == 20_000


def test_a_text_that_no_model_takes_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "test.jsonl", json.dumps({"question": "x" * (MAX_TEXT + 1)}) + "\n")
    (row,) = read_rows(path)
    with pytest.raises(BadInput, match=r"test\.jsonl:1: question: a text of 1,000,001 characters; 1,000,000 are the most"):
        row.get("question", str)


def test_more_rows_than_a_file_of_problems_holds(tmp_path: Path) -> None:
    path = write(tmp_path / "test.jsonl.gz", gzip.compress(b'{"q":1}\n' * (MAX_ROWS + 2), 1))
    assert refusal(path).startswith(f"{path}:")
    assert "data: more than 1,000,000 lines of problems (give a part of it)" in refusal(path)


def test_parquet_is_bounded_by_what_it_unpacks_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "test.parquet"
    parquet.write_table(pa.table({"question": ["a?", "x" * (MAX_ROW + 1)], "answer": ["1", "2"]}), path)
    assert refusal(path) == f"{path}:2: question: a row of more than 4 MB (shorten it, or remove the row)"
    parquet.write_table(pa.table({"question": ["x" * 1_000_000] * 1_000}), path)  # a dictionary of one text
    assert path.stat().st_size < 2_000_000
    assert refusal(path).endswith("data: more than 256 MB of problems (give a part of it)")


def test_json_inside_a_field_is_read_as_strictly() -> None:
    assert strict_json('{"a": [1, 2.5, null]}') == {"a": [1, 2.5, None]}
    for text in ('{"a": 1, "a": 2}', "9" * 5_000, "[" * 200 + "]" * 200, "{"):
        with pytest.raises(ValueError, match=r"."):
            strict_json(text)


LIMITS = """
import resource, sys
from pathlib import Path
from cogumi.data import Source, load_rows
from cogumi.errors import BadInput
try:
    load_rows(sys.argv[1], Source(hub=("a", None, "b"), files=("test",)), unique="question")
except BadInput as error:
    print(error)
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(int(peak.split()[1]) // 1024)
print(sum(resource.getrusage(resource.RUSAGE_SELF)[:2]))
"""


def bombs() -> dict[str, Callable[[], bytes]]:
    """Files that fill the memory of whoever reads them whole."""
    return {
        "line of 200 MB": lambda: b'{"question": "' + b"x" * 200_000_000 + b'"}\n',
        "problem of 50 MB": lambda: GOOD + b'{"question": "' + b"why? " * 10_000_000 + b'"}\n',
        "line of 200 MB in brackets": lambda: b'{"question": [' + b"[]," * 66_000_000 + b"1]}\n",
        "packed line of 4 GB": lambda: packed(b"x" * 2**20, 4_096),
        "packed rows of 4 GB": lambda: packed(b'{"question": "1"}\n' * 2**16, 4_096),
        "packed blanks of 4 GB": lambda: packed(b"\n" * 2**20, 4_096),
        "rows that never end": lambda: b"question,answer\n" + b'"\n",' * 40_000_000,
    }


def packed(part: bytes, times: int) -> bytes:
    """Many times the same, packed; a file of gzip may have many parts."""
    return gzip.compress(part * 16) * (times // 16)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(bombs()))
def test_no_file_takes_more_than_two_seconds_and_500_mb(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / ("test.csv" if "never" in name else "test.jsonl"), bombs()[name]())
    begin = time.monotonic()
    done = subprocess.run([sys.executable, "-c", LIMITS, str(path)], capture_output=True, text=True, check=True)
    message, memory, seconds = done.stdout.splitlines()
    print(f"{name}: {message.rpartition('/')[2]}; {memory} MB, {seconds} s of processor, {time.monotonic() - begin:.1f} s")
    assert message.startswith(f"{path}:")
    assert int(memory) < 500
    assert float(seconds) < 2
