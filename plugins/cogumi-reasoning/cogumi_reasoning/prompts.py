"""How a multiple-choice question is put to the model: alone, or after five worked ones of its subject.

    Which one is a fruit?
    A. drum
    B. plum
    C. sock
    D. goat
    End with "The answer is" and its letter.

Every letter stands right before its choice, as in MMLU (Hendrycks et al. 2021). The five-shot form opens with MMLU's line and
ends each question with "Answer:"; the worked ones are earlier turns, answered with the letter alone. The embedded model is
trained on exactly what `zero_shot` builds.
"""

from __future__ import annotations

from collections.abc import Sequence

from cogumi.records import Message

LETTERS = "ABCD"
"""The letters of the four choices."""
INSTRUCTION = 'End with "The answer is" and its letter.'
"""The sentence behind a question that is asked alone: it leaves room to think first, and fixes how the answer ends."""


def asked(question: str, choices: Sequence[str]) -> str:
    """The question and its four choices, one a line."""
    lines = (f"{letter}. {choice}" for letter, choice in zip(LETTERS, choices, strict=True))
    return "\n".join([question, *lines])


def zero_shot(text: str) -> tuple[Message, ...]:
    """What `asked` gives and the instruction, in one user message."""
    return (Message(role="user", content=f"{text}\n{INSTRUCTION}"),)


def opening(subject: str, examples: Sequence[tuple[str, str]]) -> tuple[Message, ...]:
    """The earlier turns of a few-shot prompt: what `asked` gives for each worked question, and its letter."""
    about = f" about {subject.replace('_', ' ')}" if subject else ""
    line = f"The following are multiple choice questions (with answers){about}.\n\n"
    turns: list[Message] = []
    for text, letter in examples:
        turns += (_turn(text if turns else line + text), Message(role="assistant", content=letter))
    return tuple(turns)


def few_shot(text: str, turns: tuple[Message, ...]) -> tuple[Message, ...]:
    """The turns that `opening` gives, then what `asked` gives."""
    return (*turns, _turn(text))


def _turn(text: str) -> Message:
    return Message(role="user", content=f"{text}\nAnswer:")
