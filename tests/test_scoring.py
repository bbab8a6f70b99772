"""Scores are kept: a completion is answered and scored once, and another version of a task scores again without a model."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from command_line import command, environment, final_files

from cogumi.diagnosis.scoring import score_problem
from cogumi.records import Completion, Problem, Score
from cogumi.testing import FakeTask, fake_dist, make_completions, make_problems

GRADERS = '''
"""A category whose task writes down every completion that it answers and scores."""

import os
import time
from pathlib import Path

from cogumi import hookimpl
from cogumi.testing import FakeTask, fake_benchmark, fake_category

SHIFT = 0


def note(kind, completions):
    with Path(os.environ["ASKED"]).open("a") as stream:
        for completion in completions:
            stream.write(f"{kind} {completion.request} {completion.index}\\n")


class Counted(FakeTask):
    def answers(self, problem, completions):
        time.sleep(float(os.environ.get("PAUSE", "0")))
        note("answers", completions)
        return super().answers(problem, completions)

    def score(self, problem, completions):
        note("score", completions)
        return [s for s in FakeTask.score(Plain(SHIFT), problem, completions)]


class Plain(FakeTask):
    def __init__(self, shift):
        self.shift = shift

    def answers(self, problem, completions):
        found = FakeTask.answers(self, problem, completions)
        return [None if answer is None else str(int(answer) + self.shift) for answer in found]


@hookimpl
def register_categories(register):
    register("counted", lambda: fake_category("counted", task=Counted(8)))


@hookimpl
def register_benchmarks(register):
    register("counted-test", lambda: fake_benchmark("counted-test", task=Counted(12, first=1000)))
'''
FLAGS = ("--plugins", "counted", "--model", "hollow", "--sampler", "dice", "--trainer", "pretend", "--guard", "none",
         "--held-out", "10", "--samples", "3")  # fmt: skip
DECIDED = (0, 3, 4, 5)


class Graded:
    """A run of a category that counts what its task is asked."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.out = folder, folder / "run"
        self.version("1.0", shift=0)

    def version(self, version: str, *, shift: int) -> None:
        """Install the plugin in this version; its task takes every number for one that is greater by `shift`."""
        for old in (self.folder / "site").glob("*"):
            if old.suffix == ".dist-info":
                for file in old.iterdir():
                    file.unlink()
                old.rmdir()
        fake_dist(self.folder / "site", "counted", GRADERS.replace("SHIFT = 0", f"SHIFT = {shift}"), version=version)

    def environment(self, **more: str) -> dict[str, str]:
        """Where it is installed, and writes down what it is asked."""
        found = environment(ASKED=str(self.folder / "asked"), DRAWN=str(self.folder / "drawn"), **more)
        return {
            **found,
            "PYTHONPATH": f"{self.folder / 'site'}{os.pathsep}{found['PYTHONPATH']}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def __call__(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(command(*arguments), env=self.environment(), capture_output=True, text=True, check=False)
        assert done.returncode in DECIDED, done.stderr
        return done

    def run(self) -> subprocess.CompletedProcess[str]:
        """`cogumi run` on it."""
        return self("run", *FLAGS, "--out", self.out)

    def asked(self) -> Counter[str]:
        """How often each completion was answered and scored."""
        path = self.folder / "asked"
        return Counter(path.read_text().splitlines() if path.exists() else [])

    def forget(self) -> None:
        """Count from here."""
        for name in ("asked", "drawn"):
            (self.folder / name).unlink(missing_ok=True)

    def marks(self, stage: str) -> list[bool | None]:
        """Whether each sample is right."""
        return [json.loads(line)["correct"] for line in (self.out / f"scores/{stage}.jsonl").read_text().splitlines()]


@pytest.fixture
def graded(tmp_path: Path) -> Graded:
    return Graded(tmp_path)


def twice(asked: Counter[str]) -> list[str]:
    """What was asked more often than a completion of its name was drawn: held-out ones before and after."""
    return [line for line, n in asked.items() if n > (2 if line.split("#")[1].startswith(("use", "greedy")) else 1)]


def test_every_completion_is_answered_once_and_scored_once(graded: Graded) -> None:
    graded.run()
    asked = graded.asked()
    assert twice(asked) == []
    assert sum(asked.values()) == 2 * (10 * (3 + 1 + 1) + 10 * (3 + 1) + 8 * 11)


@pytest.mark.parametrize("words", [("report",), ("show",), ("failures",), ("gate",), ("revote",)])
def test_what_reads_a_run_asks_no_task(graded: Graded, words: tuple[str, ...]) -> None:
    graded.run()
    graded.forget()
    graded(*words, graded.out)
    graded.run()
    assert not graded.asked()


def test_more_problems_are_scored_alone(graded: Graded) -> None:
    graded.run()
    before = {line.partition(" ")[2].split("#")[0] for line in graded.asked()}
    graded.forget()
    graded("diagnose", *FLAGS, "--held-out", "12", "--out", graded.out)
    now = {line.partition(" ")[2].split("#")[0] for line in graded.asked()}
    assert len(now) == 2
    assert now.isdisjoint(before)


def test_more_samples_are_answered_with_those_that_were_there(graded: Graded) -> None:
    """Answers are canonical within one call, so what is voted on together is answered anew together."""
    graded("diagnose", *FLAGS, "--out", graded.out)
    graded.forget()
    graded("diagnose", *FLAGS, "--samples", "4", "--out", graded.out)
    assert graded.asked().keys() >= {f"answers counted/{name}#use {index}" for name in used(graded) for index in range(4)}
    assert twice(graded.asked()) == []


def used(graded: Graded) -> set[str]:
    """The held-out problems."""
    rows = (json.loads(line) for line in (graded.out / "samples/before.jsonl").read_text().splitlines())
    return {row["request"].partition("/")[2].split("#")[0] for row in rows}


def test_a_run_that_is_killed_while_it_scores_goes_on_and_asks_again_for_one_problem_at_most(graded: Graded) -> None:
    graded.run()
    whole = final_files(graded.out)
    for name in ("scores/before.jsonl", ".state/scored-before.jsonl"):
        (graded.out / name).unlink()
    graded.forget()
    process = subprocess.Popen(
        command("run", *FLAGS, "--out", graded.out),
        env=graded.environment(PAUSE="0.1"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while len({line.split("#")[0] for line in graded.asked()}) < 4 and process.poll() is None:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert 0 < sum(graded.asked().values()) < 10 * 7 * 2, "it was killed in the middle"
    graded.run()
    again = {line.partition(" ")[2].split("#")[0] for line, n in graded.asked().items() if n > 1}
    assert len(again) <= 1
    assert final_files(graded.out) == whole


def test_another_version_of_a_task_scores_again_and_asks_no_model(graded: Graded) -> None:
    graded.run()
    was = graded.marks("before")
    samples = {name: digest for name, digest in final_files(graded.out).items() if name.startswith(("samples/", "adapter/"))}
    graded.version("1.1", shift=1)
    graded.forget()
    graded.run()
    assert not (graded.folder / "drawn").exists()
    assert {name: digest for name, digest in final_files(graded.out).items() if name in samples} == samples
    assert twice(graded.asked()) == []
    assert any(was)
    assert sum(mark is True for mark in graded.marks("before")) < sum(mark is True for mark in was)


def test_rescore_scores_all_that_is_stored_and_says_what_changed(graded: Graded) -> None:
    graded.run()
    graded.forget()
    same = graded("rescore", graded.out).stdout
    assert "before: 0 samples have another answer or score" in same
    assert "after: 0 samples have another answer or score" in same
    assert sum(graded.asked().values()) == 2 * (10 * (3 + 1 + 1) + 10 * (3 + 1) + 8 * 11)
    graded.version("1.1", shift=1)
    changed = graded("rescore", graded.out).stdout
    assert "before: 0 samples" not in changed
    assert re.search(r"^counted: \d examples would be kept now; the adapter was trained on what the run kept$", changed, re.M)
    assert not (graded.folder / "drawn").exists()
    after = json.loads((graded.out / "after.json").read_text())["evaluations"]["counted"]
    assert after["metrics"]["accuracy"]["value"] < 0.2, "the diagnosis rests on the new scores"
    before = final_files(graded.out)
    graded.forget()
    graded.run()
    kept = {"before.json", "after.json", *(f"scores/{stage}.jsonl" for stage in ("before", "distill", "after"))}
    assert {name for name in kept if final_files(graded.out)[name] != before[name]} == set()
    assert not graded.asked(), "the run takes these scores for its own"


# One problem


class Careful(FakeTask):
    """Writes down with which others each completion is answered."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, list[str]]] = []

    def answers(self, problem: Problem, completions: Any) -> Any:
        self.calls.append(("answers", [c.text for c in completions]))
        return [c.text for c in completions]

    def score(self, problem: Problem, completions: Any) -> Any:
        self.calls.append(("score", [c.text for c in completions]))
        return [Score(correct=True, metrics={"length": len(c.text)}, note=f"saw {c.text}") for c in completions]


def scored(*groups: list[Completion]) -> tuple[Careful, list[Any]]:
    import contextlib

    task = Careful()
    return task, list(score_problem(task, make_problems(1)[0], groups, contextlib.nullcontext()))


def test_what_is_voted_on_together_is_answered_together_and_all_is_scored_in_one_call() -> None:
    task, rows = scored(make_completions(["a", "b"], request="use"), make_completions(["c"], request="greedy"))
    assert task.calls == [("answers", ["a", "b"]), ("answers", ["c"]), ("score", ["a", "b", "c"])]
    assert [(row.request, row.index, row.answer, row.note) for row in rows] == [
        ("use", 0, "a", "saw a"),
        ("use", 1, "b", "saw b"),
        ("greedy", 0, "c", "saw c"),
    ]


def test_a_sample_that_failed_is_not_put_before_the_task() -> None:
    task, rows = scored(make_completions(["", ""], finish="error"), make_completions(["c"], request="greedy"))
    assert task.calls == [("answers", ["c"]), ("score", ["c"])]
    assert [row.request for row in rows] == ["greedy"]
    task, rows = scored(make_completions([""], finish="error"))
    assert (task.calls, rows) == ([], [])
