r"""The letter in a completion that answers a multiple choice.

    "**The answer is (B).** The seeds pass through." -> B        "B. They pass through" -> B        "A or B" -> None

The first of these that is there counts: a stated answer ("the answer is B", "Answer: B", `\boxed{B}`); a letter that begins
the reply and stands by itself ("B", "(B)", "B. They ...", "Option B"); a reply that is one of the choices word for word.
Only letters of choices count, several of them are no answer, and the article in "A cat does" is no letter.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from string import ascii_uppercase

from cogumi_knowledge.extract import stated
from cogumi_knowledge.sentences import plain, turns
from cogumi_knowledge.words import OPENING

_LEAD = re.compile(
    r"(?:(?:it|that)(?:['’]s| is| would be| must be| should be)\s+"
    r"|(?:I(?:['’]d| would| will|['’]ll)? )?(?:choose|pick|select|go with)\s+"
    r"|(?:the )?(?:(?:correct|right|best|true) )?(?:option|choice|letter|one)(?: is)?:?\s+)+",
    re.IGNORECASE,
)
_LETTER = re.compile(
    r"[\s(\[\"'“]*([A-Za-z])(?:[)\].:,\"'”]+(?=\s|$)|\s*$|\s*\n|\s+[-–—]\s"
    r"|[)\]]?\s+is\s+(?:the\s+)?(?:correct|right|true|best|answer)\b)"
)
_MORE = re.compile(
    r"[\s(\[\"'“]*[A-Za-z][)\].:\"'”]*\s*(?:,|,?\s(?:and|or)\s|/|&)\s*(?:or\s|and\s)?[(\[\"'“]*[A-Za-z]\b(?!['’ ]\s?[a-z])"
)


def letter(completion: str, choices: Sequence[str], *, cut: bool = False) -> str | None:
    """The letter of the choice a completion settles on, or None; `cut` says that it ended at its token limit."""
    spoken = [plain(turn).strip() for turn in turns(completion, cut=False)[:1]]
    for text in (*stated(completion, cut=cut), *spoken):
        found = _named(text, choices) or _letter(text, len(choices))
        if found is not None:
            return found or None
    return None


def _letter(text: str, count: int) -> str | None:
    """The letter at the beginning of a text, None where there is none; empty where several are offered."""
    opening = OPENING.match(text)
    rest = text[opening.end() if opening else 0 :]
    lead = _LEAD.match(rest)
    rest = rest[lead.end() if lead else 0 :]
    if _MORE.match(rest):
        return ""
    match = _LETTER.match(rest)
    return match[1].upper() if match and match[1].upper() in ascii_uppercase[:count] else None


def _named(text: str, choices: Sequence[str]) -> str | None:
    """The letter of the choice that the text repeats."""
    said = _bare(text)  # not TriviaQA's key: choices may differ in an article alone
    return next((name for name, choice in zip(ascii_uppercase, choices, strict=False) if _bare(choice) == said), None)


def _bare(text: str) -> str:
    return " ".join(text.lower().split()).strip(" .!?\"'“”")
