"""What each of the core's voters decides, and on what grounds."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from math import exp, log
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogumi.diagnosis.diagnose import consistency
from cogumi.pipeline import builtin
from cogumi.records import Ballot, Problem, Vote
from cogumi.voting import decide, first, majority, random, unanimous, verified, weighted

PROBLEM = Problem(id="p", prompt="?")
ANSWERS = st.lists(st.none() | st.sampled_from(["1", "2", "3", "4"]), max_size=12)


def vote(answers: list[str | None]) -> Vote:
    return majority().vote(PROBLEM, [Ballot(answer=answer) for answer in answers])


@given(ANSWERS, st.randoms(use_true_random=False))
def test_the_order_of_the_ballots_does_not_matter(answers: list[str | None], shuffle: Random) -> None:
    one, other = vote(answers), vote(shuffle.sample(answers, len(answers)))
    assert one == other
    assert list(one.counts) == list(other.counts)


@given(ANSWERS)
def test_the_winner_has_more_votes_than_any_other_answer(answers: list[str | None]) -> None:
    outcome = vote(answers)
    counts = Counter(answer for answer in answers if answer is not None)
    leaders = [answer for answer, count in counts.items() if count == max(counts.values())]
    assert outcome.tie == (len(leaders) > 1)
    assert outcome.winner == (leaders[0] if len(leaders) == 1 else None)
    assert outcome.counts == counts
    assert outcome.total == len(answers)
    assert outcome.support == max(counts.values(), default=0)


@given(st.integers(0, 10), st.integers(0, 10))
def test_missing_answers_never_win_and_still_count_as_cast(missing: int, given_answers: int) -> None:
    outcome = vote([None] * missing + ["7"] * given_answers)
    assert outcome.winner == ("7" if given_answers else None)
    assert not outcome.tie
    assert None not in outcome.counts
    total = missing + given_answers
    assert outcome.agreement == (given_answers / total if total else 0.0)


def test_two_answers_with_as_many_votes_are_a_tie_however_they_stand() -> None:
    for answers in (["1", "2"], ["2", "1"], ["1", "2", "2", "1", None, None, None], ["1", "2", "3"]):
        outcome = vote(list(answers))
        assert (outcome.winner, outcome.tie) == (None, True)


def test_weights_decide_where_a_ballot_counts_for_more_than_one() -> None:
    weights: Counter[str] = Counter()
    weights.update({"a": 3, "b": 5})
    assert decide(weights, total=10) == Vote(winner="b", tie=False, support=5, total=10, counts={"b": 5, "a": 3})


@given(st.lists(st.none() | st.sampled_from("abc"), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_consistency_is_the_share_of_the_most_frequent_value(values: list[str | None], shuffle: Random) -> None:
    share = consistency(values)
    assert share == consistency(shuffle.sample(values, len(values)))
    most = max(Counter(value for value in values if value is not None).values(), default=1)
    assert share == most / len(values)
    assert 1 / len(values) <= share <= 1


def test_ten_different_texts_are_ten_percent_and_so_are_ten_missing_answers() -> None:
    assert consistency([str(n) for n in range(10)]) == 0.1
    assert consistency([None] * 10) == 0.1
    assert consistency(["x"] * 10) == 1.0
    assert consistency(["x", None, None, None]) == 0.25


def weighed(*ballots: tuple[str | None, float, int], normalised: bool = True) -> Vote:
    """The weighted vote on ballots of (answer, log-probability, tokens)."""
    cast = [Ballot(answer=a, logprob=lp, tokens=n, index=i) for i, (a, lp, n) in enumerate(ballots)]
    return weighted(normalised=normalised).vote(PROBLEM, cast)


def test_a_ballot_weighs_its_probability_per_token() -> None:
    outcome = weighed(("a", log(0.5) * 4, 4), ("b", log(0.2) * 2, 2), ("b", log(0.2) * 9, 9), (None, log(0.1), 1))
    assert outcome.winner == "a"
    assert outcome.counts == pytest.approx({"a": 0.5, "b": 0.4})
    assert (outcome.support, outcome.total) == pytest.approx((0.5, 1.0))
    assert outcome.agreement == pytest.approx(0.5)


def test_without_normalisation_a_long_text_weighs_less() -> None:
    ballots: list[tuple[str | None, float, int]] = [("short", -4.0, 2), ("long", -20.0, 20)]
    assert weighed(*ballots).winner == "long"
    assert weighed(*ballots, normalised=False).winner == "short"


def test_texts_far_too_improbable_for_a_float_are_still_told_apart() -> None:
    outcome = weighed(("a", -5000.0, 900), ("b", -5001.0, 900), (None, -5000.0, 900), normalised=False)
    assert outcome.winner == "a"
    assert outcome.counts == pytest.approx({"a": 1.0, "b": exp(-1)})
    assert outcome.total == pytest.approx(2 + exp(-1))


@pytest.mark.parametrize("missing", [None, math.nan, -math.inf])
def test_a_ballot_without_a_log_probability_is_refused_by_name(missing: float | None) -> None:
    ballots = [Ballot(answer="a", logprob=-1.0, tokens=2), Ballot(answer=None, logprob=missing, tokens=2, index=7)]
    with pytest.raises(
        ValueError, match=r"no log-probability to weigh sample 7 of problem 'p' by: the sampler gave (none|nan|-inf)"
    ):
        weighted().vote(PROBLEM, ballots)


def test_tokens_that_were_not_counted_are_refused_where_they_are_needed() -> None:
    with pytest.raises(ValueError, match="no number of tokens to weigh sample 0 of problem 'p' by: take normalised=false"):
        weighed(("a", -3.0, 0))
    assert weighed(("a", -3.0, 0), normalised=False).winner == "a"
    assert weighed(("", 0.0, 0)).winner == ""


LOGPROBS = st.floats(-3000, 0)
WEIGHED = st.lists(st.tuples(st.none() | st.sampled_from("abc"), LOGPROBS, st.integers(1, 400)), max_size=9)


@given(WEIGHED, st.booleans(), st.randoms(use_true_random=False))
def test_weighted_votes_keep_the_invariants_of_a_vote_in_any_order(
    ballots: list[tuple[str | None, float, int]], normalised: bool, shuffle: Random
) -> None:
    outcome = weighed(*ballots, normalised=normalised)
    assert outcome == weighed(*shuffle.sample(ballots, len(ballots)), normalised=normalised)
    assert 0 <= outcome.support <= outcome.total
    assert 0 <= outcome.agreement <= 1
    assert math.fsum(outcome.counts.values()) <= outcome.total * (1 + 1e-12)
    assert outcome.support == max(outcome.counts.values(), default=0)
    assert set(outcome.counts) == {answer for answer, _, _ in ballots if answer is not None}


@given(ANSWERS, st.floats(-50, 0), st.booleans())
def test_equally_probable_ballots_decide_as_the_majority_does(
    answers: list[str | None], logprob: float, normalised: bool
) -> None:
    plain, outcome = vote(answers), weighed(*((answer, logprob, 5) for answer in answers), normalised=normalised)
    assert (outcome.winner, outcome.tie) == (plain.winner, plain.tie)
    assert outcome.agreement == pytest.approx(plain.agreement)


def test_sums_that_differ_by_rounding_alone_are_a_tie() -> None:
    assert decide({"a": 0.1 + 0.2, "b": 0.3}, total=1).tie
    assert decide({"a": 0.3001, "b": 0.3}, total=1).winner == "a"


def judged(*ballots: tuple[str | None, bool | None]) -> Vote:
    return verified().vote(PROBLEM, [Ballot(answer=a, correct=c, index=i) for i, (a, c) in enumerate(ballots)])


def test_the_most_frequent_right_answer_wins_against_any_number_of_wrong_ones() -> None:
    outcome = judged(("9", False), ("9", False), ("9", False), ("4", True), ("2+2", True), ("4", True), (None, False))
    assert outcome == Vote(winner="4", tie=False, support=2, total=7, counts={"4": 2, "2+2": 1})


def test_where_no_answer_is_right_nobody_wins() -> None:
    assert judged(("9", False), ("9", False), ("8", None)) == Vote(winner=None, tie=False, support=0, total=3, counts={})


def test_right_answers_that_lead_together_are_a_tie() -> None:
    outcome = judged(("4", True), ("2+2", True), ("9", False))
    assert (outcome.winner, outcome.tie) == (None, True)


@given(ANSWERS)
def test_where_nothing_is_judged_verified_is_the_majority(answers: list[str | None]) -> None:
    assert judged(*((answer, None) for answer in answers)) == vote(answers)


@given(st.lists(st.tuples(st.none() | st.sampled_from("abcd"), st.booleans()), min_size=1, max_size=9))
def test_verified_finds_a_right_answer_whenever_there_is_one(ballots: list[tuple[str | None, bool]]) -> None:
    right = {answer for answer, correct in ballots if correct and answer is not None}
    outcome = judged(*ballots)
    assert outcome.winner in right | {None}
    assert (outcome.winner is not None or outcome.tie) == bool(right)


@given(ANSWERS)
def test_only_unanimity_is_unanimous(answers: list[str | None]) -> None:
    outcome = unanimous().vote(PROBLEM, [Ballot(answer=answer) for answer in answers])
    assert outcome.winner == (answers[0] if len(set(answers)) == 1 else None)
    plain = vote(answers)
    assert (outcome.tie, outcome.counts, outcome.total) == (plain.tie, plain.counts, plain.total)


def cast(answers: list[str | None]) -> list[Ballot]:
    return [Ballot(answer=answer, text=f"I say {answer}", index=index) for index, answer in enumerate(answers)]


@given(ANSWERS, st.integers(0, 9), st.randoms(use_true_random=False))
def test_a_control_goes_by_one_ballot_in_whatever_order_and_reports_the_votes_of_all(
    answers: list[str | None], seed: int, shuffle: Random
) -> None:
    ballots = cast(answers)
    plain = vote(answers)
    for voter in (first(), random(seed=seed)):
        outcome = voter.vote(PROBLEM, ballots)
        assert outcome == voter.vote(PROBLEM, shuffle.sample(ballots, len(ballots)))
        assert outcome.winner in {*answers, None}
        assert (outcome.winner is None) <= (None in answers or not answers)
        assert not outcome.tie
        assert (outcome.counts, outcome.support, outcome.total) == (plain.counts, plain.support, plain.total)


@given(ANSWERS)
def test_first_is_the_sample_with_the_lowest_index(answers: list[str | None]) -> None:
    assert first().vote(PROBLEM, cast(answers)[::-1]).winner == (answers[0] if answers else None)


def test_random_draws_answers_in_proportion_to_their_votes_and_every_problem_anew() -> None:
    ballots = cast(["a"] * 6 + ["b"] * 3 + [None])
    drawn = Counter(random().vote(Problem(id=f"p{n}", prompt="?"), ballots).winner for n in range(4000))
    for answer, share in (("a", 0.6), ("b", 0.3), (None, 0.1)):
        assert drawn[answer] / 4000 == pytest.approx(share, abs=0.04)  # five standard errors


def test_random_draws_by_seed_and_problem_alone() -> None:
    problems = [Problem(id=f"p{n}", prompt="?") for n in range(200)]
    ballots = cast(["a", "b"])
    draws = [[random(seed=seed).vote(p, ballots).winner for p in problems] for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]
    retold = [replace(ballot, text="other words", index=9 - ballot.index) for ballot in ballots]
    assert [random().vote(p, retold).winner for p in problems] == draws[0]


@given(ANSWERS, st.integers(1, 5))
def test_a_control_selects_different_samples_as_they_come(answers: list[str | None], count: int) -> None:
    ballots = cast(answers)
    given_ = list(dict.fromkeys(answer for answer in answers if answer is not None))
    assert [ballots[place].answer for place in first().select(PROBLEM, ballots, count)] == given_[:count]
    chosen = [ballots[place].answer for place in random().select(PROBLEM, ballots, count)]
    assert set(chosen) <= set(given_)
    assert len(chosen) == len(set(chosen)) == min(count, len(given_))


def test_what_a_voter_needs_is_declared() -> None:
    attributes = ("needs_logprobs", "uses_reference", "control")
    made = {f.__name__: f() for f in (majority, weighted, verified, unanimous, first, random)}
    declared = {name: [a for a in attributes if getattr(voter, a, False)] for name, voter in made.items()}
    assert declared == {
        "majority": [],
        "weighted": ["needs_logprobs"],
        "verified": ["uses_reference"],
        "unanimous": [],
        "first": ["control"],
        "random": ["control"],
    }


def test_every_voter_is_offered_by_its_name() -> None:
    offered: dict[str, object] = {}
    builtin.register_voters(offered.__setitem__)
    assert list(offered) == ["majority", "weighted", "verified", "unanimous", "first", "random"]
    assert all(getattr(factory, "__doc__", "").strip().partition("\n")[0].endswith(".") for factory in offered.values())
