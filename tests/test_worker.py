from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from command_line import SITE
from hypothesis import given
from hypothesis import strategies as st

from cogumi import worker
from cogumi.errors import BadInput, CogumiError, PluginFailed, RunFailed
from cogumi.plugins import Entry, Plugin
from cogumi.processes import Silent, run_worker
from cogumi.protocols import Report
from cogumi.records import Completion, Example, Message, Model, Request, Sampling, Training
from cogumi.store import SampleLog, read_json, read_samples, write_json, write_lines
from cogumi.testing import FakeSampler, FakeTrainer, make_requests

PLUGIN = Plugin(name="p", dist="cogumi-p", version="1.2")
MODEL = asdict(Model(name="m", path="m"))


class Desk:
    """A job folder, and the messages that a worker sends from it."""

    def __init__(self, folder: Path, sent: list[dict[str, Any]]) -> None:
        self.folder = folder
        self.sent = sent
        self.log = folder / "samples.jsonl"

    def sample(self, sampler: object, requests: Sequence[Request]) -> None:
        write_json(self.folder / "requests.json", [asdict(request) for request in requests])
        job = {"requests": str(self.folder / "requests.json"), "log": str(self.log), "model": MODEL, "options": {}}
        worker.sample(self.entry("sampler", lambda model: sampler), job, worker.Reporter())

    def train(self, trainer: object, rows: Iterable[dict[str, Any]]) -> Any:
        write_lines(self.folder / "examples.jsonl", rows)
        job = {
            "examples": [str(self.folder / "examples.jsonl")],
            "folder": str(self.folder / "train"),
            "model": MODEL,
            "options": {},
        }
        worker.train(self.entry("trainer", lambda: trainer), job, worker.Reporter())
        return read_json(self.folder / "train/training.json")

    def entry(self, kind: str, factory: Callable[..., object]) -> Entry:
        return Entry(kind=kind, name="x", factory=factory, plugin=PLUGIN)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(worker, "say", sent.append)
    return Desk(tmp_path, sent)


def answer(request: Request, index: int) -> str:
    return f"{request.id} {index}"


class Odd(FakeSampler):
    """A sampler whose completions pass through a function on their way out."""

    def __init__(self, change: Callable[[Iterator[Completion]], Iterable[Completion]]) -> None:
        super().__init__(answer)
        self.change = change

    def sample(self, requests: Iterable[Request]) -> Iterator[Completion]:
        yield from self.change(super().sample(requests))


def test_every_wanted_sample_is_drawn_once_and_the_log_is_sorted(desk: Desk) -> None:
    sampler, requests = FakeSampler(answer), make_requests(3, samples=4)
    desk.sample(sampler, list(reversed(requests)))
    keys = list(read_samples(desk.log))
    assert keys == sorted((request.id, index) for request in requests for index in range(4))
    assert (sampler.asked, sampler.closed) == (12, True)
    assert desk.sent[-1] == {"done": 12, "total": 12, "note": ""}


def test_what_is_in_the_log_is_not_drawn_again(desk: Desk) -> None:
    requests = make_requests(3, samples=4)
    desk.sample(FakeSampler(answer), requests)
    whole = desk.log.read_bytes()
    for lines in (0, 5, 12):
        desk.log.write_bytes(b"".join(whole.splitlines(keepends=True)[:lines]))
        sampler = FakeSampler(answer)
        desk.sample(sampler, requests)
        assert sampler.asked == 12 - lines
        assert desk.log.read_bytes() == whole


def test_a_torn_line_is_drawn_again_and_said(desk: Desk) -> None:
    requests = make_requests(1, samples=3)
    desk.sample(FakeSampler(answer), requests)
    whole = desk.log.read_bytes()
    desk.log.write_bytes(whole[:-5])
    sampler = FakeSampler(answer)
    desk.sample(sampler, requests)
    assert sampler.asked == 1
    assert {"say": f"{desk.log}: the last line was torn by a kill and is drawn again"} in desk.sent
    assert desk.log.read_bytes() == whole


def test_a_failed_sample_is_a_row_and_is_tried_again_when_the_run_goes_on(desk: Desk) -> None:
    def unlucky(request: Request, index: int) -> str:
        return answer(request, 1 // index)

    requests = make_requests(2, samples=2)
    desk.sample(FakeSampler(unlucky), requests)
    failed = [c for c in read_samples(desk.log).values() if c.finish == "error"]
    assert [(c.index, c.text) for c in failed] == [(0, ""), (0, "")]
    assert "ZeroDivisionError" in (failed[0].error or "")
    sampler = FakeSampler(answer)
    desk.sample(sampler, requests)
    assert sampler.asked == 2
    assert all(c.finish == "stop" for c in read_samples(desk.log).values())


def test_when_every_sample_fails_the_reason_is_the_runs(desk: Desk) -> None:
    def broken(request: Request, index: int) -> str:
        raise ConnectionError("no server")

    requests = make_requests(2, samples=2)
    with pytest.raises(RunFailed) as caught:
        desk.sample(FakeSampler(broken), requests)
    expected = "plugin 'p' (cogumi-p 1.2): sampler 'x' failed on all samples, 4 times with: ConnectionError: no server"
    assert str(caught.value) == expected
    desk.sample(FakeSampler(answer), requests)  # the server is back
    assert all(c.finish == "stop" for c in read_samples(desk.log).values())


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda drawn: [*drawn][1:], "sampler 'x' left out 1 samples, e.g. sample 0 of 'test/sum-17'"),
        (lambda drawn: [next(drawn)] * 2, "sampler 'x' gave sample 0 of 'test/sum-17', not asked for or given twice"),
        (
            lambda drawn: [Completion(request="other", index=3, text="", finish="stop")],
            "sampler 'x' gave sample 3 of 'other', not asked for or given twice",
        ),
    ],
)
def test_a_sampler_that_breaks_its_promise_is_named(desk: Desk, change: Any, problem: str) -> None:
    with pytest.raises(RunFailed) as caught:
        desk.sample(Odd(change), make_requests(2, samples=2))
    assert str(caught.value) == f"plugin 'p' (cogumi-p 1.2): {problem}"


def test_what_was_drawn_before_a_sampler_broke_is_kept(desk: Desk) -> None:
    def breaking(drawn: Iterator[Completion]) -> Iterator[Completion]:
        yield next(drawn)
        yield next(drawn)
        raise LookupError("gone")

    requests = make_requests(1, samples=4)
    with pytest.raises(PluginFailed, match=r"^plugin 'p' \(cogumi-p 1\.2\): sampler 'x' failed: LookupError: gone$"):
        desk.sample(Odd(breaking), requests)
    with SampleLog(desk.log) as log:
        assert len(log.completions) == 2
    sampler = FakeSampler(answer)
    desk.sample(sampler, requests)
    assert sampler.asked == 2


class Scholar(FakeTrainer):
    """Remembers what it was taught."""

    def train(self, examples: Sequence[Example], model: Model, folder: Path, report: Report) -> Training:
        object.__setattr__(self, "taught", examples)
        return super().train(examples, model, folder, report)


ODD_TEXT = "one\u2028two\u0085three\x0bfour\x1cfive\r\nsix"


def test_examples_reach_the_trainer_as_they_were_written(desk: Desk) -> None:
    messages = [{"role": "user", "content": ODD_TEXT}, {"role": "assistant", "content": ODD_TEXT}]
    rows = [
        {"id": f"x/{n}", "messages": messages, "evidence": {"train_temperature": 0.3, "token_ids": [1, 2]}} for n in range(2)
    ]
    trainer = Scholar()
    result = desk.train(trainer, rows)
    taught: Sequence[Example] = trainer.taught  # type: ignore[attr-defined]
    assert [example.id for example in taught] == ["x/0", "x/1"]
    assert list(taught[0].messages) == messages
    assert (taught[0].train_temperature, taught[0].token_ids) == (0.3, (1, 2))
    assert result.items() >= {"examples": 2, "steps": 4, "quantization": "none", "weight_change": 0.01}.items()
    assert "model" not in result


def test_a_trainer_without_an_adapter_is_named(desk: Desk) -> None:
    class Idle:
        def train(self, examples: object, model: Model, folder: Path, report: Report) -> Training:
            return Training(model=model, steps=0, losses=(), weight_change=0.0, quantization="none")

    with pytest.raises(RunFailed, match=r"^plugin 'p' \(cogumi-p 1\.2\): trainer 'x' left no adapter$"):
        desk.train(Idle(), [])


@given(
    st.builds(
        Request,
        id=st.text(max_size=20),
        messages=st.lists(st.builds(Message, role=st.sampled_from(["user", "system"]), content=st.text(max_size=20))).map(
            tuple
        ),
        sampling=st.builds(
            Sampling,
            temperature=st.floats(0, 2),
            max_tokens=st.integers(1, 999),
            stop=st.lists(st.text(max_size=3)).map(tuple),
            logprobs=st.booleans(),
        ),
        indices=st.lists(st.integers(0, 50)).map(tuple),
    )
)
def test_a_request_comes_back_from_json(request: Request) -> None:
    assert worker.request_of(json.loads(json.dumps(asdict(request)))) == request


def test_progress_is_a_few_lines_a_second_and_always_the_last(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter(number / 100 for number in range(100, 200))
    monkeypatch.setattr("cogumi.worker.time", SimpleNamespace(monotonic=lambda: next(times)))
    report = worker.Reporter()
    for done in range(1, 101):
        report(done, 100)
    assert 5 <= len(desk.sent) <= 7
    assert desk.sent[-1]["done"] == 100


class Watcher(Silent):
    """Keeps what it is shown."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int]] = []

    def progress(self, done: int, total: int, note: str) -> None:
        self.seen.append((done, total))


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("PYTHONPATH", str(SITE))
    write_json(tmp_path / "requests.json", [asdict(request) for request in make_requests(2, samples=2)])
    return {
        "kind": "sampler",
        "name": "dice",
        "options": {},
        "requests": str(tmp_path / "requests.json"),
        "log": str(tmp_path / "log.jsonl"),
        "model": MODEL,
    }


def work(job: dict[str, Any], folder: Path, python: str | None = None) -> Watcher:
    show = Watcher()
    with (folder / "lock").open("w") as lock:
        run_worker(job, folder=folder, python=python or sys.executable, lock=lock.fileno(), show=show)
    return show


def test_a_process_of_its_own_draws_and_tells(job: dict[str, Any], tmp_path: Path) -> None:
    show = work(job, tmp_path)
    assert len(read_samples(tmp_path / "log.jsonl")) == 4
    assert show.seen[-1] == (4, 4)


@pytest.mark.parametrize(
    ("change", "error", "problem"),
    [
        ({"name": "dices"}, BadInput, "no sampler is called 'dices' (did you mean dice?)"),
        ({"options": {"pauses": 1}}, BadInput, "pauses: sampler 'dice' has no such option (did you mean pause?)"),
        (
            {"options": {"broken": "raise"}},
            RunFailed,
            "plugin 'sums' (cogumi-fake 1.0): sampler 'dice' failed: RuntimeError",
        ),
        ({"options": {"broken": "crash"}}, RunFailed, "sampler 'dice' died (signal 6); its output is in "),
        ({"requests": "/no/such/requests"}, BadInput, "/no/such/requests: cannot be read: "),
    ],
)
def test_how_a_process_ends_is_told(
    job: dict[str, Any], tmp_path: Path, change: dict[str, Any], error: type[CogumiError], problem: str
) -> None:
    with pytest.raises(error) as caught:
        work({**job, **change}, tmp_path)
    message = str(caught.value)
    assert message.startswith(problem)
    assert "\n" not in message


def test_an_interpreter_that_is_not_there(job: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        work(job, tmp_path, python="/no/such/python")
    assert str(caught.value) == (
        "/no/such/python: python: cannot be started: No such file or directory "
        "(give an interpreter with cogumi and the plugin installed)"
    )


def test_the_output_of_an_interpreter_that_fails_is_kept(job: dict[str, Any], tmp_path: Path) -> None:
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\necho 'No module named cogumi' >&2\nexit 3\n")
    script.chmod(0o755)
    (tmp_path / "worker.log").write_text("an older worker's last words\n")
    with pytest.raises(RunFailed) as caught:
        work(job, tmp_path, python=str(script))
    log = tmp_path / "worker.log"
    assert str(caught.value) == f"sampler 'dice' died (exit code 3); its output is in {log}: No module named cogumi"


def test_the_lock_is_handed_to_the_process(job: dict[str, Any], tmp_path: Path) -> None:
    script = tmp_path / "python"
    script.write_text(f"#!/bin/sh\nls /proc/self/fd > {tmp_path}/open\n")
    script.chmod(0o755)
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("needs /proc to see open files")
    with (tmp_path / "lock").open("w") as lock:
        run_worker(job, folder=tmp_path, python=str(script), lock=lock.fileno(), show=Silent())
        assert str(lock.fileno()) in (tmp_path / "open").read_text().split()
