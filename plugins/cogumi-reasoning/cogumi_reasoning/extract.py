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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from cogumi_reasoning.prompts import LETTERS

LONGEST = 2000
"""Characters of the longest choice that is known by its words."""
MOST = 200
"""Statements of one kind that are looked at; who writes more has written nonsense."""

_NEW_TURN = re.compile(
    r"\n\s{0,8}(?:[#*]{1,6}\s?)?(?:(?:Question|Problem)(?:\s?\d{1,4})?|Q|Human|User|Instruction)\s?(?:\*\*)?:"
    r"|<\|[A-Za-z_]{1,40}\|>|</s>|\[/?INST\]|\nThe following are multiple choice"
)
_OPEN, _CLOSE = r"[*_\"'`“‘(\[{$ \t]{0,8}", r"[*_\"'`”’)\]}$]{0,8}"
_NOUN = r"(?:(?:option|choice|letter|answer)[ \t])?"
_ANOTHER = rf"{_CLOSE}[ \t]?(?:,|/|&|\bor\b|\band\b|\bnor\b)[ \t]?(?:or\b|and\b)?{_OPEN}{_NOUN}(?-i:[A-D])(?![\w'’])"
_END = rf"{_CLOSE}[ \t]{{0,8}}(?:$|[\n,;:!)\]]|\.(?!\w)|[-–—]\s|\(|(?:because|since|as|and)\b)"
_LETTER = rf"(?P<letter>[A-D])(?![\w'’+-])(?!{_ANOTHER})(?={_END})"
"""A letter that no other one is offered besides, and behind which no word goes on that makes it an article."""
_LEAD = re.compile(
    r"\b(?P<final>final[ \t]{1,4})?(?:answer|option|choice)(?:[ \t](?:to|of|for|here)\b[^.\n:]{0,80}?)?"
    r"[*_ \t]{0,6}(?:is|would[ ]be|must[ ]be|should[ ]be|[:=])"
    r"(?:[ \t]?(?:clearly|definitely|most[ ]likely|probably|therefore|thus|simply|likely|indeed))?[: \t]{0,6}",
    re.IGNORECASE,
)
"""What announces an answer."""
_STATED = re.compile(rf"{_OPEN}{_NOUN}{_OPEN}{_LETTER}", re.IGNORECASE)
_CORRECT = re.compile(
    r"(?<!\bor )(?<!\band )(?<!\bnor )(?<!\bif )(?<![\w'’*_\"`(\[{$-])[*_\"'`(\[{$]{0,6}"
    rf"(?P<letter>[A-D]){_CLOSE} (?:is|must be) (?:the )?(?:only )?(?:correct|right|best)\b"
)
_CHOOSE = re.compile(rf"\b(?:choose|pick|select|go with)[ \t]{_OPEN}{_NOUN}{_OPEN}{_LETTER}", re.IGNORECASE)
_BOX = re.compile(r"\\(?:boxed|fbox)\s?\{\s?(?:\\(?:text|textbf|mathrm|mathbf)\s?\{)?([^{}]{1,300})\}")
_LINE = re.compile(  # which of these lines count, `_lines` says
    rf"^[*_\"'`(\[ \t]{{0,8}}{_NOUN}(?P<letter>[A-D])(?![\w'’+-])(?P<rest>[^\n]*)$", re.IGNORECASE | re.MULTILINE
)
_MARKS = " \t*_\"'`“”‘’$()[]{}"
_AROUND = _MARKS + "\r\n.,;:!?"


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
    text, *more = _NEW_TURN.split(completion.lstrip(), maxsplit=1)
    words = [_normal(choice) for choice in choices]
    found = list(_statements(text, words))
    if cut and not more:
        found = [s for s in found if s.closed or text[s.end :].strip(_MARKS)]
    elif not found:
        return _named(text, words)
    return _decided(found, text)


def _decided(found: Sequence[Statement], text: str) -> str | None:
    """The letter that all give, or that the last line gives, or that the final ones give."""
    last = text.rstrip().rfind("\n") + 1
    for group in (found, [s for s in found if s.start >= last], [s for s in found if s.final]):
        letters = {statement.letter for statement in group}
        if len(letters) == 1:
            return letters.pop()
    return None


def _statements(text: str, words: Sequence[str]) -> Iterator[Statement]:
    yield from _led(text, words)
    yield from _boxed(text, words)
    yield from _lines(text, words)
    for pattern in (_CORRECT, _CHOOSE):
        for match in islice(pattern.finditer(text), MOST):
            yield Statement(match["letter"].upper(), match.start("letter"), match.end("letter"), closed=pattern is _CORRECT)


def _led(text: str, words: Sequence[str]) -> Iterator[Statement]:
    """What stands behind "the answer is" and its like: the words of a choice ("B. F. Skinner"), or a letter."""
    for lead in islice(_LEAD.finditer(text), MOST):
        final = lead["final"] is not None
        line = text[lead.end() : lead.end() + LONGEST].partition("\n")[0]
        for said in (line, re.split(r"[.;](?=\s)", line, maxsplit=1)[0]):
            if _normal(said).upper() not in set(LETTERS) and (letter := _named(said, words)):
                yield Statement(letter, lead.end(), lead.end() + len(said), final)
                break
        else:
            if stated := _STATED.match(text, lead.end()):
                yield Statement(stated["letter"].upper(), lead.end(), stated.end("letter"), final)


def _boxed(text: str, words: Sequence[str]) -> Iterator[Statement]:
    for match in islice(_BOX.finditer(text), MOST):
        content = match[1].strip(_AROUND)
        letter = content.upper() if len(content) == 1 and content.upper() in LETTERS else _named(match[1], words)
        if letter:
            yield Statement(letter, match.start(), match.end(), final=True, closed=True)


def _lines(text: str, words: Sequence[str]) -> Iterator[Statement]:
    """A letter that has a line to itself, or one that shares it with its choice, unless several choices are listed so."""
    listed = []
    for match in islice(_LINE.finditer(text), MOST):
        letter, rest = match["letter"].upper(), match["rest"]
        statement = Statement(letter, match.start("letter"), match.end())
        if not rest.strip(_AROUND):
            yield statement
        elif rest[0] in ".):*]" and _normal(rest) == words[LETTERS.index(letter)]:
            listed.append(statement)
    if len({statement.letter for statement in listed}) == 1:
        yield from listed


def _named(text: str, words: Sequence[str]) -> str | None:
    """The letter of the one choice that a text is, as it is written or else in any case."""
    said = _normal(text)
    for same in (str, str.casefold):
        found = [letter for letter, choice in zip(LETTERS, words, strict=True) if said and same(choice) == same(said)]
        if found:
            return found[0] if len(found) == 1 else None
    return None


def _normal(text: str) -> str:
    """Without the marks around it, each gap one space."""
    return " ".join(text.split()).strip(_AROUND)
