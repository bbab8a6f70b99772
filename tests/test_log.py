from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cogumi.diagnosis.scoring import SCORES
from cogumi.errors import BadInput
from cogumi.records import Completion
from cogumi.results import ScoredSample
from cogumi.sampling import log as logs
from cogumi.sampling.log import COMPLETIONS, Log, StoredLog, read_samples

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
DRAWN = st.builds(
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
LOGS = st.lists(DRAWN, max_size=6, unique_by=lambda c: (c.request, c.index))


def one(index: int = 0, text: str = "yes", request: str = "a") -> Completion:
    return Completion(request=request, index=index, text=text, finish="stop", tokens=2)


def opened(path: Path) -> Log[Completion]:
    return Log(path, COMPLETIONS)


def logged(path: Path, completions: list[Completion]) -> Path:
    with opened(path) as log:
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
    assert dict(read_samples(path)) == expected
    with opened(path) as again:
        assert list(again.rows()) == [expected[key] for key in sorted(expected)]
        assert not again.torn


@settings(max_examples=40)
@given(LOGS, st.randoms(use_true_random=False))
def test_a_finished_log_does_not_depend_on_the_order(room: Path, completions: list[Completion], random: object) -> None:
    shuffled = sorted(completions, key=lambda _: random.random())  # type: ignore[attr-defined]
    finished = []
    for order in (completions, shuffled):
        with opened(fresh(room)) as log:
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
        with opened(path) as log:
            assert list(log.rows()) == completions[:lines]
            assert log.torn == (cut > 0 and whole[cut - 1 : cut] != b"\n")
            for completion in completions[lines:]:
                log.append(completion)
        assert path.read_bytes() == whole


def test_a_log_resumed_after_any_cut_ends_in_the_same_bytes(room: Path) -> None:
    completions = [one(i, request=name) for name in ("b", "a") for i in (1, 0)]
    whole = logged(fresh(room), completions).read_bytes()
    with opened(room / "log.jsonl") as log:
        log.finish()
    expected = (room / "log.jsonl").read_bytes()
    for cut in range(0, len(whole), 7):
        path = fresh(room)
        path.write_bytes(whole[:cut])
        with opened(path) as log:
            for completion in reversed(completions):
                if not log.has((completion.request, completion.index)):
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
    for read in (read_samples, opened):
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
    with opened(path) as log:
        log.finish()
    assert [c.text for c in read_samples(path).values()] == ["second"]


def test_text_that_utf8_cannot_hold_does_not_stop_a_run(room: Path) -> None:
    with opened(fresh(room)) as log:
        log.append(one(0, "half \ud83d"))
        log.finish()
    assert [c.text for c in read_samples(room / "log.jsonl").values()] == ["half ?"]


# --- rows that stand for a sample to be drawn again -------------------------------------------------------------------


def failed(index: int = 0) -> Completion:
    return Completion(request="a", index=index, text="", finish="error", error="no luck")


def test_a_failed_sample_is_there_and_is_still_wanted(room: Path) -> None:
    with opened(fresh(room)) as log:
        log.append(failed(0))
        assert (len(log), log.has(("a", 0)), log.failed) == (1, False, {("a", 0)})
        log.append(one(0, "at last"))
        assert (len(log), log.has(("a", 0)), log.failed) == (1, True, set())
    with opened(room / "log.jsonl") as again:
        assert [row.text for row in again.rows()] == ["at last"]


def test_a_failure_after_a_success_is_what_counts(room: Path) -> None:
    with opened(logged(fresh(room), [one(0), failed(0)])) as log:
        assert not log.has(("a", 0))


# --- shards -----------------------------------------------------------------------------------------------------------


def test_shards_are_merged_by_key(room: Path) -> None:
    first = logged(room / "samples.0.jsonl", [one(0), one(2), failed(3)])
    second = logged(room / "samples.1.jsonl", [one(1), one(3), one(2, "again")])
    with opened(fresh(room)) as log:
        for shard in (first, second):
            log.absorb(shard)
        log.finish()
    found = read_samples(room / "log.jsonl")
    assert {key: row.text for key, row in found.items()} == {("a", i): "yes" for i in range(4)}
    assert list(found) == sorted(found)


def test_a_merged_log_does_not_depend_on_who_drew_what(room: Path) -> None:
    rows = [one(i, request=name) for name in ("a", "b") for i in range(3)]
    finished = []
    for cut in (0, 2, 5):
        shards = [logged(fresh(room).with_name(f"s{cut}.{n}.jsonl"), part) for n, part in enumerate((rows[cut:], rows[:cut]))]
        with opened(fresh(room)) as log:
            for shard in shards:
                log.absorb(shard)
            log.finish()
        finished.append((room / "log.jsonl").read_bytes())
    assert len(set(finished)) == 1


def test_damage_in_a_shard_names_the_shard(room: Path) -> None:
    shard = logged(room / "broken.0.jsonl", [one(0), one(1)])
    shard.write_bytes(shard.read_bytes().replace(b"yes", b"no!", 1))
    with opened(fresh(room)) as log, pytest.raises(BadInput, match=r"broken\.0\.jsonl:1: sum: the line is damaged"):
        log.absorb(shard)


# --- reading on demand ------------------------------------------------------------------------------------------------


def test_a_stored_log_reads_a_row_when_it_is_asked_for(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = logged(fresh(room), [one(i, f"text {i}") for i in range(5)])
    stored = read_samples(path)
    read: list[int] = []
    real = logs.read_checked

    def watched(line: bytes, path: Path, number: int) -> dict[str, object]:
        read.append(number)
        return real(line, path, number)

    monkeypatch.setattr(logs, "read_checked", watched)
    assert (len(stored), ("a", 3) in stored, ("a", 9) in stored) == (5, True, False)
    assert read == []
    assert stored["a", 3].text == "text 3"
    assert read == [4]
    with pytest.raises(KeyError):
        stored["a", 9]


def test_a_stored_log_holds_no_texts(room: Path) -> None:
    path = logged(fresh(room), [one(i, "x" * 10_000) for i in range(20)])
    stored = read_samples(path)
    assert "x" * 100 not in repr(vars(stored))
    with opened(path) as log:
        assert "x" * 100 not in repr(vars(log))


def test_a_row_that_is_damaged_while_the_log_is_open_is_named(room: Path) -> None:
    path = logged(fresh(room), [one(0), one(1)])
    stored = read_samples(path)
    path.write_bytes(path.read_bytes().replace(b"yes", b"no!"))
    with pytest.raises(BadInput, match=r"log\.jsonl:2: sum: the line is damaged"):
        stored["a", 1]


def test_a_log_of_scores_is_a_log_too(room: Path) -> None:
    scores = [ScoredSample(request="a", index=i, answer=str(i), correct=i == 1, metrics={"len": 2.0}) for i in (1, 0)]
    scores.append(ScoredSample(request="a", index=2, answer=None, correct=None, note="no answer"))
    path = fresh(room)
    with Log(path, SCORES) as log:
        for row in scores:
            log.append(row)
        log.finish()
    assert dict(StoredLog(path, SCORES)) == {(row.request, row.index): row for row in scores}
    assert [json.loads(line)["index"] for line in path.read_text().splitlines()] == [0, 1, 2]


def test_what_is_not_to_be_kept_goes_when_the_log_is_finished(room: Path) -> None:
    with opened(fresh(room)) as log:
        for index in range(4):
            log.append(one(index))
        log.finish(keep=lambda key: key[1] != 2)
    assert list(read_samples(room / "log.jsonl")) == [("a", 0), ("a", 1), ("a", 3)]
