"""What is said before training of the training data: how much there is, why not more, what helps, and whether it is right."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from decision_tables import FACTS, MINIMAL, judged, statuses, table
from parts import distilled, part

from cogumi.decision.before_training import enough_kept
from cogumi.decision.facts import Facts
from cogumi.decision.gates import read_phase
from cogumi.decision.kept import REMEDIES, kept, what_helps
from cogumi.distillation import distill, reasons
from cogumi.phases import Margins
from cogumi.records import Request
from cogumi.results import CategoryDistillation, Unanswered, Unread
from cogumi.testing import FakeTask

PROBLEMS = FakeTask(3).problems()


def found(kept: int, *, problems: int = 100, **fields: Any) -> CategoryDistillation:
    """So many of the problems kept; the rest ties unless said otherwise."""
    values: dict[str, Any] = {
        "examples": kept,
        "dropped": {"tie": problems - kept} if kept < problems else {},
        "mean_agreement": 0.7 if kept else None,
        "label_accuracy": 0.9 if kept else None,
    }
    return CategoryDistillation(problems=problems, kept=kept, **{**values, **fields})


def said(*, least: float | None = None, margins: Margins | None = None, teacher: bool = False, **sides: Any) -> list[str]:
    facts = Facts(distillation=sides, min_examples=least, teacher=teacher)
    return [f"{c.sentence} {c.next}" for c in kept(facts, margins or Margins())]


def test_twenty_examples_are_enough_and_nineteen_are_not() -> None:
    assert said(math=found(20)) == []
    (note,) = said(math=found(19))
    assert note.startswith("math: 19 of 100 training-side problems kept; 20 examples are the least. Dropped: tie 81. ")


def test_a_category_that_keeps_none_is_told_beside_one_that_keeps_enough() -> None:
    (note,) = said(code=found(50), math=found(0))
    assert note.startswith("math: none of 100 training-side problems kept; ")


def test_reasons_are_counted_in_words_the_most_frequent_first() -> None:
    (note,) = said(math=found(0, dropped={"tie": 20, "too little agreement": 75, "no sample has an answer": 5}))
    assert "Dropped: too little agreement 75, tie 20, no sample has an answer 5." in note
    assert "{" not in note


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        (reasons.TIE, "`-o math.votes=N`) and ask for less agreement (`-o math.min_agreement=SHARE`)"),
        (reasons.DISAGREEMENT, "ask for less (`-o math.min_agreement=SHARE`)"),
        (reasons.ALL_CUT, "raise the token limit (`--max-tokens N`)"),
        (reasons.TARGET_CUT, "raise the token limit (`--max-tokens N`)"),
        (reasons.NO_ANSWER, "check that the prompt asks for the format"),
        (reasons.TARGET_UNREAD, "check that the prompt asks for the format"),
        (reasons.TARGET_DISAGREES, "`-o math.target=best-vote`"),
        (reasons.NO_WINNER, "`--voter`"),
        (reasons.NO_TARGET, "samples/distill.jsonl"),
        (reasons.ALREADY_RIGHT, "does not master yet"),
    ],
)
def test_each_reason_has_its_own_advice_and_no_other(reason: str, advice: str) -> None:
    helps = what_helps("math", found(0, dropped={reason: 100}), teacher=True)
    assert advice in helps
    own = {line.format("math") for line in REMEDIES.values()}
    assert sum(line in helps for line in own) == 1


def test_a_reason_of_few_problems_gets_no_advice() -> None:
    helps = what_helps("math", found(0, dropped={"tie": 95, reasons.TARGET_CUT: 5}), teacher=True)
    assert "token limit" not in helps


def test_what_is_behind_the_ties_comes_first() -> None:
    lacking = Unanswered(votes=1000, cut=600, unread=20)
    (note,) = said(math=found(0, unanswered=lacking))
    assert "Of the 1,000 votes on these 60.0 % were cut off at the token limit." in note
    assert note.index("--max-tokens") < note.index("math.votes")
    assert "format" not in note


def test_two_texts_that_could_not_be_read_are_shown_on_one_line() -> None:
    examples = (Unread(id="math/a#vote#0", text="So\nit is \x1b[31m many."), Unread(id="math/b#vote#3", text="Eggs!"))
    lacking = Unanswered(votes=10, unread=9, examples=examples)
    (note,) = said(math=found(0, dropped={reasons.NO_ANSWER: 1}, unanswered=lacking))
    assert 'e.g. math/a#vote#0: "So\\nit is \\u001b[31m many."; math/b#vote#3: "Eggs!".' in note


def test_a_teacher_is_proposed_where_there_is_none_and_it_could_help() -> None:
    assert "--teacher" in what_helps("math", found(5), teacher=False)
    assert "--teacher" not in what_helps("math", found(5), teacher=True)
    assert "--teacher" not in what_helps("math", found(0, dropped={reasons.TARGET_CUT: 100}), teacher=False)


@pytest.mark.parametrize(("accuracy", "warned"), [(0.5, False), (0.49, True), (0.0, True), (None, False)])
def test_labels_that_are_mostly_wrong(accuracy: float | None, warned: bool) -> None:
    notes = said(math=found(60, label_accuracy=accuracy))
    assert [("would teach the model its own errors" in note, "`--voter verified`" in note) for note in notes] == [
        (True, True)
    ] * warned


def test_pairs_are_counted_where_the_trainer_learns_from_pairs() -> None:
    (note,) = said(math=found(60, pairs=3))
    assert "60 of 100 training-side problems kept, 3 preference pairs; 20 preference pairs are the least." in note


def test_margins_are_settings(tmp_path: Path) -> None:
    gates = tmp_path / "my.toml"
    gates.write_text("[margins]\nexamples = 5\nkept = 0.25\n")
    margins = read_phase(gates, MINIMAL).margins
    assert said(math=found(25), margins=margins) == []
    (note,) = said(math=found(24), margins=margins)
    assert "25 examples are the least" in note
    assert said(math=found(5, problems=10), margins=margins) == []


@pytest.mark.parametrize(
    ("least", "count", "stops"),
    [
        (None, 0, False),
        (0, 0, False),
        (1, 0, True),
        (20, 19, True),
        (20, 20, False),
        (5, 19, False),
        (0.2, 19, True),
        (0.2, 20, False),
    ],
)
def test_a_run_stops_only_where_its_user_asked_for_more(least: float | None, count: int, stops: bool) -> None:
    verdict = enough_kept(MINIMAL, Facts(distillation={"code": found(90), "math": found(count)}, min_examples=least))
    assert (verdict is not None) is stops
    if verdict is not None:
        assert (verdict.verdict, verdict.untrained) == ("INCONCLUSIVE", True)
        assert "fewer examples were kept than --min-examples asks for: math: " in verdict.sentence
        assert "code" not in verdict.sentence
        assert "math.votes" in verdict.next


def test_the_number_that_was_asked_for_is_named_where_it_is_missed() -> None:
    verdict = enough_kept(MINIMAL, Facts(distillation={"math": found(3)}, min_examples=5))
    assert verdict is not None
    assert "5 examples are the least" in verdict.sentence


def test_a_training_that_was_made_is_judged_by_what_it_did() -> None:
    sides = table(40, 50, 50), table(77, 80, 80)
    few = judged(*sides, facts=replace(FACTS, distillation={"math": found(3, label_accuracy=0.1)}))
    assert (few.verdict, few.sentence) == (judged(*sides).verdict, judged(*sides).sentence)
    assert statuses(few, "kept") == {"examples kept": "inconclusive", "kept and correct": "fail"}


def unanswered(text: Any, votes: int = 3) -> CategoryDistillation:
    whole = part(training=PROBLEMS, votes=votes)
    return distill.summary(whole, distilled(whole, text))


def test_votes_without_an_answer_are_looked_at() -> None:
    lines = {0: "well", 1: "hm...", 2: None, 3: "so", 4: "well", 5: None}

    def text(request: Request, index: int) -> str | None:
        return lines[index] if request.id.endswith("#vote") else "3"

    summary = unanswered(text, votes=6)
    assert summary.dropped == {reasons.NO_ANSWER: 3}
    assert summary.unanswered is not None
    assert (summary.unanswered.votes, summary.unanswered.cut) == (18, 3)
    assert (summary.unanswered.unread, summary.unanswered.failed) == (9, 6)
    assert [example.text for example in summary.unanswered.examples] == ["well", "well"]
    assert len({example.id for example in summary.unanswered.examples}) == 2


def test_where_most_samples_are_cut_that_is_the_reason() -> None:
    assert unanswered(lambda request, index: "hm..." if index else "well").dropped == {reasons.ALL_CUT: 3}


def test_a_target_without_an_answer_is_shown() -> None:
    summary = unanswered(lambda request, index: "1" if request.id.endswith("#vote") else "Who knows? " * 100)
    assert summary.dropped == {reasons.TARGET_UNREAD: 3}
    assert summary.unanswered is not None
    assert [example.id.endswith("#target#0") for example in summary.unanswered.examples] == [True, True]
    assert all(len(example.text) < 300 and example.text.endswith("knows?") for example in summary.unanswered.examples)


def test_where_every_vote_has_an_answer_nothing_is_lacking() -> None:
    assert unanswered(lambda request, index: str(index)).unanswered is None
