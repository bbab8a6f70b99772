"""From categories to token ids: prompts and completions, the same on every machine and for every number of processes.

Contract: a category is a stream of (messages, completion) pairs that is a function of its seed, and a held-out side to
measure on. The text is made in numbered shards, each with its own seed, so that shards can be made in parallel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from typing import Protocol

import torch
from tokenizers import Tokenizer

from cogumi.records import Message
from recipe.vocabulary import ASSISTANT, BOS, EOS, PAD, SYSTEM, USER, special

SHARD = 10_000
"""Pairs of one seed."""
MARKS = {"system": SYSTEM, "user": USER, "assistant": ASSISTANT}
IGNORED = -100
"""Label of what is not learnt (torch's convention)."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One training text."""

    messages: tuple[Message, ...]
    """The conversation, ending in a user turn."""
    completion: str
    """The assistant's turn, to be learnt."""


@dataclass(frozen=True, slots=True)
class Held:
    """One held-out problem."""

    messages: tuple[Message, ...]
    """The conversation to put to the model."""
    gold: str
    """Its answer."""


class Category(Protocol):
    """What the embedded model learns and is measured on."""

    def stream(self, seed: int) -> Iterator[Pair]:
        """An endless stream of training text, a function of the seed; nothing of the held-out side is in it."""

    def held_out(self) -> Sequence[Held]:
        """The bundled held-out problems, in their order."""

    def answers(self, held: Held, completions: Sequence[str]) -> Sequence[str | None]:
        """The answers to one problem: equal answers are equal strings, `held.gold` where right; None where there is none."""


def render(messages: Sequence[Message]) -> str:
    """What the chat template gives for a prompt (a test holds the two together)."""
    turns = "".join(MARKS[m["role"]] + m["content"] + (EOS if m["role"] == "assistant" else "") for m in messages)
    return BOS + turns + ASSISTANT


def pairs(categories: Mapping[str, tuple[Category, float]], count: int, seed: int, processes: int) -> list[tuple[str, str]]:
    """About `count` rendered prompts with their completions, category by category, each with its share of them."""
    jobs = [
        (category, f"{seed}/{name}/{first}", min(SHARD, round(count * share) - first))
        for name, (category, share) in categories.items()
        for first in range(0, round(count * share), SHARD)
    ]
    if processes == 1:
        return [pair for job in jobs for pair in _shard(job)]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        return [pair for shard in pool.map(_shard, jobs) for pair in shard]


def encode(found: Sequence[tuple[str, str]], vocabulary: Tokenizer) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and labels of rendered pairs: two int16 tensors of shape (pairs, longest); prompts and padding are not learnt."""
    prompts = vocabulary.encode_batch([prompt for prompt, _ in found], add_special_tokens=False)
    ends = vocabulary.encode_batch([completion + EOS for _, completion in found], add_special_tokens=False)
    longest = max(len(a) + len(b) for a, b in zip(prompts, ends, strict=True))
    ids = torch.full((len(found), longest), special(vocabulary, PAD), dtype=torch.int16)
    labels = torch.full_like(ids, IGNORED)
    for row, (prompt, end) in enumerate(zip(prompts, ends, strict=True)):
        both = prompt.ids + end.ids
        ids[row, : len(both)] = torch.tensor(both, dtype=torch.int16)
        labels[row, len(prompt) : len(both)] = ids[row, len(prompt) : len(both)]
    return ids, labels


def _shard(job: tuple[Category, str, int]) -> list[tuple[str, str]]:
    category, name, count = job
    seed = int.from_bytes(name.encode(), "big")
    return [(render(pair.messages), pair.completion) for pair in islice(category.stream(seed), count)]
