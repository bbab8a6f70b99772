from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cogumi import store
from cogumi.errors import BadInput
from cogumi.records import Completion
from cogumi.store import RunFolder, SampleLog, digest, file_digest, read_json, read_samples, write_file, write_json, write_lines

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
COMPLETIONS = st.builds(
    Completion,
    request=TEXTS,
    index=st.integers(0, 20),
    text=TEXTS,
    finish=st.sampled_from(["stop", "length", "error"]),
    tokens=st.integers(0, 500),
    logprob=st.none() | st.floats(-1e6, 0),
    token_ids=st.none() | st.lists(st.integers(0, 200_000), max_size=5).map(tuple),
    prompt_digest=st.none() | st.just("0123456789abcdef"),
    error=st.none() | TEXTS,
)
LOGS = st.lists(COMPLETIONS, max_size=6, unique_by=lambda c: (c.request, c.index))


def one(index: int = 0, text: str = "yes", request: str = "a") -> Completion:
    return Completion(request=request, index=index, text=text, finish="stop", tokens=2)


def logged(path: Path, completions: list[Completion]) -> Path:
    with SampleLog(path) as log:
        for completion in completions:
            log.append(completion)
    return path


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


def fresh(room: Path) -> Path:
    path = room / "log.jsonl"
    path.unlink(missing_ok=True)
    return path


@settings(max_examples=40)
@given(LOGS)
def test_any_completion_survives_the_log(room: Path, completions: list[Completion]) -> None:
    path = logged(fresh(room), completions)
    expected = {(c.request, c.index): c for c in completions}
    assert read_samples(path) == expected
    with SampleLog(path) as again:
        assert again.completions == expected
        assert not again.torn


@settings(max_examples=40)
@given(LOGS, st.randoms(use_true_random=False))
def test_a_finished_log_does_not_depend_on_the_order(room: Path, completions: list[Completion], random: object) -> None:
    shuffled = sorted(completions, key=lambda _: random.random())  # type: ignore[attr-defined]
    finished = []
    for order in (completions, shuffled):
        with SampleLog(fresh(room)) as log:
            for completion in order:
                log.append(completion)
            log.finish()
        finished.append((room / "log.jsonl").read_bytes())
    assert finished[0] == finished[1]


def test_a_log_cut_at_any_byte_keeps_every_whole_line(room: Path) -> None:
    completions = [one(i, f'text "{i}" \n é\u2028\\', request="math/q#use") for i in range(3)]
    whole = logged(fresh(room), completions).read_bytes()
    for cut in range(len(whole) + 1):
        path = fresh(room)
        path.write_bytes(whole[:cut])
        lines = whole[:cut].count(b"\n")
        with SampleLog(path) as log:
            assert list(log.completions.values()) == completions[:lines]
            assert log.torn == (cut > 0 and whole[cut - 1 : cut] != b"\n")
            for completion in completions[lines:]:
                log.append(completion)
        assert path.read_bytes() == whole


def test_a_log_resumed_after_any_cut_ends_in_the_same_bytes(room: Path) -> None:
    completions = [one(i, request=name) for name in ("b", "a") for i in (1, 0)]
    whole = logged(fresh(room), completions).read_bytes()
    with SampleLog(room / "log.jsonl") as log:
        log.finish()
    expected = (room / "log.jsonl").read_bytes()
    for cut in range(0, len(whole), 7):
        path = fresh(room)
        path.write_bytes(whole[:cut])
        with SampleLog(path) as log:
            for completion in reversed(completions):
                if (completion.request, completion.index) not in log.completions:
                    log.append(completion)
            log.finish()
        assert path.read_bytes() == expected


@settings(max_examples=40)
@given(st.data())
def test_a_changed_byte_in_the_middle_is_an_error_with_file_and_line(room: Path, data: st.DataObject) -> None:
    raw = bytearray(logged(fresh(room), [one(i) for i in range(4)]).read_bytes())
    starts = [0, *(i + 1 for i, byte in enumerate(raw[:-1]) if byte == ord("\n"))]
    where = data.draw(st.integers(0, len(raw) - 2).filter(lambda i: raw[i] != ord("\n")))
    raw[where] = data.draw(st.integers(0, 255).filter(lambda b: b not in (raw[where], ord("\n"), ord("\r"))))
    (room / "log.jsonl").write_bytes(raw)
    line = sum(start <= where for start in starts)
    for read in (read_samples, SampleLog):
        with pytest.raises(BadInput) as caught:
            read(room / "log.jsonl")
        assert str(caught.value).startswith(f"{room / 'log.jsonl'}:{line}: sum: the line is damaged")


def test_a_lost_line_feed_is_damage_too(room: Path) -> None:
    raw = logged(fresh(room), [one(i) for i in range(3)]).read_bytes()
    (room / "log.jsonl").write_bytes(raw.replace(b"\n", b"", 1))
    with pytest.raises(BadInput, match=r"log\.jsonl:1: sum: the line is damaged"):
        read_samples(room / "log.jsonl")


def test_every_line_of_a_log_is_plain_json(room: Path) -> None:
    path = logged(fresh(room), [one(7, "Zoë\n")])
    row = json.loads(path.read_text(encoding="utf-8"))
    assert (row["request"], row["index"], row["text"]) == ("a", 7, "Zoë\n")


def test_a_row_drawn_again_replaces_the_first(room: Path) -> None:
    path = logged(fresh(room), [one(0, "first"), one(0, "second")])
    with SampleLog(path) as log:
        log.finish()
    assert [c.text for c in read_samples(path).values()] == ["second"]


def test_text_that_utf8_cannot_hold_does_not_stop_a_run(room: Path) -> None:
    with SampleLog(fresh(room)) as log:
        log.append(one(0, "half \ud83d"))
        log.finish()
    assert [c.text for c in read_samples(room / "log.jsonl").values()] == ["half ?"]


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


RECORD = {"settings": {"seed": 0, "model": "tiny"}, "versions": {"cogumi": "0.1.0"}, "environment": {"python": "3.11"}}


def test_a_folder_is_held_by_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "LOCK_SECONDS", 0.0)
    folder = RunFolder(tmp_path / "run")
    with folder.hold():
        with pytest.raises(BadInput) as caught, RunFolder(tmp_path / "run").hold():
            pass
        expected = f"{tmp_path / 'run'}: another cogumi is working in this folder (wait for it, or choose another folder)"
        assert str(caught.value) == expected
    with RunFolder(tmp_path / "run").hold():
        pass


def test_a_worker_that_inherited_the_lock_holds_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "LOCK_SECONDS", 0.0)
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


def test_a_run_goes_on_with_the_same_settings(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.begin(RECORD, same=("settings", "versions"))
    elsewhere = {**RECORD, "environment": {"python": "3.12"}}
    folder.begin(elsewhere, same=("settings", "versions"))
    assert read_json(tmp_path / "run.json") == RECORD


def test_changed_settings_are_refused_with_the_difference(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.begin(RECORD, same=("settings", "versions"))
    changed = {**RECORD, "settings": {"seed": 1, "model": "tiny", "samples": 4}}
    with pytest.raises(BadInput) as caught:
        folder.begin(changed, same=("settings", "versions"))
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'run.json'}: the run was begun with other settings: ")
    assert "settings.samples: null -> 4; settings.seed: 0 -> 1 (choose another folder with --out" in message
    assert read_json(tmp_path / "run.json") == RECORD


def test_a_stage_is_done_while_its_key_and_outputs_are_the_same(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert not folder.done("before", "key")
    write_json(tmp_path / "before.json", {"a": 1})
    write_json(tmp_path / "adapter/config.json", {})
    folder.finish("before", "key", ["before.json", "adapter"])
    assert RunFolder(tmp_path).done("before", "key")
    assert not folder.done("before", "another key")
    assert folder.output_digests("before").keys() == {"before.json", "adapter"}
    (tmp_path / "before.json").unlink()
    assert not folder.done("before", "key")


def test_an_output_that_was_changed_is_refused(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    write_json(tmp_path / "before.json", {"a": 1})
    folder.finish("before", "key", ["before.json"])
    (tmp_path / "before.json").write_text("{}")
    with pytest.raises(BadInput) as caught:
        folder.done("before", "key")
    expected = f"{tmp_path / 'before.json'}: was changed after the run wrote it (restore it, or delete it to make it again)"
    assert str(caught.value) == expected


def test_times_add_up_over_attempts(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for stage, seconds in (("train", 1.5), ("before", 9.0), ("train", 2.0)):
        folder.add_time(stage, seconds)
    assert folder.seconds("train") == 3.5
    assert folder.seconds("after") == 0.0
