r"""The project's own instructions, in IFEval's schema: `{"key", "prompt", "instruction_id_list", "kwargs"}`.

    {"key": 1, "prompt": "Write about the sea. Do not use commas. Use the word \"rope\".",
     "instruction_id_list": ["punctuation:no_comma", "keywords:existence"], "kwargs": [{}, {"keywords": ["rope"]}]}

Contract: a problem is a topic and one or two constraints of IFEval (Zhou et al. 2023) with their values. Which side it
belongs to is a function of these alone, whatever the wording and the order: `pretrain` (unlimited; what the embedded model
is trained on), `train` (bundled, the training side) and `test` (bundled, held out). The same side and seed give the same
problems on every machine.

    python -m cogumi_instruction.generate --side train --out train.jsonl
"""

from __future__ import annotations

import hashlib
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias

from cogumi.records import JSON
from cogumi_instruction.topics import ENDS, KEYWORDS, TOPICS

Side = Literal["pretrain", "train", "test"]
Value: TypeAlias = str | int | None
BUNDLED: Mapping[Side, int] = {"train": 1600, "test": 320}
"""Problems in the bundled files."""
FIRST_KEY: Mapping[Side, int] = {"train": 1, "test": 10_001, "pretrain": 100_001}
"""The key of each side's first problem; the others count on."""
REQUESTS = ("Write about the {topic}.", "Tell me about the {topic}.", "What is the {topic} like?")
"""How a text is asked for."""
PAIRS = 0.75
"""Share of the problems with two constraints; the others have one."""
_SHARES: tuple[Side, ...] = ("test",) * 2 + ("train",) * 4 + ("pretrain",) * 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One constraint of IFEval, as the bundled problems use it."""

    instruction: str
    """Its id in IFEval."""
    asks: tuple[str, str]
    """Ways to ask for it, `{value}` being its value; so short that a prompt with one constraint has no run of 13 words."""
    values: tuple[Value, ...] = (None,)
    """The values it may have."""
    field: str | None = None
    """The name of the value among IFEval's kwargs."""
    fixed: tuple[tuple[str, str], ...] = ()
    """Other kwargs, which are always the same."""

    def kwargs(self, value: Value) -> dict[str, JSON]:
        """What IFEval's checker is built from."""
        if self.field is None:
            return {}
        return {self.field: [value] if self.field in ("keywords", "forbidden_words") else value, **dict(self.fixed)}


KINDS: Mapping[str, Kind] = {
    "lower": Kind(
        instruction="change_case:english_lowercase", asks=("Use only lowercase letters.", "Do not use capital letters.")
    ),
    "upper": Kind(
        instruction="change_case:english_capital", asks=("Use only capital letters.", "Do not use lowercase letters.")
    ),
    "comma": Kind(instruction="punctuation:no_comma", asks=("Do not use commas.", "Use no commas.")),
    "quote": Kind(instruction="startend:quotation", asks=("Wrap it all in double quotes.", "Put it all in double quotes.")),
    "title": Kind(instruction="detectable_format:title", asks=("Add a <<title>>.", "Use a <<title>>.")),
    "end": Kind(
        instruction="startend:end_checker",
        asks=('End with "{value}"', 'End it with "{value}"'),
        values=ENDS,
        field="end_phrase",
    ),
    "keyword": Kind(
        instruction="keywords:existence",
        asks=('Use the word "{value}".', 'The word "{value}" must be in it.'),
        values=KEYWORDS,
        field="keywords",
    ),
    "forbid": Kind(
        instruction="keywords:forbidden_words",
        asks=('Do not use the word "{value}".', 'The word "{value}" is not allowed.'),
        values=(0, 1, 2),  # which of the topic's adjectives: the word that would come first, mostly
        field="forbidden_words",
    ),
    "bullets": Kind(
        instruction="detectable_format:number_bullet_lists",
        asks=("Write {value} bullet points with *.", "Make it {value} bullet points with *."),
        values=(1, 2, 3),
        field="num_bullets",
    ),
    "postscript": Kind(
        instruction="detectable_content:postscript",
        asks=("Add a P.S. at the end.", "Add a postscript with P.S."),
        values=("P.S.",),
        field="postscript_marker",
    ),
    "placeholder": Kind(
        instruction="detectable_content:number_placeholders",
        asks=("Use at least {value} of [name], [place].", "Add at least {value} of [name], [place]."),
        values=(1, 2),
        field="num_placeholders",
    ),
    "highlight": Kind(
        instruction="detectable_format:number_highlighted_sections",
        asks=("Highlight at least {value} like *this*.", "Mark at least {value} like *this*."),
        values=(1, 2),
        field="num_highlights",
    ),
    "words": Kind(
        instruction="length_constraints:number_words",
        asks=("Use less than {value} words.", "Write less than {value} words."),
        values=(8, 9, 10),
        field="num_words",
        fixed=(("relation", "less than"),),
    ),
}
"""The constraints by short names."""
CLASHES = frozenset(
    frozenset(pair.split("-"))
    for pair in (
        "lower-upper", "upper-keyword", "upper-end", "bullets-quote", "bullets-highlight", "title-quote", "words-lower",
        "words-bullets", "words-end", "words-title", "words-postscript", "words-placeholder", "words-keyword",
        "words-highlight",
    )
)  # fmt: skip
"""Pairs that are never asked for together: they exclude each other, or need more room than a short text has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One problem, before it is put into words."""

    topic: str
    """What to write about."""
    values: Mapping[str, Value]
    """The constraints' values by the constraints' short names, in the order in which they are asked for."""
    request: str
    """The wording chosen among `REQUESTS`."""
    asks: tuple[int, ...]
    """Which of its wordings each constraint is asked in."""

    def prompt(self) -> str:
        """The request as a person reads it."""
        asks = [KINDS[kind].asks[ask] for kind, ask in zip(self.values, self.asks, strict=True)]
        told = [ask.format(value=value) for ask, value in zip(asks, self.values.values(), strict=True)]
        return " ".join([self.request.format(topic=self.topic), *told])

    def row(self, key: int) -> dict[str, JSON]:
        """The problem in IFEval's schema."""
        return {
            "key": key,
            "prompt": self.prompt(),
            "instruction_id_list": [KINDS[kind].instruction for kind in self.values],
            "kwargs": [KINDS[kind].kwargs(value) for kind, value in self.values.items()],
        }


def items(side: Side, seed: int = 0) -> Iterator[Item]:
    """An endless stream of problems of one side."""
    draw = random.Random(f"{side}/{seed}")
    while True:
        item = _draw_item(draw)
        if side_of(item.topic, item.values) == side:
            yield item


def rows(side: Side) -> list[dict[str, JSON]]:
    """The bundled problems of one side; none occurs twice, whatever the wording and the order."""
    found: dict[str, Item] = {}
    for item in items(side):
        found.setdefault(_identity(item.topic, item.values), item)
        if len(found) == BUNDLED[side]:
            return _numbered(side, list(found.values()))
    raise AssertionError("the stream of problems has no end")


def side_of(topic: str, values: Mapping[str, Value]) -> Side:
    """The side a problem belongs to: a tenth is held out, a fifth is the training side."""
    digest = hashlib.blake2b(_identity(topic, values).encode(), digest_size=4).digest()
    return _SHARES[int.from_bytes(digest, "big") % len(_SHARES)]


def _numbered(side: Side, found: Sequence[Item]) -> list[dict[str, JSON]]:
    return [item.row(key) for key, item in enumerate(found, FIRST_KEY[side])]


def _draw_item(draw: random.Random) -> Item:
    topic = draw.choice(tuple(TOPICS))
    kinds = draw.sample(tuple(KINDS), 2 if draw.random() < PAIRS else 1)
    while frozenset(kinds) in CLASHES:
        kinds = draw.sample(tuple(KINDS), 2)
    values = {kind: _draw_value(kind, topic, draw) for kind in kinds}
    asks = tuple(draw.randrange(2) for _ in kinds)
    return Item(topic=topic, values=values, request=draw.choice(REQUESTS), asks=asks)


def _draw_value(kind: str, topic: str, draw: random.Random) -> Value:
    value = draw.choice(KINDS[kind].values)
    return TOPICS[topic][value] if kind == "forbid" and isinstance(value, int) else value


def _identity(topic: str, values: Mapping[str, Value]) -> str:
    return f"{topic}:" + ",".join(f"{kind}={value}" for kind, value in sorted(values.items()))


def main(arguments: list[str] | None = None) -> int:
    """Write the bundled files, or print problems of one side as JSON lines."""
    from cogumi.testing import Generator, generate  # here: whoever only draws problems needs none of it

    return generate(
        Generator(
            module="cogumi_instruction.generate",
            bundled={"train": partial(rows, "train"), "test": partial(rows, "test")},
            pretrain=_pretrain,
            folder=Path(__file__).parent / "data",
        ),
        arguments,
    )


def _pretrain(seed: int) -> Iterator[dict[str, JSON]]:
    return (item.row(key) for key, item in enumerate(items("pretrain", seed), FIRST_KEY["pretrain"]))


if __name__ == "__main__":
    sys.exit(main())
