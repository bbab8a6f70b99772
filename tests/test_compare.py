"""What changed between two diagnoses: pairing, the sixteen moves, the controls."""

import json
from itertools import product
from typing import Any

import pytest

from cogumi.compare import CELLS, TRANSITIONS, cell_of, compare, transition
from cogumi.errors import BadInput

CELL_FIELDS = {
    "consistent_correct": {"consistent": True, "majority_correct": True, "accuracy": 0.8},
    "consistent_wrong": {"consistent": True, "majority_correct": False, "accuracy": 0.1},
    "inconsistent_correct": {"consistent": False, "majority_correct": True, "accuracy": 0.4},
    "inconsistent_wrong": {"consistent": False, "majority_correct": False, "accuracy": 0.2},
}


def item(name: str, cell: str, **fields: Any) -> dict[str, Any]:
    common = {"response_consistency": 0.2, "answer_consistency": 0.5, "unique_responses": 9, "tie": False}
    rest = {"greedy_correct": True, "truncated": 0.0, "no_answer": 0.1, "metrics": {}}
    return {"id": name, **common, **rest, **CELL_FIELDS[cell], **fields}


def diagnosis(*items: dict[str, Any], **fields: Any) -> dict[str, Any]:
    common = {"benchmark": "gsm8k", "samples": 10, "temperature": 0.7, "errors": 0, "unscored": 0, "metrics": {}}
    return {**common, "items": list(items), **fields}


def from_cells(*cells: str) -> dict[str, Any]:
    return diagnosis(*(item(f"p{i}", cell) for i, cell in enumerate(cells)))


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
    moves = compare(before, after)["transitions"]
    assert {name: moves[name] for name in TRANSITIONS} == {
        "learned": 1,
        "sharpened": 1,
        "corrupted": 1,
        "lost": 0,
        "hardened": 0,
        "loosened": 0,
        "unchanged": 1,
    }
    assert moves["table"]["inconsistent_correct"] == {
        "consistent_correct": 1,
        "consistent_wrong": 1,
        "inconsistent_correct": 0,
        "inconsistent_wrong": 0,
    }
    assert sum(sum(row.values()) for row in moves["table"].values()) == moves["n"] == 4


def test_problems_are_joined_by_id_whatever_their_order() -> None:
    before = diagnosis(item("a", "inconsistent_wrong", accuracy=0.0), item("b", "inconsistent_wrong", accuracy=1.0))
    after = diagnosis(item("b", "inconsistent_wrong", accuracy=1.0), item("a", "inconsistent_wrong", accuracy=0.0))
    accuracy = compare(before, after)["metrics"]["accuracy"]
    assert (accuracy["before"], accuracy["after"], accuracy["difference"], accuracy["p"]) == (0.5, 0.5, 0.0, 1.0)


def test_consistent_but_wrong_and_certainty() -> None:
    before = from_cells(*["inconsistent_correct"] * 8, *["inconsistent_wrong"] * 2)
    after = from_cells(*["consistent_correct"] * 5, *["consistent_wrong"] * 3, *["consistent_wrong"] * 2)
    found = compare(before, after)
    assert (found["consistent_but_wrong"]["before"], found["consistent_but_wrong"]["after"]) == (0.0, 0.5)
    assert found["consistent_but_wrong"]["p"] == pytest.approx(2 / 2**5)
    assert found["certainty"]["difference"] == 0.0


def test_the_vote_is_held_against_a_random_vote() -> None:
    before = diagnosis(*(item(f"p{i}", "inconsistent_correct") for i in range(40)))
    after = diagnosis(*(item(f"p{i}", "consistent_correct", accuracy=1.0) for i in range(40)))
    control = compare(before, after)["vote_control"]
    assert control["before"]["random_vote"] == pytest.approx(0.4)
    assert control["before"]["majority_vote"] == 1.0
    assert control["before"]["difference"] == pytest.approx(0.6)
    assert control["before"]["p"] < 1e-6
    assert (control["after"]["difference"], control["after"]["p"]) == (0.0, 1.0)


def test_head_to_head_counts_wins_losses_and_ties() -> None:
    before = diagnosis(*(item(name, "inconsistent_wrong", accuracy=0.5) for name in "abcd"))
    after = diagnosis(*(item(n, "inconsistent_wrong", accuracy=x) for n, x in zip("abcd", (0.6, 0.4, 0.5, 0.9), strict=True)))
    found = compare(before, after)["head_to_head"]
    assert found.items() >= {"wins": 2, "losses": 1, "ties": 1, "score": 0.625, "n": 4}.items()


def test_what_could_not_be_scored_is_left_out_and_counted() -> None:
    unscored = {"accuracy": None, "majority_correct": None, "greedy_correct": None}
    before = diagnosis(item("a", "consistent_correct"), item("b", "consistent_correct"))
    after = diagnosis(item("a", "consistent_correct"), item("b", "consistent_correct", **unscored))
    found = compare(before, after)
    assert found["problems"] == 2
    assert (found["metrics"]["accuracy"]["n"], found["metrics"]["accuracy"]["left_out"]) == (1, 1)
    assert found["metrics"]["response_consistency"]["n"] == 2
    assert (found["transitions"]["n"], found["transitions"]["left_out"]) == (1, 1)
    assert (found["vote_control"]["before"]["n"], found["vote_control"]["after"]["n"]) == (2, 1)


def test_a_category_without_any_score_is_compared_on_consistency() -> None:
    unscored = {"accuracy": None, "majority_correct": None, "greedy_correct": None}
    side = diagnosis(item("a", "consistent_correct", **unscored))
    found = compare(side, side)
    assert "accuracy" not in found["metrics"]
    assert "response_consistency" in found["metrics"]
    assert found["votes"] is found["certainty"] is found["head_to_head"] is found["vote_control"]["before"] is None
    assert found["transitions"]["n"] == 0


def test_a_tasks_own_metrics_are_compared_too() -> None:
    before = diagnosis(item("a", "consistent_wrong", metrics={"strict": 0.2}), item("b", "consistent_wrong", metrics={}))
    after = diagnosis(
        item("a", "consistent_wrong", metrics={"strict": 0.7}), item("b", "consistent_wrong", metrics={"strict": 1})
    )
    strict = compare(before, after)["metrics"]["strict"]
    assert strict["difference"] == pytest.approx(0.5)
    assert (strict["n"], strict["left_out"]) == (1, 1)


def test_problems_on_one_side_only_are_named() -> None:
    before, after = from_cells("consistent_wrong", "consistent_wrong"), from_cells("consistent_wrong")
    with pytest.raises(BadInput, match="1 problems are missing after training: p1"):
        compare(before, after)
    with pytest.raises(BadInput, match="missing before training: p1"):
        compare(after, before)


def test_a_problem_whose_samples_failed_is_left_out_not_an_error() -> None:
    before = from_cells("consistent_wrong", "consistent_wrong")
    after = {**from_cells("consistent_wrong"), "errors": 11}
    found = compare(before, after)
    assert (found["problems"], found["unsampled"]) == (1, 1)
    with pytest.raises(BadInput, match="no problem is on both sides"):
        compare({**before, "errors": 40}, {**diagnosis(item("z", "consistent_wrong")), "errors": 40})


@pytest.mark.parametrize(("field", "value"), [("benchmark", "math500"), ("samples", 5), ("temperature", 1.0)])
def test_sides_measured_differently_are_refused(field: str, value: Any) -> None:
    side = from_cells("consistent_wrong")
    with pytest.raises(BadInput, match=f"{field}: .* before and {value} after"):
        compare(side, {**side, field: value})


def test_an_incomplete_diagnosis_is_refused_by_field() -> None:
    side = from_cells("consistent_wrong")
    torn = {**side, "items": [{name: value for name, value in side["items"][0].items() if name != "tie"}]}
    with pytest.raises(BadInput, match="items: p0: tie: missing"):
        compare(side, torn)
    with pytest.raises(BadInput, match="samples: missing"):
        compare({name: value for name, value in side.items() if name != "samples"}, side)


def test_the_result_is_plain_json_and_always_the_same() -> None:
    before = from_cells(*CELLS * 5)
    after = from_cells(*reversed(CELLS * 5))
    text = json.dumps(compare(before, after), allow_nan=False)
    assert json.loads(text) == compare(before, after)
    assert cell_of(before["items"][0]) == "consistent_correct"
