"""What `cogumi.testing` has for data: public datasets, and the command line of a generator of bundled ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from cogumi.testing import Generator, data_folder, generate, need_data


@pytest.fixture
def generator(tmp_path: Path) -> Generator:
    def pretrain(seed: int) -> Iterator[dict[str, object]]:
        return ({"question": f"{seed} + {number} €?"} for number in count())

    bundled = {"train": lambda: [{"question": "1 €?"}], "test": lambda: [{"question": "2?"}, {"question": "3?"}]}
    return Generator(module="cogumi_sums.generate", bundled=bundled, pretrain=pretrain, folder=tmp_path / "data")


def test_a_dataset_lies_in_the_named_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "gsm8k").mkdir()
    monkeypatch.setenv("COGUMI_DATA_DIR", str(tmp_path))
    assert data_folder("gsm8k") == need_data("gsm8k") == tmp_path / "gsm8k"
    assert data_folder("mmlu") is None
    with pytest.raises(pytest.skip.Exception, match=r"there is no mmlu in .*: it is to name a folder that holds mmlu"):
        need_data("mmlu")


@pytest.mark.parametrize("value", [None, ""])
def test_without_the_variable_no_other_place_is_looked_at(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COGUMI_DATA_DIR", raising=False)
    if value is not None:
        monkeypatch.setenv("COGUMI_DATA_DIR", value)
    assert data_folder(".") is None
    with pytest.raises(pytest.skip.Exception, match="COGUMI_DATA_DIR is not set"):
        need_data("gsm8k")


def test_without_a_side_the_bundled_files_are_written(generator: Generator, tmp_path: Path) -> None:
    for folder, arguments in ((generator.folder, []), (tmp_path / "other", ["--out", str(tmp_path / "other")])):
        assert generate(generator, arguments) == 0
        assert (folder / "train.jsonl").read_bytes() == '{"question": "1 €?"}\n'.encode()
        assert len((folder / "test.jsonl").read_text().splitlines()) == 2


def test_one_side_is_printed_or_put_into_a_file(
    generator: Generator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate(generator, ["--side", "pretrain", "--count", "3", "--seed", "5"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert rows == [{"question": f"5 + {number} €?"} for number in range(3)]
    assert generate(generator, ["--side", "test", "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out").read_text() == '{"question": "2?"}\n{"question": "3?"}\n'
    assert not generator.folder.exists()


def test_an_unknown_side_is_refused_with_those_there_are(generator: Generator, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        generate(generator, ["--side", "dev"])
    shown = capsys.readouterr().err
    assert "python -m cogumi_sums.generate" in shown
    assert all(side in shown for side in ("pretrain", "train", "test"))
