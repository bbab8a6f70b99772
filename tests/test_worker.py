from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from command_line import SITE
from hypothesis import given
from hypothesis import strategies as st

from cogumi.codec import from_json, to_json
from cogumi.errors import BadInput, CogumiError, PluginFailed, RunFailed
from cogumi.files import read_json, write_lines
from cogumi.pipeline.observers import Silent
from cogumi.protocols import Progress
from cogumi.records import (
    Completion,
    Demonstration,
    Endpoint,
    ItemResult,
    Launch,
    Message,
    Preference,
    Request,
    Sampling,
    Training,
    Weights,
)
from cogumi.sampling.log import COMPLETIONS, Log, read_samples
from cogumi.testing import FakeSampler, FakeTrainer, make_examples, make_preferences, make_requests
from cogumi.workers import jobs, main
from cogumi.workers.jobs import Advance, CountedAnswer, Evidence, Example, Failure, Origin, Remark, Said, message_of
from cogumi.workers.launch import Workplace, run_worker

MODEL = Weights(name="m", path=str(SITE / "hollow"))


def maker(kind: Any, name: str = "x", plugin: str = "p", **options: Any) -> jobs.Maker:
    return jobs.Maker(
        plugin=plugin, label=f"plugin '{plugin}' (cogumi-p 1.2): {kind} '{name}'", kind=kind, name=name, options=options
    )


class Desk:
    """A job folder, and the messages that a worker sends from it."""

    def __init__(self, folder: Path, sent: list[Said]) -> None:
        self.folder = folder
        self.sent = sent
        self.log = folder / "samples.jsonl"
        self.made: object = None

    def sample(self, sampler: object, requests: Sequence[Request]) -> None:
        self.made = sampler
        write_lines(self.folder / "requests.jsonl", map(to_json, requests))
        job = jobs.SampleJob(maker=maker("sampler"), model=MODEL, requests=self.folder / "requests.jsonl", log=self.log)
        main.sample(job, main.Reporter())

    def train(self, trainer: object, rows: Iterable[Mapping[str, Any]], *, preferences: bool = False) -> Any:
        self.made = trainer
        path, folder = self.folder / "examples.jsonl", self.folder / "train"
        write_lines(path, rows)
        main.train(
            jobs.TrainJob(maker=maker("trainer"), model=MODEL, examples=(path,), preferences=preferences, folder=folder),
            main.Reporter(),
        )
        return read_json(folder / "training.json")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    sent: list[Said] = []
    desk = Desk(tmp_path, sent)
    monkeypatch.setattr(main, "say", sent.append)
    monkeypatch.setattr(main, "make", lambda maker, *arguments: desk.made)
    return desk


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
    assert desk.sent[-1] == Advance(done=12, total=12)


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
    assert Remark(say=f"{desk.log}: the last line was torn by a kill and is drawn again") in desk.sent
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
    with Log(desk.log, COMPLETIONS) as log:
        assert len(log) == 2
    sampler = FakeSampler(answer)
    desk.sample(sampler, requests)
    assert sampler.asked == 2


class Scholar(FakeTrainer):
    """Remembers what it was taught."""

    def train(self, examples: Sequence[Demonstration], model: Weights, folder: Path, progress: Progress) -> Training:
        object.__setattr__(self, "taught", examples)
        return super().train(examples, model, folder, progress)


ODD_TEXT = "one\u2028two\u0085three\x0bfour\x1cfive\r\nsix"


EVIDENCE = Evidence(
    answer="1",
    agreement=1.0,
    votes=(CountedAnswer(answer="1", count=2),),
    total=2,
    generate_temperature=0.1,
    vote_temperature=0.7,
    train_temperature=0.3,
    seed=0,
    target=Origin(request="x/0#target", index=0, by="student"),
    prompt_digest="d",
    token_ids=(1, 2),
)


def test_examples_reach_the_trainer_as_they_were_written(desk: Desk) -> None:
    messages = [{"role": "user", "content": ODD_TEXT}, {"role": "assistant", "content": ODD_TEXT}]
    rows = [{"id": f"x/{n}", "messages": messages, "evidence": to_json(EVIDENCE)} for n in range(2)]
    trainer = Scholar()
    result = desk.train(trainer, rows)
    taught: Sequence[Demonstration] = trainer.taught  # type: ignore[attr-defined]
    assert [example.id for example in taught] == ["x/0", "x/1"]
    assert list(taught[0].messages) == messages
    assert (taught[0].train_temperature, taught[0].token_ids, taught[0].prompt_digest) == (0.3, (1, 2), "d")
    assert result["examples"] == 2
    assert result["training"].items() >= {"steps": 4, "weight_change": 0.01, "notes": []}.items()


def test_pairs_reach_the_trainer_as_they_were_written(desk: Desk) -> None:
    pairs, trainer = make_preferences(3), Scholar()
    result = desk.train(trainer, map(asdict, pairs), preferences=True)
    taught: Sequence[Preference] = trainer.taught  # type: ignore[attr-defined]
    assert list(taught) == pairs
    assert result["examples"] == 3


def test_an_example_without_evidence_is_an_example() -> None:
    (example,) = make_examples(1)
    row = json.loads(json.dumps({"id": example.id, "messages": example.messages}))
    assert jobs.demonstration_of(from_json(Example, row)) == example


def test_a_trainer_without_an_adapter_is_named(desk: Desk) -> None:
    class Idle:
        def train(self, examples: object, model: Weights, folder: Path, progress: Progress) -> Training:
            return Training(steps=0, losses=(), weight_change=0.0)

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
    assert from_json(Request, json.loads(json.dumps(to_json(request)))) == request


def test_progress_is_a_few_lines_a_second_and_always_the_last(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter(number / 100 for number in range(100, 200))
    monkeypatch.setattr("cogumi.workers.main.time", SimpleNamespace(monotonic=lambda: next(times)))
    report = main.Reporter()
    for done in range(1, 101):
        report(done, 100)
    assert 5 <= len(desk.sent) <= 7
    assert desk.sent[-1] == Advance(done=100, total=100)


class Watcher(Silent):
    """Keeps what it is shown."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int]] = []
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def progress(self, done: int, total: int, note: str) -> None:
        self.seen.append((done, total))


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> jobs.SampleJob:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(SITE), os.environ.get("PYTHONPATH", "")]))
    write_lines(tmp_path / "requests.jsonl", map(to_json, make_requests(2, samples=2)))
    return jobs.SampleJob(
        maker=maker("sampler", "dice", "sums"),
        model=MODEL,
        requests=tmp_path / "requests.jsonl",
        log=tmp_path / "log.jsonl",
    )


def work(job: jobs.Job, folder: Path, *, python: str | None = None, launch: Launch | None = None) -> Watcher:
    watcher = Watcher()
    with (folder / "lock").open("w") as lock:
        place = Workplace(folder=folder, lock=lock.fileno(), observer=watcher)
        run_worker(job, place, python=python, launch=launch)
    return watcher


def script(path: Path, text: str) -> str:
    """A program that stands for an interpreter."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_a_process_of_its_own_draws_and_tells(job: jobs.SampleJob, tmp_path: Path) -> None:
    watcher = work(job, tmp_path)
    assert len(read_samples(tmp_path / "log.jsonl")) == 4
    assert watcher.seen[-1] == (4, 4)


def test_a_torn_line_is_said_to_who_watches(job: jobs.SampleJob, tmp_path: Path) -> None:
    work(job, tmp_path)
    whole = job.log.read_bytes()
    job.log.write_bytes(whole[:-3])
    assert work(job, tmp_path).said == [f"{job.log}: the last line was torn by a kill and is drawn again"]
    assert job.log.read_bytes() == whole


def test_shards_are_taken_in_before_anything_is_drawn(desk: Desk) -> None:
    requests = make_requests(2, samples=2)
    desk.sample(FakeSampler(answer), requests)
    whole = desk.log.read_bytes()
    lines = whole.splitlines(keepends=True)
    desk.log.unlink()
    for number, part in enumerate((lines[:1], lines[2:])):
        (desk.folder / f"samples.{number}.jsonl").write_bytes(b"".join(part))
    sampler = FakeSampler(answer)
    desk.sample(sampler, requests)
    assert sampler.asked == 1
    assert desk.log.read_bytes() == whole


BROKEN: list[tuple[dict[str, Any], type[CogumiError], str]] = [
    ({"pauses": 1}, BadInput, "pauses: plugin 'sums' (cogumi-p 1.2): sampler 'dice' has no such option (did you mean pause?)"),
    ({"pause": "long"}, BadInput, "pause: plugin 'sums' (cogumi-p 1.2): sampler 'dice': 'long' does not fit: it takes float"),
    ({"broken": "raise"}, RunFailed, "plugin 'sums' (cogumi-p 1.2): sampler 'dice' failed: RuntimeError"),
    ({"broken": "errors"}, RunFailed, "plugin 'sums' (cogumi-p 1.2): sampler 'dice' failed on all samples, 4 times with: no l"),
    ({"broken": "crash"}, RunFailed, "sampler 'dice' died (signal 6); its output is in "),
]


@pytest.mark.parametrize(("options", "error", "problem"), BROKEN)
def test_how_a_process_ends_is_told(
    job: jobs.SampleJob, tmp_path: Path, options: dict[str, Any], error: type[CogumiError], problem: str
) -> None:
    with pytest.raises(error) as caught:
        work(replace(job, maker=replace(job.maker, options=options)), tmp_path)
    message = str(caught.value)
    assert message.startswith(problem)
    assert "\n" not in message


def test_requests_that_are_not_there_are_named(job: jobs.SampleJob, tmp_path: Path) -> None:
    with pytest.raises(CogumiError, match=r"^/no/such/requests: No such file or directory"):
        work(replace(job, requests=Path("/no/such/requests")), tmp_path)


def test_an_interpreter_that_is_not_there(job: jobs.SampleJob, tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        work(job, tmp_path, python="/no/such/python")
    assert str(caught.value) == (
        "/no/such/python: python: cannot be started: No such file or directory "
        "(give an interpreter with cogumi and the plugin installed)"
    )


def test_the_output_of_an_interpreter_that_fails_is_kept(job: jobs.SampleJob, tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    log.write_text("an older worker's last words\n")
    with pytest.raises(RunFailed) as caught:
        work(job, tmp_path, python=script(tmp_path / "python", "echo 'No module named cogumi' >&2\nexit 3"))
    assert str(caught.value) == f"sampler 'dice' died (exit code 3); its output is in {log}: No module named cogumi"


def test_lines_of_a_launcher_are_not_the_worker_s(job: jobs.SampleJob, tmp_path: Path) -> None:
    lines = 'echo hello\necho \'[1]\'\necho 3\necho \'{"say": "ready"}\'\necho \'{"done": 1, "total": 2, "note": ""}\''
    watcher = work(job, tmp_path, python=script(tmp_path / "python", lines))
    assert (watcher.said, watcher.seen) == (["ready"], [(1, 2)])


def test_the_lock_is_handed_to_the_process(job: jobs.SampleJob, tmp_path: Path) -> None:
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("needs /proc to see open files")
    python = script(tmp_path / "python", f"ls /proc/self/fd > {tmp_path}/open")
    with (tmp_path / "lock").open("w") as lock:
        run_worker(job, Workplace(folder=tmp_path, lock=lock.fileno(), observer=Silent()), python=python)
        assert str(lock.fileno()) in (tmp_path / "open").read_text().split()


MESSAGES = (Advance(done=1, total=2, note="loading"), Remark(say="a sentence"), Failure(error="what is wrong", code=2))


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_comes_back_from_its_line(message: Said) -> None:
    assert message_of(json.dumps(to_json(message)).encode()) == message


@pytest.mark.parametrize("line", ["hello", "3", "[1]", "{}", '{"say": 1}', '{"done": 1}', '{"say": "so", "else": 1}', "\xff"])
def test_a_line_that_is_no_message_says_nothing(line: str) -> None:
    assert message_of(line.encode("latin-1")) is None


# --- jobs -------------------------------------------------------------------------------------------------------------

JOBS = [
    jobs.SampleJob(
        maker=maker("sampler", path="a/b", seeds=[1, 2]),
        model=Endpoint(name="m", url="http://h:1", served="s"),
        requests=Path("r.jsonl"),
        log=Path("l.jsonl"),
    ),
    jobs.TrainJob(maker=maker("trainer"), model=MODEL, examples=(Path("a"), Path("b")), preferences=True, folder=Path("f")),
    jobs.EvaluateJob(maker=maker("benchmark"), model=MODEL, limit=None, items=Path("i.jsonl")),
    jobs.MergeJob(maker=maker("trainer"), model=MODEL, folder=Path("f"), notes=Path("n.json")),
    jobs.EachJob(
        samplings=(jobs.SampleJob(maker=maker("sampler"), model=MODEL, requests=Path("r.jsonl"), log=Path("log.jsonl")),),
        timings=Path("t.jsonl"),
        names=("one",),
    ),
]


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.job)
def test_a_job_comes_back_from_its_file(job: jobs.Job, tmp_path: Path) -> None:
    jobs.write_job(tmp_path / "job.json", job)
    assert jobs.read_job(tmp_path / "job.json") == job


def test_every_kind_of_job_has_somebody_who_does_it() -> None:
    assert jobs.KINDS.keys() == main.WORK.keys() == {job.job for job in JOBS}


@pytest.mark.parametrize("content", ["[]", "{}", '{"job": "sing"}'])
def test_what_is_no_job_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text(content)
    with pytest.raises(BadInput, match=r"job\.json: no job of a worker"):
        jobs.read_job(tmp_path / "job.json")


class Evaluator:
    """An external evaluation with these items."""

    def __init__(self, *ids: str) -> None:
        self.ids = ids

    def evaluate(self, model: Weights, limit: int | None, progress: Progress) -> list[ItemResult]:
        return [ItemResult(id=name, metrics={"acc": 1.0}) for name in self.ids[:limit]]


def evaluated(desk: Desk, evaluation: Evaluator, limit: int | None = None) -> list[str]:
    desk.made = evaluation
    items = desk.folder / "items.jsonl"
    main.evaluate(jobs.EvaluateJob(maker=maker("benchmark"), model=MODEL, limit=limit, items=items), main.Reporter())
    return [json.loads(line)["id"] for line in items.read_text().splitlines()]


def test_an_evaluation_leaves_a_line_per_item_by_id(desk: Desk) -> None:
    assert evaluated(desk, Evaluator("b", "a", "c")) == ["a", "b", "c"]
    assert evaluated(desk, Evaluator("b", "a", "c"), limit=2) == ["a", "b"]


@pytest.mark.parametrize(("ids", "problem"), [((), "gave no items"), (("a", "b", "a"), "gave item 'a' more than once")])
def test_an_evaluation_that_breaks_its_promise_is_named(desk: Desk, ids: tuple[str, ...], problem: str) -> None:
    with pytest.raises(RunFailed, match=rf"^plugin 'p' \(cogumi-p 1\.2\): benchmark 'x' {problem}$"):
        evaluated(desk, Evaluator(*ids))


def test_a_merge_leaves_the_trainer_s_sentences(desk: Desk) -> None:
    class Merging(FakeTrainer):
        def merge(self, model: Weights, folder: Path, progress: Progress) -> Sequence[str]:
            return (f"merged {model.name}",)

    desk.made = Merging()
    notes = desk.folder / "notes.json"
    main.merge(jobs.MergeJob(maker=maker("trainer"), model=MODEL, folder=desk.folder / "merged", notes=notes), main.Reporter())
    assert read_json(notes) == ["merged m"]


# --- launchers --------------------------------------------------------------------------------------------------------

LAUNCHER = """
import os, subprocess, sys

def run(rank):
    environment = {**os.environ, "RANK": str(rank), "WORLD_SIZE": "2"}
    return subprocess.run([sys.executable, *sys.argv[1:]], env=environment).returncode

print("starting two processes")
sys.exit(max(run(1), run(0)))  # the fake trainer's two processes know nothing of each other
"""


@pytest.fixture
def train_job(job: jobs.SampleJob, tmp_path: Path) -> jobs.TrainJob:
    path = tmp_path / "examples.jsonl"
    write_lines(path, ({"id": e.id, "messages": list(e.messages)} for e in make_examples(3)))
    pretend = maker("trainer", "pretend", "sums")
    return jobs.TrainJob(maker=pretend, model=MODEL, examples=(path,), preferences=False, folder=tmp_path / "train")


def test_a_launcher_starts_two_processes_and_the_first_speaks_for_both(train_job: jobs.TrainJob, tmp_path: Path) -> None:
    (tmp_path / "launcher.py").write_text(LAUNCHER)
    alone = work(train_job, tmp_path)
    said = read_json(train_job.folder / "training.json")
    together = work(
        replace(train_job, folder=tmp_path / "both"), tmp_path, launch=Launch(command=(str(tmp_path / "launcher.py"),))
    )
    assert together.seen[-1] == (4, 4)
    assert together.seen.count((4, 4)) == alone.seen.count((4, 4))
    assert read_json(tmp_path / "both" / "training.json") == said


def test_a_launcher_that_fails_is_told(train_job: jobs.TrainJob, tmp_path: Path) -> None:
    (tmp_path / "launcher.py").write_text(LAUNCHER)
    broken = replace(train_job, maker=replace(train_job.maker, options={"pause": "long"}))
    with pytest.raises(BadInput, match="'long' does not fit"):
        work(broken, tmp_path, launch=Launch(command=(str(tmp_path / "launcher.py"),)))


# --- how little a worker needs ----------------------------------------------------------------------------------------

COUNT = """
import json, sys
from cogumi.workers import main
print(json.dumps(sorted(name for name in sys.modules if name.partition(".")[0] == "cogumi")))
"""
ROOMS = ("planning", "stats", "decision", "report", "diagnosis", "distillation", "comparison", "pipeline", "results", "cli")


def core_modules() -> list[str]:
    """The modules of the core that a worker imports before the plugin's own, in a process of its own."""
    done = subprocess.run([sys.executable, "-c", COUNT], text=True, capture_output=True, check=True)
    found: list[str] = json.loads(done.stdout)
    return found


def is_empty(module: str) -> bool:
    """Whether it is a package's `__init__` that says what it is and nothing else."""
    path = Path(main.__file__).parents[1].joinpath(*module.split(".")[1:])
    return path.is_dir() and len((path / "__init__.py").read_text().splitlines()) <= 1


def test_a_worker_imports_at_most_ten_modules_of_the_core() -> None:
    named = [module for module in core_modules() if not is_empty(module)]
    assert "cogumi.workers.main" in named
    assert len(named) <= 10, named


def test_a_worker_imports_nothing_of_planning_statistics_or_reports() -> None:
    assert not [module for module in core_modules() for room in ROOMS if module.startswith(f"cogumi.{room}")]
