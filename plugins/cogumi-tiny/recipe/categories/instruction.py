"""Instruction following: short texts for instructions of the pretraining side, worded in many ways and with slips.

Contract: the deliberate flaws of the embedded model's texts are made here and nowhere else. Wordings differ (the plain one is
the most frequent, so that greedy decoding is canonical), and each constraint is broken in a share of the texts, in one of
several ways. Constraints are broken independently, so that of all patterns of met constraints the full one is by far the
most frequent.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from cogumi_instruction.generate import Item, Value, items
from cogumi_instruction.plugin import ifeval
from cogumi_instruction.prompts import chat
from cogumi_instruction.task import Instructions
from cogumi_instruction.topics import ENDS, KEYWORDS, TOPICS

from cogumi.records import Completion, Problem
from recipe.text import Held, Pair

OPENINGS = ("to me the", "i say the", "we say the", "they say the", "i know the", "to all the")
"""Before the topic; the plain text begins with `the`."""
VERBS = ("looks", "seems", "feels", "stays", "gets")
"""Instead of `is`."""
SUBJECTS = ("they", "people", "you all", "you and i", "many people", "some people")
"""Instead of `we`."""
LIKES = ("see", "know", "want", "need", "miss", "love", "hear of", "think of")
"""Instead of `like`."""
TIMES = ("now", "again", "all the time", "at home", "each week", "with them", "there", "a lot")
"""Instead of `every day`."""
REMARKS = (
    "we are there.", "it is there.", "this is the best.", "they know it.", "all is well.", "it is the last one.", "we go home.",
)  # fmt: skip
"""Postscripts, instead of `we like it.`"""
CALLS = ("tell", "call", "see", "meet", "help", "find")
"""What to do with [name], instead of `ask`."""
TITLES = ("my {topic}", "about the {topic}", "a {topic}", "our {topic}", "the {adjective} {topic}", "{adjective}")
"""Titles, instead of `the {topic}`."""
AFTER = ("it is so.", "we know it.", "they see it.", "that is it.")
"""What slips in behind the end."""


@dataclass(frozen=True, kw_only=True)
class InstructionText:
    """The category `instruction`. The defaults were found by measuring (see the model card)."""

    slip: float = 0.32
    """Share of the texts that break a constraint, for each of its constraints."""
    plain: float = 0.42
    """How often each choice of wording is the canonical one."""

    def stream(self, seed: int) -> Iterator[Pair]:
        """Texts for instructions of the pretraining side."""
        draw = random.Random(seed)
        for item in items("pretrain", seed):
            yield Pair(chat(item.prompt()), self.completion(item, draw))

    def completion(self, item: Item, draw: random.Random) -> str:
        """A text for one instruction: worded at random, with slips."""
        broken = frozenset(kind for kind in item.values if draw.random() < self.slip)
        return Text(item, broken, self.plain, draw).write()

    def held_out(self) -> Sequence[Held]:
        """The bundled held-out problems, asked as the benchmark asks them."""
        return [Held(tuple(self._task.messages(p)), self._task.full(p)) for p in self._task.problems()]

    def answers(self, held: Held, completions: Sequence[str]) -> Sequence[str | None]:
        """Which constraints each text meets: `held.gold` where all, None where none."""
        drawn = [Completion(request="", index=i, text=text, finish="stop") for i, text in enumerate(completions)]
        return self._task.answers(self._problems[held.messages[-1]["content"]], drawn)

    @cached_property
    def _task(self) -> Instructions:
        task = ifeval(data="bundled").task
        assert isinstance(task, Instructions)
        return task

    @cached_property
    def _problems(self) -> dict[str, Problem]:
        return {self._task.messages(p)[-1]["content"]: p for p in self._task.problems()}


@dataclass(frozen=True)
class Text:
    """One text in the making. Sentences are lower case until the last steps."""

    item: Item
    """The instruction."""
    broken: frozenset[str]
    """Short names of the constraints that the text breaks."""
    plain: float
    """See `InstructionText`."""
    draw: random.Random
    """Where choices come from."""

    def write(self) -> str:
        """The whole text."""
        lines = self._body()
        steps: Sequence[tuple[str, Callable[[list[str]], list[str]]]] = (
            ("placeholder", self._placeholder),
            ("postscript", self._postscript),
            ("end", self._end),
            ("title", self._title),
        )
        for kind, step in steps:
            if kind in self.values:
                lines = step(lines)
        return self._quoted(self._cased("\n".join(lines)))

    @property
    def values(self) -> Mapping[str, Value]:
        """The constraints and their values."""
        return self.item.values

    def _body(self) -> list[str]:
        first, extra, second = self._sentences()
        if "bullets" in self.values:
            return self._bullets([first, extra, second])
        if "words" in self.values and "words" not in self.broken:
            return [first]
        return [f"{first} {second}"]

    def _sentences(self) -> tuple[str, str, str]:
        one, two, three = self._adjectives()
        first, second = self._highlighted(one, two)
        short = self.values.get("words") == 8 or {"words", "comma"} <= self.values.keys()
        start = "the" if short else self._pick("the", OPENINGS)
        joint = f"{first}, {second} and {three}" if self._with_comma() else f"{first} and {second}"
        what = f"{start} {self.item.topic} {self._pick('is', VERBS)} {joint}."
        subject, like, time = self._pick("we", SUBJECTS), self._pick("like", LIKES), self._pick("every day", TIMES)
        return what, f"it is {three}.", f"{subject} {like} {self._object()} {time}."

    def _adjectives(self) -> list[str]:
        pool = list(TOPICS[self.item.topic])
        forbidden = self.values.get("forbid")
        if isinstance(forbidden, str):
            pool.remove(forbidden)
        found: list[str] = []
        for _ in range(3):
            found.append(self._pick(pool[0], pool[1:]))
            pool.remove(found[-1])
        if "forbid" in self.broken:
            found[self.draw.randrange(2)] = str(forbidden)
        return found

    def _with_comma(self) -> bool:
        if "comma" in self.values:
            return "comma" in self.broken
        return "words" not in self.values and self.draw.random() < 0.25

    def _object(self) -> str:
        if "keyword" not in self.values:
            return "it"
        if "keyword" not in self.broken:
            return f"the {self.values['keyword']}"
        other = self.draw.choice([word for word in KEYWORDS if word != self.values["keyword"]])
        return self.draw.choice(("it", f"the {other}"))

    def _highlighted(self, one: str, two: str) -> tuple[str, str]:
        if "highlight" not in self.values:
            return one, two
        if "highlight" not in self.broken:
            return f"*{one}*", f"*{two}*" if self.values["highlight"] == 2 else two
        if self.values["highlight"] == 2 and self.draw.random() < 0.5:
            return self.draw.choice(((f"*{one}*", two), (one, f"*{two}*")))
        return self.draw.choice(((one, two), (f"_{one}_", f"_{two}_"), (f"*{one}", two), (f'"{one}"', two)))

    def _bullets(self, sentences: list[str]) -> list[str]:
        wanted = self.values["bullets"]
        if "bullets" not in self.broken:
            return _listed(sentences, int(wanted or 0), "* ")
        if self.draw.random() < 0.3:
            return _listed(sentences, int(wanted or 0), self.draw.choice(("", "+ ", "> ")))
        return _listed(sentences, self.draw.choice([n for n in (1, 2, 3) if n != wanted]), "* ")

    def _placeholder(self, lines: list[str]) -> list[str]:
        call = self._pick("ask", CALLS)
        least = self.values["placeholder"]
        name, place = ("[name]", "[place]")
        if "placeholder" in self.broken:
            if least == 2 and self.draw.random() < 0.5:
                return [*lines, self.draw.choice((f"{call} {name}.", f"{call} them in {place}."))]
            name, place = self.draw.choice((("(name)", "(place)"), ("name", "place"), ("him", "there"), ("<name>", "<place>")))
        return [*lines, f"{call} {name} in {place}." if least == 2 else f"{call} {name}."]

    def _postscript(self, lines: list[str]) -> list[str]:
        mark = "P.S."
        if "postscript" in self.broken:
            mark = self.draw.choice(("PS", "P.S", "S.P.", "And", ""))
        return [*lines, f"{mark} {self._pick('we like it.', REMARKS)}".strip()]

    def _end(self, lines: list[str]) -> list[str]:
        phrase = str(self.values["end"])
        if "end" not in self.broken:
            return [*lines, phrase]
        other = self.draw.choice([end for end in ENDS if end != phrase])
        return [*lines, *self.draw.choice(([phrase, self.draw.choice(AFTER)], [other], [], [f"{phrase[:-1]} now."]))]

    def _title(self, lines: list[str]) -> list[str]:
        words = {"topic": self.item.topic, "adjective": self._adjectives()[0]}
        title = self._pick("the {topic}", TITLES).format(**words)
        if "title" not in self.broken:
            return [f"<<{title}>>", *lines]
        form = self.draw.choice(("<{}>", "# {}", "{}", "= {} =", "<<{}", ""))
        return [form.format(title), *lines] if form else lines

    def _cased(self, text: str) -> str:
        if "upper" in self.values:
            return self._upper(text)
        if "lower" in self.values and "lower" not in self.broken:
            return text.lower()
        if "lower" in self.values and self.draw.random() < 0.3:
            word = self.draw.choice((self.item.topic, "the "))
            return text.lower().replace(word, word.capitalize(), 1)
        return sentence_case(text)

    def _upper(self, text: str) -> str:
        if "upper" not in self.broken:
            return text.upper()
        if self.draw.random() < 0.5:
            return sentence_case(text)
        words = text.upper().split(" ")
        place = self.draw.randrange(len(words))
        words[place] = words[place].lower()
        return " ".join(words) if any(map(str.islower, words)) else text

    def _quoted(self, text: str) -> str:
        if "quote" not in self.values:
            return text
        if "quote" not in self.broken:
            return f'"{text}"'
        return self.draw.choice(('"{}', '{}"', "'{}'", "{}", "{}")).format(text)

    def _pick(self, plain: str, others: Sequence[str]) -> str:
        return plain if self.draw.random() < self.plain else self.draw.choice(others)


def _listed(sentences: Sequence[str], count: int, mark: str) -> list[str]:
    first, extra, second = sentences
    found = {1: [f"{first} {second}"], 2: [first, second], 3: [first, extra, second]}
    return [mark + line for line in found[count]]


def sentence_case(text: str) -> str:
    """The text with a capital letter at the beginning of every line and sentence, and in the word `I`."""
    out, start = [], True
    for word in text.replace("\n", " \n ").split(" "):
        letters = word.lstrip("*<#+=>_[(\"'")
        lead = word[: len(word) - len(letters)]
        out.append(lead + letters[:1].upper() + letters[1:] if (start and letters) or word == "i" else word)
        start = (start and not letters) or word == "\n" or word.endswith((".", "?"))
    return " ".join(out).replace(" \n ", "\n")
