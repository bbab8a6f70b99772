"""The problems that a report shows: a gain, a loss and an ordinary one, each once, from a run's files alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from parts import Texts, diagnosed, drawn, evaluation, held_out_scores

from cogumi.codec import to_json
from cogumi.diagnosis import diagnose
from cogumi.diagnosis.scoring import SCORES
from cogumi.files import write_json, write_lines
from cogumi.planning.plan import Evaluation
from cogumi.records import Message, Request
from cogumi.report.side_by_side import Shown, pick_examples, show_problems
from cogumi.results import Diagnosis, ProblemRow
from cogumi.runs import RunView
from cogumi.sampling.log import COMPLETIONS, Log
from cogumi.testing import make_problems

COUNT = 2


def answers(wrong: Mapping[str, int], failed: Sequence[str] = ()) -> Texts:
    """A model that answers so many of a problem's two samples wrongly."""

    def text(request: Request, index: int) -> str | None:
        name = request.id.partition("/")[2].partition("#")[0]
        number = int(name.partition("-")[2])
        if name in failed and index == 1:
            return None
        return str(number + number % 7 + 1) if index >= wrong.get(name, 0) else "999"

    return text


def put_side(folder: Path, side: str, evaluations: Sequence[Evaluation], text: Texts) -> None:
    asked = [r for e in evaluations for r in diagnose.requests(e, COUNT, None, baselines=False)]
    samples = drawn(asked, text)
    with Log(folder / f"samples/{side}.jsonl", COMPLETIONS) as log:
        for row in samples.values():
            log.append(row)
    with Log(folder / f"scores/{side}.jsonl", SCORES) as scores:
        for e in evaluations:
            for score in held_out_scores(e, samples, COUNT).values():
                scores.append(score)
    found = {e.name: diagnosed(e, text, COUNT) for e in evaluations}
    write_json(folder / f"{side}.json", to_json(Diagnosis(evaluations=found)))


def put_problems(folder: Path, evaluations: Sequence[Evaluation]) -> None:
    rows = [
        ProblemRow(
            id=f"{e.name}/{p.id}",
            side="held-out",
            category=e.name,
            prompt=(Message(role="user", content=p.prompt),),
            reference=p.reference,
        )
        for e in evaluations
        for p in e.problems
    ]
    write_lines(folder / "problems.jsonl", map(to_json, rows))


def view(folder: Path, evaluations: Sequence[Evaluation], was: Texts, now: Texts) -> RunView:
    put_problems(folder, evaluations)
    put_side(folder, "before", evaluations, was)
    put_side(folder, "after", evaluations, now)
    return RunView(folder)


def picked(folder: Path, evaluations: Sequence[Evaluation], was: Mapping[str, int], now: Mapping[str, int]) -> list[Shown]:
    return pick_examples(view(folder, evaluations, answers(was), answers(now)))


def named(name: str, first: int, count: int) -> Evaluation:
    return replace(evaluation(make_problems(count, first=first)), name=name)


def test_a_gain_a_loss_and_an_ordinary_problem_are_shown(tmp_path: Path) -> None:
    examples = picked(tmp_path, [named("one", 0, 5)], {"sum-1": 2, "sum-2": 1}, {"sum-4": 2})
    assert [example.id for example in examples] == ["sum-1", "sum-4", "sum-3"]
    gain, loss, ordinary = examples
    assert [[said.text for said in side] for side in (gain.before, gain.after)] == [["999", "999"], ["3", "3"]]
    assert [[said.answer for said in side] for side in (loss.before, loss.after)] == [["9", "9"], ["999", "999"]]
    assert [said.correct for said in (*loss.before, *loss.after)] == [True, True, False, False]
    assert ordinary.before == ordinary.after
    assert (gain.category, gain.prompt, gain.reference) == ("one", "What is 1 + 2?", "3")


def test_a_loss_is_shown_however_many_categories_there_are(tmp_path: Path) -> None:
    parts = [named("one", 0, 4), named("two", 10, 4), named("three", 20, 4)]
    was, now = {"sum-1": 2, "sum-11": 2, "sum-21": 2}, {"sum-2": 2, "sum-12": 2, "sum-22": 2}
    examples = picked(tmp_path, parts, was, now)
    assert [(example.category, example.id) for example in examples[:2]] == [("one", "sum-1"), ("two", "sum-12")]
    assert examples[2].category == "three"
    assert examples[2].id in ("sum-20", "sum-23")


def test_a_problem_is_shown_once(tmp_path: Path) -> None:
    assert [example.id for example in picked(tmp_path, [named("one", 3, 1)], {}, {})] == ["sum-3"]


def test_samples_that_failed_are_not_shown(tmp_path: Path) -> None:
    found = view(tmp_path, [named("one", 0, 1)], answers({}, failed=["sum-0"]), answers({}))
    (shown,) = show_problems(found, [("one", "sum-0")])
    assert ([said.text for said in shown.before], [said.text for said in shown.after]) == (["1"], ["1", "1"])


def test_a_guard_is_no_example(tmp_path: Path) -> None:
    guard = replace(named("guard", 50, 3), purpose="guard")
    assert {example.category for example in picked(tmp_path, [guard, named("one", 0, 4)], {}, {})} == {"one"}


@pytest.mark.parametrize("absent", ["before.json", "after.json"])
def test_a_run_that_stopped_early_has_no_examples(tmp_path: Path, absent: str) -> None:
    view(tmp_path, [named("one", 0, 2)], answers({}), answers({}))
    (tmp_path / absent).unlink()
    assert pick_examples(RunView(tmp_path)) == []
