"""Every promise that `check_voter` makes of a voter, against one that breaks this promise and no other."""

from __future__ import annotations

import dataclasses
import math
import random
import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from cogumi import voting as voters
from cogumi.protocols import Voter
from cogumi.records import Ballot, Problem, Vote
from cogumi.testing import check_voter
from cogumi.voting import Majority, OneBallot, Weighted, decide, majority


class Tampered:
    """The majority vote, changed by a function of the ballots and the honest vote."""

    def __init__(self, change: Callable[[Sequence[Ballot], Vote], Any]) -> None:
        self.change = change

    def vote(self, problem: Problem, ballots: Sequence[Ballot]) -> Any:
        return self.change(ballots, Majority().vote(problem, ballots))


def _first_seen(ballots: Sequence[Ballot], vote: Vote) -> Vote:
    """Breaks ties by the order of the ballots."""
    answers = [b.answer for b in ballots if b.answer in vote.counts]
    return dataclasses.replace(vote, winner=answers[0], tie=False) if vote.tie else vote


def _least_wins(ballots: Sequence[Ballot], vote: Vote) -> Vote:
    least = min(vote.counts, key=lambda answer: (vote.counts[answer], answer), default=None)
    return dataclasses.replace(vote, winner=least) if vote.winner is not None else vote


def _forgets_abstentions(ballots: Sequence[Ballot], vote: Vote) -> Vote:
    return dataclasses.replace(vote, total=sum(vote.counts.values()))


def _raises(ballots: Sequence[Ballot], vote: Vote) -> Vote:
    return dataclasses.replace(vote, total=1 / len(ballots) * len(ballots) ** 2)


def _settles_among_three(*, tie: bool) -> Callable[[Sequence[Ballot], Vote], Vote]:
    """Picks one of two leaders when there is a third candidate."""

    def settle(ballots: Sequence[Ballot], vote: Vote) -> Vote:
        settled = vote.tie and len(vote.counts) == 3
        return dataclasses.replace(vote, winner=min(vote.counts), tie=tie) if settled else vote

    return settle


NOBODY: Any = None


BROKEN_VOTERS: list[tuple[Callable[[Sequence[Ballot], Vote], Any], str]] = [
    (_raises, "must not raise, and raised ZeroDivisionError"),
    (lambda b, v: v.winner, "vote() must give a Vote"),
    (_first_seen, "in any order of its ballots"),
    (lambda b, v: dataclasses.replace(v, winner=sorted(v.counts)[0] if v.tie else v.winner), "a tie has no winner"),
    (
        lambda b, v: dataclasses.replace(v, winner=sorted(v.counts)[0], tie=False) if v.tie else v,
        "two leading answers are a tie",
    ),
    (lambda b, v: dataclasses.replace(v, tie=False), "two leading answers are a tie"),
    (
        lambda b, v: decide({a: n * (1 if a == "a" else 0.9) for a, n in v.counts.items()}, total=v.total),
        "equal votes are a tie",
    ),
    (lambda b, v: dataclasses.replace(v, winner=v.winner and v.winner.upper()), "the winner is an answer that was given"),
    (_least_wins, "the winner has the highest of the counts"),
    (lambda b, v: dataclasses.replace(v, winner=None), "the answer that all agree on wins"),
    (lambda b, v: dataclasses.replace(v, counts={**v.counts, NOBODY: 1.0}) if b else v, "never None"),
    (lambda b, v: dataclasses.replace(v, total=v.total / 2), "support is part of total"),
    (lambda b, v: dataclasses.replace(v, total=v.support), "counts add up to no more than total"),
    (lambda b, v: dataclasses.replace(v, support=v.support / 2), "support is the count of the leading answer"),
    (lambda b, v: dataclasses.replace(v, total=float("inf")), "finite and not negative"),
    (lambda b, v: dataclasses.replace(v, winner="none") if not v.counts else v, "the winner is an answer that was given"),
    (_settles_among_three(tie=True), "a tie has no winner"),
    (_settles_among_three(tie=False), "two leading answers are a tie"),
    (_forgets_abstentions, "a ballot without an answer counts in total"),
]


@pytest.mark.parametrize(("change", "promise"), BROKEN_VOTERS)
def test_a_broken_voter_is_told_its_promise(change: Callable[..., Any], promise: str) -> None:
    with pytest.raises(AssertionError, match=re.escape(promise)):
        check_voter(Tampered(change))


def test_a_voter_that_rolls_dice_is_found() -> None:
    dice = random.Random(1)

    def roll(ballots: Sequence[Ballot], vote: Vote) -> Vote:
        return dataclasses.replace(vote, total=vote.total + dice.choice((1, 2)))

    with pytest.raises(AssertionError, match="a vote is the same again"):
        check_voter(Tampered(roll))


def test_a_good_voter_passes_as_object_factory_and_class() -> None:
    check_voter(majority)
    check_voter(Majority())
    check_voter(Majority)


@pytest.mark.parametrize("name", ["majority", "weighted", "verified", "unanimous", "first", "random"])
def test_the_cores_own_voters_keep_their_promises(name: str) -> None:
    check_voter(getattr(voters, name))


@pytest.mark.parametrize("seed", range(5))
def test_options_break_no_promise(seed: int) -> None:
    check_voter(lambda: voters.random(seed=seed))
    check_voter(lambda: voters.weighted(normalised=False))


def test_something_else_is_no_voter() -> None:
    with pytest.raises(AssertionError, match="neither a Voter nor a factory"):
        check_voter(3)  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="the factory must make a Voter, and made a str"):
        check_voter(lambda: "majority")  # type: ignore[arg-type,return-value]


class Weighing:
    """Each ballot counts for its probability; `needs_logprobs` and what a missing one does are the test's."""

    def __init__(self, needs_logprobs: bool, missing: Exception | None = None) -> None:
        self.needs_logprobs = needs_logprobs
        self.missing = missing

    def vote(self, problem: Problem, ballots: Sequence[Ballot]) -> Vote:
        if self.missing and any(ballot.logprob is None for ballot in ballots):
            raise self.missing
        weights = [math.exp(ballot.logprob or 0.0) for ballot in ballots]
        counts: dict[str, list[float]] = {}
        for ballot, weight in zip(ballots, weights, strict=True):
            if ballot.answer is not None:
                counts.setdefault(ballot.answer, []).append(weight)
        return decide({answer: math.fsum(weights) for answer, weights in counts.items()}, total=math.fsum(weights))


@pytest.mark.parametrize(
    ("voter", "promise"),
    [
        (Weighing(False), "a voter that looks at log-probabilities has needs_logprobs = True"),
        (Weighing(False, ValueError("no log-probability")), "must not raise, and raised ValueError"),
        (Weighing(True, TypeError("unsupported operand")), "by a ValueError that says so, and raised TypeError"),
        (Weighing(True, ValueError("bad ballots")), "names what is missing, and said: bad ballots"),
    ],
)
def test_a_voter_that_misuses_log_probabilities_is_told(voter: Voter, promise: str) -> None:
    with pytest.raises(AssertionError, match=re.escape(promise)):
        check_voter(voter)


def test_refusing_ballots_without_log_probabilities_is_a_promise_kept_and_so_is_counting_them_whole() -> None:
    check_voter(Weighing(True, ValueError("no log-probability")))
    check_voter(Weighing(True))


def test_a_voter_that_refuses_everything_is_found() -> None:
    class Refusing:
        needs_logprobs = True

        def vote(self, problem: Problem, ballots: Sequence[Ballot]) -> Vote:
            raise ValueError("no log-probability")

    with pytest.raises(AssertionError, match="must not raise, and raised ValueError: no log-probability"):
        check_voter(Refusing())


def test_looking_at_the_reference_must_be_declared() -> None:
    class Peeking:
        def vote(self, problem: Problem, ballots: Sequence[Ballot]) -> Vote:
            return voters.verified().vote(problem, ballots)

    with pytest.raises(AssertionError, match="a voter that looks at a ballot's correct has uses_reference = True"):
        check_voter(Peeking())


class Control(Tampered):
    """The first ballot's answer, changed as a test wants it."""

    control = True

    def vote(self, problem: Problem, ballots: Sequence[Ballot]) -> Any:
        return self.change(ballots, voters.first().vote(problem, ballots))


BROKEN_CONTROLS: list[tuple[Callable[[Sequence[Ballot], Vote], Any], str]] = [
    (lambda b, v: dataclasses.replace(v, winner=b[0].answer if b else None), "in any order of its ballots"),
    (lambda b, v: dataclasses.replace(v, tie=bool(v.counts)), "a tie has no winner"),
    (lambda b, v: decide(v.counts, total=v.total), "a control settles ties"),
    (lambda b, v: dataclasses.replace(v, winner="?" if v.winner else None), "the winner is an answer that was given"),
    (lambda b, v: dataclasses.replace(v, winner=None), "the answer that all agree on wins"),
    (lambda b, v: dataclasses.replace(v, winner=v.winner if len(v.counts) < 3 else None), "where every ballot has an answer"),
    (lambda b, v: dataclasses.replace(v, support=v.support / 2), "support is the count of the leading answer"),
    (_forgets_abstentions, "a ballot without an answer counts in total"),
]


@pytest.mark.parametrize(("change", "promise"), BROKEN_CONTROLS)
def test_a_broken_control_is_told_its_promise(change: Callable[..., Any], promise: str) -> None:
    with pytest.raises(AssertionError, match=re.escape(promise)):
        check_voter(Control(change))


def test_a_control_must_be_declared() -> None:
    class Undeclared:
        def vote(self, problem: Problem, ballots: Sequence[Ballot]) -> Vote:
            return voters.first().vote(problem, ballots)

    with pytest.raises(AssertionError, match="two leading answers are a tie"):
        check_voter(Undeclared())


class Selecting(Majority):
    """The majority, with texts selected as a test wants it: the positions of the different texts, the winner's first."""

    def __init__(self, change: Callable[[Sequence[Ballot], list[int], int], Any]) -> None:
        self.change = change

    def select(self, problem: Problem, ballots: Sequence[Ballot], count: int) -> Any:
        counts = self.vote(problem, ballots).counts
        places = {ballot.text: place for place, ballot in reversed(list(enumerate(ballots))) if ballot.answer is not None}
        ranked = sorted(places.items(), key=lambda item: (-counts[str(ballots[item[1]].answer)], item[0]))
        return self.change(ballots, [place for _, place in ranked], count)


BROKEN_SELECTORS: list[tuple[Callable[[Sequence[Ballot], list[int], int], Any], str]] = [
    (lambda ballots, places, count: places, "at most as many positions as it is asked for"),
    (lambda ballots, places, count: [len(ballots)], "gives positions in the ballots"),
    (lambda ballots, places, count: [-1][: len(ballots)], "gives positions in the ballots"),
    (lambda ballots, places, count: [ballots[place].text for place in places[:count]], "gives positions in the ballots"),
    (lambda ballots, places, count: [*places[:1], *places][:count], "chooses no ballot twice"),
    (
        lambda ballots, places, count: [*places, *range(len(ballots))][:count] if not places else places[:count],
        "without an answer",
    ),
    (
        lambda ballots, places, count: (
            list(range(len(ballots)))[:count] if len(places) == 1 and all(b.answer for b in ballots) else places[:count]
        ),
        "chooses no text twice",
    ),
    (lambda ballots, places, count: [], "the first text selected has the winning answer"),
    (lambda ballots, places, count: places[::-1][:count], "the first text selected has the winning answer"),
    (
        lambda ballots, places, count: sorted(places)[:count] if len(places) == 4 else places[:count],
        "in any order of the ballots",
    ),
    (lambda ballots, places, count: [places[0]], "must not raise, and raised IndexError"),
]


@pytest.mark.parametrize(("change", "promise"), BROKEN_SELECTORS)
def test_a_broken_selector_is_told_its_promise(change: Callable[..., Any], promise: str) -> None:
    with pytest.raises(AssertionError, match=re.escape(promise)):
        check_voter(Selecting(change))


def test_a_good_selector_passes() -> None:
    check_voter(Selecting(lambda ballots, places, count: places[:count]))


def test_a_selector_that_needs_log_probabilities_is_checked_with_them() -> None:
    class Best(Weighted):
        def select(self, problem: Problem, ballots: Sequence[Ballot], count: int) -> list[int]:
            return []

    with pytest.raises(AssertionError, match="the first text selected has the winning answer"):
        check_voter(Best())


def test_a_control_that_goes_by_position_is_found_even_where_it_is_declared() -> None:
    with pytest.raises(AssertionError, match="in any order of its ballots"):
        check_voter(OneBallot(lambda problem, ballots: range(len(ballots))))
