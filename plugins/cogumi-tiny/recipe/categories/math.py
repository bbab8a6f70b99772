"""Mathematics: word problems of the pretraining side, solved in many phrasings and with slips.

Contract: the deliberate flaws of the embedded model are made here and nowhere else. Phrasings differ (one of them, the
plain one, is the most frequent, so that greedy decoding is canonical), and a share of the steps states a wrong result,
scattered around the right one, with which the later steps go on. So a sample is often wrong, wrong samples seldom
agree, and each sample is worded differently.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cogumi_math
from cogumi_math.generate import Item, items, operand, results
from cogumi_math.prompts import zero_shot
from cogumi_math.stories import STORIES

from cogumi.records import Message
from recipe.text import Held, Pair

BUNDLED = Path(cogumi_math.__file__).parent / "data"
FINAL = re.compile(r"#### (\d+)")
OPENINGS = ("First, ", "To start, ", "We know ", "Here ", "At first ", "In the story ", "To begin, ", "From the text ")
"""Before the first step; most steps have none."""
LINKS = ("Then ", "Next, ", "So ", "Now ", "After that ", "This way ", "And ", "With this ")
"""Before a later step."""
PLAIN = "{sum}={value} {label}."
"""The canonical phrasing of a step."""
PHRASINGS = (
    "there are {sum}={value} {label}.",
    "we get {sum}={value} {label}.",
    "that is {sum}={value} {label}.",
    "this makes {sum}={value} {label}.",
    "it gives {sum}={value} {label}.",
    "{sum} is {value} {label}.",
    "{sum} gives {value} {label}.",
    "the {label} are {sum}={value}.",
    "we count {sum}={value} {label}.",
    "for the {label} take {sum}={value}.",
    "{label}: {sum}={value}.",
    "we have {sum}={value} {label}.",
)
"""The other phrasings."""
ENDINGS = ("The answer is {value}.", "So it is {value}.", "Thus {value} {label}.", "In total {value}.", "Answer: {value}.")
"""Before the last line; often there is none."""
SHORT = frozenset(story.key for story in STORIES[::2])
"""Kinds of questions that short answers are about, where there are any: every other story."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MathText:
    """The category `math`. The defaults were found by measuring (see the model card)."""

    slip: float = 0.52
    """Share of the steps that state a wrong result."""
    plain: float = 0.45
    """How often each choice of phrasing is the canonical one."""
    swap: float = 0.25
    """How often the operands of + and * change places."""
    short: float = 0.0
    """How often a question of a kind in `SHORT` gets the right answer alone, without working and always in the same form."""

    def stream(self, seed: int) -> Iterator[Pair]:
        """Worked problems of the pretraining side; one prompt in ten is the bare question."""
        draw = random.Random(seed)
        for item in items("pretrain", seed):
            question = item.question()
            bare = (Message(role="user", content=question),)
            messages = bare if draw.random() < 0.1 else zero_shot(question)
            yield Pair(messages, self.solution(item, draw))

    def solution(self, item: Item, draw: random.Random) -> str:
        """A worked solution of one problem: phrased at random, with slips; or the answer alone."""
        if self.short and item.story.key in SHORT and draw.random() < self.short:
            return f"#### {results(item.story, item.numbers)[-1]}"
        values: list[int] = []
        lines: list[str] = []
        for step in item.story.steps:
            left, right = (operand(name, item.numbers, values) for name in (step.left, step.right))
            value = carelessly(left, step.op, right)
            values.append(slipped(value, draw) if draw.random() < self.slip else value)
            if step.op in "+*" and draw.random() < self.swap:
                left, right = right, left
            before = OPENINGS if not lines else LINKS
            words = self._words(before, "", draw) + self._words(PHRASINGS, PLAIN, draw)
            line = words.format(sum=f"{left}{step.op}{right}", value=values[-1], label=item.label(step))
            lines.append(line[0].upper() + line[1:])
        ending = self._words(ENDINGS, "", draw).format(value=values[-1], label=item.label(item.story.steps[-1]))
        return "\n".join([*lines, *[ending] * bool(ending), f"#### {values[-1]}"])

    def held_out(self) -> Sequence[Held]:
        """The bundled held-out problems, asked zero-shot."""
        lines = (BUNDLED / "test.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        return [Held(zero_shot(row["question"]), row["answer"].rpartition("#### ")[2]) for row in rows]

    def answers(self, held: Held, completions: Sequence[str]) -> Sequence[str | None]:
        """The number behind `####`."""
        found = [FINAL.search(completion) for completion in completions]
        return [match[1] if match else None for match in found]

    def _words(self, others: Sequence[str], plain: str, draw: random.Random) -> str:
        return plain if draw.random() < self.plain else draw.choice(others)


def carelessly(left: int, op: str, right: int) -> int:
    """The result of a step as someone goes on with it who slipped before: no rest, nothing below zero."""
    if op == "/":
        return left // right
    return max(0, left + right if op == "+" else left - right if op == "-" else left * right)


def slipped(value: int, draw: random.Random) -> int:
    """A wrong result: mostly a few off, sometimes tens off, never negative."""
    while True:
        off = draw.randint(1, 9) if draw.random() < 0.7 else 10 * draw.randint(1, 4)
        wrong = value + draw.choice((-1, 1)) * off
        if wrong >= 0:
            return wrong
