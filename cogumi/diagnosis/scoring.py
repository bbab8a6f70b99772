"""What a task makes of each sample: answered once, scored once, and kept.

A score is a line of `scores/*.jsonl`. Completions that are voted on together are answered together, since canonical answers
are equal texts within one call. Another version of a task rewrites scores, never samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from cogumi.protocols import Task
from cogumi.records import Ballot, Completion, Problem, Raw, Score
from cogumi.results import ScoredSample
from cogumi.sampling.log import Form, Key
from cogumi.thoughts import UNENDED, Tags, is_unended, shown

Samples = Mapping[Key, Completion]
Scores = Mapping[Key, ScoredSample]


def _decode(row: Raw) -> ScoredSample:
    row.pop("sum", None)
    return ScoredSample(**{"answer": None, "correct": None, **row})


SCORES: Form[ScoredSample] = Form(_decode)
"""How a log of scores is read."""


def score_problem(
    task: Task,
    problem: Problem,
    groups: Sequence[Sequence[Completion]],
    guard: AbstractContextManager[None],
    thoughts: Tags = (),
) -> Iterator[ScoredSample]:
    """One score for each completion that did not fail; each group is answered in one call. `guard` answers for the task.

    The task reads what was said, thoughts set apart; a completion that ends within a thought has no answer, whatever the
    task makes of the nothing that was said.
    """
    good = [[shown(completion, thoughts) for completion in group if completion.finish != "error"] for group in groups]
    drawn = [completion for group in groups for completion in group if completion.finish != "error"]
    flat = [completion for group in good for completion in group]
    with guard:
        answers = [answer for group in good if group for answer in task.answers(problem, group)]
        scores = task.score(problem, flat) if flat else []
        rows = [_row(*triple) for triple in zip(flat, answers, scores, strict=True)]
    for completion, row in zip(drawn, rows, strict=True):
        yield _without_answer(row) if is_unended(completion, thoughts) else row


def _without_answer(row: ScoredSample) -> ScoredSample:
    """The score of a thought that never ends: wrong, where anything is right or wrong here."""
    return replace(row, answer=None, correct=None if row.correct is None else False, note=UNENDED)


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


def ballots(completions: Sequence[Completion], scores: Sequence[ScoredSample], thoughts: Tags = ()) -> list[Ballot]:
    """One ballot per completion, with what was said."""
    said = [shown(completion, thoughts) for completion in completions]
    return [
        Ballot(answer=s.answer, text=c.text, logprob=c.logprob, tokens=c.tokens, index=c.index, correct=s.correct)
        for c, s in zip(said, scores, strict=True)
    ]
