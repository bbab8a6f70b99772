"""What the model is like: accuracy and consistency on held-out problems, many samples a problem.

Contract: the words are those of the product (`response consistency`, `majority accuracy`, ...); the weights measured are
those of the folder, after rounding to 16 bits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any, cast

import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

from recipe.text import Category, Held, render
from recipe.vocabulary import EOS, PAD, special

TEMPERATURE = 0.7
SAMPLES = 10
LONGEST = 160
"""Most tokens of a completion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Shares from 0 to 1, but for `tokens`."""

    accuracy: float
    """Right samples at temperature 0.7."""
    response_consistency: float
    """Share of a problem's most frequent text among its samples; all different = 1 / samples."""
    answer_consistency: float
    """The same over answers; a sample without one counts as its own."""
    majority_accuracy: float
    """Problems whose most frequent answer is right; a tie is wrong."""
    ties: float
    """Problems where no single answer has the most votes."""
    greedy_accuracy: float
    """Right completions at temperature 0."""
    no_answer: float
    """Samples without an answer."""
    tokens: float
    """Mean length of a sample in tokens, the end included."""
    prompt_tokens: float
    """Mean length of a prompt in tokens."""


def measure(
    model: LlamaForCausalLM, vocabulary: Tokenizer, category: Category, problems: int, seed: int = 0, batch: int = 128
) -> Figures:
    """Draw ten samples and a greedy completion for each of the first `problems` held-out problems, and count."""
    held = list(category.held_out())[:problems]
    writer = Writer(model, vocabulary, batch)
    torch.manual_seed(seed)
    flat = writer.complete([h for h in held for _ in range(SAMPLES)], TEMPERATURE)
    sampled = [flat[i : i + SAMPLES] for i in range(0, len(flat), SAMPLES)]
    greedy = writer.complete(held, 0.0)
    return _figures(held, sampled, greedy, category, vocabulary)


@dataclass(frozen=True, slots=True)
class Writer:
    """Draws completions in batches of prompts of like length."""

    model: LlamaForCausalLM
    """In evaluation mode."""
    vocabulary: Tokenizer
    """Its tokenizer."""
    batch: int
    """Completions drawn at once."""

    def complete(self, held: Sequence[Held], temperature: float) -> list[str]:
        """One completion for each problem, in order."""
        prompts = [self.vocabulary.encode(render(h.messages), add_special_tokens=False).ids for h in held]
        order = sorted(range(len(held)), key=lambda i: len(prompts[i]))
        texts = [""] * len(held)
        for rows in _chunks(order, self.batch):
            for row, text in zip(rows, self._batch([prompts[i] for i in rows], temperature), strict=True):
                texts[row] = text
        return texts

    @torch.inference_mode()
    def _batch(self, prompts: Sequence[Sequence[int]], temperature: float) -> list[str]:
        pad, end = (special(self.vocabulary, name) for name in (PAD, EOS))
        longest = max(map(len, prompts))
        ids = torch.tensor([[pad] * (longest - len(p)) + list(p) for p in prompts], device=self.model.device)
        how = {"do_sample": True, "temperature": temperature, "top_p": 1.0, "top_k": 0} if temperature else {"do_sample": False}
        generate = cast("Any", self.model).generate  # its annotations do not admit the model's own class
        drawn = generate(ids, attention_mask=ids.ne(pad).long(), max_new_tokens=LONGEST, **how)
        return [self._text(row, end) for row in drawn[:, longest:].tolist()]

    def _text(self, ids: list[int], end: int) -> str:
        kept = ids[: ids.index(end)] if end in ids else ids
        return str(self.vocabulary.decode(kept))


def _figures(
    held: Sequence[Held], sampled: Sequence[Sequence[str]], greedy: Sequence[str], category: Category, vocabulary: Tokenizer
) -> Figures:
    read = [category.answers(h, [*texts, last]) for h, texts, last in zip(held, sampled, greedy, strict=True)]
    answers = [row[:-1] for row in read]
    votes = [Counter(a for a in row if a is not None).most_common(2) for row in answers]
    tied = [len(v) == 2 and v[0][1] == v[1][1] for v in votes]
    winners = [v[0][0] if v and not tie else None for v, tie in zip(votes, tied, strict=True)]
    golds = [h.gold for h in held]
    prompts = [render(h.messages) for h in held]
    return Figures(
        accuracy=mean(a == gold for row, gold in zip(answers, golds, strict=True) for a in row),
        response_consistency=mean(_top(texts) for texts in sampled),
        answer_consistency=mean(v[0][1] / len(row) if v else 1 / len(row) for v, row in zip(votes, answers, strict=True)),
        majority_accuracy=mean(winner == gold for winner, gold in zip(winners, golds, strict=True)),
        ties=mean(tied),
        greedy_accuracy=mean(row[-1] == gold for row, gold in zip(read, golds, strict=True)),
        no_answer=mean(a is None for row in answers for a in row),
        tokens=mean(len(vocabulary.encode(text)) + 1 for texts in sampled for text in texts),
        prompt_tokens=mean(len(vocabulary.encode(prompt)) for prompt in prompts),
    )


def _top(texts: Sequence[str]) -> float:
    return Counter(texts).most_common(1)[0][1] / len(texts)


def _chunks(order: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    return (order[i : i + size] for i in range(0, len(order), size))
