"""Which of two texts answers a prompt better: the question to a judge, and how its verdict is read.

    Text 1.   -> first        **2**   -> second        Both are good.   -> None

A language model as the judge of a pair (Zheng et al. 2023, "Judging LLM-as-a-Judge with MT-Bench and Chatbot Arena"). Judges
prefer a place as well as a text; whoever asks therefore asks in both orders and takes a disagreement as a tie.
"""

from __future__ import annotations

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
VERDICT = re.compile(r"\W*(?:(?:the )?(?:better (?:one|text)|answer) is\W+)?(?:text )?([12])(?: is better)?\W*", re.IGNORECASE)
"""A line that is a verdict and nothing else."""


def question(prompt: str, first: str, second: str) -> tuple[Message, ...]:
    """Ask for the better of two texts, in one user message."""
    return (Message(role="user", content=QUESTION.format(prompt=prompt, first=first.strip(), second=second.strip())),)


def verdict(text: str) -> Literal["first", "second"] | None:
    """What the first line says, where that is one of the numbers and nothing else; reasons may follow."""
    found = VERDICT.fullmatch(text.strip().partition("\n")[0])
    if found is None:
        return None
    return "first" if found[1] == "1" else "second"
