"""A run's folder: who holds it, what is done in it, and how a difference is told."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogumi.errors import BadInput
from cogumi.files import digest, write_json
from cogumi.pipeline import folder as folders
from cogumi.pipeline.folder import RunFolder, differences, key_of


def test_a_folder_is_held_by_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "LOCK_SECONDS", 0.0)
    folder = RunFolder(tmp_path / "run")
    with folder.hold():
        with pytest.raises(BadInput) as caught, RunFolder(tmp_path / "run").hold():
            pass
        expected = f"{tmp_path / 'run'}: another cogumi is working in this folder (wait for it, or choose another folder)"
        assert str(caught.value) == expected
    with RunFolder(tmp_path / "run").hold():
        pass


def test_a_worker_that_inherited_the_lock_holds_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "LOCK_SECONDS", 0.0)
    with RunFolder(tmp_path).hold() as lock:
        inherited = os.dup(lock)
    with pytest.raises(BadInput, match="another cogumi"), RunFolder(tmp_path).hold():
        pass
    fcntl.flock(inherited, fcntl.LOCK_UN)
    os.close(inherited)
    with RunFolder(tmp_path).hold():
        pass


def test_a_folder_under_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "run"
    with pytest.raises(BadInput) as caught, RunFolder(out).hold():
        pass
    assert str(caught.value) == f"{out}: out: cannot be written: Not a directory (choose another)"


def finished(path: Path, *names: str) -> RunFolder:
    """A folder with a stage that left these files."""
    folder = RunFolder(path)
    for name in names:
        write_json(path / name, {"a": 1})
    folder.finish("before", "key", {"samples": 3}, names)
    return folder


def test_a_stage_is_done_while_its_key_and_outputs_are_the_same(tmp_path: Path) -> None:
    assert not RunFolder(tmp_path).is_done("before", "key")
    write_json(tmp_path / "adapter/config.json", {})
    finished(tmp_path, "before.json").finish("train", "other", {}, ["adapter"])
    folder = RunFolder(tmp_path)
    assert folder.is_done("before", "key")
    assert folder.is_done("train", "other")
    assert not folder.is_done("before", "another key")
    (tmp_path / "before.json").unlink()
    assert not folder.is_done("before", "key")
    assert folder.is_done("train", "other")


def test_what_a_stage_read_and_left_is_known(tmp_path: Path) -> None:
    done = finished(tmp_path, "before.json").done("before")
    assert done is not None
    assert (done.key, done.reads, done.outputs.keys()) == ("key", {"samples": 3}, {"before.json"})
    assert RunFolder(tmp_path).done("after") is None


def test_an_output_that_was_changed_is_refused(tmp_path: Path) -> None:
    folder = finished(tmp_path, "before.json")
    (tmp_path / "before.json").write_text("{}")
    with pytest.raises(BadInput) as caught:
        folder.is_done("before", "key")
    expected = f"{tmp_path / 'before.json'}: was changed after the run wrote it (restore it, or delete it to make it again)"
    assert str(caught.value) == expected


@pytest.mark.parametrize("content", ["{", "[]", '{"before": 3}', '{"before": {"key": "k"}}'])
def test_a_damaged_record_of_stages_is_named(tmp_path: Path, content: str) -> None:
    folder = finished(tmp_path)
    (tmp_path / ".state" / "stages.json").write_text(content)
    with pytest.raises(BadInput, match=r"stages\.json: "):
        folder.done("before")


def test_a_value_is_kept_beside_the_stages(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert folder.recall("drawn-before") is None
    folder.remember("drawn-before", {"by": "m"})
    assert RunFolder(tmp_path).recall("drawn-before") == {"by": "m"}


def test_times_add_up_over_attempts(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for stage, seconds in (("train", 1.5), ("before", 9.0), ("train", 2.0)):
        folder.add_time(stage, seconds)
    assert folder.seconds("train") == 3.5
    assert folder.seconds("after") == 0.0


@pytest.mark.parametrize(
    "damage",
    [
        '{"stage": "train", "sec',
        "null",
        "3",
        '{"stage": "train"}',
        '{"seconds": 1}',
        '{"stage": "train", "seconds": null}',
        "\ufffd",
    ],
)
def test_a_torn_line_of_the_side_file_blocks_nothing(tmp_path: Path, damage: str) -> None:
    folder = RunFolder(tmp_path)
    folder.add_time("train", 1.5)
    with (tmp_path / "timings.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(damage + "\n")
    folder.add_time("train", 2.0)
    assert folder.seconds("train") == 3.5


def test_a_line_that_was_torn_before_another_was_added_costs_no_more_than_both(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.add_time("train", 1.5)
    with (tmp_path / "timings.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"stage": "tr')
    folder.add_time("train", 2.0)
    folder.add_time("train", 4.0)
    assert folder.seconds("train") in (5.5, 7.5)


# --- keys and differences ---------------------------------------------------------------------------------------------


def test_a_key_is_of_all_that_a_stage_reads() -> None:
    key = key_of("after", {"a": 1, "b": 2}, {"train": {"adapter": "x"}})
    assert key == key_of("after", {"b": 2, "a": 1}, {"train": {"adapter": "x"}})
    others = [
        key_of("before", {"a": 1, "b": 2}, {"train": {"adapter": "x"}}),
        key_of("after", {"a": 1, "b": 3}, {"train": {"adapter": "x"}}),
        key_of("after", {"a": 1, "b": 2}, {"train": {"adapter": "y"}}),
        key_of("after", {"a": 1, "b": 2}, {}),
    ]
    assert len({key, *others}) == 5


OLD = {"model": {"weights": digest(1)}, "options": {"dtype": "auto", "url": "h"}, "seed": 0, "notes": ["a"]}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, []),
        ({"seed": 3}, ["seed: 0 -> 3"]),
        ({"options": {"dtype": "float32", "url": "h"}}, ["options.dtype: auto -> float32"]),
        ({"options": {"dtype": "auto"}}, ["options.url: h -> none"]),
        ({"options": {"dtype": "auto", "url": "h", "more": True}}, ["options.more: none -> True"]),
        ({"model": {"weights": digest(2)}}, ["model.weights differs"]),
        ({"notes": ["b"]}, ["notes differs"]),
        ({"seed": {"of": 3}}, ["seed differs"]),
    ],
)
def test_a_difference_is_told_in_short_words(change: dict[str, object], told: list[str]) -> None:
    assert differences(OLD, {**OLD, **change}) == told


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=80), lambda v: st.dictionaries(st.text(max_size=3), v), max_leaves=6
)


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=3), st.dictionaries(st.text(max_size=3), JSON, max_size=3))
def test_differences_show_no_digests_and_miss_nothing_that_both_have(old: dict[str, object], new: dict[str, object]) -> None:
    assert differences(old, old) == []
    found = differences(old, {**new, "weights": digest(new)})
    assert not any(digest(new) in line for line in found)
    both = [key for key in old if key in new and key != "weights" and old[key] != new[key]]
    assert all(any(line.startswith(key) for line in found) for key in both)
