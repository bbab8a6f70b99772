"""Reasoning: multiple-choice questions of the pretraining side, each answered right, in three short wordings.

    A Friday A, B Tuesday B, C Sunday C, D Monday D. After Monday comes Tuesday. The answer is Tuesday.

Contract: there are no slips here. This category is the guard against forgetting: it has to be solid, so only the wording
differs, and one of the three is by far the most frequent. The choices are written out first, and the answer is named by its
words, which counts as its letter: to look up a choice's letter is more than a model of this size learns from as little text.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cogumi_reasoning
from cogumi_reasoning.extract import final_letter
from cogumi_reasoning.generate import Item, items
from cogumi_reasoning.prompts import LETTERS, asked, zero_shot

from recipe.text import Held, Pair

BUNDLED = Path(cogumi_reasoning.__file__).parent / "data"
PLAIN = "The answer is {choice}."
"""The canonical ending."""
ENDINGS = ("So the answer is {choice}.", "Yes, the answer is {choice}.")
"""The other endings."""


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
        choice = item.choices[item.answer]
        listed = ", ".join(f"{mark} {text} {mark}" for mark, text in zip(LETTERS, item.choices, strict=True))
        reason = item.reason or f"It is {choice}."
        ending = PLAIN if draw.random() < self.plain else draw.choice(ENDINGS)
        return f"{listed}. {reason} {ending.format(choice=choice)}"

    def held_out(self) -> Sequence[Held]:
        """The bundled held-out problems, asked zero-shot."""
        lines = (BUNDLED / "test.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        return [Held(zero_shot(asked(row["question"], row["choices"])), LETTERS[row["answer"]]) for row in rows]

    def answers(self, held: Held, completions: Sequence[str]) -> Sequence[str | None]:
        """The letter of the answer, as the benchmark reads it."""
        choices = [line[3:] for line in held.messages[-1]["content"].splitlines()[-5:-1]]
        return [final_letter(completion, choices) for completion in completions]
