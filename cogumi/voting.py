"""Turning ballots into a decision: the voters that the core offers.

Ten samples say 12, 12, 12, 9, 9, 15, 15, 15, 15 and one gives no answer: `majority` decides for 15, with an agreement of
4/10. A ballot without an answer abstains: it counts in the total and is never a candidate. A tie has no winner.

| voter | who wins | source |
|---|---|---|
| `majority` | the most frequent answer | self-consistency (Wang et al. 2022), majority vote |
| `weighted` | the most probable answer | the same paper's normalised weighted sum |
| `verified` | the most frequent answer that is right | STaR (Zelikman et al. 2022), RFT (Yuan et al. 2023) |
| `unanimous` | the answer that all ballots give | |
| `first`, `random` | one ballot's answer, whatever the others say: controls, which a vote has to beat | |
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from random import Random

from cogumi.records import Ballot, Problem, Vote


class Majority:
    """One ballot, one vote."""

    def vote(self, problem: Problem, ballots: Sequence[Ballot]) -> Vote:
        """The most frequent answer; a tie for the first place has no winner."""
        return decide(_votes(ballots), total=len(ballots))


@dataclass(frozen=True, slots=True)
class Weighted:
    """A ballot weighs as much as its text is probable.

    Support, total and counts are sums of weights, and an abstaining ballot adds its own to the total: agreement is the
    leading answer's share of the probability of all that was sampled. Raises ValueError where the sampler told no
    log-probabilities.
    """

    normalised: bool = True
    """Per token: the geometric mean of its tokens' probabilities, so that a text does not lose for being long."""
    needs_logprobs = True

    def vote(self, problem: Problem, ballots: Sequence[Ballot]) -> Vote:
        """The answer with the greatest weight."""
        cast: dict[str | None, list[float]] = defaultdict(list)
        for ballot, weight in zip(ballots, self._weights(problem, ballots), strict=True):
            cast[ballot.answer].append(weight)
        total = math.fsum(weight for weights in cast.values() for weight in weights)
        cast.pop(None, None)
        return decide({answer: math.fsum(weights) for answer, weights in cast.items() if answer is not None}, total=total)

    def _weights(self, problem: Problem, ballots: Sequence[Ballot]) -> list[float]:
        """Probabilities per token in 0..1; of whole texts relative to the most probable one, since most are too small."""
        logprobs = [_logprob(problem, ballot) for ballot in ballots]
        if not self.normalised:
            most = max(logprobs, default=0.0)
            return [math.exp(logprob - most) for logprob in logprobs]
        return [math.exp(logprob / _tokens(problem, b)) for b, logprob in zip(ballots, logprobs, strict=True)]


class Verified:
    """The most frequent answer among those the task says are right.

    It looks at the reference answer. In a diagnosis it is therefore an oracle: its accuracy is pass@n, what a perfect
    verifier could make of n samples, and says nothing of what a vote can do without one. In distillation it is rejection
    sampling (STaR, Zelikman et al. 2022; RFT, Yuan et al. 2023): what is trained on is right by the reference, and not
    the model's own consensus.

    Counts and support hold right ballots only, the total holds all: agreement is the leading right answer's share of all
    votes cast. Where no ballot was judged, since there is no reference, it is the majority; where none is right, nobody
    wins. Two right answers that lead together are a tie.
    """

    uses_reference = True

    def vote(self, problem: Problem, ballots: Sequence[Ballot]) -> Vote:
        """The most frequent right answer."""
        judged = any(ballot.correct is not None for ballot in ballots)
        counted = [ballot for ballot in ballots if ballot.correct] if judged else ballots
        return decide(_votes(counted), total=len(ballots))


class Unanimous:
    """All or nothing: one other answer, or one ballot without any, and nobody wins. Counts and tie are the majority's."""

    def vote(self, problem: Problem, ballots: Sequence[Ballot]) -> Vote:
        """The answer that all ballots give."""
        vote = decide(_votes(ballots), total=len(ballots))
        return vote if vote.support == len(ballots) else replace(vote, winner=None)


@dataclass(frozen=True, slots=True)
class OneBallot:
    """A control: one ballot decides, and the others have no say. A vote helps only where it beats this.

    Only the winner is the control's own. Counts, support and total are those of all ballots, so that agreement goes on
    saying how far the model agrees with itself, and not with the ballot that was drawn; a control's winner may have fewer
    votes than another answer. It is never a tie, for a control decides there too; nobody wins where that one ballot has
    no answer. So its majority accuracy is a single sample's accuracy and its tie rate is 0.
    """

    order: Callable[[Problem, Sequence[Ballot]], Sequence[int]]
    """Positions of all ballots; the first one decides. Must not depend on the ballots' order."""
    control = True

    def vote(self, problem: Problem, ballots: Sequence[Ballot]) -> Vote:
        """The answer of the ballot that comes first."""
        order = self.order(problem, ballots)
        winner = ballots[order[0]].answer if order else None
        return replace(decide(_votes(ballots), total=len(ballots)), winner=winner, tie=False)

    def select(self, problem: Problem, ballots: Sequence[Ballot], count: int) -> Sequence[int]:
        """The ballots that come first: samples as they were drawn, but for those without an answer and repetitions."""
        different: dict[str, int] = {}
        for position in self.order(problem, ballots):
            if ballots[position].answer is not None:
                different.setdefault(ballots[position].text, position)
        return list(different.values())[:count]


def decide(counts: Mapping[str, float], *, total: float) -> Vote:
    """The vote that these counts amount to, whatever a ballot counted for.

    Counts that differ by rounding alone (a part in a billion) are equal, so that a tie is one in any order of summation.
    """
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    support = ranked[0][1] if ranked else 0
    tie = len(ranked) > 1 and math.isclose(ranked[1][1], support)
    winner = ranked[0][0] if ranked and not tie else None
    return Vote(winner=winner, tie=tie, support=support, total=total, counts=dict(ranked))


def majority() -> Majority:
    """The most frequent answer wins; ties and missing answers abstain."""
    return Majority()


def weighted(*, normalised: bool = True) -> Weighted:
    """Each ballot weighs as much as its text is probable.

    normalised: per token (the geometric mean), so that a text does not lose for being long.
    """
    return Weighted(normalised)


def verified() -> Verified:
    """The most frequent right answer wins, by the reference: an oracle (pass@n), or rejection sampling in distillation."""
    return Verified()


def unanimous() -> Unanimous:
    """An answer wins only if every single ballot gives it."""
    return Unanimous()


def first() -> OneBallot:
    """Control: no vote at all, the first sample's answer."""
    return OneBallot(_as_drawn)


def random(*, seed: int = 0) -> OneBallot:
    """Control: the answer of one sample drawn at random.

    seed: another one draws other samples; the draw is the same before and after training.
    """
    return OneBallot(lambda problem, ballots: _shuffled(problem, ballots, seed))


def _votes(ballots: Sequence[Ballot]) -> Counter[str]:
    return Counter(ballot.answer for ballot in ballots if ballot.answer is not None)


def _logprob(problem: Problem, ballot: Ballot) -> float:
    if ballot.logprob is None or not math.isfinite(ballot.logprob):
        told = "none" if ballot.logprob is None else str(ballot.logprob)
        raise ValueError(
            f"no log-probability to weigh {_sample(problem, ballot)} by: the sampler gave {told}; take another one"
        )
    return ballot.logprob


def _tokens(problem: Problem, ballot: Ballot) -> int:
    if ballot.logprob and not ballot.tokens:
        raise ValueError(f"no number of tokens to weigh {_sample(problem, ballot)} by: take normalised=false")
    return max(1, ballot.tokens)


def _sample(problem: Problem, ballot: Ballot) -> str:
    return f"sample {ballot.index} of problem '{problem.id}'"


def _as_drawn(problem: Problem, ballots: Sequence[Ballot]) -> list[int]:
    return sorted(range(len(ballots)), key=lambda position: ballots[position].index)


def _shuffled(problem: Problem, ballots: Sequence[Ballot], seed: int) -> list[int]:
    """A random order of the ballots that the problem's id and the seed decide. The same votes put the same answer first."""

    def place(position: int) -> tuple[bool, str, str, int]:
        ballot = ballots[position]
        return ballot.answer is not None, ballot.answer or "", ballot.text, ballot.index

    key = f"{seed}\x1f{problem.id}".encode(errors="surrogatepass")
    chance = Random(int.from_bytes(blake2b(key, digest_size=8).digest(), "big"))
    return sorted(sorted(range(len(ballots)), key=place), key=lambda _: chance.random())
