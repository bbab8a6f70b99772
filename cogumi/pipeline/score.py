"""Having a task score what was drawn, once: a score is kept as long as its sample and its grader are the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cogumi.diagnosis.scoring import SCORES, score_problem
from cogumi.files import digest, dumps, write_lines
from cogumi.pipeline.draw import drawn_keys
from cogumi.pipeline.run import Run
from cogumi.planning.plan import Chosen
from cogumi.protocols import Task
from cogumi.records import Completion, Problem
from cogumi.results import ScoredSample
from cogumi.sampling.log import Log, StoredLog, read_samples
from cogumi.thoughts import Tags

Groups = Callable[[Problem], Sequence[Sequence[Completion]]]
"""A problem's samples as they are answered: each group in one call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """The problems of one task, with their samples."""

    name: str
    """The category's, or the benchmark's."""
    task: Task
    """Who reads and scores."""
    chosen: Chosen
    """Whose task it is, and how it was made."""
    problems: Sequence[Problem]
    """What was asked."""
    groups: Groups
    """What was answered."""
    thoughts: Tags = ()
    """Marks of thoughts that the templates declare."""


def score(run: Run, name: str, works: Sequence[Work], *, again: bool = False) -> StoredLog[ScoredSample]:
    """Have every sample scored whose score `scores/NAME.jsonl` does not hold yet; `again`: all of them."""
    path = run.path(f"scores/{name}.jsonl")
    drawn = drawn_keys(run, name)
    total, done = sum(len(work.problems) for work in works), 0
    with Log(path, SCORES) as log, Keys(run.folder.state / f"scored-{name}.jsonl", fresh=again) as keys:
        for work in works:
            grader = digest(dict(work.chosen.identity))[:16]
            for problem in work.problems:
                groups = work.groups(problem)
                label, key = f"{work.name}/{problem.id}", _key(grader, problem, groups, drawn)
                done += 1
                if keys.known.get(label) == key and _has_all(log, groups):
                    continue
                run.observer.progress(done, total, f"scoring {work.name}")
                for row in score_problem(work.task, problem, groups, work.chosen.entry.attribute_errors(), work.thoughts):
                    log.append(row)
                keys.add(label, key)
        log.finish()
    return StoredLog(path, SCORES)


def stored(run: Run, name: str) -> tuple[StoredLog[Completion], StoredLog[ScoredSample]]:
    """A stage's samples and their scores, as they are there."""
    return read_samples(run.path(f"samples/{name}.jsonl")), StoredLog(run.path(f"scores/{name}.jsonl"), SCORES)


class Keys:
    """Under which key each problem's scores were made: appended to as they are, read when the run goes on."""

    def __init__(self, path: Path, *, fresh: bool) -> None:
        self.path = path
        lines = path.read_bytes().split(b"\n")[:-1] if path.exists() and not fresh else []
        self.known: dict[str, str] = {}
        for line in lines:
            label, key = json.loads(line)
            self.known[label] = key

    def __enter__(self) -> Keys:
        write_lines(self.path, ([label, key] for label, key in sorted(self.known.items())))
        self._stream = self.path.open("a", encoding="utf-8")
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def add(self, label: str, key: str) -> None:
        """The scores of a problem are in the log."""
        self.known[label] = key
        self._stream.write(dumps([label, key]) + "\n")
        self._stream.flush()


def _key(grader: str, problem: Problem, groups: Sequence[Sequence[Completion]], drawn: dict[str, str]) -> str:
    """Digest of all that a problem's scores depend on."""
    asked = {c.request: drawn.get(c.request) for group in groups for c in group}
    counts = [[c.request, c.index] for group in groups for c in group]
    return digest([grader, problem.reference, asked, counts])[:16]


def _has_all(log: Log[ScoredSample], groups: Sequence[Sequence[Completion]]) -> bool:
    return all((c.request, c.index) in log.places for group in groups for c in group if c.finish != "error")
