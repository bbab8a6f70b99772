"""Every promise that a check makes of a voter or a model, against one that breaks this promise and no other; the fakes."""

from __future__ import annotations

import dataclasses
import itertools
import random
import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from cogumi.protocols import Benchmark
from cogumi.records import Ballot, Model, Problem, Vote, sample_seed
from cogumi.testing import (
    check_model,
    check_voter,
    fake_benchmark,
    fake_category,
    make_completions,
    make_examples,
    make_problems,
    make_requests,
)
from cogumi.vote import Majority, majority

COUNTER = itertools.count()


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
    (lambda b, v: dataclasses.replace(v, winner=sorted(v.counts)[0], tie=False) if v.tie else v, "equal votes are a tie"),
    (lambda b, v: dataclasses.replace(v, tie=False), "equal votes are a tie"),
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


def test_something_else_is_no_voter() -> None:
    with pytest.raises(AssertionError, match="neither a Voter nor a factory"):
        check_voter(3)  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="the factory must make a Voter, and made a str"):
        check_voter(lambda: "majority")  # type: ignore[arg-type,return-value]


@pytest.mark.parametrize(
    ("changes", "promise"),
    [
        ({"name": " "}, "name is a text"),
        ({"path": ""}, "path is a text"),
        ({"trust_remote_code": True}, "trust_remote_code is the user's to switch on"),
        ({"data": "web"}, "data is 'hub' or 'bundled'"),
        ({"training": {"learning rate": 1.0}}, "training holds trainer options by name"),
        ({"training": {"betas": (0.9, 0.95)}}, "training survives a trip through JSON"),
        ({"training": {"dtype": object()}}, "must not raise, and raised TypeError"),
        ({"adapter": "/nowhere"}, "adapter is a folder with adapter_config.json"),
    ],
)
def test_a_broken_model_is_told_its_promise(changes: dict[str, Any], promise: str) -> None:
    good = Model(name="small", path="owner/small")
    with pytest.raises(AssertionError, match=re.escape(promise)):
        check_model(dataclasses.replace(good, **changes))


def test_a_model_is_the_same_each_time() -> None:
    with pytest.raises(AssertionError, match="a model is the same each time"):
        check_model(lambda: Model(name="small", path=f"owner/small-{next(COUNTER)}"))
    check_model(lambda: Model(name="small", path="owner/small", training={"epochs": 2}))


def test_the_records_that_are_made_are_fit_for_use() -> None:
    assert [c.index for c in make_completions(["a", "b"])] == [0, 1]
    assert all(e.messages[-1]["role"] == "assistant" for e in make_examples(3))
    assert len({p.prompt for p in make_problems(50)}) == 50
    first, second = make_requests(2, samples=2)
    assert sample_seed(first, 0) != sample_seed(second, 0)
    benchmark: Benchmark = fake_benchmark()
    assert not {p.id for p in benchmark.task.problems()} & {p.id for p in fake_category().task.problems()}
