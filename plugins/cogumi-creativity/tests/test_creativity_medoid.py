import random
from dataclasses import replace
from statistics import mean

import pytest
from cogumi_creativity import similarity
from cogumi_creativity.medoid import Medoid, medoid

from cogumi.errors import BadInput
from cogumi.protocols import Selector
from cogumi.records import Ballot, Problem
from cogumi.testing import check_voter
from cogumi.voting import Majority

PROBLEM = Problem(id="p", prompt="Write about a kite.")
LINES = (
    "the red kite waits by the storm",
    "a red kite waits near the storm",
    "the red kite sings of the storm",
    "bread is cheap today",
)
KINDS = ("chrf", "edit")


def same(text, other):
    return float(text == other)


def elections(count, answers):
    draw = random.Random(5)
    return [draw.choices([*answers, None], k=draw.randint(0, 9)) for _ in range(count)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_promises_of_a_voter(kind):
    check_voter(lambda: medoid(similarity=kind))
    assert isinstance(medoid(similarity=kind), Selector)


@pytest.mark.parametrize("kind", KINDS)
def test_the_text_most_like_all_others_wins_and_agreement_is_its_mean_similarity(cast, kind):
    alike = similarity.of(kind)
    vote = medoid(similarity=kind).vote(PROBLEM, cast(*LINES))
    utilities = {text: mean(alike(text, other) for other in LINES) for text in LINES}
    assert vote.winner == LINES[0] == max(LINES, key=lambda text: utilities[text])
    assert vote.agreement == pytest.approx(utilities[LINES[0]])
    assert not vote.tie


def test_each_ballot_counts_for_the_medoid_as_much_as_it_is_like_it(cast):
    alike = similarity.of("chrf")
    vote = medoid().vote(PROBLEM, cast(*LINES, LINES[3], None))
    assert vote.total == 6
    assert sum(vote.counts.values()) == pytest.approx(5)
    assert vote.counts[LINES[1]] == pytest.approx(1 - alike(LINES[0], LINES[1]))
    assert vote.counts[LINES[3]] == pytest.approx(2 * (1 - alike(LINES[0], LINES[3])))


def test_a_repeated_text_weighs_more(cast):
    assert medoid().vote(PROBLEM, cast(*LINES, *[LINES[3]] * 3)).winner == LINES[3]


def test_where_texts_are_alike_only_if_equal_it_is_the_majority_vote(cast):
    for answers in elections(500, "abcd"):
        ballots = cast(*answers)
        ours, theirs = Medoid(same, 0.8).vote(PROBLEM, ballots), Majority().vote(PROBLEM, ballots)
        assert (ours.winner, ours.tie, ours.agreement) == (theirs.winner, theirs.tie, theirs.agreement)
        leading = {text: count for text, count in theirs.counts.items() if count == theirs.support}
        assert ours.counts == (leading if ours.tie else theirs.counts)


def test_counts_add_up_and_the_winner_leads(cast):
    decided = 0
    for answers in elections(300, LINES):
        vote = medoid().vote(PROBLEM, cast(*answers))
        given = [answer for answer in answers if answer is not None]
        assert sum(vote.counts.values()) == pytest.approx(len(given)) or vote.tie
        assert 0 <= vote.agreement <= 1
        if vote.winner is not None:
            decided += 1
            assert max(vote.counts, key=lambda text: vote.counts[text]) == vote.winner
    assert decided > 200


def test_two_different_texts_are_a_tie_and_share_the_ballots(cast):
    vote = medoid().vote(PROBLEM, cast(LINES[0], LINES[1], None))
    assert (vote.winner, vote.tie, vote.counts) == (None, True, {LINES[0]: 1.0, LINES[1]: 1.0})
    assert vote.agreement == pytest.approx(1 / 3)


def test_all_alike_agree_fully_and_nobody_agrees_with_nothing(cast):
    assert medoid().vote(PROBLEM, cast(*[LINES[0]] * 3)).agreement == 1.0
    vote = medoid().vote(PROBLEM, cast(None, None))
    assert (vote.winner, vote.tie, vote.agreement, vote.counts) == (None, False, 0.0, {})


def test_selected_are_the_medoid_and_then_the_next_central_ones(cast):
    ballots = cast(None, *reversed(LINES))
    assert [ballots[i].answer for i in medoid().select(PROBLEM, ballots, 3)] == list(LINES[:3])
    assert [ballots[i].answer for i in medoid().select(PROBLEM, ballots, 9)] == list(LINES)
    assert [ballots[i].answer for i in medoid().select(PROBLEM, ballots, 1)] == [LINES[0]]
    assert list(medoid().select(PROBLEM, ballots, 0)) == []
    assert list(medoid().select(PROBLEM, cast(None, None), 3)) == []


def test_near_duplicates_of_a_selected_text_are_left_out(cast):
    near = LINES[0] + "s"
    ballots = cast(*LINES, near)
    chosen = [ballots[i].answer for i in medoid().select(PROBLEM, ballots, 5)]
    assert len({near, LINES[0]} & set(chosen)) == 1
    assert set(chosen) > set(LINES[1:])
    assert len(medoid(repeat=1.0).select(PROBLEM, ballots, 5)) == 5
    assert len(medoid(repeat=0.0).select(PROBLEM, ballots, 5)) == 1


def test_the_order_of_the_ballots_does_not_change_what_is_selected(cast):
    ballots = [
        replace(ballot, text=text, logprob=logprob)
        for ballot, text, logprob in zip(
            cast(*LINES, LINES[0], LINES[0]),
            ("a", "b", "c", "d", "likely", "e"),
            (-9.0, -1.0, None, -2.0, -3.0, None),
            strict=True,
        )
    ]
    draw = random.Random(2)
    for _ in range(20):
        draw.shuffle(ballots)
        chosen = [ballots[i].text for i in medoid().select(PROBLEM, ballots, 3)]
        assert chosen[0] == "likely"
        assert chosen == ["likely", "b", "c"]


def test_a_similarity_from_0_to_1_is_asked_for():
    for repeat in (-0.1, 1.1, float("nan")):
        with pytest.raises(BadInput, match=r"repeat: .* is no similarity"):
            medoid(repeat=repeat)


@pytest.mark.parametrize("kind", KINDS)
def test_similarity_is_symmetric_within_0_and_1_and_1_for_equal_texts(kind):
    alike = similarity.of(kind)
    texts = [*LINES, "", " ", "a", "\ud800", "\x00", "ha " * 2000]
    for text in texts:
        assert alike(text, text) == 1.0
        for other in texts:
            assert 0.0 <= alike(text, other) == alike(other, text) <= 1.0


def test_the_similarities_are_those_of_their_libraries():
    from rapidfuzz.distance import Indel
    from sacrebleu.metrics import CHRF

    first, second = "the red kite waits", "the red kite sleeps"
    assert similarity.of("chrf")(first, second) == pytest.approx(CHRF(beta=1).sentence_score(first, [second]).score / 100)
    assert similarity.of("edit")(first, second) == Indel.normalized_similarity(first, second)
    assert round(similarity.of("chrf")(first, second), 2) == 0.58
    assert round(similarity.of("edit")(first, second), 2) == 0.76


def test_only_ballots_matter_and_not_the_texts_they_were_read_from():
    plain = [Ballot(answer=line) for line in LINES]
    assert medoid().vote(PROBLEM, plain) == medoid().vote(PROBLEM, [replace(b, text="x", logprob=-1.0) for b in plain])
