"""The sentences of a completion, as far as an answer may stand in them.

    "Sure! It is **St. Louis**. It is on a river."    ->    It is St. Louis. | It is on a river.

Contract: turns that a model makes up, marks of Markdown, and hedges and fillers at the beginning of a sentence are gone.
At most `MOST` sentences of at most `WIDEST` characters are given, so that the time taken
grows with the length of the text alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from cogumi_knowledge.words import ENDING, OPENING

MOST = 40
"""Sentences that are looked at; who writes more gives no short answer."""
WIDEST = 400
"""Characters of a sentence that are looked at."""
TURNS = 3
"""Turns that are looked at: a model may repeat the question before it answers."""
NEAR = 12
"""Characters around a point that tell whether a sentence ends there."""

_NEW_TURN = re.compile(
    r"\n\s{0,8}(?:[#*]{1,6}\s?)?(?:Question(?:\s?\d{1,4})?|Q|Human|User|Instruction)\s?(?:\*\*)?:"
    r"|<\|[A-Za-z_]{1,40}\|>|</s>|\[/?INST\]"
)
_MARKS = re.compile(r"[*`]+|(?<!\w)_+|_+(?!\w)|^[ \t]{0,8}(?:#{1,6}|[-•>])[ \t]+", re.MULTILINE)
_ANNOUNCED = re.compile(r":[ \t]*\n\s*")
_WHOLE = re.compile(r"[.!?](?=\s|$)|\n")
_END = re.compile(r"\n+|(?<=[.!?…])(?:[\"'”’)\]]*)\s+(?![Oo]r\b)")
_SHORTENED = re.compile(r"(?:^|[\s(.])(?:[A-Z]|Dr|Mr|Mrs|Ms|St|Jr|Sr|Mt|No|vs|Prof|Gen|Sgt|Capt|Lt|Col)\.$")
_LETTER_END = re.compile(r"\b(?:is|be|are)\s+[A-Z]\.$")
_NEW_SENTENCE = re.compile(r"(?:It|I|This|That|The)\b")


def turns(completion: str, *, cut: bool) -> list[str]:
    """A completion up to where a new turn begins, and between the next ones; `cut`: only up to the last whole sentence."""
    parts = _NEW_TURN.split(completion)
    if cut:
        parts[-1] = parts[-1][: max((end.end() for end in _WHOLE.finditer(parts[-1])), default=0)]
    return parts[:TURNS]


def plain(text: str) -> str:
    """A text without marks of Markdown; what a colon at the end of a line announces stands behind it."""
    return _ANNOUNCED.sub(": ", _MARKS.sub("", text))


def sentences(text: str) -> list[str]:
    """The sentences of a plain text, without those that are fillers alone ("Sure!")."""
    return list(islice(_sentences(text), MOST))


def opened(sentence: str) -> str:
    """A sentence without the hedges at its beginning; of one that is a hedge alone nothing is left."""
    text = sentence.strip()
    while match := OPENING.match(text):
        text = text[match.end() :]
    return text if any(c.isalnum() for c in text) else ""


def ended(sentence: str) -> str:
    """A sentence without the hedges at its end."""
    while match := ENDING.search(sentence):
        sentence = sentence[: match.start()]
    return sentence


def _sentences(text: str) -> Iterator[str]:
    start = 0
    for match in _END.finditer(text):
        before, after = text[max(start, match.start() - NEAR) : match.start()], text[match.end() : match.end() + NEAR]
        if "\n" not in match[0] and _goes_on(before, after):
            continue
        if sentence := opened(text[start : match.start()][:WIDEST]):
            yield sentence
        start = match.end()
    if sentence := opened(text[start:][:WIDEST]):
        yield sentence


def _goes_on(before: str, after: str) -> bool:
    """Whether a point belongs to "J. K." or "Dr."; "It is C. I know" are two sentences all the same."""
    letter = _LETTER_END.search(before) is not None and _NEW_SENTENCE.match(after) is not None
    return _SHORTENED.search(before) is not None and not letter
