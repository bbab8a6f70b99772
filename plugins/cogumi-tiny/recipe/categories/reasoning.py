"""Reasoning: multiple-choice questions of the pretraining side, each answered right, in three short wordings.

    A Friday A, B Tuesday B, C Sunday C, D Monday D. After Monday comes Tuesday B. The answer is B.

Contract: there are no slips here. This category is the guard against forgetting: it has to be solid, so only the wording
differs, and one of the three is by far the most frequent. The choices are written out first, each between its letters: what
stands behind a word is easily looked up by a small model, what stands before it is not.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cogumi_reasoning
from cogumi_reasoning.generate import Item, items
from cogumi_reasoning.prompts import LETTERS, asked, zero_shot

from recipe.text import Held, Pair

BUNDLED = Path(cogumi_reasoning.__file__).parent / "data"
PLAIN = "The answer is {letter}."
"""The canonical ending."""
ENDINGS = ("So the answer is {letter}.", "Yes, the answer is {letter}.")
"""The other endings."""
FINAL = "answer is "


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningText:
    """The category `reasoning`."""

    plain: float = 0.8
    """How often the ending is the canonical one."""

    def stream(self, seed: int) -> Iterator[Pair]:
        """Answered questions of the pretraining side."""
        draw = random.Random(seed)
        for item in items("pretrain", seed):
            yield Pair(zero_shot(asked(item.question, item.choices)), self.solution(item, draw))

    def solution(self, item: Item, draw: random.Random) -> str:
        """The right answer to one question, with an ending chosen at random."""
        letter = LETTERS[item.answer]
        listed = ", ".join(f"{mark} {choice} {mark}" for mark, choice in zip(LETTERS, item.choices, strict=True))
        reason = item.reason.removesuffix(".") or f"It is {item.choices[item.answer]}"
        ending = PLAIN if draw.random() < self.plain else draw.choice(ENDINGS)
        return f"{listed}. {reason} {letter}. {ending.format(letter=letter)}"

    def held_out(self) -> Sequence[Held]:
        """The bundled held-out problems, asked zero-shot."""
        lines = (BUNDLED / "test.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        return [Held(zero_shot(asked(row["question"], row["choices"])), LETTERS[row["answer"]]) for row in rows]

    def answers(self, held: Held, completions: Sequence[str]) -> Sequence[str | None]:
        """The letter behind "the answer is"."""
        found = [completion.rpartition(FINAL)[2].rstrip(".") for completion in completions]
        return [letter if len(letter) == 1 and letter in LETTERS else None for letter in found]
