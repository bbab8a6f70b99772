"""The problems that a report shows side by side: the same question, its samples before and after training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from cogumi.comparison.measures import common
from cogumi.records import JSON
from cogumi.results import Diagnosis, ProblemResult, ProblemRow
from cogumi.runs import RunView

SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One sample of one side, and what was made of it."""

    text: str
    """What the model said."""
    answer: str | None
    """The answer that was read."""
    correct: bool | None
    """Whether it is right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One problem with all its samples."""

    category: str
    """What it belongs to."""
    id: str
    """`Problem.id`."""
    prompt: str
    """The conversation, as the model is asked."""
    reference: JSON
    """What it is scored by."""
    before: tuple[Said, ...] = ()
    """Its samples before training."""
    after: tuple[Said, ...] = ()
    """Its samples after training."""


def pick_examples(view: RunView) -> list[Shown]:
    """Three problems: the one that gained most, one that lost, and the most ordinary one; by turns over categories."""
    before, after = view.before, view.after
    if before is None or after is None:
        return []
    names = [name for name, e in after.evaluations.items() if e.purpose == "trained" and name in before.evaluations]
    telling = {name: _telling(before, after, name) for name in names}
    turns = ((names[turn % len(names)], turn) for turn in range(SHOWN if names else 0))
    chosen = dict.fromkeys((name, problem) for name, turn in turns for problem in telling[name][turn : turn + 1])
    return show_problems(view, list(chosen))


def show_problems(view: RunView, wanted: Sequence[tuple[str, str]]) -> list[Shown]:
    """The problems of these categories and ids, with their samples of both sides, in this order."""
    keys = {f"{category}/{problem}": (category, problem) for category, problem in wanted}
    rows = {row.id: row for row in view.problems() if row.id in keys and row.side == "held-out"}
    shown = {key: _problem(rows[key], problem) for key, (_, problem) in keys.items() if key in rows}
    for key, said in _samples(view, "before", set(shown)).items():
        shown[key] = replace(shown[key], before=tuple(said))
    for key, said in _samples(view, "after", set(shown)).items():
        shown[key] = replace(shown[key], after=tuple(said))
    return [shown[key] for key in keys if key in shown]


def _problem(row: ProblemRow, problem: str) -> Shown:
    prompt = "\n\n".join(message["content"] for message in row.prompt)
    return Shown(category=row.category, id=problem, prompt=prompt, reference=row.reference)


def _samples(view: RunView, side: str, keys: set[str]) -> Mapping[str, list[Said]]:
    """The samples at the use temperature of these problems."""
    if not (view.folder / f"samples/{side}.jsonl").exists():
        return {}
    marks = {(score.request, score.index): score for score in view.scores(side)}
    found: dict[str, list[Said]] = {}
    for sample in view.samples(side):
        key, _, kind = sample.request.rpartition("#")
        if kind == "use" and key in keys and sample.finish != "error":
            mark = marks.get((sample.request, sample.index))
            answer, correct = (None, None) if mark is None else (mark.answer, mark.correct)
            found.setdefault(key, []).append(Said(text=sample.text, answer=answer, correct=correct))
    return found


def _telling(before: Diagnosis, after: Diagnosis, name: str) -> list[str]:
    """Ids of the greatest gain, the greatest loss and the median change; few problems may be the same one."""
    pairs = common(before.evaluations[name].items, after.evaluations[name].items)

    def change(pair: tuple[ProblemResult, ProblemResult]) -> tuple[float, float, str]:
        one, other = pair
        gained = (other.accuracy or 0.0) - (one.accuracy or 0.0)
        return gained, other.response_consistency - one.response_consistency, one.id

    ranked = [pair[0].id for pair in sorted(pairs, key=change)]
    return [ranked[-1], ranked[0], ranked[len(ranked) // 2]] if ranked else []
