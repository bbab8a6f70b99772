"""The project's own writing prompts: `{"prompt"}`, each asking for a line about a thing and a scene.

    {"prompt": "Write a line about a black kite and a storm."}

Contract: a prompt is a look, a thing and a scene from closed lists, in one of a few wordings. Which side it belongs to is a
function of look, thing and scene alone, so no two sides share the same three: `pretrain` (unlimited; what the embedded
model is trained on), `train` (bundled, the training side) and `test` (bundled, held out). The same side and seed give the
same prompts on every machine.

    python -m cogumi_creativity.generate --out data
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

from cogumi_creativity.words import LOOKS, REQUESTS, SCENES, THINGS

Side = Literal["pretrain", "train", "test"]
BUNDLED: Mapping[Side, int] = {"train": 1200, "test": 300}
"""Prompts in the bundled files."""
_SHARES: tuple[Side, ...] = ("test",) * 2 + ("train",) * 6 + ("pretrain",) * 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One prompt, before it is put into words."""

    look: str
    """What the thing is like."""
    thing: str
    """What the text is to be about."""
    scene: str
    """What else it is to be about."""
    request: str
    """The wording, with a slot for each of them."""

    def prompt(self) -> str:
        """The prompt as a person reads it."""
        return self.request.format(look=self.look, thing=self.thing, scene=self.scene)


def items(side: Side, seed: int = 0) -> Iterator[Item]:
    """An endless stream of prompts of one side, a function of the seed."""
    draw = random.Random(f"{side}/{seed}")
    while True:
        look, thing, scene = draw.choice(LOOKS), draw.choice(THINGS), draw.choice(SCENES)
        if side_of(look, thing, scene) == side:
            yield Item(look=look, thing=thing, scene=scene, request=draw.choice(REQUESTS))


def bundled(side: Literal["train", "test"]) -> list[Item]:
    """The bundled prompts of one side; no look, thing and scene occur together twice."""
    found: dict[tuple[str, str, str], Item] = {}
    stream = items(side)
    while len(found) < BUNDLED[side]:
        item = next(stream)
        found.setdefault((item.look, item.thing, item.scene), item)
    return list(found.values())


def side_of(look: str, thing: str, scene: str) -> Side:
    """The side to which these three belong: a tenth is held out, three tenths are the training side."""
    digest = hashlib.blake2b(f"{look} {thing} {scene}".encode(), digest_size=4).digest()
    return _SHARES[int.from_bytes(digest, "big") % len(_SHARES)]


def main(arguments: list[str] | None = None) -> int:
    """Write the bundled files, or print problems of one side as JSON lines."""
    from cogumi.testing import Generator, generate  # here: whoever only draws problems needs none of it

    return generate(
        Generator(
            module="cogumi_creativity.generate",
            bundled={"train": partial(_rows, "train"), "test": partial(_rows, "test")},
            pretrain=lambda seed: ({"prompt": item.prompt()} for item in items("pretrain", seed)),
            folder=Path(__file__).parent / "data",
        ),
        arguments,
    )


def _rows(side: Literal["train", "test"]) -> list[dict[str, str]]:
    return [{"prompt": item.prompt()} for item in bundled(side)]


if __name__ == "__main__":
    sys.exit(main())
