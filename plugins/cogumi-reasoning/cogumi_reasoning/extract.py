r"""The letter that a completion gives as its answer.

    "A dog is no fruit, and B is one.\nThe answer is (B)."      ->  B

The form asked for is "The answer is B."; models also write `B`, `(B)`, `**B.** plum`, `Answer: B`, `\boxed{B}`, "Option B is
correct", or the words of the choice. The rules:

1. A completion that goes on after its answer with a new question or a new turn is read only up to there.
2. A letter counts where it is stated: behind "the answer is" and its like, in a box, before "is correct", or alone on a
   line (its own choice may follow). "A" before another word is an article, and "A or B" states nothing.
3. In the same places the exact text of one choice counts as its letter; so does a completion that is nothing else.
4. If all statements agree, that is the answer. If they do not, the last line decides if it states one; then what is called
   final or stands in a box; else there is no answer.
5. In a completion that was cut at its token limit, a statement that the cut may have gone through does not count.

Any text may come in: nothing here raises, and the time taken grows with the length of the text alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from cogumi_reasoning.prompts import LETTERS

MOST = 200
"""Statements of one completion that are looked at; who writes more has written nonsense."""

_NEW_TURN = re.compile(
    r"\n\s{0,8}(?:[#*]{1,6}\s?)?(?:(?:Question|Problem)(?:\s?\d{1,4})?|Q|Human|User|Instruction)\s?(?:\*\*)?:"
    r"|<\|[A-Za-z_]{1,40}\|>|</s>|\[/?INST\]|\nThe following are multiple choice"
)
_OPEN, _CLOSE = r"[*_\"'`“‘(\[{$\s]{0,8}", r"[*_\"'`”’)\]}$]{0,8}"
_OTHER = rf"(?!{_CLOSE}\s?(?:,|/|&|\bor\b|\band\b|\bnor\b)\s?(?:or\b|and\b)?{_OPEN}(?:option\s)?[A-D](?![\w'’]))"
_END = rf"(?={_CLOSE}\s{{0,8}}(?:$|[\n,;:!?)\]]|\.(?!\w)|[-–—]\s|\(|(?:because|since|as|is|which|and|so|for)\b))"
_LETTER = rf"(?P<letter>[A-Da-d])(?![\w'’+-]){_OTHER}{_END}"
_IS = r"(?:is|would\sbe|must\sbe|should\sbe|[:=])"
_SURELY = r"(?:\s?(?:clearly|definitely|most\slikely|probably|therefore|thus|simply|likely|indeed))?"
_LEAD = re.compile(
    rf"\b(?P<final>final\s{{1,4}})?(?:answer|option|choice)(?:\s(?:to|of|for|here)\b[^.\n:]{{0,80}}?)?"
    rf"[*_\s]{{0,6}}{_IS}{_SURELY}[:\s]{{0,6}}",
    re.IGNORECASE,
)
_NAMED = re.compile(rf"{_OPEN}(?:(?:option|choice|letter|answer){_OPEN})?{_LETTER}", re.IGNORECASE)
_CORRECT = re.compile(
    rf"(?<!\bor )(?<!\band )(?<!\bnor )(?<!\bif ){_OPEN}\b(?P<letter>[A-D]){_CLOSE}\s(?:is|must\sbe)\s"
    r"(?:the\s)?(?:only\s)?(?:correct|right|best|true)\b"
)
_CHOOSE = re.compile(
    rf"\b(?:choose|pick|select|go\swith)\s{_OPEN}(?:(?:option|choice|letter|answer)\s)?{_LETTER}", re.IGNORECASE
)
_BOX = re.compile(r"\\(?:boxed|fbox)\s?\{\s?(?:\\(?:text|textbf|mathrm|mathbf)\s?\{)?([^{}]{1,300})\}")
_LINE = re.compile(
    r"^[*_\"'`(\[\s]{0,8}(?:(?:option|choice|answer)\s)?(?P<letter>[A-D])(?![\w'’+-])(?P<rest>[^\n]{0,600})$",
    re.IGNORECASE | re.MULTILINE,
)
_AROUND = " \t\r\n*_\"'`“”‘’$.,;:!?()[]{}"


@dataclass(frozen=True, slots=True)
class Statement:
    """One place where a completion states its answer."""

    letter: str
    """A to D."""
    start: int
    """Where it begins."""
    end: int
    """Where the text behind it goes on."""
    final: bool = False
    """It is called final, or stands in a box."""
    closed: bool = False
    """It is closed by itself, so that no cut can have gone through it."""


def final_letter(completion: str, choices: Sequence[str], *, cut: bool = False) -> str | None:
    """The letter of the answer, or None; `cut` says that the completion ended at its token limit."""
    text, *more = _NEW_TURN.split(completion.strip(), maxsplit=1)
    words = _by_words(choices)
    found = list(_statements(text, choices, words))
    if cut and not more:
        found = [s for s in found if s.closed or text[s.end :].strip(_AROUND.replace(".", "") + "\n")]
    elif not found:
        return words.get(_normal(text))
    return _decided(found, text)


def _decided(found: Sequence[Statement], text: str) -> str | None:
    """The letter that all give, or that the last line gives, or that the final ones give."""
    last = text.rstrip().rfind("\n") + 1
    for group in (found, [s for s in found if s.start >= last], [s for s in found if s.final]):
        letters = {statement.letter for statement in group}
        if len(letters) == 1:
            return letters.pop()
    return None


def _statements(text: str, choices: Sequence[str], words: Mapping[str, str]) -> Iterator[Statement]:
    yield from islice(_led(text, words), MOST)
    yield from islice(_boxed(text, words), MOST)
    yield from islice(_lines(text, choices), MOST)
    for pattern in (_CORRECT, _CHOOSE):
        for match in islice(pattern.finditer(text), MOST):
            yield Statement(match["letter"].upper(), match.start("letter"), match.end("letter"), closed=pattern is _CORRECT)


def _led(text: str, words: Mapping[str, str]) -> Iterator[Statement]:
    """What stands behind "the answer is" and its like."""
    for lead in _LEAD.finditer(text):
        final = lead["final"] is not None
        if named := _NAMED.match(text, lead.end()):
            yield Statement(named["letter"].upper(), lead.end(), named.end("letter"), final)
            continue
        line = text[lead.end() : lead.end() + 600].partition("\n")[0]
        for said in (line, re.split(r"[.;](?=\s)", line, maxsplit=1)[0]):
            if letter := words.get(_normal(said)):
                yield Statement(letter, lead.end(), lead.end() + len(said), final)
                break


def _boxed(text: str, words: Mapping[str, str]) -> Iterator[Statement]:
    for match in _BOX.finditer(text):
        content = match[1].strip(_AROUND)
        letter = content.upper() if len(content) == 1 and content.upper() in LETTERS else words.get(_normal(match[1]))
        if letter:
            yield Statement(letter, match.start(), match.end(), final=True, closed=True)


def _lines(text: str, choices: Sequence[str]) -> Iterator[Statement]:
    """A letter that has a line to itself, or one that shares it with its choice, unless several choices are listed so."""
    listed = []
    for match in _LINE.finditer(text):
        letter, rest = match["letter"].upper(), match["rest"]
        statement = Statement(letter, match.start("letter"), match.end())
        if not rest.strip(_AROUND):
            yield statement
        elif rest[0] in ".):*]" and _normal(rest) == _normal(choices[LETTERS.index(letter)]):
            listed.append(statement)
    if len({statement.letter for statement in listed}) == 1:
        yield from listed


def _by_words(choices: Sequence[str]) -> dict[str, str]:
    """The letter of each choice by its words; a text that two choices share is the name of neither."""
    normal = [_normal(choice) for choice in choices]
    return {text: LETTERS[place] for place, text in enumerate(normal) if text and normal.count(text) == 1}


def _normal(text: str) -> str:
    """Without the marks around it, in lower case, each gap one space."""
    return " ".join(text.split()).strip(_AROUND).casefold()
