"""Harms and hollow gains that are in no list: exact counts, the right verdict, and the reason that stands first.

As in `test_decision_fixtures`: 100 problems of ten samples and a guard that is right on 90, unchanged, unless said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from decision_tables import FACTS, GUARD, TRAINED, changed, diagnosis, evaluation, judged, problem, statuses, table, verdict

from cogumi.results import CategoryDistillation, EvaluationResult, ExternalItem, ExternalResult, ProblemResult, Verdict
from cogumi.stats import mean

GOOD = (table(40, 50, 50), table(77, 80, 80))
UNSCORED: dict[str, Any] = {"accuracy": None, "majority_correct": None, "greedy_correct": None}


def some(items: Sequence[ProblemResult], lost: range, **fields: Any) -> list[ProblemResult]:
    """The same problems, with other fields in some places."""
    return [replace(item, **fields) if place in lost else item for place, item in enumerate(items)]


def with_guard(before: EvaluationResult, after: EvaluationResult) -> Verdict:
    return verdict(diagnosis(math=GOOD[0], mmlu=before), diagnosis(math=GOOD[1], mmlu=after))


def guard(items: Sequence[ProblemResult], **fields: Any) -> EvaluationResult:
    return evaluation(items, purpose="guard", benchmark="guarded", **fields)


def besides(before: Sequence[ProblemResult], after: Sequence[ProblemResult]) -> Verdict:
    sides = [evaluation(items, purpose="benchmark") for items in (before, after)]
    both = [diagnosis(math=side, mmlu=GUARD, law=law) for side, law in zip(GOOD, sides, strict=True)]
    return verdict(*both)


# --- what can no longer be measured ---------------------------------------------------------------------------------


def test_a_gain_that_is_made_of_the_problems_that_are_left() -> None:
    """Right in 50 % of the samples, then in 62 % of those of the 82 problems that could be scored."""
    before = changed(table(50, 50, 50), accuracy=0.5)
    after = changed(before, accuracy=0.62, majority_correct=True, greedy_correct=True)
    found = judged(before, some(after, range(82, 100), **UNSCORED, unscored=10))
    assert found.verdict == "INCONCLUSIVE"
    assert "Counted as wrong they make single answers +0.8 points" in found.sentence
    assert statuses(judged(*GOOD), "enough") == {"evidence": "pass"}


def test_problems_that_are_absent_after_training_and_whose_absence_is_the_gain() -> None:
    before = changed(table(50, 50, 50), accuracy=0.5)
    left = changed(before[:82], accuracy=0.62, majority_correct=True, greedy_correct=True)
    after = evaluation(left, errors=180)
    found = verdict(diagnosis(math=before, mmlu=GUARD), diagnosis(math=after, mmlu=GUARD))
    assert found.verdict == "INCONCLUSIVE"
    assert found.sentence.startswith("Samples of math that could be measured before training could not be after it")
    assert "Counted as wrong they make single answers +0.8 points" in found.sentence


def test_samples_that_fail_where_they_would_be_wrong() -> None:
    """Six of ten problems lose four samples of ten, which is a quarter of all; of 28 %, nothing can be told anyway."""
    before = changed(table(50, 50, 50), accuracy=0.5)
    after = some(changed(before, accuracy=0.56), range(50), errors=3)
    found = judged(before, after)
    assert found.verdict == "INCONCLUSIVE"
    assert "Counted as wrong they make single answers -2.4 points" in found.sentence


def test_a_loss_of_problems_that_a_real_gain_outlives() -> None:
    assert judged(GOOD[0], some(GOOD[1], range(85, 100), **UNSCORED, unscored=10)).verdict == "PROCEED"


def test_temperature_0_scored_on_a_third_of_the_problems() -> None:
    before = [replace(item, greedy_correct=item.greedy_correct if i % 3 == 0 else None) for i, item in enumerate(GOOD[0])]
    found = judged(before, GOOD[1])
    assert found.verdict == "INCONCLUSIVE"
    assert "66.0 % of the math samples failed or could not be scored" in found.sentence


@pytest.mark.parametrize("way", ["majority_correct", "greedy_correct"])
def test_a_way_of_answering_that_could_be_scored_before_training_alone(way: str) -> None:
    found = judged(GOOD[0], changed(GOOD[1], **{way: None}))
    assert found.verdict == "INCONCLUSIVE"
    assert "could not be scored on both sides" in found.sentence


def test_a_guard_that_keeps_its_score_on_the_problems_that_are_left() -> None:
    found = with_guard(GUARD, guard(some(table(90, 90, 90), range(70, 88), **UNSCORED, unscored=10)))
    assert found.verdict == "INCONCLUSIVE"
    assert "Counted as wrong they make single answers -18.0 points" in found.sentence


def test_a_guard_most_of_which_can_no_longer_be_read() -> None:
    found = with_guard(GUARD, guard(some(table(90, 90, 90), range(60), **UNSCORED)))
    assert found.verdict == "INCONCLUSIVE"
    assert found.sentence == "60.0 % of the problems of the guard mmlu could not be scored on both sides."


# --- what is measured besides ---------------------------------------------------------------------------------------


def test_a_benchmark_besides_that_cannot_be_scored_any_more() -> None:
    found = besides(table(60, 60, 60), changed(table(60, 60, 60), **UNSCORED))
    assert found.verdict == "INCONCLUSIVE"
    assert found.sentence.startswith("100.0 % of the problems of law could not be scored on both sides")


def test_a_benchmark_besides_that_never_could_be_scored_is_not_measured() -> None:
    opinions = changed(table(60, 60, 60), **UNSCORED)
    assert besides(opinions, opinions).verdict == "PROCEED"


@pytest.mark.parametrize(("vote", "greedy", "said"), [(40, 60, "majority accuracy"), (60, 45, "greedy accuracy")])
def test_a_benchmark_besides_whose_vote_or_temperature_0_fell(vote: int, greedy: int, said: str) -> None:
    found = besides(table(60, 60, 60), table(60, vote, greedy))
    assert found.verdict == "ABANDON"
    assert found.sentence.startswith(f"Training did harm in law: {said} fell by {60 - min(vote, greedy)}.0 points (")


def test_a_benchmark_besides_that_moved_by_little_is_no_harm() -> None:
    assert besides(table(60, 60, 60), table(58, 57, 58)).verdict == "PROCEED"


def test_an_external_evaluation_that_lost_half_of_its_items() -> None:
    def made(lost: int) -> ExternalResult:
        items = tuple(ExternalItem(id=f"{i:03}", metrics={} if i < lost else {"acc": 1.0}) for i in range(100))
        return ExternalResult(metric="acc", problems=100, metrics={"acc": mean([1.0] * (100 - lost))}, items=items)

    sides = [
        replace(diagnosis(math=side, mmlu=GUARD), external={"arc": made(lost)})
        for side, lost in zip(GOOD, (0, 50), strict=True)
    ]
    found = verdict(*sides)
    assert found.verdict == "INCONCLUSIVE"
    assert found.sentence.startswith("50.0 % of the problems of arc could not be scored on both sides")


# --- better in one way, worse in another ----------------------------------------------------------------------------


def test_a_model_that_disagrees_with_itself_more_than_before() -> None:
    steady = {"response_consistency": 0.9, "answer_consistency": 0.9}
    found = judged(changed(GOOD[0], **steady), changed(GOOD[1], response_consistency=0.6, answer_consistency=0.6))
    assert found.verdict == "ITERATE"
    assert found.sentence.startswith("math: response consistency fell by 30.0 points (")
    little = judged(changed(GOOD[0], **steady), changed(GOOD[1], response_consistency=0.85, answer_consistency=0.85))
    assert little.verdict == "PROCEED"


def test_only_what_the_gates_count_has_to_stay_consistent() -> None:
    """Where answers count, texts may differ more than before."""
    before, after = changed(GOOD[0], response_consistency=0.9), changed(GOOD[1], response_consistency=0.3)
    sides = [diagnosis(math=evaluation(side, consistency="answers"), mmlu=GUARD) for side in (before, after)]
    assert verdict(*sides).verdict == "PROCEED"


def test_one_answer_to_everything() -> None:
    """Perfectly consistent, and right where that answer happens to be."""
    found = judged(table(40, 50, 50), table(30, 30, 30, sure_wrong=70, response_consistency=1.0))
    assert found.verdict == "ABANDON"
    assert found.sentence.startswith("Training did harm in math: the vote fell by 20.0 points")


def test_other_problems_right_than_before_and_as_many() -> None:
    before = [problem(f"p{i:04}", 10 * (i < 48), i < 48, i < 48) for i in range(100)]
    after = [problem(f"p{i:04}", 10 * (i >= 46), i >= 46, i >= 46) for i in range(100)]
    found = judged(before, after)
    assert found.verdict == "INCONCLUSIVE"
    assert "+6.0 points (-" in found.sentence


def test_a_category_that_was_not_trained_beside_one_that_was() -> None:
    kept = CategoryDistillation(problems=100, kept=90, examples=90, dropped={}, mean_agreement=0.9, label_accuracy=0.9)
    nothing = replace(kept, kept=0, examples=0, dropped={"tie": 100}, mean_agreement=None, label_accuracy=None)
    sides = [diagnosis(math=side, code=table(60, 60, 60), mmlu=GUARD) for side in GOOD]
    found = verdict(*sides, facts=replace(FACTS, distillation={"math": kept, "code": nothing}))
    assert found.verdict == "ITERATE"
    assert "so code was not trained" in found.sentence


def test_a_gain_that_the_next_lower_temperature_has_for_nothing() -> None:
    before = [replace(item, baselines={"0.2": float(i < 79)}) for i, item in enumerate(GOOD[0])]
    found = judged(before, GOOD[1])
    assert found.verdict == "INCONCLUSIVE"
    assert "at temperature 0.2 the untouched model is right on 79.0 % of math" in found.sentence


def test_many_problems_of_few_templates() -> None:
    """A hundred problems of three stories are three stories, and more problems of them would not tell."""
    sides = [[replace(item, template=str(i % 3)) for i, item in enumerate(side)] for side in GOOD]
    found = judged(*sides)
    assert found.verdict == "INCONCLUSIVE"
    assert "Templates of these problems: 3; problems made from other ones would tell." in found.sentence
    assert next(c for c in found.criteria if c.kind == "gain").more is None
    eight = [[replace(item, template=str(i % 8)) for i, item in enumerate(side)] for side in GOOD]
    assert "Templates of these problems" not in judged(*eight).sentence


def test_two_guards_of_which_one_is_never_right() -> None:
    never = guard(table(0, 0, 0))
    sides = [diagnosis(math=side, mmlu=GUARD, arc=never) for side in GOOD]
    found = verdict(*sides)
    assert (found.verdict, found.sentence) == ("INCONCLUSIVE", "The guard arc was never right: forgetting is not measured.")


def test_a_small_second_category_that_broke_stops_a_large_first_one() -> None:
    before = diagnosis(math=GOOD[0], code=table(60, 24, 24, n=40), mmlu=GUARD)
    after = diagnosis(math=GOOD[1], code=table(20, 8, 8, n=40), mmlu=GUARD)
    found = verdict(before, after)
    assert found.verdict == "ABANDON"
    assert "in code" in found.sentence


def test_training_that_took_steps_on_nothing() -> None:
    found = judged(*GOOD, facts=replace(FACTS, training=replace(TRAINED, examples=0)))
    assert found.verdict == "ITERATE"
    assert "on 0 examples: nothing was trained" in found.sentence
