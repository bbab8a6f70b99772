"""The gates, the criteria against collapse, and which verdict follows from which evidence."""

import json
import random
from dataclasses import asdict
from typing import Any

import pytest

from cogumi import stats
from cogumi.errors import BadInput
from cogumi.gates import PHASES, judge


def item(name: str, accuracy: float, **fields: Any) -> dict[str, Any]:
    """A problem of which this share of ten samples is right, the wrong ones all different."""
    right = accuracy >= 0.2
    common = {"response_consistency": 0.1, "answer_consistency": max(accuracy, 0.1), "unique_responses": 10, "tie": not right}
    scores = {"accuracy": accuracy, "majority_correct": right, "greedy_correct": right, "consistent": accuracy > 0.5}
    return {"id": name, **common, **scores, "truncated": 0.0, "no_answer": 0.0, "metrics": {}, **fields}


def diagnosis(items: list[dict[str, Any]], name: str = "gsm8k") -> dict[str, Any]:
    fields = ("response_consistency", "answer_consistency", "unique_responses", "accuracy", "truncated", "no_answer")
    columns = {field: [item[field] for item in items] for field in fields}
    columns |= {"tie_rate": [float(item["tie"]) for item in items]}
    columns |= {"majority_accuracy": [float(item["majority_correct"]) for item in items]}
    metrics = {field: asdict(stats.mean(values)) for field, values in columns.items() if None not in values}
    return {"benchmark": name, "samples": 10, "temperature": 0.7, "errors": 0, "metrics": metrics, "items": items}


def side(n: int, accuracy: float, consistency: float, seed: int = 0, **fields: Any) -> dict[str, Any]:
    """n problems of accuracy and consistency around these values; a problem's difficulty is the same on every side."""
    draw = random.Random(seed)
    values = [
        min(1.0, max(0.0, round(accuracy + random.Random(i).uniform(-0.3, 0.3) + draw.uniform(-0.1, 0.1), 1))) for i in range(n)
    ]
    return diagnosis([item(f"p{i:04}", value, response_consistency=consistency, **fields) for i, value in enumerate(values)])


def categories(**sides: dict[str, Any]) -> dict[str, Any]:
    return {"categories": sides}


def run(before: dict[str, Any], after: dict[str, Any], phase: str = "minimal", hour: bool | None = True) -> dict[str, Any]:
    return judge(phase, categories(math=before), categories(math=after), training_under_an_hour=hour)


def statuses(verdict: dict[str, Any]) -> dict[str, str]:
    return {criterion["name"]: criterion["status"] for criterion in verdict["criteria"]}


BEFORE = side(300, 0.41, 0.1)


def test_the_phases_have_their_gates_and_no_others() -> None:
    found = {phase: [(g.name, g.category, g.metric, g.relation, g.threshold) for g in gates] for phase, gates in PHASES.items()}
    assert found == {
        "minimal": [
            ("consistency", None, "response_consistency", ">=", 0.40),
            ("MATH", "math", "accuracy", ">=", 0.45),
            ("training time", None, "training_hours", "<", 1.0),
            ("reasoning retained", "reasoning", "retained", ">=", 0.85),
        ],
        "full": [
            ("consistency", None, "response_consistency", ">=", 0.60),
            ("MATH", "math", "accuracy", ">=", 0.65),
            ("CODE", "code", "accuracy", ">=", 0.70),
            ("MATH ties", "math", "tie_rate", "<", 0.30),
            ("CODE ties", "code", "tie_rate", "<", 0.20),
        ],
    }


def test_a_good_training_proceeds_and_says_what_was_not_measured() -> None:
    verdict = run(BEFORE, side(300, 0.6, 0.6, seed=1))
    assert verdict["verdict"] == "PROCEED"
    assert statuses(verdict) == {
        "consistency": "pass",
        "MATH": "pass",
        "training time": "pass",
        "reasoning retained": "not-measured",
        "no collapse: accuracy": "pass",
        "no collapse: certainty": "pass",
    }
    assert "Not measured: reasoning retained." in verdict["why"]
    assert "phase `full`" in verdict["next"]


def test_after_the_full_phase_comes_targeted_distillation() -> None:
    verdict = run(BEFORE, side(300, 0.8, 0.7, seed=1), phase="full")
    assert verdict["verdict"] == "PROCEED"
    assert statuses(verdict)["CODE"] == statuses(verdict)["CODE ties"] == "not-measured"
    assert "targeted distillation" in verdict["next"]


def test_an_interval_around_the_threshold_is_inconclusive_and_says_how_many_problems_more() -> None:
    after = side(300, 0.46, 0.6, seed=1)
    verdict = run(BEFORE, after)
    math = verdict["criteria"][1]
    assert verdict["verdict"] == "INCONCLUSIVE"
    assert math["status"] == "inconclusive"
    assert math["low"] < 0.45 < math["high"]
    assert f"About {math['more']:,} more problems would decide it" in math["evidence"]
    assert f"about {math['more']:,} more for MATH" in verdict["next"]


def test_the_problems_asked_for_do_decide_it() -> None:
    after = side(300, 0.475, 0.6, seed=1)
    more = run(BEFORE, after)["criteria"][1]["more"]
    values = [item["accuracy"] for item in after["items"]]
    longer = stats.mean(random.Random(0).choices(values, k=40 * (300 + more)))  # the same problems, many times over
    reach = (longer.value - longer.low) * 40**0.5
    assert longer.value - reach == pytest.approx(0.45, abs=0.005)


def test_a_value_on_the_threshold_is_never_decided() -> None:
    after = diagnosis([item(f"p{i:04}", 0.3 if i % 2 else 0.6, response_consistency=0.6) for i in range(300)])
    verdict = run(BEFORE, after)
    assert verdict["criteria"][1]["more"] is None
    assert "No affordable number" in verdict["criteria"][1]["evidence"]
    assert "counts as not reached" in verdict["next"]


def test_ties_have_to_be_under_their_limit() -> None:
    few, many = side(300, 0.8, 0.7, seed=1, tie=False), side(300, 0.8, 0.7, seed=1, tie=True)
    assert statuses(run(BEFORE, few, phase="full"))["MATH ties"] == "pass"
    verdict = run(BEFORE, many, phase="full")
    assert statuses(verdict)["MATH ties"] == "fail"
    assert verdict["verdict"] == "ITERATE"
    assert "another temperature" in verdict["next"]


def test_a_training_that_moved_nothing_is_iterated_with_a_look_at_the_weights() -> None:
    verdict = run(BEFORE, BEFORE)
    assert verdict["verdict"] == "ITERATE"
    assert statuses(verdict)["consistency"] == "fail"
    assert "check that the weights moved" in verdict["next"]


def test_a_training_that_went_half_way_is_iterated_with_more_epochs() -> None:
    verdict = run(BEFORE, side(300, 0.44, 0.3, seed=1))
    assert verdict["verdict"] == "ITERATE"
    assert "3-4 epochs" in verdict["next"]
    assert "weights" not in verdict["next"]


def test_what_keeps_answers_from_counting_is_named() -> None:
    verdict = run(BEFORE, side(300, 0.41, 0.2, truncated=0.5, no_answer=0.3))
    assert "50.0 % of the math answers are cut at the token limit" in verdict["next"]
    assert "30.0 % of the math samples have no readable answer" in verdict["next"]


def test_consistency_that_costs_accuracy_is_collapse_though_every_gate_passes() -> None:
    verdict = run(side(300, 0.62, 0.1), side(300, 0.55, 0.9, seed=1))
    assert statuses(verdict)["consistency"] == statuses(verdict)["MATH"] == "pass"
    assert statuses(verdict)["no collapse: accuracy"] == "fail"
    assert verdict["verdict"] == "ABANDON"
    assert "Training did harm" in verdict["why"]
    assert "gentler" in verdict["next"]


def test_becoming_sure_of_wrong_answers_is_collapse() -> None:
    sure = {"consistent": True, "majority_correct": False, "response_consistency": 0.9}
    items = [item(f"p{i:04}", 0.6, response_consistency=0.9) for i in range(300)]
    before = diagnosis([{**entry, "consistent": False} for entry in items])
    after = diagnosis([{**entry, **(sure if i < 180 else {})} for i, entry in enumerate(items)])
    verdict = run(before, after)
    assert statuses(verdict)["no collapse: accuracy"] == "pass"
    assert statuses(verdict)["no collapse: certainty"] == "fail"
    assert verdict["verdict"] == "ABANDON"


def test_being_sure_of_some_wrong_answers_is_no_collapse_where_more_right_ones_were_won() -> None:
    items = [item(f"p{i:04}", 0.5, response_consistency=0.9, majority_correct=i < 220) for i in range(300)]
    before, after = diagnosis(items), diagnosis([{**entry, "consistent": True} for entry in items])
    verdict = run(before, after)
    wrong = verdict["comparisons"]["math"]["consistent_but_wrong"]
    assert wrong["difference"] > 0.2
    assert wrong["p"] < 0.001
    assert statuses(verdict)["no collapse: certainty"] == "pass"


def test_nothing_to_win_is_abandoned() -> None:
    """A model whose samples of a problem are all alike has a vote that knows no more than a sample."""
    items = [item(f"p{i:04}", float(i % 3 == 0), majority_correct=i % 3 == 0, response_consistency=1.0) for i in range(300)]
    verdict = run(diagnosis(items), diagnosis(items))
    assert verdict["verdict"] == "ABANDON"
    assert "nothing to win" in verdict["why"]
    assert "teacher" in verdict["next"]


def test_what_was_retained_is_a_ratio_with_an_interval() -> None:
    math = (BEFORE, side(300, 0.6, 0.6, seed=1))
    guard = side(300, 0.7, 0.5)

    def retained(after: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        sides = (categories(math=math[0], reasoning=guard), categories(math=math[1], reasoning=after))
        verdict = judge("minimal", *sides, training_under_an_hour=True)
        return verdict, next(c for c in verdict["criteria"] if c["name"] == "reasoning retained")

    verdict, kept = retained(side(300, 0.66, 0.5, seed=2))
    assert (kept["status"], verdict["verdict"]) == ("pass", "PROCEED")
    assert kept["low"] < kept["value"] < kept["high"]
    assert 0.9 < kept["value"] < 0.97
    assert [c["category"] for c in verdict["criteria"] if c["name"] == "no collapse: accuracy"] == ["math"]
    verdict, kept = retained(side(300, 0.45, 0.5, seed=2))
    assert kept["status"] == "fail"
    assert "Reasoning was forgotten" in verdict["next"]


def test_a_retained_share_without_bound_is_still_json() -> None:
    """Where resamples without any success before are common, the ratio has no upper end."""
    weak = diagnosis([item(f"r{i:02}", 0.1 if i == 0 else 0.0) for i in range(30)])
    other = diagnosis([item(f"r{i:02}", 0.1 if i == 1 else 0.0) for i in range(30)])
    verdict = judge("minimal", categories(reasoning=weak), categories(reasoning=other), training_under_an_hour=True)
    kept = next(c for c in verdict["criteria"] if c["name"] == "reasoning retained")
    assert (kept["status"], kept["high"]) == ("inconclusive", None)
    json.dumps(verdict, allow_nan=False)


def test_consistency_counts_every_category_the_same_and_shows_each() -> None:
    before = categories(math=BEFORE, code=side(50, 0.6, 0.1))
    after = categories(math=side(300, 0.6, 0.3, seed=1), code=side(50, 0.7, 0.7, seed=1))
    consistency = judge("minimal", before, after, training_under_an_hour=True)["criteria"][0]
    assert consistency["value"] == pytest.approx(0.5)
    assert "code 70.0 %, math 30.0 %" in consistency["evidence"]


@pytest.mark.parametrize(("hour", "status"), [(True, "pass"), (False, "fail"), (None, "not-measured")])
def test_training_time(hour: bool | None, status: str) -> None:
    verdict = run(BEFORE, side(300, 0.6, 0.6, seed=1), hour=hour)
    assert statuses(verdict)["training time"] == status
    assert verdict["verdict"] == ("ITERATE" if hour is False else "PROCEED")


def test_a_run_without_any_of_the_gates_categories_says_so() -> None:
    creative = side(50, 0.5, 0.5)
    for entry in creative["items"]:
        entry.update(accuracy=None, majority_correct=None, greedy_correct=None)
    metrics = {name: value for name, value in creative["metrics"].items() if name == "unique_responses"}
    sides = categories(creativity={**creative, "metrics": metrics})
    verdict = judge("minimal", sides, sides, training_under_an_hour=None)
    assert verdict["verdict"] == "INCONCLUSIVE"
    assert set(statuses(verdict).values()) == {"not-measured"}


def test_many_categories_raise_no_false_alarm_that_one_would_not() -> None:
    """One of twelve comparisons falling at p = 0.03 is chance; alone it would be harm."""
    before = [item(f"p{i:04}", 0.5) for i in range(100)]
    after = [{**entry, "accuracy": 0.4 if i < 17 else 0.6 if i < 22 else 0.5} for i, entry in enumerate(before)]
    alone = judge("full", categories(math=diagnosis(before)), categories(math=diagnosis(after)), training_under_an_hour=None)
    assert statuses(alone)["no collapse: accuracy"] == "fail"
    rest = {f"other{i}": diagnosis(before) for i in range(5)}
    sides = categories(math=diagnosis(before), **rest), categories(math=diagnosis(after), **rest)
    together = judge("full", *sides, training_under_an_hour=None)
    assert {c["status"] for c in together["criteria"] if c["name"] == "no collapse: accuracy"} == {"pass"}


def test_unknown_phases_and_unequal_categories_are_refused() -> None:
    with pytest.raises(BadInput, match=r"phase: no phase named 'mini' \(did you mean minimal\?\)"):
        run(BEFORE, BEFORE, phase="mini")
    with pytest.raises(BadInput, match="categories before: math; after: code"):
        judge("full", categories(math=BEFORE), categories(code=BEFORE), training_under_an_hour=None)
    with pytest.raises(BadInput, match="categories before: none; after: math"):
        judge("full", {}, categories(math=BEFORE), training_under_an_hour=None)


def test_the_verdict_is_plain_json_and_always_the_same() -> None:
    after = side(300, 0.5, 0.6, seed=1)
    first = json.dumps(run(BEFORE, after), allow_nan=False, sort_keys=True)
    stats._resamples.cache_clear()
    assert json.dumps(run(BEFORE, after), allow_nan=False, sort_keys=True) == first
