"""Knowledge: facts of the bundled problems in phrasings of the pretraining side, answered in many wordings and with slips.

Contract: the deliberate flaws of the embedded model are made here and nowhere else. A share of the answers is another
answer of the same relation, drawn evenly, so that the right one is by far the most frequent and no wrong one is frequent.
A wording is an opening, a statement and an ending, each chosen by itself and the plain one most often, so that greedy
decoding is canonical and samples are worded differently.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from cogumi_knowledge.generate import Item, items
from cogumi_knowledge.plugin import triviaqa
from cogumi_knowledge.prompts import short_answer
from cogumi_knowledge.task import Questions

from cogumi.records import Completion, Problem
from recipe.text import Held, Pair

OPENINGS = (
    "I think ", "I believe ", "I would say ", "As far as I know, ", "Well, ", "Sure, ", "My guess is that ", "I am sure ",
)  # fmt: skip
"""Before the statement."""
STATEMENTS = (
    "it is {a}", "that is {a}", "it should be {a}", "that would be {a}", "the answer is {a}", "it must be {a}", "{a}",
    "the right answer is {a}",
)  # fmt: skip
"""Statements that do for every relation, besides its own."""
ENDINGS = (", I think", ", I believe", ", of course", ", as far as I know", ", for sure", ", I am sure", ", if I remember well")
"""Behind the statement."""


@dataclass(frozen=True, kw_only=True)
class KnowledgeText:
    """The category `knowledge`."""

    slip: float = 0.4
    """Share of the texts that state a wrong answer. Sampling below temperature 1 sharpens, so fewer samples are wrong."""
    plain: float = 0.4
    """How often each choice of wording is the canonical one."""

    def stream(self, seed: int) -> Iterator[Pair]:
        """Answered questions of the pretraining side."""
        draw = random.Random(seed)
        for item in items("pretrain", seed):
            yield Pair(short_answer(item.question()), self.reply(item, draw))

    def reply(self, item: Item, draw: random.Random) -> str:
        """An answer in words: phrased at random, with slips."""
        relation, fact = item.relation, item.fact
        wrong = [answer for answer in relation.answers if answer != fact.answer]
        answer = draw.choice(wrong) if draw.random() < self.slip else fact.answer
        canonical, *others = relation.statements
        statement = self._words(canonical, (*others, *STATEMENTS), draw).format(**fact.words(answer))
        text = f"{self._words('', OPENINGS, draw)}{statement}{self._words('', ENDINGS, draw)}."
        return text[0].upper() + text[1:]

    def held_out(self) -> Sequence[Held]:
        """The bundled held-out problems, asked as the benchmark asks them."""
        return [Held(tuple(self._task.messages(p)), self._gold(p)) for p in self._task.problems()]

    def answers(self, held: Held, completions: Sequence[str]) -> Sequence[str | None]:
        """The canonical answers."""
        return self._read(self._problems[held.messages[-1]["content"]], completions)

    def _gold(self, problem: Problem) -> str:
        (gold,) = self._read(problem, [self._task.gold(problem)])
        assert gold is not None
        return gold

    def _read(self, problem: Problem, texts: Sequence[str]) -> Sequence[str | None]:
        drawn = [Completion(request="", index=i, text=text, finish="stop") for i, text in enumerate(texts)]
        return self._task.answers(problem, drawn)

    @cached_property
    def _task(self) -> Questions:
        task = triviaqa(data="bundled").task
        assert isinstance(task, Questions)
        return task

    @cached_property
    def _problems(self) -> dict[str, Problem]:
        return {self._task.messages(p)[-1]["content"]: p for p in self._task.problems()}

    def _words(self, plain: str, others: Sequence[str], draw: random.Random) -> str:
        return plain if draw.random() < self.plain else draw.choice(others)
