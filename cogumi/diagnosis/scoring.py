"""What a task makes of each sample: answered once, scored once, and kept.

A score is a line of `scores/*.jsonl`. Completions that are voted on together are answered together, since canonical answers
are equal texts within one call. Another version of a task rewrites scores, never samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager

from cogumi.protocols import Task
from cogumi.records import Ballot, Completion, Problem, Raw, Score
from cogumi.results import ScoredSample
from cogumi.sampling.log import Form, Key

Samples = Mapping[Key, Completion]
Scores = Mapping[Key, ScoredSample]


def _decode(row: Raw) -> ScoredSample:
    row.pop("sum", None)
    return ScoredSample(**{"answer": None, "correct": None, **row})


SCORES: Form[ScoredSample] = Form(_decode)
"""How a log of scores is read."""


def score_problem(
    task: Task, problem: Problem, groups: Sequence[Sequence[Completion]], guard: AbstractContextManager[None]
) -> Iterator[ScoredSample]:
    """One score for each completion that did not fail; each group is answered in one call. `guard` answers for the task."""
    good = [[completion for completion in group if completion.finish != "error"] for group in groups]
    flat = [completion for group in good for completion in group]
    with guard:
        answers = [answer for group in good if group for answer in task.answers(problem, group)]
        scores = task.score(problem, flat) if flat else []
        rows = [_row(*triple) for triple in zip(flat, answers, scores, strict=True)]
    yield from rows


def _row(completion: Completion, answer: str | None, score: Score) -> ScoredSample:
    return ScoredSample(
        request=completion.request,
        index=completion.index,
        answer=answer,
        correct=score.correct,
        metrics=dict(score.metrics),
        note=score.note,
    )


def score_of(row: ScoredSample) -> Score:
    """The score that a row stands for."""
    return Score(correct=row.correct, metrics=row.metrics, note=row.note)


def ballots(completions: Sequence[Completion], scores: Sequence[ScoredSample]) -> list[Ballot]:
    """One ballot per completion."""
    return [
        Ballot(answer=s.answer, text=c.text, logprob=c.logprob, tokens=c.tokens, index=c.index, correct=s.correct)
        for c, s in zip(completions, scores, strict=True)
    ]
