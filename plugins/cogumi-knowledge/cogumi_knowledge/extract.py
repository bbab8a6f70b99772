r"""The short answer in a completion.

    "Sure! I believe the capital of Peru is Lima, which is on the coast."  to  "What is the capital of Peru?"   ->   Lima

TriviaQA scores short texts (see `cogumi_knowledge.normal`), and a chat model writes sentences. So the answer is taken out of
them, by rules that know the question and never the right answer:

1. A completion that goes on with a new turn is read up to there.
2. A stated answer counts first: `\boxed{X}`, "final answer: X", then "the answer is X" or "Answer: X".
3. Then a short reply, "X.", or "It is X." at the beginning; hedges ("I believe", "of course") around it do not count.
4. Then the sentence that restates most of the question on one side of a verb, one that links or is of the question:
   the other side is the answer ("The capital of Peru is X", "X is the capital of Peru", "X flows through Cologne").
5. Then an "It is X." further on. Questions, refusals ("I am not sure") and negations ("is not X") state nothing.
6. An explanation behind the answer is left off: a bracket, a dash, a clause behind a comma, words of the question; so is what
   tells how it belongs to the question: "in 1945", "born in 1879", "the letter A".
7. Several candidates ("X or Y", "X, Y, Z", one a line) are no answer, nor is anything longer than `LONGEST` words.
8. A completion that was cut at its token limit is read up to the end of its last whole sentence.

Any text may come in: nothing here raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from cogumi_knowledge.sentences import MOST, WIDEST, ended, plain, sentences, turns
from cogumi_knowledge.words import (
    ASIDE,
    DESCRIPTION,
    FILLERS,
    HAPPENED,
    INSERTION,
    ITEM,
    JOINTS,
    LABEL,
    LEAD,
    LINKS,
    NEGATION,
    NUMBER,
    OTHERS,
    PASTS,
    REFUSAL,
    SEVERAL,
    content,
    is_verb_of,
    stem,
    subject,
    words,
)

LONGEST = 12
"""Words of the longest answer."""
BRIEF = 4
"""Words of each line of a text that is a list of answers."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One stated answer, in the forms in which it may be compared."""

    forms: tuple[str, ...]
    """From the answer as stated to the answer without what may be an explanation; at least one."""

    @property
    def text(self) -> str:
        """The barest form."""
        return self.forms[-1]

    @property
    def several(self) -> bool:
        """Whether it offers several candidates."""
        return SEVERAL.search(self.text) is not None


_BOX = re.compile(r"\\boxed\s?\{(?:\\text\s?\{)?([^{}\n]{1,200})\}")
_MODAL = r"(?:would|should|must|will|might|could|may|has to) be"
_STATED = rf"\banswer(?:\s(?:to|of|for)\s[^.\n:]{{1,80}}?)?(?:\s+(?:is|was|{_MODAL})\b:?|\s?[:=])\s{{0,4}}([^\n]*)"
_ANSWER = (re.compile(r"\bfinal\s+" + _STATED, re.IGNORECASE), re.compile(_STATED, re.IGNORECASE))
_IT_IS = re.compile(
    rf"(?:it|that|this|there|they|these|those|he|she)(?:['’]s|['’]re|\s+(?:is|are|was|were|{_MODAL}))\b\s*(.*)",
    re.IGNORECASE | re.DOTALL,
)
_IT_DID = re.compile(
    r"(?:it|that|this|they|these|those|he|she|we)\s+(?P<verb>\w+)(?:\s+place|\s+to an end)?\s+(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_PLACED = re.compile(r"(?:in|on|at|from|during|around|near|by)\b", re.IGNORECASE)
_YEAR = re.compile(r"\s*(?:the\s+)?year\s+(?:of\s+)?", re.IGNORECASE)
_CLAUSE = re.compile(r"\b(?:I|me|my|let|let's|we|you|your|is|are|was|were|be|would|could|should|can|might)\b", re.IGNORECASE)
_AROUND = " \t\n\"'“”‘’.,:;!?*()[]…-–—"


def read(completion: str, question: str, *, cut: bool = False) -> Answer | None:
    """The answer that a completion states, or None; `cut` says that it ended at its token limit."""
    asked = subject(question)
    found = (_read_turn(turn, asked) for turn in turns(completion, cut=cut))
    return next((answer for answer in found if answer is not None), None)


def stated(completion: str, *, cut: bool = False) -> list[str]:
    """The texts in which a completion states its answer outright (rule 2), the ones that count first before the others."""
    return [text for turn in turns(completion, cut=cut)[:1] for text in islice(_statements(plain(turn)), MOST)]


def _read_turn(turn: str, asked: frozenset[str]) -> Answer | None:
    text = plain(turn)
    for statement in islice(_statements(text), MOST):
        if answer := _restated(statement, asked)[1] or _short(statement, asked):
            return answer
    found = sentences(text)
    if not found or _is_listing(turn):
        return _short(text[:WIDEST], asked)  # "Yes."; or a list, which `Answer.several` knows
    if answer := _it_is(found[0], asked):
        return answer
    restated = [_restated(sentence, asked) for sentence in found]
    if restated[0][1] is None and _is_reply(found[0], alone=len(found) == 1):
        return _short(found[0], asked)
    answer = max(restated, key=lambda one: one[0])[1]
    return answer or next((late for sentence in found[1:] if (late := _it_is(sentence, asked))), None)


def _statements(text: str) -> Iterator[str]:
    for match in _BOX.finditer(text):
        yield match[1]
    for pattern in _ANSWER:
        for match in pattern.finditer(text):
            rest = match[1].strip() or text[match.end() :].strip().partition("\n")[0]
            yield next(iter(sentences(rest)), rest[:WIDEST])


def _is_listing(turn: str) -> bool:
    """Whether a text is a list of candidates, one a line: items throughout, or nothing but a few words on each."""
    lines = {line.strip() for line in turn.splitlines() if line.strip()}
    items = all(ITEM.match(line) and len(line.split()) <= 2 * BRIEF for line in lines)
    brief = all(len(line.split()) <= BRIEF and not line.endswith((".", ":")) for line in lines)
    return len(lines) > 1 and (items or brief)


def _is_reply(sentence: str, *, alone: bool) -> bool:
    """Whether a first sentence is a bare answer: no clause about something, and brief where others follow."""
    did = _IT_DID.match(sentence)
    if did is not None and did["verb"].islower():
        return False
    return not _CLAUSE.search(ended(sentence)) and len(words(sentence)) <= (LONGEST if alone else LONGEST // 2)


def _it_is(sentence: str, asked: frozenset[str]) -> Answer | None:
    if sentence.rstrip().endswith("?"):
        return None
    if match := _IT_IS.match(sentence):
        return _short(match[1], asked)
    did = _IT_DID.match(sentence)
    if did is None:
        return None
    if is_verb_of(did["verb"], asked):
        return _short(_behind_question(did["rest"], asked), asked)
    happened = did["verb"].lower() in HAPPENED and _PLACED.match(did["rest"])
    return _short(did["rest"], asked) if happened else None


def _behind_question(text: str, asked: frozenset[str]) -> str:
    """A text without the words of the question at its beginning: "America in 1492", "the telephone in Boston"."""
    found = words(text)
    start = next(
        (place for place, word in enumerate(found) if stem(word[0]) not in asked and word[0].lower() not in FILLERS), None
    )
    known = start is not None and any(stem(word[0]) in asked for word in found[:start])
    return "" if start is None else text[found[start].start() :] if known else text


def _restated(sentence: str, asked: frozenset[str]) -> tuple[float, Answer | None]:
    """How much of the question a sentence restates, 0 to 1, and the answer it gives then; (0.0, None) where it gives none."""
    best: tuple[float, Answer | None] = (0.0, None)
    if sentence.rstrip().endswith("?") or REFUSAL.search(sentence):
        return best
    for left, right in _splits(ended(INSERTION.sub(" ", sentence)), asked):
        share, side = _weighed(left, right, asked)
        if share > best[0] and content(side) and (answer := _short(side, asked)):
            best = (share, answer)
    return best


def _splits(text: str, asked: frozenset[str]) -> Iterator[tuple[str, str]]:
    """The two sides of each verb with what belongs to it: "The book | was written by | Ann"."""
    found = words(text)
    for place, word in enumerate(found):
        goes_on = place > 0 and place + 1 < len(found) and found[place + 1][0].lower() in JOINTS
        inflected = word[0].endswith(("s", "ed")) or word[0] in PASTS or goes_on
        verb_of_question = is_verb_of(word[0], asked) and word[0].islower() and inflected
        if word[0].lower() in LINKS or verb_of_question:
            end = place
            while end + 2 < len(found) and found[end + 1][0].lower() in JOINTS:
                end += 1
            right = text[found[end].end() :]
            year = _YEAR.match(right)
            yield text[: word.start()], right[year.end() if year else 0 :]


def _weighed(left: str, right: str, asked: frozenset[str]) -> tuple[float, str]:
    """The share of the question that one side restates, and the other side; 0 where both do so, or neither."""
    if NEGATION.match(right.strip()):
        return 0.0, ""
    before = content(left) & asked
    bare = _without_tail(right, asked) if before else right
    after = content(bare) & asked
    if len(after) > len(before):
        return len(after) / len(asked), left
    share = len(content(left if bare == right else left + right) & asked) / max(len(asked), 1)
    is_description = share <= 0.5 and DESCRIPTION.match(right.strip())
    return (0.0, "") if len(after) == len(before) or is_description else (share, right)


def _without_tail(text: str, asked: frozenset[str]) -> str:
    """A text without the words of the question at its end: "8 legs", "Lima in Peru", "Lima, Peru"."""
    found = words(text)
    end = len(found)
    while end > 1 and (stem(found[end - 1][0]) in asked or found[end - 1][0].lower() in FILLERS):
        end -= 1
    if end == len(found):
        return text
    kept, tail = text[: found[end].start()], text[found[end].start() :]
    if not content(tail) & asked:
        return text
    apart = found[end][0].lower() in FILLERS or "," in text[found[end - 1].end() : found[end].start()]
    is_whole = content(kept) if apart else all(NUMBER.fullmatch(word[0]) for word in found[:end])
    return kept if is_whole else text


def _short(text: str, asked: frozenset[str]) -> Answer | None:
    """A text as an answer: tidied, and also without an explanation; None where it is too long or no answer at all."""
    tidy = ended(text).strip(_AROUND)
    lead = LEAD.match(tidy)
    whole = tidy[lead.end() if lead else 0 :]
    if NEGATION.match(whole) or REFUSAL.search(whole):
        return None
    brief = ASIDE.split(whole, maxsplit=1)[0]
    if OTHERS.match(whole[len(brief) :]):
        brief = whole
    bare = _without_tail(brief, asked)
    label = LABEL.match(bare)
    forms = dict.fromkeys(form.strip(_AROUND) for form in (whole, brief, bare, bare[label.end() if label else 0 :] or bare))
    fitting = tuple(form for form in forms if 1 <= len(words(form)) <= LONGEST)
    return Answer(fitting) if fitting else None
