"""Turning ballots into a decision.

The `majority` voter is self-consistency's (Wang et al. 2022, "Self-Consistency Improves Chain of Thought Reasoning"):
the most frequent answer wins. A ballot without an answer abstains and is never a candidate; a tie has no winner.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from cogumi.records import Ballot, Problem, Vote


class Majority:
    """One ballot, one vote."""

    def vote(self, problem: Problem, ballots: Sequence[Ballot]) -> Vote:
        """The most frequent answer; a tie for the first place has no winner."""
        counts = Counter(ballot.answer for ballot in ballots if ballot.answer is not None)
        return decide(counts, total=len(ballots))


def decide(counts: Mapping[str, float], *, total: float) -> Vote:
    """The vote that these counts amount to, whatever a ballot counted for."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    support = ranked[0][1] if ranked else 0
    tie = len(ranked) > 1 and ranked[1][1] == support
    winner = ranked[0][0] if ranked and not tie else None
    return Vote(winner=winner, tie=tie, support=support, total=total, counts=dict(ranked))


def majority() -> Majority:
    """The most frequent answer wins; ties and missing answers abstain."""
    return Majority()
