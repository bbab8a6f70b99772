"""`check_voter`: the promises of a voter."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from cogumi.errors import BadInput
from cogumi.protocols import Selector, Voter
from cogumi.records import Ballot, Problem, Vote
from cogumi.testing.promises import broken, made_by, never_raises, require

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
    """Check a voter (or a factory of one) on small elections, in every order of their ballots.

    Its attributes say what can be asked of it: `needs_logprobs` (it may refuse ballots without log-probabilities, by a
    ValueError that says so), `uses_reference` (it may look at `Ballot.correct`), `control` (it decides by other means than
    the votes, so it settles ties). What has `select` is checked as a `Selector` too.
    """
    make = made_by(voter, Voter)
    asked = problem or Problem(id="election", prompt="Which one?")
    for answers in ELECTIONS:
        _check_election(make, asked, answers)
    _check_abstentions(make(), asked)


def _check_election(make: Callable[[], Voter], problem: Problem, answers: Sequence[str | None]) -> None:
    """The same answers five times: alone, with equal and unequal log-probabilities, with scores, and with odd texts."""
    plain = _ballots(answers)
    told = [replace(ballot, logprob=-1.5) for ballot in plain]
    if not _refuses(make(), problem, plain):
        _check_outcome(make(), _check_vote(make, problem, plain), answers)
    vote = _check_vote(make, problem, told)
    _check_outcome(make(), vote, answers)
    unequal = _check_vote(make, problem, [replace(ballot, logprob=-4.0 / (1 + ballot.index)) for ballot in plain])
    same = _outcome(vote) == _outcome(unequal)
    require(same or _has(make(), "needs_logprobs"), "a voter that looks at log-probabilities has needs_logprobs = True")
    scored = _check_vote(make, problem, [replace(ballot, correct=ballot.index > 0) for ballot in told])
    same = _outcome(vote) == _outcome(scored)
    require(same or _has(make(), "uses_reference"), "a voter that looks at a ballot's correct has uses_reference = True")
    _check_vote(make, problem, [replace(ballot, text=ballot.answer or "") for ballot in told])


def _ballots(answers: Sequence[str | None]) -> list[Ballot]:
    """Ballots whose texts differ where their answers do, each text as much from any other."""
    texts = {answer: f"I say {letter}" for answer, letter in zip(dict.fromkeys(answers), "abcde", strict=False)}
    return [Ballot(answer=answer, text=texts[answer], tokens=3, index=index) for index, answer in enumerate(answers)]


def _has(voter: Voter, attribute: str) -> bool:
    return bool(getattr(voter, attribute, False))


def _refuses(voter: Voter, problem: Problem, ballots: Sequence[Ballot]) -> bool:
    """Whether a voter that needs log-probabilities turns ballots without them away, and says why."""
    if not _has(voter, "needs_logprobs"):
        return False
    try:
        voter.vote(problem, ballots)
    except (ValueError, BadInput) as error:
        said = "log-prob" in str(error) or "logprob" in str(error)
        require(said, f"the refusal of ballots without log-probabilities names what is missing, and said: {error}")
        return True
    except Exception as error:
        kind = type(error).__name__
        broken(f"a voter refuses ballots without log-probabilities by a ValueError that says so, and raised {kind}: {error}")
    return False


def _check_vote(make: Callable[[], Voter], problem: Problem, ballots: Sequence[Ballot]) -> Vote:
    """What holds whatever a voter goes by; gives the vote."""
    vote = _vote(make(), problem, ballots)
    answers = [ballot.answer for ballot in ballots]
    _check_record(vote, answers)
    _check_order(make(), problem, ballots, vote)
    _check_winner(make(), vote, answers)
    if isinstance(selector := make(), Selector):
        for count in (1, 2, len(ballots) + 1):
            _check_selection(selector, problem, ballots, vote, count)
    return vote


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
    for order in _orders(ballots):
        again = _vote(voter, problem, order)
        told = f"{_outcome(first)} became {_outcome(again)} for the answers {[b.answer for b in order]}"
        require(_outcome(again) == _outcome(first), f"a vote is the same again and in any order of its ballots: {told}")


def _orders(ballots: Sequence[Ballot]) -> Iterator[list[Ballot]]:
    """The ballots as they are, in some of their orders, and backwards."""
    orders = itertools.islice(itertools.permutations(ballots), 0, 120, 7)
    return (list(order) for order in (ballots, *orders, ballots[::-1]))


def _outcome(vote: Vote) -> tuple[object, ...]:
    counts = {answer: round(count, 9) for answer, count in vote.counts.items()}
    return vote.winner, vote.tie, round(vote.support, 9), round(vote.total, 9), counts


def _check_winner(voter: Voter, vote: Vote, answers: Sequence[str | None]) -> None:
    said = f"of the answers {list(answers)}"
    require(vote.winner in {*answers, None}, f"the winner is an answer that was given, or None, {said}")
    require(not (vote.tie and vote.winner is not None), f"a tie has no winner, {said}")
    if _has(voter, "control"):
        return
    leaders = [answer for answer, count in vote.counts.items() if math.isclose(count, vote.support)]
    require(len(leaders) < 2 or vote.tie, f"two leading answers are a tie, {said}")
    if vote.winner is not None:
        best = max(vote.counts.values(), default=0)
        require(vote.counts.get(vote.winner) == best, f"the winner has the highest of the counts, {said}")


def _check_outcome(voter: Voter, vote: Vote, answers: Sequence[str | None]) -> None:
    """What the answers alone demand, where the ballots differ in nothing else."""
    said = f"of the answers {list(answers)}"
    candidates = set(answers) - {None}
    whole = bool(answers) and candidates == set(answers)
    if whole and len(candidates) == 1:
        require(vote.winner == answers[0], f"the answer that all agree on wins, {said}")
    if _has(voter, "control"):
        require(not vote.tie, f"a control settles ties, {said}")
        require(vote.winner is not None or not whole, f"a control has a winner where every ballot has an answer, {said}")
    elif len(candidates) > 1 and len({answers.count(c) for c in candidates}) == 1:
        require(vote.tie and vote.winner is None, f"equal votes are a tie, and a tie has no winner, {said}")


def _check_selection(voter: Selector, problem: Problem, ballots: Sequence[Ballot], vote: Vote, count: int) -> None:
    said = f"of {count} of the answers {[b.answer for b in ballots]}"
    chosen = _select(voter, problem, ballots, count)
    require(len(chosen) <= count, f"select() gives at most as many positions as it is asked for, {said}")
    require(all(ballot.answer is not None for ballot in chosen), f"select() never chooses a ballot without an answer, {said}")
    texts = [ballot.text for ballot in chosen]
    require(len(set(texts)) == len(texts), f"select() chooses no text twice, {said}")
    if vote.winner is not None:
        require(bool(chosen) and chosen[0].answer == vote.winner, f"the first text selected has the winning answer, {said}")
    for order in _orders(ballots):
        again = [ballot.text for ballot in _select(voter, problem, order, count)]
        require(again == texts, f"select() chooses the same texts in any order of the ballots: {texts} became {again}, {said}")


def _select(voter: Selector, problem: Problem, ballots: Sequence[Ballot], count: int) -> list[Ballot]:
    said = f"select() of {count} of the answers {[b.answer for b in ballots]}"
    with never_raises(said):
        positions = list(voter.select(problem, ballots, count))
    valid = all(type(position) is int and 0 <= position < len(ballots) for position in positions)
    require(valid, f"select() gives positions in the ballots, and gave {positions}: {said}")
    require(len(set(positions)) == len(positions), f"select() chooses no ballot twice: {said}")
    return [ballots[position] for position in positions]


def _check_abstentions(voter: Voter, problem: Problem) -> None:
    ballots = [replace(ballot, logprob=-1.5) for ballot in _ballots(("a", "a", None, None))]
    require(
        _vote(voter, problem, ballots).agreement < 1.0,
        "a ballot without an answer counts in total: two of four votes are no full agreement",
    )
