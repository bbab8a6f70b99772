from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts import Texts, distilled, drawn, part

from cogumi import distil
from cogumi.errors import PluginFailed
from cogumi.records import Ballot, Completion, Example, Problem, Request, Vote
from cogumi.settings import Settings
from cogumi.testing import FakeTask, make_problems
from cogumi.vote import first, majority, unanimous, verified

SETTINGS = Settings(seed=11)
PROBLEMS = make_problems(1)  # What is 0 + 1?


def texts(votes: Sequence[str | None], target: str | None) -> Texts:
    return lambda request, index: target if request.id.endswith("#target") else votes[index]


def outcome(votes: Sequence[str | None], target: str | None, settings: Settings = SETTINGS, **strategy: Any) -> distil.Outcome:
    whole = part(training=PROBLEMS, votes=len(votes), **strategy)
    (result,) = distilled(whole, texts(votes, target), settings)
    return result


def test_the_voters_are_drawn_at_the_use_temperature_and_the_target_at_the_categorys() -> None:
    whole = part(training=make_problems(2), votes=3, generate_temperature=0.2, max_tokens=77)
    asked = distil.requests(whole, Settings(temperature=0.9, seed=11))
    assert [(r.id, r.indices, r.sampling.temperature) for r in asked] == [
        ("sums/sum-0#vote", (0, 1, 2), 0.9),
        ("sums/sum-0#target", (0,), 0.2),
        ("sums/sum-1#vote", (0, 1, 2), 0.9),
        ("sums/sum-1#target", (0,), 0.2),
    ]
    assert {(r.sampling.max_tokens, r.sampling.seed, r.sampling.logprobs) for r in asked} == {(77, 11, False)}
    own = distil.requests(part(training=PROBLEMS, vote_temperature=0.5), Settings(temperature=0.9))
    assert own[0].sampling.temperature == 0.5


def test_the_best_vote_needs_no_target_but_probabilities() -> None:
    (asked,) = distil.requests(part(training=PROBLEMS, target="best-vote"), SETTINGS)
    assert asked.id.endswith("#vote")
    assert asked.sampling.logprobs


def test_a_target_that_gives_the_winning_answer_is_kept() -> None:
    result = outcome(["it is 1", "so 1", "maybe 2"], "the answer is 1")
    assert result.targets
    assert result.targets[0].text == "the answer is 1"
    assert (result.vote.winner, result.dropped, result.agrees_with_reference) == ("1", None, True)


def test_what_is_kept_is_the_consensus_and_not_the_reference() -> None:
    result = outcome(["2", "2", "2"], "2")
    assert result.targets
    assert result.agrees_with_reference is False


@pytest.mark.parametrize(
    ("votes", "target", "reason"),
    [
        (["1", "1", "2", "2"], "1", "tie"),
        (["hm", "well", None], "1", "no sample has an answer"),
        ([None, None], "1", "no sample has an answer"),
        (["1", "1", "2", "3", "4"], "1", "too little agreement"),
        (["1", "1", "hm", "hm", "hm"], "1", "too little agreement"),
        (["1", "1"], None, "the target could not be sampled"),
        (["1", "1"], "the answer is 1...", "the target was cut off at the token limit"),
        (["1", "1"], "who knows", "the target has no answer"),
        (["1", "1"], "the answer is 2", "the target disagrees with the vote"),
    ],
)
def test_what_is_dropped_has_a_reason(votes: list[str | None], target: str | None, reason: str) -> None:
    result = outcome(votes, target)
    assert (result.dropped, result.targets) == (reason, ())


def test_half_of_the_votes_is_enough_agreement() -> None:
    assert outcome(["1", "1", "2", "3"], "1").dropped is None
    assert outcome(["1", "1", "2", "3"], "1", min_agreement=0.51).dropped == "too little agreement"


def test_votes_that_failed_are_not_cast() -> None:
    result = outcome(["1", None, None, "1", "2"], "1")
    assert (result.vote.total, result.vote.agreement, result.dropped) == (3, 2 / 3, None)


def test_a_tie_is_never_broken_by_order() -> None:
    for votes in (["1", "2"], ["2", "1"]):
        assert outcome(votes, "1").dropped == "tie"


def test_the_full_phase_leaves_out_what_the_model_already_does() -> None:
    full = Settings(phase="full")
    assert outcome(["1", "1"], "1", full).dropped == "already consistent and right"
    assert outcome(["1", "1", "2"], "1", full).dropped is None
    assert outcome(["2", "2"], "2", full).dropped is None
    assert outcome(["1", "1"], "1", SETTINGS).dropped is None


def best(voters: Sequence[tuple[str, float | None]]) -> distil.Outcome:
    whole = part(training=PROBLEMS, votes=len(voters), target="best-vote")
    samples = drawn(distil.requests(whole, SETTINGS), texts([text for text, _ in voters], None))
    weighed = {
        key: Completion(request=c.request, index=c.index, text=c.text, finish=c.finish, logprob=voters[c.index][1])
        for key, c in samples.items()
    }
    (result,) = distil.distil(whole, weighed, SETTINGS)
    return result


@pytest.mark.parametrize(
    ("voters", "index"),
    [
        ([("a 1", -9.0), ("b 1", -2.0), ("c 2", -0.1)], 1),  # the most probable of the winners
        ([("a 1", -2.0), ("b 1", -2.0)], 0),  # the first of equals
        ([("a 1", None), ("b 1", -50.0)], 1),  # a known probability before an unknown one
        ([("a 1...", -1.0), ("b 1", -50.0)], 1),  # a whole text before one that was cut off
        ([("a 1", None), ("b 1", None)], 0),
    ],
)
def test_the_best_vote_is_the_most_probable_whole_winner(voters: list[tuple[str, float | None]], index: int) -> None:
    result = best(voters)
    assert result.dropped is None
    assert result.targets
    assert result.targets[0].index == index


def test_a_best_vote_without_a_winner_is_dropped() -> None:
    assert best([("1", -1.0), ("2", -1.0)]).dropped == "tie"
    assert best([("hm", -1.0)]).dropped == "no sample has an answer"


def row(settings: Settings = SETTINGS) -> dict[str, Any]:
    whole = part(training=PROBLEMS, votes=3, generate_temperature=0.1, train_temperature=0.3)
    samples = drawn(distil.requests(whole, settings), texts(["1", "1", "2"], "it is 1"))
    target = samples["sums/sum-0#target", 0]
    samples[target.request, 0] = Completion(
        request=target.request, index=0, text=target.text, finish="stop", tokens=3, token_ids=(5, 6, 2), prompt_digest="ab" * 8
    )
    (result,) = distil.distil(whole, samples, settings)
    (row,) = distil.example_rows(whole, result, settings)
    return row


def test_an_example_is_chat_messages_and_its_evidence() -> None:
    assert json.loads(json.dumps(row())) == {
        "id": "sums/sum-0",
        "messages": [{"role": "user", "content": "What is 0 + 1?"}, {"role": "assistant", "content": "it is 1"}],
        "evidence": {
            "answer": "1",
            "agreement": 2 / 3,
            "votes": [{"answer": "1", "count": 2}, {"answer": "2", "count": 1}],
            "total": 3,
            "generate_temperature": 0.1,
            "vote_temperature": 0.7,
            "train_temperature": 0.3,
            "seed": 11,
            "target": {"request": "sums/sum-0#target", "index": 0},
            "prompt_digest": "ab" * 8,
            "token_ids": [5, 6, 2],
        },
    }


def test_an_example_comes_back_from_its_row() -> None:
    assert distil.example_of(json.loads(json.dumps(row()))) == Example(
        id="sums/sum-0",
        messages=({"role": "user", "content": "What is 0 + 1?"}, {"role": "assistant", "content": "it is 1"}),
        train_temperature=0.3,
        prompt_digest="ab" * 8,
        token_ids=(5, 6, 2),
    )


def test_a_row_without_evidence_is_an_example_too() -> None:
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    assert distil.example_of({"id": "x/1", "messages": messages}) == Example(id="x/1", messages=tuple(messages))  # type: ignore[arg-type]


def test_a_vote_is_written_with_what_became_of_it() -> None:
    whole = part(training=PROBLEMS)
    kept, dropped = outcome(["1", "1", "2"], "1"), outcome(["1", "1", "2", "2"], "1")
    assert distil.vote_row(whole, kept) == {
        "id": "sums/sum-0",
        "winner": "1",
        "tie": False,
        "agreement": 2 / 3,
        "counts": {"1": 2, "2": 1},
        "total": 3,
        "kept": 1,
        "dropped": None,
        "agrees_with_reference": True,
    }
    assert distil.vote_row(whole, dropped).items() >= {"winner": None, "tie": True, "kept": 0, "dropped": "tie"}.items()


def test_the_summary_counts_reasons_and_how_good_the_labels_are() -> None:
    whole = part(training=PROBLEMS)
    outcomes = [
        outcome(["1", "1"], "1"),
        outcome(["2", "2", "2", "1"], "2"),
        outcome(["1", "2"], "1"),
        outcome(["1", "2"], "1"),
        outcome(["1", "1"], "2"),
    ]
    assert distil.summary(whole, outcomes) == {
        "problems": 5,
        "kept": 2,
        "examples": 2,
        "dropped": {"the target disagrees with the vote": 1, "tie": 2},
        "mean_agreement": 0.875,
        "label_accuracy": 0.5,
        "overlap": [],
    }
    assert distil.summary(whole, outcomes[2:])["label_accuracy"] is None


@given(
    st.lists(st.sampled_from(["1", "2", "hm", None]), min_size=1, max_size=8), st.sampled_from(["1", "2", "hm", "1...", None])
)
def test_every_problem_is_either_kept_or_has_a_reason(votes: list[str | None], target: str | None) -> None:
    result = outcome(votes, target)
    assert (not result.targets) == (result.dropped is not None)
    if result.targets:
        assert result.targets[0].text == result.vote.winner
        assert result.vote.agreement >= 0.5


@given(st.permutations(["1", "1", "1", "2", "hm"]))
def test_the_order_of_the_votes_does_not_matter(votes: list[str | None]) -> None:
    result = outcome(votes, "1")
    assert (result.vote, result.dropped) == (outcome(["1", "1", "1", "2", "hm"], "1").vote, None)


@pytest.mark.parametrize("broken", ["messages", "answers", "score", "vote"])
def test_a_plugin_that_raises_is_named(broken: str) -> None:
    def fail(*_: object) -> Any:
        raise LookupError("gone")

    task = FakeTask()
    whole = part(training=PROBLEMS, task=task, votes=2)
    if broken == "vote":
        whole = part(training=PROBLEMS, voter=type("Broken", (), {"vote": fail})(), votes=2)
    else:
        setattr(task, broken, fail)
    kind = "voter" if broken == "vote" else "category"
    with pytest.raises(PluginFailed, match=rf"^plugin 'sums' \(cogumi-sums 1\.2\): {kind} 'sums' failed: LookupError: gone$"):
        distilled(whole, texts(["1", "1"], "1"), SETTINGS)


def test_a_voter_sees_every_ballot_with_its_text_and_probability() -> None:
    seen: list[Sequence[Ballot]] = []

    class Curious:
        needs_logprobs = True

        def vote(self, problem: Problem, ballots: Sequence[Ballot]) -> Vote:
            seen.append(ballots)
            return Vote(winner=None, tie=False, support=0, total=len(ballots))

    whole = part(training=PROBLEMS, voter=Curious(), votes=2)
    assert distil.requests(whole, SETTINGS)[0].sampling.logprobs
    distilled(whole, texts(["so 1", "hm"], "1"), SETTINGS)
    told = [[(ballot.answer, ballot.text, ballot.index) for ballot in ballots] for ballots in seen]
    assert told == [[("1", "so 1", 0), (None, "hm", 1)]]


def test_a_request_is_unique_within_the_job() -> None:
    asked: list[Request] = distil.requests(part(training=make_problems(5)), SETTINGS)
    assert len({request.id for request in asked}) == len(asked)


class Picky:
    """A voter that also chooses what to train on."""

    def vote(self, problem: Problem, ballots: Sequence[Ballot]) -> Vote:
        return majority().vote(problem, ballots)

    def select(self, problem: Problem, ballots: Sequence[Ballot], count: int) -> Sequence[int]:
        return [i for i, ballot in enumerate(ballots) if "good" in ballot.text][:count]


@pytest.mark.parametrize(("voter", "kept"), [(Picky(), ["good 1", "good 1"]), (majority(), ["so 1"])])
def test_a_voter_that_can_choose_keeps_several_texts(voter: Any, kept: list[str]) -> None:
    whole = part(training=PROBLEMS, voter=voter, votes=4, target="best-vote", targets=2, min_agreement=0.1)
    (result, *_) = distilled(whole, texts(["so 1", "good 1", "hm", "good 1"], ""), SETTINGS)
    rows = distil.example_rows(whole, result, SETTINGS)
    assert [row["messages"][-1]["content"] for row in rows] == kept
    assert len({row["id"] for row in rows}) == len(rows)
    assert distil.summary(whole, [result])["examples"] == len(kept)


def test_a_control_trains_on_its_own_texts_agreed_upon_or_not() -> None:
    whole = part(training=PROBLEMS, voter=first(), votes=3, min_agreement=0.9)
    assert [request.indices for request in distil.requests(whole, SETTINGS)] == [(0, 1, 2)], "no target is drawn besides"
    (result,) = distilled(whole, texts(["so 4", "1", "hm 1"], None), SETTINGS)
    assert [target.text for target in result.targets] == ["so 4"]


def test_answers_of_which_none_may_win_are_told_from_no_answers() -> None:
    assert outcome(["4", "5", "4"], "4", voter=unanimous()).dropped == "no answer won the vote"
    assert outcome(["4", "5", "4"], "4", voter=verified()).dropped == "no answer won the vote"
