"""Messages to token ids: the one way that sampling, training and evaluating share.

A prompt is what the tokenizer's chat template renders, encoded without adding special tokens (the template writes its own
BOS); without a template it is the messages' texts joined by blank lines behind the BOS the tokenizer itself would write.
A target is the text's own ids followed by the id that ends the assistant's turn. Nothing else in cogumi or its plugins
turns text into ids, so what is trained on is what was sampled.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cogumi.errors import BadInput
from cogumi.records import Message, Weights
from cogumi.weights import NO_TEMPLATE


def digest(ids: Sequence[int]) -> str:
    """A short fingerprint (16 hex digits) of a sequence of token ids, to compare prompts across processes."""
    return hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()[:16]


class Chat:
    """A tokenizer with its template and its end-of-turn ids.

    `tokenizer` is any transformers tokenizer; `end_ids` are further ids that end a turn (a generation config may list
    several). `notes` says, in sentences for the user, what had to be assumed.
    """

    def __init__(self, tokenizer: Any, end_ids: Sequence[int] = ()) -> None:
        self.tokenizer = tokenizer
        self.has_template = bool(getattr(tokenizer, "chat_template", None))
        self.notes = () if self.has_template else (NO_TEMPLATE,)
        self.end_id = self._end_of_turn()
        self.end_ids = frozenset({self.end_id, *end_ids})
        self.pad_id: int = self.end_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id

    @classmethod
    def load(cls, model: Weights) -> Chat:
        """The chat of a model folder. Raises `BadInput` when the tokenizer cannot be loaded or has no EOS."""
        from transformers import AutoTokenizer

        try:
            tokenizer = AutoTokenizer.from_pretrained(model.path, trust_remote_code=model.trust_remote_code)
        except Exception as error:  # a broken file, or a package it needs, makes the loaders raise nearly anything
            reason = str(error).strip().partition("\n")[0] or type(error).__name__
            raise BadInput(f"the tokenizer cannot be loaded: {reason}", file=model.path) from error
        if tokenizer.eos_token_id is None:
            fix = "name one in tokenizer_config.json"
            raise BadInput("the tokenizer has no end-of-sequence token", file=model.path, field="eos_token", fix=fix)
        return cls(tokenizer, _configured_end_ids(Path(model.path)))

    def prompt_ids(self, messages: Sequence[Message]) -> list[int]:
        """The ids to sample after: the conversation and the opening of the assistant's turn."""
        if self.has_template:
            text = self._render(messages, add_generation_prompt=True)
            return self._encode(text)
        bos = self.tokenizer.bos_token_id
        writes_bos = bos is not None and bos in self.tokenizer("")["input_ids"]
        return [bos] * writes_bos + self._encode("\n\n".join(m["content"] for m in messages))

    def target_ids(self, text: str) -> list[int]:
        """The ids of an assistant's turn, its end-of-turn id last."""
        return [*self._encode(text), self.end_id]

    def text(self, ids: Sequence[int]) -> str:
        """The text of an assistant's turn, without special tokens."""
        decoded: str = self.tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return decoded

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _render(self, messages: Sequence[Message], *, add_generation_prompt: bool) -> str:
        text: str = self.tokenizer.apply_chat_template(
            [dict(m) for m in messages], tokenize=False, add_generation_prompt=add_generation_prompt
        )
        return text

    def _end_of_turn(self) -> int:
        """The special token the template writes behind an assistant's text; the tokenizer's EOS where it writes none."""
        eos: int = self.tokenizer.eos_token_id
        if not self.has_template:
            return eos
        turns = (Message(role="user", content="question"), Message(role="assistant", content="cogumi"))
        tail = self._render(turns, add_generation_prompt=False).rpartition("cogumi")[2]
        special = set(self.tokenizer.all_special_ids) | set(self.tokenizer.added_tokens_decoder)
        return next((i for i in self._encode(tail) if i in special), eos)


def _configured_end_ids(folder: Path) -> list[int]:
    """The end ids that the folder's generation config lists; sampling fields in it are not read."""
    path = folder / "generation_config.json"
    if not path.exists():
        return []
    value = json.loads(path.read_text(encoding="utf-8")).get("eos_token_id")
    return [value] if isinstance(value, int) else list(value or [])
