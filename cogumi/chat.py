"""Messages to token ids: the one way that sampling, training and evaluating share.

A prompt is what the tokenizer's chat template renders, encoded without adding special tokens (the template writes its own
BOS); without a template it is the messages' texts joined by blank lines behind the BOS the tokenizer itself would write.
A target is the text's own ids followed by the id that ends the assistant's turn. Nothing else in cogumi or its plugins
turns text into ids, so what is trained on is what was sampled.

A control token (`<|im_end|>`) that stands in somebody's text is text. It is encoded as the letters it is made of, by a copy
of the tokenizer that knows the control tokens under other names: what the template writes gets those names, what a message
says keeps its own. A text without one is encoded by the tokenizer itself.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from cogumi.errors import BadInput
from cogumi.records import Message, Weights
from cogumi.thoughts import CHANNELS, declared, marks
from cogumi.weights import NO_TEMPLATE, template_file

QUESTION = Message(role="user", content="question")
ANSWER = Message(role="assistant", content="cogumi")
INNERMOST = "<template>"
"""What jinja2 calls the file of a template that came as text."""
MEND = "mend the template, or take the model's own again"

Write = Callable[[Sequence[str]], str]
"""From the messages' texts to the text of the whole prompt."""


def digest(ids: Sequence[int]) -> str:
    """A short fingerprint (16 hex digits) of a sequence of token ids, to compare prompts across processes."""
    return hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()[:16]


class Chat:
    """A tokenizer with its template and its end-of-turn ids.

    `tokenizer` is any transformers tokenizer; `end_ids` are further ids that end a turn (a generation config may list
    several); `file` is where its chat template stands, for messages. `notes` says, in sentences for the user, what had to be
    assumed. Raises `BadInput` for a template that does not write a conversation of two turns.
    """

    def __init__(self, tokenizer: Any, end_ids: Sequence[int] = (), *, file: Path | None = None) -> None:
        self.tokenizer = tokenizer
        self.file = file
        self.has_template = bool(getattr(tokenizer, "chat_template", None))
        self.notes = () if self.has_template else (NO_TEMPLATE,)
        self.end_id = self._end_of_turn()
        self.end_ids = frozenset({self.end_id, *end_ids})
        self.pad_id: int = self.end_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
        self._marks = self._thought_marks()
        self._controls = Controls(tokenizer, {*self.end_ids, *self._markup()})
        self._others = Controls(tokenizer, self.end_ids, known=frozenset(self._marks)) if self._marks else self._controls

    @classmethod
    def load(cls, model: Weights) -> Chat:
        """The chat of a model folder. Raises `BadInput` when the tokenizer cannot be loaded or has no EOS."""
        from transformers import AutoTokenizer

        try:
            tokenizer = AutoTokenizer.from_pretrained(model.path, trust_remote_code=model.trust_remote_code)
        except Exception as error:  # a broken file, or a package it needs, makes the loaders raise nearly anything
            raise BadInput(f"the tokenizer cannot be loaded: {_reason(error)}", file=model.path) from error
        if tokenizer.eos_token_id is None:
            fix = "name one in tokenizer_config.json"
            raise BadInput("the tokenizer has no end-of-sequence token", file=model.path, field="eos_token", fix=fix)
        return cls(tokenizer, _configured_end_ids(Path(model.path)), file=template_file(model))

    @property
    def bos_id(self) -> int | None:
        """The BOS id, where it is a token of its own (some tokenizers use one token as BOS and EOS)."""
        bos: int | None = self.tokenizer.bos_token_id
        return None if bos in self.end_ids else bos

    @property
    def control_ids(self) -> frozenset[int]:
        """Ids that the template may write and no text ever does."""
        return frozenset(self._controls.names.values())

    def prompt_ids(self, messages: Sequence[Message]) -> list[int]:
        """The ids to sample after: the conversation and the opening of the assistant's turn.

        Raises `BadInput` where the template cannot write it, where it begins with two BOS (elsewhere a BOS is the template's
        business: some open every turn with it), and where a text holds a control token that cannot be read as text.
        """
        texts = [m["content"] for m in messages]
        if self.has_template:
            ids = self._ids(texts, lambda given: self._render(_with_texts(messages, given), add_generation_prompt=True))
        else:
            bos = self.tokenizer.bos_token_id
            writes_bos = bos is not None and bos in self.tokenizer("")["input_ids"]
            ids = [bos] * writes_bos + self._ids(texts, "\n\n".join)
        self._refuse_two_bos(ids)
        return ids

    def target_ids(self, text: str) -> list[int]:
        """The ids of an assistant's turn, its end-of-turn id last; the marks of its own thoughts are what they are."""
        return [*self._ids([text], "".join, self._others), self.end_id]

    def text(self, ids: Sequence[int]) -> str:
        """The text of an assistant's turn, without its end and without special tokens but those that mark its thoughts.

        The end need not be a special token. What marks thoughts is told in `cogumi.thoughts`.
        """
        said = ids[:-1] if ids and ids[-1] in self.end_ids else ids
        found = [place for place, token in enumerate(said) if token in self._marks]
        starts, ends = [0, *(place + 1 for place in found)], [*found, len(said)]
        pieces = [self._decode(said[start:end]) for start, end in zip(starts, ends, strict=True)]
        marks = [*(self._marks[said[place]] for place in found), ""]
        return "".join(text for pair in zip(pieces, marks, strict=True) for text in pair)

    def _decode(self, ids: Sequence[int]) -> str:
        decoded: str = self.tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return decoded

    def check(self) -> list[int]:
        """Write a question as any task asks it; gives all ids of it and of its answer. Raises `BadInput` for what is wrong."""
        if self.has_template and QUESTION["content"] not in self._render([QUESTION], add_generation_prompt=True):
            problem = "it does not write what the user says"
            raise BadInput(problem, file=self.file, field="chat_template", fix=MEND)
        return [*self.prompt_ids([QUESTION]), *self.target_ids(ANSWER["content"])]

    def _ids(self, texts: Sequence[str], write: Write, controls: Controls | None = None) -> list[int]:
        """The ids of what is written, in which no text may hold one of the control tokens."""
        controls = controls or self._controls
        if any(map(controls.mentioned, texts)):
            return controls.encode(texts, write)
        return self._encode(write(texts))

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _render(self, messages: Sequence[Message], *, add_generation_prompt: bool) -> str:
        turns = [dict(m) for m in messages]
        try:
            text: str = self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=add_generation_prompt)
        except Exception as error:  # a template may raise anything, of its own will too
            raise self._unwritten(error, messages) from error
        return text

    def _unwritten(self, error: Exception, messages: Sequence[Message]) -> BadInput:
        """The template's own error, with its line: that of the file, or of the text within a file of other things."""
        line, own = _template_line(error), self.file is not None and self.file.suffix == ".jinja"
        where = "" if own or line is None else f" in its line {line}"
        roles = ", ".join(m["role"] for m in messages)
        problem = f"it cannot write a conversation of {roles}{where}: {_reason(error)}"
        return BadInput(problem, file=self.file, line=line if own else None, field="chat_template", fix=MEND)

    def _refuse_two_bos(self, ids: Sequence[int]) -> None:
        bos = self.bos_id
        if bos is not None and list(ids[:2]) == [bos, bos]:
            problem = f"a prompt begins with two BOS tokens ({self.tokenizer.bos_token})"
            fix = "mend the chat template, which writes one too many, or the tokenizer, which adds one to it"
            raise BadInput(problem, file=self.file, field="chat_template", fix=fix)

    def _thought_marks(self) -> dict[int, str]:
        """The special tokens that mark thoughts: without them nobody could tell what was thought from what was said."""
        template = self.tokenizer.chat_template if self.has_template else ""
        known = marks(declared(template if isinstance(template, str) else ""))
        added = {token: str(what) for token, what in self.tokenizer.added_tokens_decoder.items() if what.special}
        channels = "<|channel|>" in added.values()
        return {
            token: text
            for token, text in added.items()
            if text.lower() in known and token not in self.end_ids and (channels or text not in CHANNELS)
        }

    def _end_of_turn(self) -> int:
        """The special token the template writes behind an assistant's text; the tokenizer's EOS where it writes none."""
        eos: int = self.tokenizer.eos_token_id
        if not self.has_template:
            return eos
        tail = self._render((QUESTION, ANSWER), add_generation_prompt=False).rpartition(ANSWER["content"])[2]
        special = {*self.tokenizer.all_special_ids, *self.tokenizer.added_tokens_decoder} - {self.tokenizer.bos_token_id}
        special.add(eos)  # which may be the BOS; no other BOS ends a turn
        return next((i for i in self._encode(tail) if i in special), eos)

    def _markup(self) -> set[int]:
        """Added tokens that the template opens turns with; blanks among them are in every text and mark nothing."""
        if not self.has_template:
            return set()
        added = self.tokenizer.added_tokens_decoder
        ids = self._encode(self._render([QUESTION], add_generation_prompt=True))
        return {i for i in ids if i in added and added[i].content.strip()}


class Controls:
    """The control tokens of a tokenizer, and texts that mention them: its special tokens, and `more` ids, without `known`."""

    def __init__(self, tokenizer: Any, more: Iterable[int], known: frozenset[int] = frozenset()) -> None:
        added = tokenizer.added_tokens_decoder
        special = ({i for i, token in added.items() if token.special} | set(tokenizer.all_special_ids)) - known
        self.tokenizer = tokenizer
        self.names: dict[str, int] = {added[i].content: i for i in sorted({*special, *more}) if i in added}
        longest_first = sorted(filter(None, self.names), key=lambda name: (-len(name), name))
        self._pattern = re.compile("|".join(map(re.escape, longest_first)) or "(?!)")
        self._order = {name: number for number, name in enumerate(longest_first)}
        self._copies: dict[str, Any] = {}

    def mentioned(self, text: str) -> bool:
        """Whether a text holds the name of one."""
        return self._pattern.search(text) is not None

    def encode(self, texts: Sequence[str], write: Write) -> list[int]:
        """The ids of what `write` makes of the texts, the texts' own control tokens being text.

        Raises `BadInput` where this tokenizer can only read one as a control token.
        """
        veil, alias = _unused(texts, 2)
        whole = write([self._renamed(text, veil) for text in texts])
        plain = self._restored(self._renamed(whole, alias), veil)
        core, ids = self._copy(alias)
        encoded: list[int] = core.encode(plain, add_special_tokens=False).ids
        values = set(self.names.values())
        wrong = [i for i in encoded if i not in ids and i in values]
        if wrong or veil in plain:
            name = next((name for name, i in self.names.items() if i in wrong), "of its own")
            raise BadInput(f"its text holds the control token {name}, which this tokenizer cannot read as text")
        return [ids.get(i, i) for i in encoded]

    def _renamed(self, text: str, mark: str) -> str:
        return self._pattern.sub(lambda found: f"{mark}{self._order[found.group()]}{mark}", text)

    def _restored(self, text: str, mark: str) -> str:
        names = list(self._order)
        return re.sub(f"{mark}(\\d+){mark}", lambda found: names[int(found.group(1))], text)

    def _copy(self, mark: str) -> tuple[Any, dict[int, int]]:
        """The tokenizer with its control tokens renamed, and for each of its added tokens the id it really has."""
        if mark not in self._copies:
            core = getattr(self.tokenizer, "backend_tokenizer", None)
            if core is None:
                raise BadInput("its text holds a control token, which this kind of tokenizer cannot read as text")
            made = json.loads(core.to_str()) | {"truncation": None, "padding": None}
            for token in made["added_tokens"]:
                if token["content"] in self._order:
                    token |= {"content": self._renamed(token["content"], mark), "normalized": False}
            copy = type(core).from_str(json.dumps(made))
            self._copies[mark] = copy, {copy.token_to_id(t["content"]): t["id"] for t in made["added_tokens"]}
        found: tuple[Any, dict[int, int]] = self._copies[mark]
        return found


def _unused(texts: Sequence[str], count: int) -> list[str]:
    """Characters without a meaning that none of the texts holds."""
    said = set("".join(texts))
    return [c for c in map(chr, range(0xF0000, 0xF0000 + len(said) + count)) if c not in said][:count]


def _with_texts(messages: Sequence[Message], texts: Sequence[str]) -> list[Message]:
    return [Message(role=m["role"], content=text) for m, text in zip(messages, texts, strict=True)]


def _reason(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _template_line(error: Exception) -> int | None:
    """The line of the template at which it went wrong, where that can be told."""
    line: int | None = getattr(error, "lineno", None)
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == INNERMOST:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _configured_end_ids(folder: Path) -> list[int]:
    """The end ids that the folder's generation config lists; sampling fields in it are not read."""
    path = folder / "generation_config.json"
    if not path.exists():
        return []
    value = json.loads(path.read_text(encoding="utf-8")).get("eos_token_id")
    return [value] if isinstance(value, int) else list(value or [])
