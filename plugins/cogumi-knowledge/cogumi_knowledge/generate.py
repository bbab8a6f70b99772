"""The project's own questions, in the plugin's schema: `{"question", "answer", "aliases"}`.

Contract: a problem is a fact and a phrasing of the question. A model can only know what it was taught, so every fact is on
every side, and it is the phrasings that are divided: of each fact's phrasings one is held out (`test`), three are the
training side (`train`), and the others feed the embedded model (`pretrain`). Which they are follows from a hash of the
fact, so every phrasing stands on every side with some facts. The same seed gives the same problems on every machine.

    python -m cogumi_knowledge.generate            # writes data/train.jsonl and data/test.jsonl of the package
"""

from __future__ import annotations

import hashlib
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from cogumi_knowledge.facts import RELATIONS, Fact, Relation

Side = Literal["pretrain", "train", "test"]
DATA = Path(__file__).parent / "data"
_TEST, _TRAIN = 1, 3  # phrasings of each fact; the rest is pretrain


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One problem, before it is put into words."""

    relation: Relation
    """What is asked for."""
    fact: Fact
    """The fact."""
    ask: str
    """The phrasing chosen among the relation's."""

    def question(self) -> str:
        """The question as a person reads it."""
        text = self.ask.format(**self.fact.words(self.fact.answer))
        return text[0].upper() + text[1:]

    def row(self) -> dict[str, Any]:
        """The problem in the plugin's schema."""
        return {"question": self.question(), "answer": self.fact.answer, "aliases": list(self.fact.aliases)}


def items(side: Side, seed: int = 0) -> Iterator[Item]:
    """An endless stream of problems of one side; every run of as many as there are facts holds each fact once."""
    draw = random.Random(f"{side}/{seed}")
    known = [(relation, fact, asks_of(relation, fact, side)) for relation in RELATIONS for fact in relation.facts]
    while True:
        for relation, fact, asks in draw.sample(known, len(known)):
            yield Item(relation=relation, fact=fact, ask=draw.choice(asks))


def rows(side: Literal["train", "test"]) -> list[dict[str, Any]]:
    """The bundled problems of one side, the relations mixed."""
    found = [
        Item(relation=relation, fact=fact, ask=ask).row()
        for relation in RELATIONS
        for fact in relation.facts
        for ask in asks_of(relation, fact, side)
    ]
    return random.Random(side).sample(found, len(found))


def asks_of(relation: Relation, fact: Fact, side: Side) -> tuple[str, ...]:
    """The phrasings of a fact that belong to one side."""
    order = sorted(relation.asks, key=lambda ask: _rank(f"{relation.key}/{fact.subject}/{ask}"))
    parts = {"test": order[:_TEST], "train": order[_TEST : _TEST + _TRAIN], "pretrain": order[_TEST + _TRAIN :]}
    return tuple(parts[side])


def _rank(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=8).digest()


def main(arguments: list[str] | None = None) -> int:
    """Write the bundled files, or print problems of one side as JSON lines."""
    from cogumi.testing import Generator, generate  # here: whoever only draws problems needs none of it

    return generate(
        Generator(
            module="cogumi_knowledge.generate",
            bundled={"train": partial(rows, "train"), "test": partial(rows, "test")},
            pretrain=lambda seed: (item.row() for item in items("pretrain", seed)),
            folder=DATA,
        ),
        arguments,
    )


if __name__ == "__main__":
    sys.exit(main())
