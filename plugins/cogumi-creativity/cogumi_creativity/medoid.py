"""Voter `medoid`: of texts with no right one among them, the one that is most like all the others.

    the red kite waits by the storm    0.59 on average    <- wins
    a red kite waits near the storm    0.57
    the red kite sings of the storm    0.54
    bread is cheap today               0.34

Minimum Bayes risk decoding (Kumar & Byrne 2004, "Minimum Bayes-Risk Decoding for Statistical Machine Translation") with the
samples as candidates and as evidence (Eikema & Aziz 2020, "Is MAP Decoding All You Need?", and 2022, "Sampling-Based
Approximations to Minimum Bayes Risk Decoding"). A vote is the same with "equal or not" as the similarity (Bertsch et al.
2023, "It's MBR All the Way Down"), and so it is here: a text's utility is the mean of its similarity to all ballots, its own
among them and 0 for an abstention, and with texts that have nothing in common it is the share of its votes.

Contract: each ballot gives the medoid as much of its vote as it is like it, and keeps the rest for its own text. So counts
add up to the ballots with a text, and the medoid's share is its expected utility. Different texts tie where their utilities
are exactly equal, as those of two ballots always are; they alone are counted then, and alike.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from cogumi.errors import BadInput
from cogumi.records import Ballot, Problem, Vote
from cogumi_creativity.similarity import Kind, Similarity, of


class Medoid:
    """Answers are compared as texts; whoever repeats one adds to its weight."""

    def __init__(self, similarity: Similarity, repeat: float) -> None:
        self._similarity = similarity
        self._repeat = repeat

    def vote(self, problem: Problem, ballots: Sequence[Ballot]) -> Vote:
        """The text with the highest utility; `agreement` is that utility."""
        votes = _votes(ballots)
        utilities = self._utilities(votes)
        best = max(utilities.values(), default=0.0)
        leaders = sorted(text for text, utility in utilities.items() if utility == best)
        if len(leaders) == 1:
            counts = self._counts(leaders[0], best, votes)
        else:
            counts = {text: min(best, sum(votes.values()) / len(leaders)) for text in leaders}
        winner = leaders[0] if len(leaders) == 1 else None
        support = max(counts.values(), default=0.0)
        return Vote(winner=winner, tie=len(leaders) > 1, support=support, total=len(ballots), counts=counts)

    def select(self, problem: Problem, ballots: Sequence[Ballot], count: int) -> Sequence[int]:
        """Positions of the medoid and of the next most central texts, none of which nearly repeats an earlier one.

        Of equal answers the most probable ballot is taken.
        """
        utilities = self._utilities(_votes(ballots))
        chosen: list[str] = []
        for text in sorted(utilities, key=lambda text: (-utilities[text], text)):
            if len(chosen) < count and all(self._similarity(text, other) <= self._repeat for other in chosen):
                chosen.append(text)
        return [_most_probable(ballots, text) for text in chosen]

    def _utilities(self, votes: Mapping[str, int]) -> dict[str, float]:
        """Summed similarity to all ballots, exactly rounded, so that their order does not matter."""
        alike = {(a, b): self._similarity(a, b) for a in votes for b in votes if a <= b}
        return {
            text: math.fsum(alike[min(text, other), max(text, other)] for other, cast in votes.items() for _ in range(cast))
            for text in votes
        }

    def _counts(self, medoid: str, utility: float, votes: Mapping[str, int]) -> dict[str, float]:
        rest = {text: cast * (1.0 - self._similarity(medoid, text)) for text, cast in votes.items() if text != medoid}
        return {medoid: utility, **dict(sorted(rest.items(), key=lambda item: (-item[1], item[0])))}


def medoid(*, similarity: Kind = "chrf", repeat: float = 0.8) -> Medoid:
    """The text most like all others wins (minimum Bayes risk); for texts without a right answer.

    similarity: `chrf`, character n-grams as sacrebleu counts them, or `edit`, rapidfuzz's edit similarity, which is faster.
    repeat: texts more alike than this, from 0 to 1, are near duplicates, of which one is trained on.
    """
    if not 0 <= repeat <= 1:
        raise BadInput(f"{repeat} is no similarity", field="repeat", fix="give a number from 0 to 1")
    return Medoid(of(similarity), repeat)


def _votes(ballots: Sequence[Ballot]) -> Counter[str]:
    return Counter(ballot.answer for ballot in ballots if ballot.answer is not None)


def _most_probable(ballots: Sequence[Ballot], answer: str) -> int:
    """Position of one of the ballots with this answer; the same ballot in whatever order they are."""

    def rank(place: int) -> tuple[float, str, int]:
        ballot = ballots[place]
        return (math.inf if ballot.logprob is None else -ballot.logprob, ballot.text, ballot.index)

    return min((place for place, ballot in enumerate(ballots) if ballot.answer == answer), key=rank)
