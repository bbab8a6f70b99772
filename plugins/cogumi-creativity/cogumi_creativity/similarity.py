"""How alike two texts are: from 0.0 to 1.0, symmetric, computed by a library.

    of("chrf")("the red kite waits", "the red kite sleeps")   # 0.58: character n-grams shared
    of("edit")("the red kite waits", "the red kite sleeps")   # 0.76: characters that need no edit

`chrf` is the F-score of character n-grams, orders 1 to 6, blanks left out (Popović 2015, "chrF: character n-gram F-score
for automatic MT evaluation"), as sacrebleu computes it; the usual utility of minimum Bayes risk decoding. Its customary
beta of 2 weighs a text against a reference. Samples are each other's equals, so here beta is 1, which is symmetric.
`edit` is rapidfuzz's normalized Indel similarity: a hundred times as fast, and blind to phrases that change places.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from sacrebleu.metrics.chrf import CHRF

Kind: TypeAlias = Literal["chrf", "edit"]
Similarity: TypeAlias = Callable[[str, str], float]
"""`similarity(text, other)`; 1.0 for equal texts."""


def of(kind: Kind) -> Similarity:
    """The similarity of this name."""
    measure: Similarity = _chrf if kind == "chrf" else _edit

    def similarity(text: str, other: str) -> float:  # sorted: which text comes first does not reach the last digit
        return 1.0 if text == other else measure(*sorted((text, other)))

    return similarity


@lru_cache(maxsize=1000)
def _chrf(text: str, other: str) -> float:
    """Kept for a while: one problem's texts are compared by the vote, the selection and the figures."""
    return min(1.0, float(_metric().sentence_score(text, [other]).score) / 100)


@cache
def _metric() -> CHRF:
    from sacrebleu.metrics.chrf import CHRF

    return CHRF(beta=1)


def _edit(text: str, other: str) -> float:
    from rapidfuzz.distance import Indel

    return float(Indel.normalized_similarity(text, other))
