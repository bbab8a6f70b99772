r"""A text that meets all constraints of a prompt, built from plain clauses: what "a right answer" means to the checks.

    no commas, at least 3 placeholders, a title   ->   "<<we>>\n[we] [we] [we] we go home"

Contract: the text says nothing about the prompt's subject, and need not: IFEval (Zhou et al. 2023) judges constraints alone.
It is built without looking at the checkers' verdicts and then shown to them; where no attempt meets everything, as when
a prompt that must be repeated has the commas that are forbidden, the attempt that meets most is given.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice

from cogumi.records import JSON
from cogumi_instruction.checkers import Constraint, strict
from cogumi_instruction.clauses import ENGLISH, OTHERS


def conforming(constraints: Sequence[Constraint]) -> str:
    """A text that meets all constraints, or the attempt that meets most."""
    attempts: list[str] = []
    for attempt in _attempts(Wants(tuple(constraints))):
        if all(strict(constraints, attempt)):
            return attempt
        attempts.append(attempt)
    return max(attempts, key=lambda text: sum(strict(constraints, text)))


@dataclass(frozen=True)
class Wants:
    """What a text has to be like."""

    constraints: tuple[Constraint, ...]
    """All that is asked for."""

    def has(self, name: str) -> bool:
        """Whether there is a constraint whose id ends so."""
        return bool(self.all(name))

    def all(self, name: str) -> list[Mapping[str, JSON]]:
        """The kwargs of the constraints whose ids end so."""
        return [each.kwargs for each in self.constraints if each.instruction.endswith(f":{name}")]

    def value(self, name: str, field: str, default: JSON = None) -> JSON:
        """One of the kwargs of the constraint whose id ends so."""
        return next((kwargs[field] for kwargs in self.all(name)), default)

    def least(self, name: str, number: str, relation: str = "relation") -> int:
        """The largest number that is asked for with `at least`; 0 where none is."""
        return max((kwargs[number] for kwargs in self.all(name) if kwargs[relation] == "at least"), default=0)


def _attempts(wants: Wants) -> Iterator[str]:
    clauses = _allowed(wants) or ["ok"]
    for chosen in (clauses, clauses[::-1], *([clause] for clause in clauses)):
        for padding in (0, 80):
            yield _Draft(wants, chosen, padding).text()


def _allowed(wants: Wants) -> list[str]:
    language = wants.value("response_language", "language", "en")
    clauses = ENGLISH if language == "en" else (OTHERS.get(language, ENGLISH[0]),)
    words = [word for kwargs in wants.all("forbidden_words") for word in kwargs["forbidden_words"]]
    words += [kwargs["keyword"] for kwargs in wants.all("frequency") if kwargs["relation"] == "less than"]
    words += [re.escape(kwargs["letter"]) for kwargs in wants.all("letter_frequency") if kwargs["let_relation"] == "less than"]
    return [clause for clause in clauses if not any(re.search(word, clause, re.IGNORECASE) for word in words)]


@dataclass(frozen=True)
class _Draft:
    """One attempt."""

    wants: Wants
    """What the text has to be like."""
    clauses: Sequence[str]
    """What it is built from."""
    padding: int
    """Words to add to what is needed, so that the language shows."""

    def text(self) -> str:
        """The text, with as much filling as it takes."""
        from lm_eval.tasks.ifeval import instructions_util as count

        short = self._whole("")
        sentences = self.wants.least("number_sentences", "num_sentences")
        if sentences:
            sentences = max(0, sentences - count.count_sentences(short)) + 1
        words = max(0, self.wants.least("number_words", "num_words") - count.count_words(short)) + self.padding
        return self._whole(self._filling(sentences, words)) if sentences or words else short

    def _filling(self, sentences: int, words: int) -> str:
        supply = cycle(self.clauses)
        found = [f"{clause.capitalize()}." for clause in islice(supply, sentences)]
        missing = words - len(" ".join(found).split())
        while missing > 0:
            clause = next(supply)
            found.append(clause)
            missing -= len(re.findall(r"\w+", clause))
        return " ".join(found)

    def _whole(self, filling: str) -> str:
        wants, chunks = self.wants, self._chunks(filling)
        text = self._joined(chunks)
        if wants.has("two_responses"):
            text += f"\n******\n{self.clauses[-1]} {self.clauses[0]}"
        if wants.has("postscript"):
            text += f"\n{wants.value('postscript', 'postscript_marker')} {self.clauses[0]}"
        if wants.has("end_checker"):
            text += f"\n{wants.value('end_checker', 'end_phrase')}"
        return self._wrapped(self._cased(text))

    def _wrapped(self, text: str) -> str:
        if self.wants.has("repeat_prompt"):
            text = f"{self.wants.value('repeat_prompt', 'prompt_to_repeat')}\n{text}"
        if self.wants.has("json_format"):
            text = json.dumps({"text": text})
        return f'"{text}"' if self.wants.has("quotation") else text

    def _cased(self, text: str) -> str:
        if self.wants.has("english_capital"):
            return text.upper()
        return text.lower() if self.wants.has("english_lowercase") else text

    def _chunks(self, filling: str) -> list[str]:
        wants = self.wants
        first = wants.all("nth_paragraph_first_word")
        count = max(
            wants.value("number_paragraphs", "num_paragraphs", 1),
            wants.value("multiple_sections", "num_sections", 1),
            wants.value("nth_paragraph_first_word", "num_paragraphs", 1),
        )
        chunks = list(islice(cycle(self.clauses), count))
        for kwargs in first:
            place = kwargs["nth_paragraph"] - 1
            chunks[place] = f"{kwargs['first_word']} {chunks[place]}"
        chunks[0] = "\n".join([" ".join([chunks[0], *self._bits()]), *self._bullets()])
        chunks[-1] = f"{chunks[-1]}\n{filling}".strip()
        return chunks

    def _joined(self, chunks: list[str]) -> str:
        if self.wants.has("multiple_sections"):
            mark = self.wants.value("multiple_sections", "section_spliter").strip()
            return "\n".join(f"{mark} {place}\n{chunk}" for place, chunk in enumerate(chunks, 1))
        return ("\n***\n" if self.wants.has("number_paragraphs") else "\n\n").join(chunks)

    def _bullets(self) -> list[str]:
        return [f"* {self.clauses[0]}"] * self.wants.value("number_bullet_lists", "num_bullets", 0)

    def _bits(self) -> list[str]:
        """Words and marks that may stand anywhere."""
        wants, word = self.wants, self.clauses[0].split()[0]
        bits = self._keywords()
        bits += [f"[{word}]"] * wants.value("number_placeholders", "num_placeholders", 0)
        bits += [f"*{word}*"] * wants.value("number_highlighted_sections", "num_highlights", 0)
        bits += [f"<<{word}>>"] * wants.has("title")
        bits += [word.upper()] * wants.least("capital_word_frequency", "capital_frequency", "capital_relation")
        bits += ["My answer is yes."] * wants.has("constrained_response")
        for kwargs in wants.all("letter_frequency"):
            bits += [kwargs["letter"] * kwargs["let_frequency"]] * (kwargs["let_relation"] == "at least")
        return bits

    def _keywords(self) -> list[str]:
        often = [k for k in self.wants.all("frequency") if k["relation"] == "at least"]
        words = [kwargs["keyword"] for kwargs in often for _ in range(kwargs["frequency"])]
        wanted = [word for kwargs in self.wants.all("existence") for word in kwargs["keywords"]]
        return words + [word for word in wanted if word not in words]
