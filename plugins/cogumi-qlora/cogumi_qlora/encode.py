"""Examples to token ids, with everything checked that has to hold before a single step is taken.

The ids trained on are the ids sampled with: the same chat template, one BOS at the start, the sampled target ids where they
are known, and an end id that is part of what is learned. Whatever does not hold is a `BadInput` that names the example.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cogumi.chat import Chat, digest
from cogumi.errors import BadInput
from cogumi.records import Demonstration


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """One example as the model sees it."""

    id: str
    """`Demonstration.id`."""
    ids: tuple[int, ...]
    """The prompt's ids, then the target's, an end id last."""
    start: int
    """Where the target begins: `ids[start:]` is learned, `ids[:start]` is not."""
    temperature: float
    """`Demonstration.train_temperature`."""

    @property
    def targets(self) -> int:
        """Number of tokens learned."""
        return len(self.ids) - self.start


def encode_all(examples: Sequence[Demonstration], chat: Chat, limit: int) -> list[Encoded]:
    """All examples, in order; `limit` is the most tokens of one. Raises `BadInput` naming the first bad example."""
    if not examples:
        raise BadInput("there is nothing to train on", field="examples", fix="give at least one example")
    seen: set[str] = set()
    for example in examples:
        if example.id in seen:
            raise _bad(example, "two examples have this id", "give each its own")
        seen.add(example.id)
    return [encode(example, chat, limit) for example in examples]


def encode(example: Demonstration, chat: Chat, limit: int) -> Encoded:
    """One example. Raises `BadInput` naming it when its ids are not those it was sampled with."""
    if len(example.messages) < 2 or example.messages[-1]["role"] != "assistant":
        raise _bad(example, "its messages must be a prompt and, last, the assistant's turn", "end with an assistant message")
    if not 0.0 <= example.train_temperature < float("inf"):
        raise _bad(example, f"train temperature {example.train_temperature}", "0.0, or a positive number")
    prompt = chat.prompt_ids(example.messages[:-1])
    _check_prompt(example, prompt, chat)
    target = _target(example, chat)
    if len(prompt) + len(target) > limit:
        raise _bad(example, f"{len(prompt) + len(target)} tokens, the limit is {limit}", "leave it out, or raise max_length")
    return Encoded(id=example.id, ids=(*prompt, *target), start=len(prompt), temperature=float(example.train_temperature))


def altered(examples: Sequence[Demonstration], encoded: Sequence[Encoded], chat: Chat) -> list[str]:
    """The examples whose text the tokenizer does not give back as it was, where their sampled ids are not known."""
    pairs = [(e, c) for e, c in zip(examples, encoded, strict=True) if e.token_ids is None]
    return [e.id for e, c in pairs if chat.text(c.ids[c.start :]) != e.messages[-1]["content"]]


def _check_prompt(example: Demonstration, prompt: Sequence[int], chat: Chat) -> None:
    if not prompt:
        raise _bad(example, "its prompt is empty", "give it a question")
    if example.prompt_digest is not None and digest(prompt) != example.prompt_digest:
        fix = "sample and train with the same tokenizer and chat template"
        raise _bad(example, "its prompt is not the one it was sampled after (the token ids differ)", fix)


def _target(example: Demonstration, chat: Chat) -> list[int]:
    text = example.messages[-1]["content"]
    if example.token_ids is None:
        target = chat.target_ids(text)
    else:
        target = list(example.token_ids)
        if chat.text(target) != text:
            raise _bad(example, "its token ids do not decode to its assistant text", "give the ids as they were sampled")
    _check_target(example, target, chat)
    return target


def _check_target(example: Demonstration, target: Sequence[int], chat: Chat) -> None:
    if not target or target[-1] not in chat.end_ids:
        raise _bad(example, "its target was cut off: no end-of-turn token at its end", "leave truncated samples out")
    if any(token in chat.end_ids for token in target[:-1]):
        raise _bad(example, "an end-of-turn token stands inside its target", "leave it out")
    if chat.bos_id is not None and chat.bos_id in target:
        raise _bad(example, "a BOS token stands inside its target", "leave it out")


def _bad(example: Demonstration, problem: str, fix: str) -> BadInput:
    return BadInput(problem, field=f"example {example.id}", fix=fix)
