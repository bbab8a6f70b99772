from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from cogumi.diagnose import consistency
from cogumi.records import Ballot, Problem, Vote
from cogumi.vote import decide, majority

PROBLEM = Problem(id="p", prompt="?")
ANSWERS = st.lists(st.none() | st.sampled_from(["1", "2", "3", "4"]), max_size=12)


def vote(answers: list[str | None]) -> Vote:
    return majority().vote(PROBLEM, [Ballot(answer=answer) for answer in answers])


@given(ANSWERS, st.randoms(use_true_random=False))
def test_the_order_of_the_ballots_does_not_matter(answers: list[str | None], random: object) -> None:
    shuffled = sorted(answers, key=lambda _: random.random())  # type: ignore[attr-defined]
    one, other = vote(answers), vote(shuffled)
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
def test_consistency_is_the_share_of_the_most_frequent_value(values: list[str | None], random: object) -> None:
    share = consistency(values)
    assert share == consistency(sorted(values, key=lambda _: random.random()))  # type: ignore[attr-defined]
    most = max(Counter(value for value in values if value is not None).values(), default=1)
    assert share == most / len(values)
    assert 1 / len(values) <= share <= 1


def test_ten_different_texts_are_ten_percent_and_so_are_ten_missing_answers() -> None:
    assert consistency([str(n) for n in range(10)]) == 0.1
    assert consistency([None] * 10) == 0.1
    assert consistency(["x"] * 10) == 1.0
    assert consistency(["x", None, None, None]) == 0.25
