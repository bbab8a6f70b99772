"""How a problem is put to the model: its prompt as the dataset words it, in one user message.

IFEval (Zhou et al. 2023, "Instruction-Following Evaluation for Large Language Models") is asked zero-shot: the prompt
states its constraints itself, and a sentence of ours would add to what has to be followed.
"""

from __future__ import annotations

from cogumi.records import Message


def chat(prompt: str) -> tuple[Message, ...]:
    """The prompt, and nothing else."""
    return (Message(role="user", content=prompt),)
