"""The project's own word problems, in GSM8K's schema: `{"question", "answer"}`, worked lines and a last line `#### N`. Beside
them stands the `template`, the story: problems of one story are a cluster, and intervals are over stories.

Contract: a problem is a story, its numbers and its words. Which side a problem belongs to is a function of its story and
numbers alone, so no two sides share a problem's numbers within a story: `pretrain` (unlimited; what the embedded model
is trained on), `train` (bundled, the training side) and `test` (bundled, held out). The same side and seed give the same
problems on every machine. A bundled test problem also shares no run of 13 words with a bundled training problem.

    python -m cogumi_math.generate --side train --out train.jsonl
"""

from __future__ import annotations

import hashlib
import random
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from cogumi_math.stories import NAMES, POOLS, STORIES, Step, Story

Side = Literal["pretrain", "train", "test"]
BUNDLED: Mapping[Side, int] = {"train": 3200, "test": 520}
"""Problems in the bundled files."""
LARGEST = 300
"""No result of any step is larger."""
RUN = 13
"""Words in a row that no bundled test problem shares with a bundled training problem (as in GPT-3's overlap check)."""
_SHARES: tuple[Side, ...] = ("test",) * 2 + ("train",) * 3 + ("pretrain",) * 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One problem, before it is put into words."""

    story: Story
    """What happens."""
    text: str
    """The wording chosen among the story's."""
    numbers: Mapping[str, int]
    """The story's numbers by letter."""
    words: Mapping[str, str]
    """People and things by slot."""

    def question(self) -> str:
        """The question as a person reads it."""
        return self.text.format(**self.numbers, **self.words)

    def label(self, step: Step) -> str:
        """What the step's result counts."""
        return step.label.format(**self.numbers, **self.words)

    def answer(self) -> str:
        """The worked solution, one line a step, and `#### N`."""
        values = results(self.story, self.numbers)
        lines = []
        for step, value in zip(self.story.steps, values, strict=True):
            left, right = (operand(name, self.numbers, values) for name in (step.left, step.right))
            lines.append(f"{left} {step.op} {right} = {value} {self.label(step)}.")
        return "\n".join([*lines, f"#### {values[-1]}"])


def items(side: Side, seed: int = 0) -> Iterator[Item]:
    """An endless stream of problems of one side; every run of `len(STORIES)` holds each story once."""
    draw = random.Random(f"{side}/{seed}")
    while True:
        for story in draw.sample(STORIES, len(STORIES)):
            yield _draw_item(story, side, draw)


def rows(side: Literal["train", "test"]) -> list[dict[str, str]]:
    """The bundled problems of one side; no story's numbers occur twice."""
    taken = set[str]() if side == "train" else {run for row in rows("train") for run in _runs(row["question"])}
    found: list[dict[str, str]] = []
    seen = set[str]()
    for item in items(side):
        name, question = _identity(item.story, item.numbers), item.question()
        if name not in seen and taken.isdisjoint(_runs(question)):
            seen.add(name)
            found.append(_row(item))
        if len(found) == BUNDLED[side]:
            return found
    raise AssertionError("the stream of problems has no end")


def side_of(story: Story, numbers: Mapping[str, int]) -> Side:
    """The side to which a story with these numbers belongs: a tenth is held out, three twentieths are the training side."""
    digest = hashlib.blake2b(_identity(story, numbers).encode(), digest_size=4).digest()
    return _SHARES[int.from_bytes(digest, "big") % len(_SHARES)]


def operand(name: str, numbers: Mapping[str, int], values: list[int]) -> int:
    """The value of a step's operand, given the numbers and the results of earlier steps."""
    if name.startswith("#"):
        return values[int(name[1:]) - 1]
    return numbers[name] if name in numbers else int(name)


def apply(left: int, op: str, right: int) -> int | None:
    """The result of one step; None where a division leaves a rest."""
    if op == "/":
        return left // right if right and left % right == 0 else None
    return left + right if op == "+" else left - right if op == "-" else left * right


def results(story: Story, numbers: Mapping[str, int]) -> list[int]:
    """The results of all steps. Raises `ValueError` when one is not a whole number from 1 to `LARGEST`."""
    values: list[int] = []
    for step in story.steps:
        left, right = operand(step.left, numbers, values), operand(step.right, numbers, values)
        value = apply(left, step.op, right)
        if value is None or not 1 <= value <= LARGEST:
            raise ValueError(f"{left} {step.op} {right} has no fitting result")
        values.append(value)
    return values


def _draw_item(story: Story, side: Side, draw: random.Random) -> Item:
    numbers = _draw_numbers(story, side, draw)
    one, other = draw.sample(POOLS[story.pool], 2)
    people = draw.sample(NAMES, 3)
    words = {"N": people[0], "M": people[1], "K": people[2], "x": one, "y": other}
    return Item(story=story, text=draw.choice(story.texts), numbers=numbers, words=words)


def _draw_numbers(story: Story, side: Side, draw: random.Random) -> dict[str, int]:
    while True:
        numbers = {name: draw.randint(low, high) for name, (low, high) in story.ranges.items()}
        try:
            results(story, numbers)
        except ValueError:
            continue
        if side_of(story, numbers) == side:
            return numbers


def _identity(story: Story, numbers: Mapping[str, int]) -> str:
    return f"{story.key}:" + ",".join(f"{name}={value}" for name, value in sorted(numbers.items()))


def _runs(text: str) -> Iterator[str]:
    """Every run of `RUN` words, lower case, without punctuation."""
    words = "".join(c if c.isalnum() else " " for c in text.lower()).split()
    return (" ".join(words[i : i + RUN]) for i in range(len(words) - RUN + 1))


def main(arguments: list[str] | None = None) -> int:
    """Write the bundled files, or print problems of one side as JSON lines."""
    from cogumi.testing import Generator, generate  # here: whoever only draws problems needs none of it

    return generate(
        Generator(
            module="cogumi_math.generate",
            bundled={"train": partial(rows, "train"), "test": partial(rows, "test")},
            pretrain=lambda seed: (_row(item) for item in items("pretrain", seed)),
            folder=Path(__file__).parent / "data",
        ),
        arguments,
    )


def _row(item: Item) -> dict[str, str]:
    return {"question": item.question(), "answer": item.answer(), "template": item.story.key}


if __name__ == "__main__":
    sys.exit(main())
