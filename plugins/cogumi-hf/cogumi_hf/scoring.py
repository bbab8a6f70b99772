"""How probable a model holds given continuations."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

import torch

from cogumi.chat import Chat
from cogumi.records import Message
from cogumi_hf.engine import Engine, out_of_memory

BATCH = 32
"""Pairs at a time; halved when memory runs out."""

Pair = tuple[list[int], list[int]]
"""The ids of a context and of its continuation."""


def loglikelihoods(
    engine: Engine, chat: Chat, contexts: Sequence[Sequence[Message]], continuations: Sequence[str]
) -> list[tuple[float, bool]]:
    """Per pair: the sum of the continuation's log-probabilities (no end-of-turn), and whether each id is the likeliest.

    Raises `ValueError` for a pair that does not fit the model's context. An empty continuation has log-probability 0.
    """
    pairs = [(chat.prompt_ids(c), chat.target_ids(t)[:-1]) for c, t in zip(contexts, continuations, strict=True)]
    for number, (context, continuation) in enumerate(pairs):
        if engine.context is not None and len(context) + len(continuation) > engine.context:
            raise ValueError(f"pair {number} has {len(context) + len(continuation)} tokens, the model takes {engine.context}")
    out: list[tuple[float, bool]] = [(0.0, True)] * len(pairs)
    order = sorted((i for i, pair in enumerate(pairs) if pair[1]), key=lambda i: -sum(map(len, pairs[i])))
    size = BATCH
    while order:
        chosen = _one_side(order[:size], [len(context) + len(continuation) - 1 for context, continuation in pairs], engine.turn)
        try:
            scores = _scores(engine, [pairs[i] for i in chosen])
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error) or len(chosen) == 1:
                raise
            size = len(chosen) // 2
            continue
        for i, score in zip(chosen, scores, strict=True):
            out[i] = score
        order = order[len(chosen) :]
    return out


def _one_side(order: Sequence[int], lengths: Sequence[int], turn: int | None) -> Sequence[int]:
    """The first of some pairs, and those behind it that lie on its side of the turning point (see `rope`)."""
    if turn is None:
        return order
    long = lengths[order[0]] > turn
    return list(takewhile(lambda i: (lengths[i] > turn) is long, order))


@torch.inference_mode()
def _scores(engine: Engine, pairs: Sequence[Pair]) -> list[tuple[float, bool]]:
    most = max(len(continuation) for _, continuation in pairs)
    logits = engine.read([[*context, *continuation][:-1] for context, continuation in pairs], most)
    scores = []
    for row, (_, continuation) in zip(logits, pairs, strict=True):
        after = row[-len(continuation) :].double().log_softmax(1)
        ids = torch.tensor(continuation, device=engine.device)
        greedy = bool((after.argmax(1) == ids).all())
        scores.append((float(after.gather(1, ids[:, None]).sum()), greedy))
    return scores
