"""The tokenizer: byte-level BPE in which every digit stands alone.

Contract: any Unicode text comes back byte for byte; digits never merge, so that arithmetic is learnt place by place; no
BOS is added (the chat template writes the only one).
"""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

PAD, BOS, EOS = "<|pad|>", "<|bos|>", "<|eos|>"
SYSTEM, USER, ASSISTANT = "<|system|>", "<|user|>", "<|assistant|>"
SPECIAL = (PAD, BOS, EOS, SYSTEM, USER, ASSISTANT)
SIZE = 1024
"""Entries: six special ones, 256 bytes, the rest merges."""


def special(tokenizer: Tokenizer, name: str) -> int:
    """The id of a special token, which every vocabulary made here has."""
    found: int | None = tokenizer.token_to_id(name)
    if found is None:
        raise ValueError(f"the vocabulary has no {name}")
    return found


def learn_vocabulary(texts: Iterable[str], size: int = SIZE) -> Tokenizer:
    """A tokenizer of exactly `size` entries learnt from `texts`. Raises `ValueError` when the texts hold too few merges."""
    tokenizer = Tokenizer(models.BPE())
    digits = pre_tokenizers.Split(Regex(r"\d"), behavior="isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=list(SPECIAL), initial_alphabet=alphabet, min_frequency=2, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    if tokenizer.get_vocab_size() != size:
        raise ValueError(f"the texts give {tokenizer.get_vocab_size()} entries, not {size}: give more text")
    return tokenizer
