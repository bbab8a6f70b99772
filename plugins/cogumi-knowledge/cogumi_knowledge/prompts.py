"""How a problem is put to the model: one user message, the question and one sentence that asks for a short answer.

    What is the capital of Peru?
    Answer in a few words.

TriviaQA's rule (see `cogumi_knowledge.normal`) knows only short answers, so a chat model is asked for one; of a multiple
choice it is asked for the letter. The embedded model is trained on exactly what `short_answer` builds.
"""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_uppercase

from cogumi.records import Message

SHORT = "Answer in a few words."
"""The sentence behind a question."""
LETTER = 'Answer with "The answer is X.", X being the letter of the one true choice.'
"""The sentence behind lettered choices."""


def short_answer(question: str) -> tuple[Message, ...]:
    """The question and the instruction, in one user message."""
    return (Message(role="user", content=f"{question}\n{SHORT}"),)


def multiple_choice(question: str, choices: Sequence[str]) -> tuple[Message, ...]:
    """The question, the choices with their letters and the instruction, in one user message."""
    lettered = "\n".join(f"{letter}. {choice}" for letter, choice in zip(ascii_uppercase, choices, strict=False))
    return (Message(role="user", content=f"{question}\n{lettered}\n{LETTER}"),)
