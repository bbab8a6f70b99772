"""Which training problems also stand, word for word or nearly, on the held-out side.

Two problems overlap when their normalised texts (words, numbers, operators) are equal, or when at least 80 % of the training
problem's 13-grams of these occur in one held-out problem (13-grams as in Brown et al. 2020, "Language Models are Few-Shot
Learners", appendix C; the share keeps problems apart that only have a template in common).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from cogumi.records import Problem

N = 13
SHARE = 0.8


def find_overlap(training: Sequence[Problem], held_out: Sequence[Problem]) -> dict[str, str]:
    """Training problem id -> id of the held-out problem that it repeats."""
    texts: dict[tuple[str, ...], str] = {}
    owners: dict[int, set[str]] = defaultdict(set)
    for problem in held_out:
        words = _words(problem)
        texts[words] = problem.id
        for gram in _grams(words):
            owners[gram].add(problem.id)
    hits = {problem.id: _hit(_words(problem), texts, owners) for problem in training}
    return {problem: other for problem, other in hits.items() if other is not None}


def _hit(words: tuple[str, ...], texts: dict[tuple[str, ...], str], owners: dict[int, set[str]]) -> str | None:
    if words in texts:
        return texts[words]
    grams = _grams(words)
    shared = Counter(owner for gram in grams for owner in owners.get(gram, ()))
    if not shared:
        return None
    owner, count = min(shared.items(), key=lambda item: (-item[1], item[0]))
    return owner if count >= SHARE * len(grams) else None


def _words(problem: Problem) -> tuple[str, ...]:
    return tuple(re.findall(r"\w+|[-+*/%<>=]", problem.prompt.lower()))


def _grams(words: tuple[str, ...]) -> set[int]:
    return {hash(words[i : i + N]) for i in range(len(words) - N + 1)}
