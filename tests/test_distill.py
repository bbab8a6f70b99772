from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts import RULES, Texts, distilled, drawn, part, training_scores

from cogumi.codec import from_json, to_json
from cogumi.distillation import distill
from cogumi.distillation.distill import Kept, Rules
from cogumi.errors import PluginFailed
from cogumi.planning.plan import CategoryRun
from cogumi.records import Ballot, Completion, Demonstration, Preference, Problem, Request, Vote
from cogumi.results import CategoryDistillation
from cogumi.testing import FakeTask, make_problems
from cogumi.voting import first, majority, unanimous, verified
from cogumi.workers.jobs import Example, Origin, demonstration_of

PROBLEMS = make_problems(1)  # What is 0 + 1?


def texts(votes: Sequence[str | None], target: str | None) -> Texts:
    return lambda request, index: target if request.id.endswith("#target") else votes[index]


def outcome(votes: Sequence[str | None], target: str | None, rules: Rules = RULES, **strategy: Any) -> Kept:
    whole = part(training=PROBLEMS, votes=len(votes), **strategy)
    (result,) = distilled(whole, texts(votes, target), rules)
    return result


def test_the_voters_are_drawn_at_the_use_temperature_and_the_target_at_the_categorys() -> None:
    whole = part(training=make_problems(2), votes=3, generate_temperature=0.2, max_tokens=77)
    asked = distill.requests(whole, Rules(temperature=0.9, seed=11))
    assert [(r.id, r.indices, r.sampling.temperature) for r in asked] == [
        ("sums/sum-0#vote", (0, 1, 2), 0.9),
        ("sums/sum-0#target", (0,), 0.2),
        ("sums/sum-1#vote", (0, 1, 2), 0.9),
        ("sums/sum-1#target", (0,), 0.2),
    ]
    assert {(r.sampling.max_tokens, r.sampling.seed, r.sampling.logprobs) for r in asked} == {(77, 11, False)}
    own = distill.requests(part(training=PROBLEMS, vote_temperature=0.5), Rules(temperature=0.9, seed=0))
    assert own[0].sampling.temperature == 0.5


def test_the_best_vote_needs_no_target_but_probabilities() -> None:
    (asked,) = distill.requests(part(training=PROBLEMS, target="best-vote"), RULES)
    assert asked.id.endswith("#vote")
    assert asked.sampling.logprobs


def test_a_target_that_gives_the_winning_answer_is_kept() -> None:
    result = outcome(["it is 1", "so 1", "maybe 2"], "the answer is 1")
    assert result.targets
    assert result.targets[0].completion.text == "the answer is 1"
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


def test_a_phase_of_failures_leaves_out_what_the_model_already_does() -> None:
    full = replace(RULES, failures_only=True)
    assert outcome(["1", "1"], "1", full).dropped == "already consistent and right"
    assert outcome(["1", "1", "2"], "1", full).dropped is None
    assert outcome(["2", "2"], "2", full).dropped is None
    assert outcome(["1", "1"], "1", RULES).dropped is None


def best(voters: Sequence[tuple[str, float | None]]) -> Kept:
    whole = part(training=PROBLEMS, votes=len(voters), target="best-vote")
    samples = drawn(distill.requests(whole, RULES), texts([text for text, _ in voters], None))
    weighed = {
        key: Completion(request=c.request, index=c.index, text=c.text, finish=c.finish, logprob=voters[c.index][1])
        for key, c in samples.items()
    }
    (result,) = distill.distill(whole, weighed, training_scores(whole, weighed), RULES)
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
    assert result.targets[0].completion.index == index


def test_a_best_vote_without_a_winner_is_dropped() -> None:
    assert best([("1", -1.0), ("2", -1.0)]).dropped == "tie"
    assert best([("hm", -1.0)]).dropped == "no sample has an answer"


def row(rules: Rules = RULES) -> Example:
    whole = part(training=PROBLEMS, votes=3, generate_temperature=0.1, train_temperature=0.3)
    samples = drawn(distill.requests(whole, rules), texts(["1", "1", "2"], "it is 1"))
    target = samples["sums/sum-0#target", 0]
    samples[target.request, 0] = Completion(
        request=target.request, index=0, text=target.text, finish="stop", tokens=3, token_ids=(5, 6, 2), prompt_digest="ab" * 8
    )
    (result,) = distill.distill(whole, samples, training_scores(whole, samples), rules)
    (row,) = distill.example_rows(whole, result, rules)
    return row


def test_an_example_is_chat_messages_and_its_evidence() -> None:
    assert json.loads(json.dumps(to_json(row()))) == {
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
            "target": {"request": "sums/sum-0#target", "index": 0, "by": "student"},
            "prompt_digest": "ab" * 8,
            "token_ids": [5, 6, 2],
        },
    }


def test_an_example_comes_back_from_its_row() -> None:
    assert demonstration_of(from_json(Example, json.loads(json.dumps(to_json(row()))))) == Demonstration(
        id="sums/sum-0",
        messages=({"role": "user", "content": "What is 0 + 1?"}, {"role": "assistant", "content": "it is 1"}),
        train_temperature=0.3,
        prompt_digest="ab" * 8,
        token_ids=(5, 6, 2),
    )


def test_a_row_without_evidence_is_an_example_too() -> None:
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    assert demonstration_of(from_json(Example, {"id": "x/1", "messages": messages})) == Demonstration(
        id="x/1", messages=tuple(messages)
    )  # type: ignore[arg-type]


def test_a_vote_is_written_with_what_became_of_it() -> None:
    whole = part(training=PROBLEMS)
    kept, dropped = outcome(["1", "1", "2"], "1"), outcome(["1", "1", "2", "2"], "1")
    assert to_json(distill.vote_row(whole, kept)) == {
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
    row = distill.vote_row(whole, dropped)
    assert (row.winner, row.tie, row.kept, row.dropped) == (None, True, 0, "tie")


def test_the_summary_counts_reasons_and_how_good_the_labels_are() -> None:
    whole = part(training=PROBLEMS)
    outcomes = [
        outcome(["1", "1"], "1"),
        outcome(["2", "2", "2", "1"], "2"),
        outcome(["1", "2"], "1"),
        outcome(["1", "2"], "1"),
        outcome(["1", "1"], "2"),
    ]
    assert distill.summary(whole, outcomes) == CategoryDistillation(
        problems=5,
        kept=2,
        examples=2,
        dropped={"the target disagrees with the vote": 1, "tie": 2},
        mean_agreement=0.875,
        label_accuracy=0.5,
    )
    assert distill.summary(whole, outcomes[2:]).label_accuracy is None


@given(
    st.lists(st.sampled_from(["1", "2", "hm", None]), min_size=1, max_size=8), st.sampled_from(["1", "2", "hm", "1...", None])
)
def test_every_problem_is_either_kept_or_has_a_reason(votes: list[str | None], target: str | None) -> None:
    result = outcome(votes, target)
    assert (not result.targets) == (result.dropped is not None)
    if result.targets:
        assert result.targets[0].completion.text == result.vote.winner
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
        distilled(whole, texts(["1", "1"], "1"), RULES)


def test_a_voter_sees_every_ballot_with_its_text_and_probability() -> None:
    seen: list[Sequence[Ballot]] = []

    class Curious:
        needs_logprobs = True

        def vote(self, problem: Problem, ballots: Sequence[Ballot]) -> Vote:
            seen.append(ballots)
            return Vote(winner=None, tie=False, support=0, total=len(ballots))

    whole = part(training=PROBLEMS, voter=Curious(), votes=2)
    assert distill.requests(whole, RULES)[0].sampling.logprobs
    distilled(whole, texts(["so 1", "hm"], "1"), RULES)
    told = [[(ballot.answer, ballot.text, ballot.index) for ballot in ballots] for ballots in seen]
    assert told == [[("1", "so 1", 0), (None, "hm", 1)]]


def test_a_request_is_unique_within_the_job() -> None:
    asked: list[Request] = distill.requests(part(training=make_problems(5)), RULES)
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
    (result, *_) = distilled(whole, texts(["so 1", "good 1", "hm", "good 1"], ""), RULES)
    rows = distill.example_rows(whole, result, RULES)
    assert [row.messages[-1]["content"] for row in rows] == kept
    assert len({row.id for row in rows}) == len(rows)
    assert distill.summary(whole, [result]).examples == len(kept)


def test_a_control_trains_on_its_own_texts_agreed_upon_or_not() -> None:
    whole = part(training=PROBLEMS, voter=first(), votes=3, min_agreement=0.9)
    assert [request.indices for request in distill.requests(whole, RULES)] == [(0, 1, 2)], "no target is drawn besides"
    (result,) = distilled(whole, texts(["so 4", "1", "hm 1"], None), RULES)
    assert [target.completion.text for target in result.targets] == ["so 4"]


def test_answers_of_which_none_may_win_are_told_from_no_answers() -> None:
    assert outcome(["4", "5", "4"], "4", voter=unanimous()).dropped == "no answer won the vote"
    assert outcome(["4", "5", "4"], "4", voter=verified()).dropped == "no answer won the vote"


def taught(votes: Sequence[str | None], said: Sequence[str | None], **strategy: Any) -> tuple[CategoryRun, Kept]:
    """The outcome of one problem that a teacher was asked about besides."""
    whole = part(training=PROBLEMS, votes=len(votes), **strategy)
    (before,) = distilled(whole, texts(votes, "1"))
    samples = drawn(distill.questions(whole, [before], RULES), lambda request, index: said[index])
    return whole, distill.taught(whole, before, samples, training_scores(whole, samples, "teacher"))


def test_a_teacher_is_asked_only_where_the_student_does_not_agree_with_itself() -> None:
    whole = part(training=PROBLEMS, votes=2)
    for votes, target, asked in (
        (["1", "2"], "1", True),
        (["hm", "hm"], "1", True),
        (["1", "1"], "2", False),  # its own target is at fault, not its consensus
        (["1", "1"], "1", False),
    ):
        outcomes = distilled(whole, texts(votes, target))
        requests = distill.questions(whole, outcomes, RULES)
        assert [request.id for request in requests] == ["sums/sum-0#teacher"] * asked
        assert all(request.indices == (0, 1) and request.sampling.temperature == 0.7 for request in requests)


def test_what_a_teacher_agrees_on_is_kept_as_its_own() -> None:
    whole, result = taught(["1", "2", "3", "4"], ["so 1", "it is 1", "1", "2"])
    (target,) = result.targets
    assert (target.completion.text, target.by, result.dropped, result.vote.winner) == ("so 1", "teacher", None, "1")
    (row,) = distill.example_rows(whole, result, RULES)
    assert row.evidence is not None
    assert row.evidence.target == Origin(request="sums/sum-0#teacher", index=0, by="teacher")
    assert row.evidence.token_ids is None, "the teacher's tokens need not be the student's"
    counted = distill.summary(whole, [result])
    assert (counted.kept, counted.taught, counted.dropped) == (1, 1, {})


@pytest.mark.parametrize("said", [["1", "2", "hm", "hm"], [None] * 4, ["1...", "1...", "1...", "1..."], ["1", "2", "3", "4"]])
def test_a_teacher_without_a_consensus_of_its_own_changes_nothing(said: list[str | None]) -> None:
    whole, result = taught(["1", "1", "2", "2"], said)
    assert (result.dropped, result.targets) == ("tie", ())
    assert distill.summary(whole, [result]).taught == 0


def preference(votes: Sequence[str | None]) -> dict[str, Any] | None:
    whole = part(training=PROBLEMS, votes=len(votes))
    (result,) = distilled(whole, texts(votes, "1"))
    found = distill.preference_of(whole, result, RULES)
    return None if found is None else to_json(found)


def test_a_preference_is_the_most_voted_text_against_the_least_voted_weighted_by_the_margin() -> None:
    row = preference(["so 1", "it is 1", "so 1", "2", "2", "3"])
    assert row == {
        "id": "sums/sum-0",
        "messages": [{"role": "user", "content": "What is 0 + 1?"}],
        "chosen": "so 1",
        "rejected": "3",
        "weight": 2 / 6,
    }
    assert from_json(Preference, json.loads(json.dumps(row))) == Preference(**{**row, "messages": tuple(row["messages"])})


@pytest.mark.parametrize("votes", [["1", "1"], ["1", "2"], ["hm", "hm"], [None, "1"]])
def test_where_no_two_answers_can_be_told_apart_there_is_no_preference(votes: list[str | None]) -> None:
    assert preference(votes) is None
