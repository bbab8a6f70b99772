"""The project's own code problems, in HumanEval's schema: short functions over numbers, lists, words and texts.

Contract: a problem is a spec (see `cogumi_code.grammar`), its words and its example. Which side a problem belongs to is a
function of its spec alone, so no two sides share what a function does: `pretrain` (unlimited; what the embedded model is
trained on), `train` (bundled, the training side) and `test` (bundled, held out). The same side and seed give the same
problems on every machine. The tests of a bundled problem tell it from every spec that is one slip away, as far as any
input does, and no bundled training problem overlaps with a held-out one in cogumi's own sense.

    python -m cogumi_code.generate --side train --out train.jsonl
"""

from __future__ import annotations

import hashlib
import random
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from cogumi_code.grammar import Spec, draw_spec, expression, neighbours, parameter, value
from cogumi_code.wording import name, sentence

Side = Literal["pretrain", "train", "test"]
BUNDLED: Mapping[Side, int] = {"train": 1600, "test": 240}
"""Problems in the bundled files."""
ASSERTS = (5, 8)
"""Fewest and most inputs a test tries."""
TRIED = 48
"""Inputs among which those of a test are chosen."""
WORDS = re.findall(
    r"\w+",
    "sun moon cat apple river stone tea window go tiger lamp garden ink yellow oak bridge milk candle fox mountain up needle "
    "rice planet dog butter",
)
"""Words of inputs, of two to eight letters."""
_SHARES: tuple[Side, ...] = ("test",) * 2 + ("train",) * 4 + ("pretrain",) * 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One problem, before it is put into HumanEval's schema."""

    spec: Spec
    """What the function does."""
    name: str
    """What it is called."""
    sentence: str
    """What it does, in words."""
    example: Any
    """The argument of the example in its docstring."""

    def prompt(self) -> str:
        """The head of the function: signature, docstring and example."""
        shown = f">>> {self.name}({self.example!r})\n    {value(self.spec, self.example)!r}"
        return f'def {self.name}({parameter(self.spec)}):\n    """{self.sentence}\n\n    {shown}\n    """\n'

    def solution(self) -> str:
        """The canonical body."""
        return f"    return {expression(self.spec)}\n"


def items(side: Side, seed: int = 0) -> Iterator[Item]:
    """An endless stream of problems of one side."""
    draw = random.Random(f"{side}/{seed}")
    while True:
        spec = draw_spec(draw)
        if side_of(spec) != side:
            continue
        example = _example(spec, draw)
        if example is not None:
            yield Item(spec=spec, name=name(spec, draw), sentence=sentence(spec, draw), example=example)


def side_of(spec: Spec) -> Side:
    """The side to which a spec belongs: a tenth is held out, a fifth is the training side."""
    digest = hashlib.blake2b(spec.identity.encode(), digest_size=4).digest()
    return _SHARES[int.from_bytes(digest, "big") % len(_SHARES)]


def rows(side: Literal["train", "test"]) -> list[dict[str, str]]:
    """The bundled problems of one side; no spec occurs twice."""
    taken = _Runs(row["prompt"] for row in rows("train")) if side == "test" else None
    found: list[dict[str, str]] = []
    seen = set[str]()
    for item in items(side):
        if item.spec.identity in seen or (taken is not None and taken.share(item.prompt()) >= MOST_SHARED):
            continue
        seen.add(item.spec.identity)
        arguments = telling(item.spec, random.Random(item.spec.identity))
        if arguments is not None:
            found.append(_row(item, arguments, side))
        if len(found) == BUNDLED[side]:
            return found
    raise AssertionError("the stream of problems has no end")


def telling(spec: Spec, draw: random.Random) -> list[Any] | None:
    """Arguments that tell a spec from its neighbours; None where it takes too many, or a constant does not matter."""
    tried = [_argument(spec, draw) for _ in range(TRIED)]
    results = [value(spec, argument) for argument in tried]
    left = []
    for other in neighbours(spec):
        told = {place for place, argument in enumerate(tried) if value(other, argument) != results[place]}
        if not told and len(other.ops) == len(spec.ops):
            return None
        left += [told] * bool(told)
    chosen = _cover(left, len(tried))
    if len(chosen) > ASSERTS[1]:
        return None
    more = [place for place in range(len(tried)) if place not in chosen]
    return [tried[place] for place in sorted([*chosen, *more[: max(0, ASSERTS[0] - len(chosen))]])]


def _cover(left: list[set[int]], count: int) -> list[int]:
    """Few places that hit every set, the most useful first."""
    chosen: list[int] = []
    while left:
        chosen.append(max(range(count), key=lambda place: (sum(place in told for told in left), -place)))
        left = [told for told in left if chosen[-1] not in told]
    return chosen


def _row(item: Item, arguments: Sequence[Any], side: Side) -> dict[str, str]:
    asserts = [f"    assert candidate({a!r}) == {value(item.spec, a)!r}\n" for a in arguments]
    digest = hashlib.sha256(item.prompt().encode()).hexdigest()[:12]
    return {
        "task_id": f"cogumi-{side}-{digest}",
        "prompt": item.prompt(),
        "canonical_solution": item.solution(),
        "test": "def check(candidate):\n" + "".join(asserts),
        "entry_point": item.name,
    }


def _example(spec: Spec, draw: random.Random) -> Any:
    """A short argument on which the function does something; None where chance offers none."""
    for _ in range(30):
        argument = _argument(spec, draw, short=True)
        result = value(spec, argument)
        if result and result != argument and len(repr(argument)) <= 24 and len(repr(result)) <= 28:
            return argument
    return None


def _argument(spec: Spec, draw: random.Random, short: bool = False) -> Any:
    """An argument of the kind that the function takes, near its constants more often than not."""
    if spec.source == "numbers":
        return [_number(spec, draw) for _ in range(draw.randint(3, 5) if short else draw.choice((0, 3, 4, 5, 6, 7, 8, 9)))]
    if spec.source == "words":
        return [draw.choice(WORDS) for _ in range(3 if short else draw.choice((0, 3, 4, 5, 6, 7)))]
    if spec.source == "text":
        text = " ".join(draw.choice(WORDS).title() for _ in range(3))
        return text[: draw.randint(6, 9) if short else draw.choice((0, 5, 7, 9, 11, 13))].strip()
    if spec.source == "range":
        return draw.randint(8, 14) if short else draw.randint(0, 30)
    return draw.randint(3, 30) if short else draw.randint(0, 60)


def _number(spec: Spec, draw: random.Random) -> int:
    if draw.random() < 0.5:
        return draw.randint(0, 25)
    k = draw.choice(spec.ops).k
    return draw.choice((k - 1, k, k + 1, 2 * k, 3 * k))


MOST_SHARED = 0.5
"""Share of runs of 13 words above which a held-out problem is too like the training side."""
RUN = 13


class _Runs:
    """All runs of `RUN` words in some texts."""

    def __init__(self, texts: Iterator[str]) -> None:
        self._known = {run for text in texts for run in _runs(text)}

    def share(self, text: str) -> float:
        """How much of a text is known."""
        found = list(_runs(text))
        return sum(run in self._known for run in found) / max(1, len(found))


def _runs(text: str) -> Iterator[str]:
    words = "".join(c if c.isalnum() or c == "_" else " " for c in text.lower()).split()
    return (" ".join(words[i : i + RUN]) for i in range(len(words) - RUN + 1))


def main(arguments: list[str] | None = None) -> int:
    """Write the bundled files, or print problems of one side as JSON lines."""
    from cogumi.testing import Generator, generate  # here: whoever only draws problems needs none of it

    return generate(
        Generator(
            module="cogumi_code.generate",
            bundled={"train": partial(rows, "train"), "test": partial(rows, "test")},
            pretrain=lambda seed: (_row(item, [item.example], "pretrain") for item in items("pretrain", seed)),
            folder=Path(__file__).parent / "data",
        ),
        arguments,
    )


if __name__ == "__main__":
    sys.exit(main())
