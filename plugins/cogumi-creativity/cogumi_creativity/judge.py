"""Which of two texts answers a prompt better: the question to a judge, and how its verdict is read.

    Text 1.   -> first        Verdict: 2   -> second        {"winner": "2"}   -> second        1 or 2   -> None

A language model as the judge of a pair (Zheng et al. 2023, "Judging LLM-as-a-Judge with MT-Bench and Chatbot Arena"). Judges
prefer a place as well as a text; whoever asks therefore asks in both orders and takes a disagreement as a tie.
"""

from __future__ import annotations

import json
import re
from typing import Literal

from cogumi.records import Message

QUESTION = """Which of two texts is the better answer to this request?

Request: {prompt}

Text 1:
{first}

Text 2:
{second}

The better one does what the request asks and is well and freshly written. Length is no merit.
Reply with 1 or 2 and nothing else."""
"""What the judge is asked."""
_NOUN = r"(?:text|answer|option|response|story|one|number|no\.)"
_NAMED = (
    rf"(?:(?:the )?{_NOUN}\W{{0,5}})?(?P<number>[12])|(?:the )?(?P<word>first|second) (?:text|answer|option|response|story|one)"
)
_LABEL = (
    r"(?:(?:so|therefore|thus|hence|overall|no|wait|actually)\W{1,3})?(?:(?:my|the|final|overall) ){0,3}"
    rf"(?:verdict|winner|winning {_NOUN}|answer|choice|preference|judge?ment|decision|vote|(?:better|best)(?: {_NOUN})?)"
    r"\W{0,5}(?:(?:is|goes to|would be)\b)?\W{0,5}"
)
_CHOSEN = r"I (?:would |clearly )?(?:prefer|choose|pick|select|vote for|go with) (?:the )?\W{0,5}"
_BEST = r"(?:clearly |much |slightly )?(?:the )?(?:better|best|winner)(?: (?:one|text|answer|choice))?"
_BETTER = rf"(?:,? (?:is|was|wins|reads)(?: {_BEST})?)?"
_LINE = re.compile(rf"[^\w-]{{0,20}}(?P<label>{_LABEL}|{_CHOSEN})?(?:{_NAMED}){_BETTER}[^\w?]*", re.IGNORECASE)
"""A line that is a verdict and nothing else."""
_KEYS = ("verdict", "winner", "answer", "choice", "preference", "preferred", "better", "best", "decision", "result")
"""Under what a verdict stands in a JSON object."""
WIDEST = 200
"""Characters of the longest line that is read, and a hundred times as many of the longest JSON object."""


def question(prompt: str, first: str, second: str) -> tuple[Message, ...]:
    """Ask for the better of two texts, in one user message."""
    return (Message(role="user", content=QUESTION.format(prompt=prompt, first=first.strip(), second=second.strip())),)


def verdict(text: str) -> Literal["first", "second"] | None:
    """What the first line says, where that is a verdict and nothing else, or else what labelled lines say ("Verdict: 2").

    A JSON object says it under a key like `winner`. Verdicts that differ, and a question, are none.
    """
    said = text.strip()
    if found := _of_json(said):
        return found
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    matches = [match for line in lines if len(line) <= WIDEST and (match := _LINE.fullmatch(line))]
    opening = bool(matches) and matches[0].string == lines[0]
    counted = {_place(match) for match in matches if match["label"] or (opening and match is matches[0])}
    return counted.pop() if len(counted) == 1 else None


def _place(match: re.Match[str]) -> Literal["first", "second"]:
    return "first" if match["number"] == "1" or (match["word"] or "").lower() == "first" else "second"


def _of_json(text: str) -> Literal["first", "second"] | None:
    """The verdict in a JSON object, which may stand in a fence."""
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end < start or len(text) > 100 * WIDEST or text[:start].strip("`\n jsonJSON"):
        return None
    try:
        value = json.loads(text[start : end + 1])
    except (ValueError, RecursionError):
        return None
    given = [str(value[key]).strip() for key in value if key.lower() in _KEYS] if isinstance(value, dict) else []
    matches = [_LINE.fullmatch(said) for said in given if len(said) <= WIDEST]
    places = {None if match is None else _place(match) for match in matches}
    return places.pop() if len(places) == 1 else None
