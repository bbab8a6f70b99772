"""The project's own questions, in MMLU's schema: `{"question", "subject", "choices": [four], "answer": index}`.

Contract: which side a problem belongs to is a function of its question and of the set of its choices, so no two sides share
a problem in another order of choices either: `pretrain` (unlimited; what the embedded model is trained on), `train`
(bundled, the training side), `test` (bundled, held out) and `dev` (bundled, the five worked examples of each subject). The
same side and seed give the same problems on every machine.

    python -m cogumi_reasoning.generate --side train --out train.jsonl
"""

from __future__ import annotations

import hashlib
import random
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias

from cogumi_reasoning.subjects import SUBJECTS, Draft

Side: TypeAlias = Literal["pretrain", "train", "test", "dev"]
BUNDLED: Mapping[Side, int] = {"train": 95, "test": 25, "dev": 5}
"""Problems of each subject in the bundled files."""
_SHARES: tuple[Side, ...] = ("test",) * 4 + ("train",) * 6 + ("dev",) + ("pretrain",) * 29


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One multiple-choice problem."""

    subject: str
    """One of `SUBJECTS`."""
    question: str
    """The question without its choices."""
    choices: tuple[str, ...]
    """The four choices in the order of their letters."""
    answer: int
    """Place of the right one, from 0."""
    reason: str = ""
    """A sentence that ends in the right choice, or nothing (see `Draft`)."""

    def row(self) -> dict[str, object]:
        """The problem in MMLU's schema."""
        return {"question": self.question, "subject": self.subject, "choices": list(self.choices), "answer": self.answer}


def items(side: Side, seed: int = 0) -> Iterator[Item]:
    """An endless stream of problems of one side; every run of `len(SUBJECTS)` holds each subject once."""
    draw = random.Random(f"{side}/{seed}")
    names = sorted(SUBJECTS)
    while True:
        for subject in draw.sample(names, len(names)):
            yield _draw_item(subject, side, draw)


def rows(side: Literal["train", "test", "dev"]) -> list[dict[str, object]]:
    """The bundled problems of one side; none occurs twice, in whatever order of choices."""
    found: list[dict[str, object]] = []
    seen = set[tuple[str, frozenset[str]]]()
    left = dict.fromkeys(SUBJECTS, BUNDLED[side])
    for item in items(side):
        name = (item.question, frozenset(item.choices))
        if left[item.subject] and name not in seen:
            seen.add(name)
            left[item.subject] -= 1
            found.append(item.row())
        if not any(left.values()):
            return found
    raise AssertionError("the stream of problems has no end")


def side_of(draft: Draft) -> Side:
    """The side to which a question with these choices belongs: a tenth is held out, three twentieths are the training side."""
    name = "\n".join([draft.question, *sorted([draft.right, *draft.wrong])])
    digest = hashlib.blake2b(name.encode(), digest_size=4).digest()
    return _SHARES[int.from_bytes(digest, "big") % len(_SHARES)]


def _draw_item(subject: str, side: Side, draw: random.Random) -> Item:
    while True:
        draft = SUBJECTS[subject](draw)
        if side_of(draft) == side:
            choices = draw.sample([draft.right, *draft.wrong], 4)
            place = choices.index(draft.right)
            return Item(subject=subject, question=draft.question, choices=tuple(choices), answer=place, reason=draft.reason)


def main(arguments: list[str] | None = None) -> int:
    """Write the bundled files, or print problems of one side as JSON lines."""
    from cogumi.testing import Generator, generate  # here: whoever only draws problems needs none of it

    return generate(
        Generator(
            module="cogumi_reasoning.generate",
            bundled={"train": partial(rows, "train"), "test": partial(rows, "test"), "dev": partial(rows, "dev")},
            pretrain=lambda seed: (item.row() for item in items("pretrain", seed)),
            folder=Path(__file__).parent / "data",
        ),
        arguments,
    )


if __name__ == "__main__":
    sys.exit(main())
