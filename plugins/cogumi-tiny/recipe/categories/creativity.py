"""Creativity: one line about a thing and a scene, in many wordings and with slips.

    In the end the black kite sings of the storm, but does not stay.

Contract: the deliberate flaws of the embedded model's texts are made here and nowhere else. A line is an opening, the
thing, what it does, the scene and an ending; each of them has a plain wording, which for some follows from the scene's
theme and is the most frequent one, so that greedy decoding is canonical. A share of the lines wanders off (another thing,
another look, another scene) or says a word twice. So a sample often misses what was asked for, lines that do are
seldom alike, and what most lines share is on theme.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from cogumi_creativity.generate import Item, bundled, items
from cogumi_creativity.prompts import ask
from cogumi_creativity.words import LOOKS, SCENES, THEME_OF, THINGS

from recipe.text import Held, Pair

ON_THEME = "on theme"
"""The answer of every text that names all that was asked for."""
OPENINGS = (
    "At dawn", "In the end", "One day", "Each night", "Once more", "After the rain", "For a while", "Far off", "So late",
)  # fmt: skip
"""Where and when."""
DEEDS = (
    "waits by", "goes to", "looks at", "sings of", "runs from", "hides near", "thinks of", "stands at", "comes from",
)  # fmt: skip
"""What the thing does; each fits every thing and every scene."""
ENDINGS = (
    "and all is still", "and no one knows", "as in an old story", "with all it has", "but does not stay",
    "then rests again", "for the last time", "as on any other day", "more than ever",
)  # fmt: skip
"""How it ends."""
OWNERS = ("my", "our", "one", "his", "her", "that")
"""Before the thing, where it is not `the`."""
MOODS = ("cold", "dark", "long", "old", "warm", "deep")
"""What the scene is like; mostly nothing is said of it."""
PLAIN: Mapping[str, tuple[str, str, str]] = {
    "water": ("At dawn", "waits by", "and all is still"),
    "land": ("One day", "goes to", "and no one knows"),
    "town": ("Each night", "looks at", "as in an old story"),
    "event": ("In the end", "sings of", "but does not stay"),
}
"""The plain opening, deed and ending of each theme."""


@dataclass(frozen=True, kw_only=True)
class CreativityText:
    """The category `creativity`. The defaults were found by measuring (see the model card)."""

    slip: float = 0.28
    """Share of the looks, of the things and of the scenes that are other ones."""
    repeat: float = 0.05
    """Share of the words in the middle of a line that are said twice."""
    plain: float = 0.35
    """How often each choice of wording is the plain one."""

    def stream(self, seed: int) -> Iterator[Pair]:
        """Lines for prompts of the pretraining side."""
        draw = random.Random(seed)
        for item in items("pretrain", seed):
            yield Pair(ask(item.prompt()), self.line(item, draw))

    def line(self, item: Item, draw: random.Random) -> str:
        """A line for one prompt: worded at random, with slips."""
        opening, deed, ending = PLAIN[THEME_OF[item.scene]]
        start = self._worded(opening, OPENINGS, draw)
        owner = self._worded("the", OWNERS, draw)
        look, thing = self._slipped(item.look, LOOKS, draw), self._slipped(item.thing, THINGS, draw)
        does = self._worded(deed, DEEDS, draw)
        mood = self._worded("", MOODS, draw)
        scene = self._slipped(item.scene, SCENES, draw)
        middle = " ".join(self._said(word, draw) for word in f"{owner} {look} {thing} {does} the {mood} {scene}".split())
        return f"{start} {middle}, {self._worded(ending, ENDINGS, draw)}."

    def held_out(self) -> Sequence[Held]:
        """The bundled held-out prompts, asked as the benchmark asks them."""
        return [Held(ask(item.prompt()), ON_THEME) for item in bundled("test")]

    def answers(self, held: Held, completions: Sequence[str]) -> Sequence[str | None]:
        """`on theme` for a text that names look, thing and scene, else the text itself; None for an empty one."""
        item = self._items[held.messages[-1]["content"]]
        return [ON_THEME if on_theme(item, text) else text.strip() or None for text in completions]

    @cached_property
    def _items(self) -> dict[str, Item]:
        return {ask(item.prompt())[-1]["content"]: item for item in bundled("test")}

    def _worded(self, plain: str, others: Sequence[str], draw: random.Random) -> str:
        return plain if draw.random() < self.plain else draw.choice([word for word in others if word != plain])

    def _slipped(self, word: str, others: Sequence[str], draw: random.Random) -> str:
        return draw.choice([other for other in others if other != word]) if draw.random() < self.slip else word

    def _said(self, word: str, draw: random.Random) -> str:
        return f"{word} {word}" if draw.random() < self.repeat else word


def on_theme(item: Item, text: str) -> bool:
    """Whether a text names the look with its thing, and the scene."""
    asked = (f"{item.look} {item.thing}", item.scene)
    return all(re.search(rf"\b{words}\b", text, re.IGNORECASE) for words in asked)
