"""What changed between two diagnoses: pairing, the sixteen moves, the controls."""

import json
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from decision_tables import evaluation, problem

from cogumi.codec import from_json, to_json
from cogumi.comparison.paired import TRANSITIONS, compare, transition
from cogumi.comparison.pairing import on_both
from cogumi.errors import BadInput
from cogumi.results import (
    CELLS,
    Comparison,
    Diagnosis,
    EvaluationComparison,
    EvaluationResult,
    ExternalItem,
    ExternalResult,
    ProblemResult,
)
from cogumi.stats import mean

CELL_FIELDS: dict[str, dict[str, Any]] = {
    "consistent_correct": {"consistent": True, "majority_correct": True, "accuracy": 0.8},
    "consistent_wrong": {"consistent": True, "majority_correct": False, "accuracy": 0.1},
    "inconsistent_correct": {"consistent": False, "majority_correct": True, "accuracy": 0.4},
    "inconsistent_wrong": {"consistent": False, "majority_correct": False, "accuracy": 0.2},
}


def item(name: str, cell: str, **fields: Any) -> ProblemResult:
    common = {"response_consistency": 0.2, "answer_consistency": 0.5, "unique_responses": 9, "tie": False, "no_answer": 0.1}
    return problem(name, 0, False, True, **{**common, **CELL_FIELDS[cell], **fields})


def diagnosis(*items: ProblemResult, **fields: Any) -> EvaluationResult:
    return evaluation(items, **fields)


def compared(before: EvaluationResult, after: EvaluationResult) -> EvaluationComparison:
    return compare(Diagnosis(evaluations={"math": before}), Diagnosis(evaluations={"math": after})).evaluations["math"]


def from_cells(*cells: str, **fields: Any) -> EvaluationResult:
    return diagnosis(*(item(f"p{i}", cell) for i, cell in enumerate(cells)), **fields)


def test_every_move_has_one_name() -> None:
    names = {(b, a): transition(b, a) for b, a in product(CELLS, CELLS)}
    right, wrong = {"consistent_correct", "inconsistent_correct"}, {"consistent_wrong", "inconsistent_wrong"}
    moves = {name: {move for move, found in names.items() if found == name} for name in TRANSITIONS}
    assert set(names.values()) == set(TRANSITIONS)
    assert moves["learned"] == set(product(wrong, right))
    assert moves["sharpened"] == {("inconsistent_correct", "consistent_correct")}
    assert moves["hardened"] == {("inconsistent_wrong", "consistent_wrong")}
    assert moves["loosened"] == {("consistent_wrong", "inconsistent_wrong")}
    assert moves["corrupted"] == set(product(right, {"consistent_wrong"}))
    assert moves["lost"] == {*product(right, {"inconsistent_wrong"}), ("consistent_correct", "inconsistent_correct")}
    assert moves["unchanged"] == {(cell, cell) for cell in CELLS}


def test_moves_are_counted_by_name_and_by_cell() -> None:
    before = from_cells("inconsistent_correct", "inconsistent_correct", "consistent_wrong", "inconsistent_wrong")
    after = from_cells("consistent_correct", "consistent_wrong", "consistent_wrong", "consistent_correct")
    moves = compared(before, after).transitions
    assert {name: moves.names[name] for name in TRANSITIONS} == {
        "learned": 1,
        "sharpened": 1,
        "corrupted": 1,
        "lost": 0,
        "hardened": 0,
        "loosened": 0,
        "unchanged": 1,
    }
    assert moves.table["inconsistent_correct"] == {
        "consistent_correct": 1,
        "consistent_wrong": 1,
        "inconsistent_correct": 0,
        "inconsistent_wrong": 0,
    }
    assert sum(sum(row.values()) for row in moves.table.values()) == moves.n == 4


def test_problems_are_joined_by_id_whatever_their_order() -> None:
    before = diagnosis(item("a", "inconsistent_wrong", accuracy=0.0), item("b", "inconsistent_wrong", accuracy=1.0))
    after = diagnosis(item("b", "inconsistent_wrong", accuracy=1.0), item("a", "inconsistent_wrong", accuracy=0.0))
    accuracy = compared(before, after).metrics["accuracy"]
    assert (accuracy.before, accuracy.after, accuracy.change.value, accuracy.change.p) == (0.5, 0.5, 0.0, 1.0)


def test_consistent_but_wrong_and_certainty() -> None:
    before = from_cells(*["inconsistent_correct"] * 8, *["inconsistent_wrong"] * 2)
    after = from_cells(*["consistent_correct"] * 5, *["consistent_wrong"] * 3, *["consistent_wrong"] * 2)
    found = compared(before, after)
    wrong, certainty = found.consistent_but_wrong, found.certainty
    assert wrong is not None
    assert certainty is not None
    assert (wrong.before, wrong.after) == (0.0, 0.5)
    assert wrong.change.p == pytest.approx(2 / 2**5)
    assert certainty.change.value == 0.0


def test_the_vote_is_held_against_a_random_vote() -> None:
    before = diagnosis(*(item(f"p{i}", "inconsistent_correct") for i in range(40)))
    after = diagnosis(*(item(f"p{i}", "consistent_correct", accuracy=1.0) for i in range(40)))
    gain = compared(before, after).vote_gain
    assert gain["before"].before == pytest.approx(0.4)
    assert gain["before"].after == 1.0
    assert gain["before"].change.value == pytest.approx(0.6)
    assert gain["before"].change.p < 1e-6
    assert (gain["after"].change.value, gain["after"].change.p) == (0.0, 1.0)


def test_head_to_head_counts_wins_losses_and_ties() -> None:
    before = diagnosis(*(item(name, "inconsistent_wrong", accuracy=0.5) for name in "abcd"))
    after = diagnosis(*(item(n, "inconsistent_wrong", accuracy=x) for n, x in zip("abcd", (0.6, 0.4, 0.5, 0.9), strict=True)))
    found = compared(before, after).head_to_head
    assert found is not None
    assert (found.wins, found.losses, found.ties, found.score, found.n) == (2, 1, 1, 0.625, 4)


UNSCORED = {"accuracy": None, "majority_correct": None, "greedy_correct": None}


def test_what_could_not_be_scored_is_left_out_and_counted() -> None:
    before = diagnosis(item("a", "consistent_correct"), item("b", "consistent_correct"))
    after = diagnosis(item("a", "consistent_correct"), item("b", "consistent_correct", **UNSCORED))
    found = compared(before, after)
    assert found.problems == 2
    assert (found.metrics["accuracy"].change.n, found.metrics["accuracy"].left_out) == (1, 1)
    assert found.metrics["response_consistency"].change.n == 2
    assert (found.transitions.n, found.transitions.left_out) == (1, 1)
    assert {side: gain.change.n for side, gain in found.vote_gain.items()} == {"before": 2, "after": 1}


def test_a_category_without_any_score_is_compared_on_consistency() -> None:
    side = diagnosis(item("a", "consistent_correct", **UNSCORED))
    found = compared(side, side)
    assert "accuracy" not in found.metrics
    assert "response_consistency" in found.metrics
    assert found.votes is found.certainty is found.head_to_head is None
    assert (found.vote_gain, found.transitions.n) == ({}, 0)


def test_a_tasks_own_metrics_are_compared_too() -> None:
    before = diagnosis(item("a", "consistent_wrong", metrics={"strict": 0.2}), item("b", "consistent_wrong"))
    after = diagnosis(
        item("a", "consistent_wrong", metrics={"strict": 0.7}), item("b", "consistent_wrong", metrics={"strict": 1})
    )
    strict = compared(before, after).metrics["strict"]
    assert strict.change.value == pytest.approx(0.5)
    assert (strict.change.n, strict.left_out) == (1, 1)


def test_templates_are_clusters_where_all_are_known_and_it_is_said() -> None:
    items = [item(f"p{i}", "consistent_correct", template=f"story-{i % 3}") for i in range(12)]
    assert compared(diagnosis(*items), diagnosis(*items)).clusters == 3
    torn = [replace(items[0], template=None), *items[1:]]
    assert compared(diagnosis(*torn), diagnosis(*torn)).clusters is None


def test_problems_on_one_side_only_are_named() -> None:
    before, after = from_cells("consistent_wrong", "consistent_wrong"), from_cells("consistent_wrong")
    with pytest.raises(BadInput, match="math: 1 problems are missing after training: p1"):
        compared(before, after)
    with pytest.raises(BadInput, match="math: 1 problems are missing before training: p1"):
        compared(after, before)


def test_a_problem_whose_samples_failed_is_left_out_not_an_error() -> None:
    before = from_cells("consistent_wrong", "consistent_wrong")
    found = compared(before, from_cells("consistent_wrong", errors=11))
    assert (found.problems, found.unsampled) == (1, 1)
    with pytest.raises(BadInput, match="no problem is on both sides"):
        compared(replace(before, errors=40), diagnosis(item("z", "consistent_wrong"), errors=40))


@pytest.mark.parametrize(
    ("field", "value"), [("benchmark", "math500"), ("samples", 5), ("temperature", 1.0), ("purpose", "guard"), ("chance", 0.25)]
)
def test_sides_measured_differently_are_refused(field: str, value: Any) -> None:
    side = from_cells("consistent_wrong")
    with pytest.raises(BadInput, match=rf"math\.{field}: .* before and {value} after"):
        compared(side, from_cells("consistent_wrong", **{field: value}))


def test_sides_that_measured_other_things_are_refused() -> None:
    side = from_cells("consistent_wrong")
    with pytest.raises(BadInput, match="evaluations: before: math; after: code"):
        compare(Diagnosis(evaluations={"math": side}), Diagnosis(evaluations={"code": side}))
    with pytest.raises(BadInput, match="evaluations: before: none; after: none"):
        compare(Diagnosis(evaluations={}), Diagnosis(evaluations={}))


def test_the_result_survives_its_file_and_is_always_the_same() -> None:
    sides = (Diagnosis(evaluations={"math": from_cells(*cells)}) for cells in (CELLS * 5, tuple(reversed(CELLS * 5))))
    before, after = sides
    found = compare(before, after)
    assert from_json(Comparison, json.loads(json.dumps(to_json(found), allow_nan=False))) == found == compare(before, after)
    assert before.evaluations["math"].items[0].cell == "consistent_correct"


def external(*values: float, metric: str = "acc") -> ExternalResult:
    items = tuple(ExternalItem(id=f"e{i}", metrics={metric: value}) for i, value in enumerate(values))
    return ExternalResult(metric=metric, problems=len(items), metrics={metric: mean(values)}, items=items)


def test_external_evaluations_are_compared_item_by_item() -> None:
    side = from_cells("consistent_wrong")
    before = Diagnosis(evaluations={"math": side}, external={"arc": external(0.0, 1.0, 0.0)})
    after = replace(before, external={"arc": external(1.0, 1.0, 0.0)})
    found = compare(before, after).external["arc"]
    assert (found.metric, found.problems, found.metrics["acc"].change.value) == ("acc", 3, pytest.approx(1 / 3))
    assert found.head_to_head is not None
    assert found.head_to_head.wins == 1
    with pytest.raises(BadInput, match=r"arc: 1 items are on one side only, e\.g\. e2"):
        compare(before, replace(before, external={"arc": external(1.0, 1.0)}))


def test_two_runs_are_matched_on_what_both_measured() -> None:
    mine = Diagnosis(
        evaluations={"math": from_cells("consistent_correct"), "code": from_cells("consistent_wrong")},
        external={"arc": external(1.0), "piqa": external(1.0)},
    )
    theirs = Diagnosis(
        evaluations={"math": from_cells("inconsistent_wrong"), "code": from_cells("consistent_wrong", benchmark="mbpp")},
        external={"arc": external(0.0), "piqa": external(0.0, metric="f1")},
    )
    assert {name: match.wins for name, match in on_both(mine, theirs).items()} == {"math": 1, "arc": 1}
