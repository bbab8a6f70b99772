"""`check_voter`: the promises of a voter."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

from cogumi.protocols import Voter
from cogumi.records import Ballot, Problem, Vote
from cogumi.testing.promises import made_by, never_raises, require

ELECTIONS: Sequence[Sequence[str | None]] = (
    (),
    (None,),
    (None, None, None),
    ("a",),
    ("a", "a", "a"),
    ("a", "b"),
    ("a", "a", "b"),
    ("a", "a", "b", "b"),
    ("a", "a", "b", "b", "c"),
    ("a", "a", "a", None),
    (None, None, None, "a", "a"),
    ("b", "a", "b", None),
    ("", "0", "\x00", "\ud800"),
)
"""Small elections: none, abstentions, unanimity, ties, clear winners, odd answers."""


def check_voter(voter: Voter | Callable[[], Voter], *, problem: Problem | None = None) -> None:
    """Check a voter (or a factory of one) on small elections, in every order of their ballots."""
    make = made_by(voter, Voter)  # type: ignore[type-abstract]
    asked = problem or Problem(id="election", prompt="Which one?")
    for answers in ELECTIONS:
        for logprob in (None, -1.5):
            ballots = [Ballot(answer=a, text=f"I say {a}", logprob=logprob) for a in answers]
            vote = _vote(make(), asked, ballots)
            _check_record(vote, answers)
            _check_order(make(), asked, ballots, vote)
            _check_outcome(vote, answers)
    _check_abstentions(make(), asked)


def _vote(voter: Voter, problem: Problem, ballots: Sequence[Ballot]) -> Vote:
    with never_raises(f"vote() on the answers {[b.answer for b in ballots]}"):
        vote = voter.vote(problem, ballots)
        require(isinstance(vote, Vote), f"vote() must give a Vote, and gave a {type(vote).__name__}")
        return vote


def _check_record(vote: Vote, answers: Sequence[str | None]) -> None:
    said = f"of the answers {list(answers)}"
    figures = [vote.support, vote.total, *vote.counts.values()]
    require(all(math.isfinite(f) and f >= 0 for f in figures), f"support, total and counts are finite and not negative, {said}")
    require(set(vote.counts) <= set(answers) - {None}, f"counts holds only answers that were given and never None, {said}")
    require(vote.support <= vote.total + 1e-9, f"support is part of total, which counts every vote cast, {said}")
    require(sum(vote.counts.values()) <= vote.total + 1e-9, f"counts add up to no more than total, {said}")
    leading = max(vote.counts.values(), default=0)
    require(math.isclose(vote.support, leading, abs_tol=1e-9), f"support is the count of the leading answer, {said}")


def _check_order(voter: Voter, problem: Problem, ballots: Sequence[Ballot], first: Vote) -> None:
    orders = itertools.islice(itertools.permutations(ballots), 0, 120, 7)
    for order in [ballots, *orders, ballots[::-1]]:
        again = _vote(voter, problem, list(order))
        told = f"{_outcome(first)} became {_outcome(again)} for the answers {[b.answer for b in order]}"
        require(_outcome(again) == _outcome(first), f"a vote is the same again and in any order of its ballots: {told}")


def _outcome(vote: Vote) -> tuple[object, ...]:
    counts = {answer: round(count, 9) for answer, count in vote.counts.items()}
    return vote.winner, vote.tie, round(vote.support, 9), round(vote.total, 9), counts


def _check_outcome(vote: Vote, answers: Sequence[str | None]) -> None:
    said = f"of the answers {list(answers)}"
    candidates = set(answers) - {None}
    require(vote.winner in candidates | {None}, f"the winner is an answer that was given, or None, {said}")
    require(not (vote.tie and vote.winner is not None), f"a tie has no winner, {said}")
    if answers and candidates == set(answers) and len(candidates) == 1:
        require(vote.winner == answers[0], f"the answer that all agree on wins, {said}")
    if len(candidates) > 1 and len({answers.count(c) for c in candidates}) == 1:
        require(vote.tie and vote.winner is None, f"equal votes are a tie, and a tie has no winner, {said}")
    leaders = [answer for answer, count in vote.counts.items() if math.isclose(count, vote.support)]
    require(len(leaders) < 2 or vote.tie, f"two leading answers are a tie, {said}")
    if vote.winner is not None:
        best = max(vote.counts.values(), default=0)
        require(vote.counts.get(vote.winner) == best, f"the winner has the highest of the counts, {said}")


def _check_abstentions(voter: Voter, problem: Problem) -> None:
    vote = _vote(voter, problem, [Ballot(answer=answer) for answer in ("a", "a", None, None)])
    require(vote.agreement < 1.0, "a ballot without an answer counts in total: two of four votes are no full agreement")
