"""How a writing prompt is put to the model: the prompt as its dataset words it, and one sentence that bounds the reply.

    Write a line about a black kite and a storm.
    Reply with the text alone, at most 120 words.

The embedded model is trained on exactly what `ask` builds.
"""

from __future__ import annotations

from cogumi.records import Message

INSTRUCTION = "Reply with the text alone, at most 120 words."
"""The sentence behind every prompt: no remarks around the text, and short enough for the token limit."""


def ask(prompt: str) -> tuple[Message, ...]:
    """The prompt and the instruction, in one user message."""
    return (Message(role="user", content=f"{prompt}\n{INSTRUCTION}"),)
