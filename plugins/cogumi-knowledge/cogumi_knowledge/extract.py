r"""The short answer in a completion.

    "Sure! I believe the capital of Peru is Lima, which is on the coast."  to  "What is the capital of Peru?"   ->   Lima

TriviaQA scores short texts (see `cogumi_knowledge.normal`), and a chat model writes sentences. So the answer is taken out of
them, by rules that know the question and never the right answer:

1. What stands before `</think>` was thought, not said; a completion that goes on with a new turn is read only up to there.
2. A stated answer counts first: `\boxed{X}`, "final answer: X", then "the answer is X" or "Answer: X".
3. Then a short reply, "X.", and "It is X." at the beginning; hedges ("I believe", "of course") around it do not count.
4. Then the sentence that restates most of the question on one side of a linking verb: the other side is the answer
   ("The capital of Peru is X", "X is the capital of Peru", "A spider has X legs").
5. Then an "It is X." further on. Questions, refusals ("I am not sure") and negations ("is not X") state nothing.
6. An explanation behind the answer is left off: a bracket, a dash, a clause behind a comma, words of the question.
7. Several candidates ("X or Y", "X, Y, Z") are no answer, and neither is anything longer than `LONGEST` words.
8. A completion that was cut at its token limit is read up to the end of its last whole sentence.

Any text may come in: nothing here raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from cogumi_knowledge.words import (
    ASIDE,
    DESCRIPTION,
    ENDING,
    FILLERS,
    INSERTION,
    JOINTS,
    LEAD,
    LINKS,
    NEGATION,
    NUMBER,
    OPENING,
    REFUSAL,
    content,
    stem,
    subject,
    words,
)

LONGEST = 12
"""Words of the longest answer."""
MOST = 40
"""Sentences that are looked at, each up to `WIDEST` characters; who writes more gives no short answer."""
WIDEST = 400


@dataclass(frozen=True, slots=True)
class Answer:
    """One stated answer, in the forms in which it may be compared."""

    forms: tuple[str, ...]
    """From the answer as stated to the answer without what may be an explanation; at least one."""

    @property
    def text(self) -> str:
        """The barest form."""
        return self.forms[-1]


_NEW_TURN = re.compile(
    r"\n\s{0,8}(?:[#*]{1,6}\s?)?(?:Question(?:\s?\d{1,4})?|Q|Human|User|Instruction)\s?(?:\*\*)?:"
    r"|<\|[A-Za-z_]{1,40}\|>|</s>|\[/?INST\]"
)
_BOX = re.compile(r"\\boxed\s?\{(?:\\text\s?\{)?([^{}\n]{1,200})\}")
_STATED = (
    r"\banswer(?:\s(?:to|of|for)\s[^.\n:]{1,80}?)?(?:\s+(?:is|was|would be|should be|must be|might be|could be)\b:?|\s?[:=])"
    r"\s{0,4}([^\n]*)"
)
_ANSWER = (re.compile(r"\bfinal\s+" + _STATED, re.IGNORECASE), re.compile(_STATED, re.IGNORECASE))
_IT_IS = re.compile(
    r"(?:it|that|this|there|they|these|those|he|she)(?:'s|'re|’s|\s+(?:is|are|was|were|would be|should be|must be|will be|might be"
    r"|could be|may be|has to be))\b\s*(.*)",
    re.IGNORECASE | re.DOTALL,
)
_MARKS = re.compile(r"[*`]+|(?<!\w)_+|_+(?!\w)|^\s*(?:#{1,6}|[-•>])\s+", re.MULTILINE)
_END = re.compile(r"\n+|(?<=[.!?…])(?:[\"'”’)\]]*)\s+")
_SHORTENED = re.compile(r"(?:^|[\s(.])(?:[A-Z]|Dr|Mr|Mrs|Ms|St|Jr|Sr|Mt|No|vs|Prof|Gen|Sgt|Capt|Lt|Col)\.$")
_PRONOUN = re.compile(r"\b(?:I|me|my|let|let's|we|you|your)\b|\b(?:is|are|was|were|be)\b", re.IGNORECASE)
_LIST = re.compile(r"\bor\b|\beither\b|\band/or\b|/|,[^,]+,|\d\)|\n", re.IGNORECASE)
_AROUND = " \t\n\"'“”‘’.,:;!?*()[]…-–—"


def read(completion: str, question: str, *, cut: bool = False) -> Answer | None:
    """The answer that a completion states, or None; `cut` says that it ended at its token limit."""
    if "<think>" in completion and "</think>" not in completion:
        return None
    parts = _NEW_TURN.split(completion.rpartition("</think>")[2])
    for number, part in enumerate(parts[:MOST], 1):
        answer = _read_part(_whole(part) if cut and number == len(parts) else part, question)
        if answer is not None:
            return answer
    return None


def stated(completion: str, *, cut: bool = False) -> list[str]:
    """The texts in which a completion states its answer outright (rule 2), best first; rules 1 and 8 apply."""
    if "<think>" in completion and "</think>" not in completion:
        return []
    part = _NEW_TURN.split(completion.rpartition("</think>")[2])[0]
    return list(islice(_statements(_MARKS.sub("", _whole(part) if cut else part)), MOST))


def is_list(text: str) -> bool:
    """Whether a text names several candidates."""
    return _LIST.search(text) is not None


def _whole(text: str) -> str:
    """A text up to the end of its last whole sentence."""
    return text[: max((m.end() for m in re.finditer(r"[.!?](?=\s|$)|\n", text)), default=0)]


def _read_part(part: str, question: str) -> Answer | None:
    text = _MARKS.sub("", part)
    for statement in islice(_statements(text), MOST):
        if answer := _restated(statement, question)[1] or _short(statement, question):
            return answer
    sentences = list(islice(_sentences(text), MOST))
    if not sentences:
        return None
    first = _opened(sentences[0])
    if answer := _it_is(first, question):
        return answer
    found = [_restated(sentence, question) for sentence in sentences]
    if found[0][1] is None and _is_reply(first, alone=len(sentences) == 1):
        return _short(first, question)
    answer = max(found, key=lambda one: one[0])[1]
    if answer is not None:
        return answer
    return next((late for one in sentences[1:] if (late := _it_is(_opened(one), question))), None)


def _statements(text: str) -> Iterator[str]:
    for match in _BOX.finditer(text):
        yield match[1]
    for pattern in _ANSWER:
        for match in pattern.finditer(text):
            rest = match[1].strip() or text[match.end() :].strip().partition("\n")[0]
            yield next(_sentences(rest), "")


def _sentences(text: str) -> Iterator[str]:
    """The sentences of a text that are no bare filler ("Sure!"); an initial or a title ("Dr.") does not end one."""
    start = 0
    for match in _END.finditer(text):
        if "\n" not in match[0] and _SHORTENED.search(text[start : match.start()]) and not _ends_here(text, start, match):
            continue
        if _opened(text[start : match.start()]):
            yield text[start : match.start()].strip()[:WIDEST]
        start = match.end()
    if _opened(text[start:]):
        yield text[start:].strip()[:WIDEST]


def _ends_here(text: str, start: int, end: re.Match[str]) -> bool:
    """Whether a capital letter with a point ends its sentence after all: "The symbol of carbon is C. It burns."."""
    letter = re.search(r"\b(?:is|be|are)\s+[A-Z]\.$", text[start : end.start()])
    return letter is not None and re.match(r"(?:It|I|This|That|The)\b", text[end.end() :]) is not None


def _opened(sentence: str) -> str:
    """A sentence without the hedges at its beginning; a reply that consists of a hedge alone is nothing."""
    text = sentence.strip()
    while match := OPENING.match(text):
        if not match.end():
            break
        text = text[match.end() :]
    return text if any(c.isalnum() for c in text) else ""


def _is_reply(sentence: str, *, alone: bool) -> bool:
    """Whether a first sentence is a bare answer: no sentence about something, and brief where others follow."""
    return not _PRONOUN.search(_ended(sentence)) and len(words(sentence)) <= (LONGEST if alone else LONGEST // 2)


def _it_is(sentence: str, question: str) -> Answer | None:
    match = _IT_IS.match(sentence)
    if match is None or sentence.rstrip().endswith("?"):
        return None
    return _short(match[1], question)


def _restated(sentence: str, question: str) -> tuple[float, Answer | None]:
    """How much of the question a sentence restates, 0 to 1, and the answer it gives then; (0.0, None) where it gives none."""
    text = _ended(INSERTION.sub(" ", _opened(sentence)))
    asked = subject(question)
    best: tuple[float, Answer | None] = (0.0, None)
    if not asked or sentence.rstrip().endswith("?") or REFUSAL.search(text):
        return best
    for left, right in _splits(text):
        share, side = _weighed(left, right, asked)
        if share > best[0] and content(words(side)) and (answer := _short(side, question)):
            best = (share, answer)
    return best


def _splits(text: str) -> Iterator[tuple[str, str]]:
    """The two sides of each linking verb with what belongs to it: "The book | was written by | Ann"."""
    found = words(text)
    for place, word in enumerate(found):
        if word[0].lower() not in LINKS:
            continue
        end = place
        while end + 2 < len(found) and found[end + 1][0].lower() in JOINTS:
            end += 1
        yield text[: word.start()], text[found[end].end() :]


def _weighed(left: str, right: str, asked: frozenset[str]) -> tuple[float, str]:
    """The share of the question that one side restates, and the other side, which is the answer."""
    if NEGATION.match(right.strip()):
        return 0.0, ""
    before = content(words(left)) & asked
    bare = _without_tail(right, asked) if before else right
    after = content(words(bare)) & asked
    if len(after) > len(before):
        return len(after) / len(asked), left
    share = len(content(words(left + right if bare != right else left)) & asked) / len(asked)
    if len(after) == len(before) or (share <= 0.5 and DESCRIPTION.match(right.strip())):
        return 0.0, ""
    return share, right


def _without_tail(text: str, asked: frozenset[str]) -> str:
    """A text without the words of the question at its end: "8 legs", "Lima in Peru", "Lima, Peru"."""
    found = words(text)
    end = len(found)
    while end > 1 and (stem(found[end - 1][0]) in asked or found[end - 1][0].lower() in FILLERS):
        end -= 1
    tail = found[end:]
    if not content(tail) & asked:
        return text
    apart = tail[0][0].lower() in FILLERS or "," in text[found[end - 1].end() : tail[0].start()]
    kept = content(found[:end]) if apart else all(NUMBER.fullmatch(word[0]) for word in found[:end])
    return text[: tail[0].start()] if kept else text


def _ended(text: str) -> str:
    """A sentence without the hedges at its end."""
    while match := ENDING.search(text):
        text = text[: match.start()]
    return text


def _short(text: str, question: str) -> Answer | None:
    """A text as an answer: tidied, and also without an explanation; None where it is too long or no answer at all."""
    whole = LEAD.sub("", _ended(text).strip(_AROUND), count=1)
    if NEGATION.match(whole) or REFUSAL.search(whole):
        return None
    brief = ASIDE.split(whole, maxsplit=1)[0]
    bare = _without_tail(brief, subject(question))
    tidy = (form.strip(_AROUND) for form in (whole, brief, bare))
    forms = tuple(dict.fromkeys(form for form in tidy if form and len(words(form)) in range(1, LONGEST + 1)))
    return Answer(forms) if forms else None
