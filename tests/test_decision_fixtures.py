"""Trainings with exact counts: what is decided, and which reason stands first.

100 problems of ten samples, a guard that is right on 90 and unchanged unless said. `table(29, 62, 81)`: 29 % of the samples are
right, the vote on 62 problems, temperature 0 on 81.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from decision_tables import FACTS, GUARD, MINIMAL, TRAINED, changed, diagnosis, evaluation, judged, statuses, table, verdict

from cogumi.codec import from_json, to_json
from cogumi.decision.facts import Facts
from cogumi.phases import Gate, Margins
from cogumi.results import (
    CategoryDistillation,
    Diagnosis,
    EvaluationResult,
    ExternalItem,
    ExternalResult,
    ProblemResult,
    Verdict,
)
from cogumi.stats import mean

GOOD = (table(40, 50, 50), table(77, 80, 80))
FULL = replace(MINIMAL, name="full", margins=Margins(accuracy=0.03, majority_accuracy=0.05, greedy_accuracy=0.05))


def test_temperature_0_without_training_beats_the_training() -> None:
    found = judged(table(29, 62, 81), table(61, 68, 66, sure_wrong=19, response_consistency=0.6))
    assert found.verdict == "ABANDON"
    assert found.sentence.startswith(
        "Do not train: at temperature 0 the untouched model is right on 81.0 % of math, the trained one"
    )
    assert "66.0 % (-15.0 points; -2" in found.sentence
    assert "cogumi diagnose --temperature 0" in found.next


def test_a_training_that_only_reaches_temperature_0_is_no_reason_to_go_on() -> None:
    found = judged(table(34, 80, 80), table(80, 80, 80))
    assert found.verdict == "INCONCLUSIVE"
    assert "not shown to beat what costs nothing: at temperature 0" in found.sentence


def test_a_vote_that_knows_less_than_temperature_0_and_nothing_changed() -> None:
    found = judged(table(29, 64, 81), table(29, 64, 81))
    assert found.verdict == "ABANDON"
    assert found.sentence.startswith("Do not train: the vote knows less (64.0 % of math) than temperature 0 (81.0 %")


def test_targets_that_were_met_before_training_are_no_success() -> None:
    found = judged(table(78, 85, 85), table(78, 85, 85))
    assert found.verdict == "INCONCLUSIVE"
    assert found.sentence.startswith("The targets were met before training; nothing is shown to be better now")
    assert set(statuses(found, "target").values()) == {"pass"}


def test_a_vote_that_lost_is_harm_though_single_answers_rose() -> None:
    found = judged(table(41, 78, 78), table(63, 66, 66))
    assert found.verdict == "ABANDON"
    assert found.sentence.startswith("Training did harm in math: the vote fell by 12.0 points (")


def test_one_category_up_and_another_down() -> None:
    before = diagnosis(math=table(40, 50, 50), code=table(70, 70, 70), mmlu=GUARD)
    after = diagnosis(math=table(74, 74, 74), code=table(64, 64, 64), mmlu=GUARD)
    found = verdict(before, after)
    assert found.verdict == "ABANDON"
    assert found.sentence.startswith("Training did harm in code: single answers fell by 6.0 points (")


@pytest.mark.parametrize(("before", "after"), [(table(40, 50, 50), table(77, 80, 80)), (table(50, 60, 55), table(80, 85, 82))])
def test_good_trainings_go_on(before: list[ProblemResult], after: list[ProblemResult]) -> None:
    found = judged(before, after)
    assert (found.verdict, found.next) == ("PROCEED", "Go on.")
    assert found.sentence.startswith("Better than what costs nothing: at temperature 0 the untouched model is right on 5")


def test_a_smaller_gain_goes_on_where_temperature_0_rose_too() -> None:
    assert judged(table(50, 55, 52), table(67, 72, 72)).verdict == "PROCEED"


def test_better_but_not_far_enough() -> None:
    found = judged(table(16, 20, 20), table(30, 35, 35, response_consistency=0.26))
    assert found.verdict == "ITERATE"
    assert found.sentence.startswith("Better than before, but not far enough: consistency: 26.0 % (")


@pytest.mark.parametrize("greedy", [69, 66])
def test_temperature_0_that_fell_is_harm(greedy: int) -> None:
    found = judged(table(40, 81, 81), table(90, 92, greedy))
    assert found.verdict == "ABANDON"
    assert f"answers at temperature 0 fell by {81 - greedy}.0 points" in found.sentence


def test_a_loss_that_cannot_be_excluded_is_inconclusive_and_says_how_many_problems_would_tell() -> None:
    before, after = table(40, 50, 50), table(77, 80, 80)
    moved = [replace(item, greedy_correct=i % 2 == 0) for i, item in enumerate(before)]
    other = [replace(item, greedy_correct=i % 2 == 1 and i < 94) for i, item in enumerate(after)]
    found = judged(moved, other)
    assert found.verdict == "INCONCLUSIVE"
    assert found.sentence.startswith("math: answers at temperature 0 may have fallen by more than 10 points: -3.0 points")
    criterion = next(c for c in found.criteria if c.status == "inconclusive")
    assert criterion.more is not None
    assert f"About {criterion.more:,} more problems would tell" in found.sentence


def test_agreement_that_no_longer_means_right() -> None:
    found = judged(table(40, 50, 50), table(60, 62, 62, sure_wrong=20))
    assert found.verdict == "ITERATE"
    assert found.sentence.startswith("math: agreement meant right in 100.0 %, now in 7")
    assert "min_agreement" in found.next


def test_becoming_sure_of_what_is_wrong_where_nothing_was_sure_before() -> None:
    before = changed(table(40, 50, 50), consistent=False)
    after = [replace(item, consistent=not item.majority_correct) for item in table(77, 80, 80)]
    found = judged(before, after)
    assert found.verdict == "ITERATE"
    assert "what the model became sure of is more often wrong than right" in found.sentence


def test_a_quarter_of_answers_cut_off() -> None:
    found = judged(GOOD[0], changed(GOOD[1], truncated=0.25))
    assert found.verdict == "ITERATE"
    assert found.sentence.startswith("25.0 % (")
    assert "of the math answers are cut at the token limit" in found.sentence
    assert found.next == "Raise the token limit and measure again."


def test_answers_that_cannot_be_read() -> None:
    found = judged(GOOD[0], changed(GOOD[1], no_answer=0.3))
    assert found.verdict == "ITERATE"
    assert "answer format" in found.next


def test_a_fifth_cut_off_is_still_enough() -> None:
    assert judged(GOOD[0], changed(GOOD[1], truncated=0.2, no_answer=0.2)).verdict == "PROCEED"


def with_guard(before: EvaluationResult, after: EvaluationResult, facts: Facts = FACTS) -> Verdict:
    return verdict(diagnosis(math=GOOD[0], mmlu=before), diagnosis(math=GOOD[1], mmlu=after), facts=facts)


def guard(right: int, **fields: float) -> EvaluationResult:
    return evaluation(table(right, right, right), purpose="guard", benchmark="guarded", **fields)


def test_a_guard_that_fell_significantly_within_what_may_be_forgotten() -> None:
    found = with_guard(guard(90), guard(84))
    assert found.verdict == "ITERATE"
    assert found.sentence.startswith("Training forgot: single answers of the guard mmlu fell by 6.0 points (")
    assert statuses(found, "guard") == {"guard retained": "pass", "nothing forgotten": "fail"}


def test_a_guard_that_forgot_too_much() -> None:
    found = with_guard(guard(90), guard(60))
    assert (found.verdict, statuses(found, "guard")["guard retained"]) == ("ITERATE", "fail")
    assert "learning rate" in found.next


def test_what_a_guard_retains_is_counted_above_chance() -> None:
    """Of 90 right among 100, 75 are more than guessing at one in four gives; of 78 right, 53: 81.5 % and not 86.7 %."""
    retained = {
        chance: next(
            c.value
            for c in with_guard(guard(90, chance=chance), guard(78, chance=chance)).criteria
            if c.name == "guard retained"
        )
        for chance in (0.0, 0.25)
    }
    assert retained == {0.0: pytest.approx(78 / 90), 0.25: pytest.approx(53 / 65)}


@pytest.mark.parametrize(
    ("right", "chance", "said"), [(0, 0.0, "was never right"), (40, 0.0, "not good enough"), (70, 0.25, "45 more")]
)
def test_a_guard_that_cannot_guard(right: int, chance: float, said: str) -> None:
    found = with_guard(guard(right, chance=chance), guard(right, chance=chance))
    assert found.verdict == "INCONCLUSIVE"
    assert said in found.sentence


def test_a_guard_whose_vote_fell() -> None:
    found = with_guard(guard(90), evaluation(table(90, 78, 90), purpose="guard", benchmark="guarded"))
    assert found.verdict == "ITERATE"
    assert "the vote of the guard mmlu fell by 12.0 points" in found.sentence


def test_one_of_two_guards_forgot() -> None:
    before = diagnosis(math=GOOD[0], mmlu=guard(90), arc=guard(90))
    after = diagnosis(math=GOOD[1], mmlu=guard(90), arc=guard(70))
    found = verdict(before, after)
    assert found.verdict == "ITERATE"
    assert "arc" in found.sentence


def test_a_guard_that_nobody_has_a_gate_on_has_to_exclude_a_loss() -> None:
    phase = replace(FULL, gates=FULL.gates[:2])
    items = table(90, 90, 90)
    noisy = [replace(item, accuracy=0.0 if i < 8 else 1.0 if i < 97 else 0.0) for i, item in enumerate(items)]
    before = diagnosis(math=GOOD[0], mmlu=GUARD)
    after = diagnosis(math=GOOD[1], mmlu=evaluation(noisy, purpose="guard", benchmark="guarded"))
    found = verdict(before, after, phase=phase)
    assert (found.verdict, statuses(found, "guard")["nothing forgotten"]) == ("INCONCLUSIVE", "inconclusive")


def test_no_guard_where_one_was_wanted_and_where_none_was() -> None:
    sides = diagnosis(math=GOOD[0]), diagnosis(math=GOOD[1])
    assert verdict(*sides).verdict == "INCONCLUSIVE"
    found = verdict(*sides, facts=replace(FACTS, guard="left out"))
    assert found.verdict == "PROCEED"
    assert found.warnings == ("There was no guard (`--guard none`): forgetting is not measured.",)
    itself = verdict(*sides, facts=replace(FACTS, guard="trained"))
    assert itself.verdict == "PROCEED"
    assert "trained on itself" in itself.warnings[0]


def test_a_guard_alone_says_nothing_of_training() -> None:
    found = verdict(diagnosis(mmlu=GUARD), diagnosis(mmlu=GUARD))
    assert found.verdict == "INCONCLUSIVE"
    assert found.sentence.startswith("No category of this run was trained")


def test_two_samples_are_not_enough() -> None:
    before, after = (evaluation(side, samples=2) for side in GOOD)
    found = verdict(diagnosis(math=before, mmlu=GUARD), diagnosis(math=after, mmlu=GUARD))
    assert found.verdict == "INCONCLUSIVE"
    assert "2 samples of each math problem; 5 are the least" in found.sentence


def test_29_problems_are_not_enough_and_30_are() -> None:
    few, enough = ([table(40, n // 2, n // 2, n=n), table(100, n, n, n=n)] for n in (29, 30))
    assert judged(*few).sentence == "Only 29 math problems were measured on both sides; 30 are the least."
    assert judged(*few).verdict == "INCONCLUSIVE"
    assert judged(*enough).verdict == "PROCEED"


def test_problems_that_could_only_be_scored_on_one_side() -> None:
    unscored = {"accuracy": None, "majority_correct": None, "greedy_correct": None}
    after = [replace(item, **unscored) if i >= 60 else item for i, item in enumerate(GOOD[1])]
    found = judged(GOOD[0], after)
    assert found.verdict == "INCONCLUSIVE"
    assert "40.0 % of the math samples failed or could not be scored" in found.sentence


def test_nothing_was_kept_for_training() -> None:
    kept = CategoryDistillation(
        problems=100, kept=0, examples=0, dropped={"tie": 70, "agreement": 30}, mean_agreement=None, label_accuracy=None
    )
    found = judged(*GOOD, facts=replace(FACTS, distillation={"math": kept}))
    assert found.verdict == "ITERATE"
    assert "None of the 100 math problems was kept for training (mostly: tie, 70)" in found.sentence


def test_weights_that_did_not_move() -> None:
    still = replace(TRAINED, weight_change=0.0)
    found = judged(table(30, 40, 40), table(30, 40, 40), facts=Facts(training=still))
    assert (found.verdict, found.next) == ("ITERATE", "Raise the learning rate.")
    assert found.sentence.startswith("The weights did not move")


@pytest.mark.parametrize(("hour", "decision"), [(True, "PROCEED"), (False, "ITERATE"), (None, "PROCEED")])
def test_training_time(hour: bool | None, decision: str) -> None:
    training = replace(TRAINED, under_an_hour=hour)
    found = judged(*GOOD, facts=Facts(training=training))
    assert found.verdict == decision
    assert ("Not measured: training time." in found.sentence) == (hour is None)


def test_a_lower_temperature_that_does_better_than_the_training() -> None:
    before = [replace(item, baselines={"0.2": float(i < 92)}) for i, item in enumerate(GOOD[0])]
    found = judged(before, GOOD[1])
    assert found.verdict == "ABANDON"
    assert "at temperature 0.2 the untouched model is right on 92.0 % of math" in found.sentence
    assert "--temperature 0.2" in found.next


def test_only_the_chosen_temperature_counts_where_one_was_chosen() -> None:
    before = [replace(item, baselines={"0.2": float(i < 52), "0.5": float(i < 80)}) for i, item in enumerate(GOOD[0])]
    assert judged(before, GOOD[1]).verdict == "INCONCLUSIVE"
    chosen = replace(FACTS, temperatures={"math": "0.2"})
    assert judged(before, GOOD[1], facts=chosen).verdict == "PROCEED"


def test_a_temperature_that_cannot_be_lowered_turns_the_rival_into_a_warning_in_the_sentence() -> None:
    sides = table(29, 62, 81), table(61, 68, 81, response_consistency=0.6)
    assert judged(*sides).verdict == "ABANDON"
    found = judged(*sides, facts=replace(FACTS, fixed_temperature=True))
    assert found.verdict == "PROCEED"
    assert "only a warning" in found.sentence
    assert "at temperature 0 the untouched model is right on 81.0 % of math" in found.sentence
    assert len(found.warnings) == 2


def test_a_weaker_vote_before_has_no_say_where_training_won_all_the_same() -> None:
    found = judged(table(40, 45, 60), table(80, 85, 85))
    assert (found.verdict, statuses(found, "worth")) == ("PROCEED", {"vote worth teaching": "fail"})
    assert not any("Do not train" in criterion.sentence for criterion in found.criteria)


def test_a_benchmark_asked_for_besides_that_fell() -> None:
    besides = (evaluation(table(right, right, right), purpose="benchmark") for right in (60, 52))
    sides = [diagnosis(math=side, mmlu=GUARD, law=extra) for side, extra in zip(GOOD, besides, strict=True)]
    found = verdict(*sides)
    assert found.verdict == "ABANDON"
    assert found.sentence.startswith("Training did harm in law: accuracy fell by 8.0 points")


def external(right: int) -> ExternalResult:
    items = tuple(ExternalItem(id=f"{i:03}", metrics={"acc": float(i < right)}) for i in range(100))
    return ExternalResult(metric="acc", problems=100, metrics={"acc": mean([i.metrics["acc"] for i in items])}, items=items)


@pytest.mark.parametrize(("right", "decision"), [(70, "PROCEED"), (66, "PROCEED"), (55, "ABANDON")])
def test_an_external_evaluation_asked_for_besides(right: int, decision: str) -> None:
    before, after = diagnosis(math=GOOD[0], mmlu=GUARD), diagnosis(math=GOOD[1], mmlu=GUARD)
    sides = replace(before, external={"lm-eval:arc": external(70)}), replace(after, external={"lm-eval:arc": external(right)})
    assert verdict(*sides).verdict == decision


def test_after_equal_to_before_never_goes_on() -> None:
    for accuracy, vote, greedy in [(40, 50, 50), (60, 60, 60), (90, 95, 90), (100, 100, 100), (90, 70, 80)]:
        side = table(accuracy, vote, greedy)
        assert judged(side, side).verdict != "PROCEED", (accuracy, vote, greedy)


UNSCORED = {"accuracy": None, "majority_correct": None, "greedy_correct": None}


def test_texts_that_are_never_right_or_wrong_do_not_pass_for_lack_of_data() -> None:
    before, after = changed(table(40, 50, 50), **UNSCORED), changed(table(80, 80, 80), **UNSCORED)
    found = verdict(diagnosis(poems=before, mmlu=GUARD), diagnosis(poems=after, mmlu=GUARD))
    assert found.verdict == "INCONCLUSIVE"
    assert "whether training beats it was not measured" in found.sentence
    assert "--judge" in found.next
    assert statuses(found, "gain") == {"better than before": "pass"}


def test_texts_beside_a_category_with_right_answers() -> None:
    poems = (changed(table(40, 50, 50), **UNSCORED), changed(table(80, 80, 80), **UNSCORED))
    before, after = (diagnosis(math=side, poems=text, mmlu=GUARD) for side, text in zip(GOOD, poems, strict=True))
    assert verdict(before, after).verdict == "PROCEED"


def test_consistency_counts_answers_where_texts_are_not_meant_to_be_equal() -> None:
    before, after = (evaluation(changed(side, response_consistency=0.1), consistency="answers") for side in GOOD)
    found = verdict(diagnosis(math=before, mmlu=GUARD), diagnosis(math=after, mmlu=GUARD))
    assert found.verdict == "PROCEED"
    texts = judged(*(changed(side, response_consistency=0.1) for side in GOOD))
    assert (texts.verdict, statuses(texts, "target")["consistency"]) == ("ITERATE", "fail")


def test_a_third_party_category_has_no_gates_about_others_and_may_bring_its_own() -> None:
    sides = [diagnosis(riddles=side, mmlu=GUARD) for side in GOOD]
    found = verdict(*sides)
    assert (found.verdict, statuses(found, "target")["MATH"]) == ("PROCEED", "not-measured")
    own = Gate(name="RIDDLES", metric="accuracy", threshold=0.95)
    strict = verdict(*sides, facts=replace(FACTS, category_gates={"riddles": (own,)}))
    assert (strict.verdict, statuses(strict, "target")["RIDDLES"]) == ("ITERATE", "fail")


def test_a_run_without_anything_that_the_gates_are_about() -> None:
    phase = replace(MINIMAL, gates=MINIMAL.gates[1:3])
    found = verdict(*(diagnosis(riddles=side, mmlu=GUARD) for side in GOOD), phase=phase)
    assert found.verdict == "INCONCLUSIVE"
    assert "None of the phase's gates was measured" in found.sentence


def test_a_gate_on_what_was_not_measured_is_open() -> None:
    phase = replace(MINIMAL, gates=(Gate(name="G", category="math", metric="acuracy", threshold=0.4),))
    found = judged(*GOOD, phase=phase)
    assert found.verdict == "INCONCLUSIVE"
    assert "did you mean accuracy" in found.sentence


def test_what_the_vote_did_is_never_claimed_without_a_control() -> None:
    found = judged(*GOOD)
    assert [c.sentence for c in found.criteria if c.kind == "controls"] == [
        "Whether the vote or just training did it was not measured."
    ]
    assert "vote" not in found.sentence


def test_the_verdict_survives_its_file() -> None:
    sides: list[tuple[Diagnosis, Diagnosis]] = [
        (diagnosis(math=GOOD[0], mmlu=GUARD), diagnosis(math=GOOD[1], mmlu=GUARD)),
        (diagnosis(mmlu=GUARD), diagnosis(mmlu=GUARD)),
    ]
    for before, after in sides:
        found = verdict(before, after)
        assert from_json(Verdict, to_json(found)) == found
