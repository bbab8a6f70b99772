"""How a problem is put to the model: as a chat message, or as plain text to be continued.

`chat` is one user message: an instruction and the function's head in a fence. `completion` is the head itself and nothing
else, for models that continue text (without a chat template a single message is plain text). `described` is for problems
in MBPP's schema, which have no head: the task, the function's name and one of its tests, as MBPP's authors prompt it
(Austin et al. 2021, arXiv 2108.07732). The embedded model is trained on exactly what `chat` builds.
"""

from __future__ import annotations

from cogumi.records import Message

INSTRUCTION = "Complete this Python function. Answer with code only."
"""The sentence before every function's head."""


def chat(prompt: str) -> tuple[Message, ...]:
    """The instruction and the head of the function, in one user message."""
    return _user(f"{INSTRUCTION}\n```python\n{prompt.strip()}\n```")


def completion(prompt: str) -> tuple[Message, ...]:
    """The head of the function as it stands."""
    return _user(prompt)


def described(task: str, name: str, example: str, setup: str) -> tuple[Message, ...]:
    """A task in words, the name to use ("function `add`"), one test that has to hold, and what is defined already."""
    given = f"This is defined already:\n```python\n{setup.strip()}\n```\n" if setup.strip() else ""
    wanted = f"Call the {name}. This must hold:\n```python\n{example.strip()}\n```\n"
    return _user(f"{task.strip()}\n{given}{wanted}Answer with code only.")


def docstring(task: str, example: str, setup: str) -> tuple[Message, ...]:
    """A task and one of its tests as a docstring to be continued."""
    return _user(f'{setup}"""\n{task.strip()}\n{example.strip()}\n"""\n')


def _user(content: str) -> tuple[Message, ...]:
    return (Message(role="user", content=content),)
