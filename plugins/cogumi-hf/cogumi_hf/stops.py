"""Stop texts: where a completion ends although the model went on.

A stop text may begin in one token and end in another, so the decoded text is searched, not the ids. Most tokens cannot
end a stop text, so only rows whose last token holds the last character of one are decoded.
"""

from __future__ import annotations

from collections.abc import Sequence

from cogumi.chat import Chat

BROKEN = "\ufffd"
"""What a tokenizer decodes a part of a character to."""


class Stops:
    """The stop texts of one request."""

    def __init__(self, texts: Sequence[str], chat: Chat) -> None:
        self.texts = tuple(texts)
        self._chat = chat
        self._last = {text[-1] for text in texts}
        self._may_end: dict[int, bool] = {}

    def hit(self, ids: Sequence[int]) -> bool:
        """Whether the text of `ids` has a stop text, given that it had none before the last id."""
        return self._ends(ids[-1]) and self.cut(self._chat.text(ids)) is not None

    def cut(self, text: str) -> str | None:
        """The text before the first stop text; None where there is none."""
        places = [place for stop in self.texts if (place := text.find(stop)) >= 0]
        return text[: min(places)] if places else None

    def _ends(self, token: int) -> bool:
        """Whether a stop text may end in this token: it holds such a character, or it is a part of one."""
        if token not in self._may_end:
            text = self._chat.tokenizer.decode([token], skip_special_tokens=True, clean_up_tokenization_spaces=False)
            written = self._chat.tokenizer.convert_ids_to_tokens(token) or ""  # None: an id that only the embedding knows
            blank = text == "" or " " in self._last  # decoders may strip or add blanks at the ends of a text
            self._may_end[token] = blank or BROKEN in text or any(c in text or c in written for c in self._last)
        return self._may_end[token]
