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
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["chrf", "edit"]
Similarity: TypeAlias = Callable[[str, str], float]
"""`similarity(text, other)`; 1.0 for equal texts."""


def of(kind: Kind) -> Similarity:
    """The similarity of this name."""
    return _symmetric({"chrf": _chrf, "edit": _edit}[kind]())


def _symmetric(measure: Similarity) -> Similarity:
    """Equal texts are 1.0, and which text comes first does not reach the last digit of the others."""

    def similarity(text: str, other: str) -> float:
        return 1.0 if text == other else measure(*sorted((text, other)))

    return similarity


def _chrf() -> Similarity:
    from sacrebleu.metrics.chrf import CHRF

    metric = CHRF(beta=1)
    return lambda text, other: min(1.0, metric.sentence_score(text, [other]).score / 100)


def _edit() -> Similarity:
    from rapidfuzz.distance import Indel

    return lambda text, other: float(Indel.normalized_similarity(text, other))
