r"""The final answer of a completion.

    "She sells 16 - 3 - 4 = 9 eggs.\n9 * 2 = $18.\n#### 18\n\nQuestion: How many legs have 3 spiders?"      ->  18

`#### N` is the form of the dataset (Cobbe et al. 2021, "Training Verifiers to Solve Math Word Problems"). The rules:

1. A completion that goes on after its answer with a new question or a new turn is read only up to there.
2. The strongest kind of statement counts: `#### N`, then `\boxed{N}`, then "final answer: N", then "the answer is N" or
   "Answer: N", and last the last number of the text.
3. Of one kind the first that can be read counts; whatever follows it was written after the answer. What the text takes back
   ("Wait, that is wrong", "no, ...") does not count where another statement follows (see `cogumi.retractions`).
4. A statement that announces ("Final answer:", "the number left is") is that of the line behind it.
5. A completion that was cut at its token limit has no answer unless it states one, and not where the cut may have gone
   through the answer itself.

Any text may come in: nothing here raises, and the time taken grows with the length of the text alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

from cogumi.retractions import retractions
from cogumi_math.numeric import Number, canonical, joined, last_number, number_at, plain

LONGEST = 200
"""Characters of the longest statement that is read as a formula."""

MOST = 50
"""Statements of one kind that are looked at; who writes more has written nonsense."""

LINES = 5
"""Lines behind a heading among which its statement is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A final answer as it was read."""

    text: str
    """Its canonical text: of a number the same for every way of writing it, else a tidied formula or word."""
    value: Fraction | None = None
    """Its exact value where it is a number; of `50%` it is 50."""
    percent: bool = False
    """It was given in per cent."""


_NEW_TURN = re.compile(
    r"\n\s{0,8}(?:[#*]{1,6}\s?)?(?:(?:Question|Problem|Exercise)(?:\s?\d{1,4})?|Q|Human|User|Instruction)\s?(?:\*\*)?:"
    r"|<\|[A-Za-z_]{1,40}\|>|</s>|\[/?INST\]"
)
_HASHES = re.compile(r"(?<!#)#{4,6}(?!#)[ \t]*\n?([^\n]*)")
_BOX = re.compile(r"\\(?:boxed|fbox)\s?\{")
_ANSWER = r"\banswer(?:\s(?:to|of|for)\s[^.\n:]{1,80}?)?(?:\s+is|\s+would\s+be|\s+equals|\**\s?[:=])[\s:*=]{0,8}([^\n]*)"
_FINAL = re.compile(r"\bfinal\s+" + _ANSWER, re.IGNORECASE)
_STATED = re.compile(_ANSWER, re.IGNORECASE)
_SHORT = re.compile(r"^[ \t]*\**(?:A|Ans(?:wer)?\.?|Result|Solution)\**\s?[:=][\s*]{0,4}([^\n]*)", re.IGNORECASE | re.MULTILINE)
_OTHER_LABEL = re.compile(r"^[ \t]*\**B\**\s?:", re.IGNORECASE | re.MULTILINE)
_DIRECTLY = re.compile(
    r"[\s,.:;!…—–-]*(?:(?:it|that|this|the answer)(?:'s|’s| is| should be| must be)\s+)?(?:actually\s+)?", re.IGNORECASE
)
_ANNOUNCES = re.compile(r"(?:[:=]|\b(?:is|are|equals|be|comes to|makes))[\s*_$]*$", re.IGNORECASE)
_NEXT_LINE = re.compile(r"[^\n]*\n\s{0,8}([^\n]*)")
_SENTENCE = re.compile(r"[.!?;](?=\s|$)|[.!?]\*|#")
_HEADING = re.compile(r"\d{1,2}[.):]\s+[A-Za-z]")
_FILLER = re.compile(
    r"(?:[=≈~:]|(?:is|that|only|about|approximately|exactly|around|roughly|simply|just|therefore)\b|\s)+", re.IGNORECASE
)
_OPERATION = re.compile(
    r"\s?(?:[-+*/^=<>|!_]|\\[a-zA-Z])\s?[\w(\\.${\[|-]|\s?x\s?[\d(]|\(|,\s?[-\d(\\]|[:.]\d|[xyzabcni]\b|[\]})]"
)
_ASIDE = re.compile(r"[,;:(]|\b(?:because|since|as|for)\b")
_MATHS = re.compile(r"[-+*/^=<>()\[\]{},.|!\\_%°\s0-9A-Za-z]+")
_CLOCK = re.compile(r"\d{1,4}(?::\d{1,4}){1,2}(?:\s?[ap]\.?m)?", re.IGNORECASE)
_LONG_WORD = re.compile(r"(?<![\\A-Za-z])(?!(?:sin|cos|tan|log|ln|exp|sqrt|pi|mod|min|max|gcd|lcm)\b)[A-Za-z]{3,}")
_WORD = re.compile(r"[A-Za-z][A-Za-z'-]{0,30}")


def final_answer(completion: str, *, cut: bool = False) -> Answer | None:
    """The final answer of a completion, or None; `cut` says that it ended at its token limit."""
    parts = _NEW_TURN.split(completion)
    for number, part in enumerate(parts, 1):
        answer = _answer_of(plain(part), cut=cut and number == len(parts))
        if answer is not None:
            return answer
    return None


def gold_answer(worked: str) -> Answer | None:
    """The answer behind the last `####` of a dataset's worked answer, or None where there is none that can be read."""
    _, marker, statement = worked.rpartition("####")
    if not marker:
        return None
    tidy = plain(statement).strip()
    return _read(tidy) or _word(tidy) or _last(tidy)


def _answer_of(text: str, *, cut: bool) -> Answer | None:
    if answer := _after_retraction(text, cut=cut) or _statement(text, cut=cut) or _last_word(text, cut=cut):
        return answer
    return None if cut else _last(text)


def _statement(text: str, *, cut: bool) -> Answer | None:
    """The first statement of the strongest kind."""
    for candidates in (_hashes(text), _boxes(text), _stated(text, _FINAL), _stated(text, _STATED), _labelled(text)):
        for statement, end, closed in islice(candidates, MOST):
            if cut and not closed and not text[end:].strip(" .,*$"):
                continue
            if answer := _read(statement):
                return answer
    return None


def _after_retraction(text: str, *, cut: bool) -> Answer | None:
    """What is stated behind the last place that takes an earlier statement back."""
    places = retractions(text)
    if not places or _statement(text[: places[-1]], cut=False) is None:
        return None
    for place in reversed(places):
        if answer := _statement(text[place:], cut=cut) or _at_once(text, place, cut=cut):
            return answer if _statement(text[:place], cut=False) else None
    return None


def _at_once(text: str, place: int, *, cut: bool) -> Answer | None:
    """The number that takes the place of another: "no, 3."."""
    begun = _DIRECTLY.match(text, place)
    sentence = _SENTENCE.split(text[begun.end() if begun else place :].partition("\n")[0], maxsplit=1)[0].rstrip(" )*")
    if len(sentence) > MOST or (cut and text.endswith(sentence)) or number_at(_tidy(sentence)) is None:
        return None
    return _read(sentence)


Candidate = tuple[str, int, bool]
"""A statement, where the text behind it goes on, and whether it is closed there by itself."""


def _hashes(text: str) -> Iterator[Candidate]:
    """What stands behind `####`; a numbered heading, which has the same mark, is no answer when another mark follows."""
    matches = list(_HASHES.finditer(text))
    for match in matches:
        heading = match is not matches[-1] and _HEADING.match(match[1].strip())
        if not heading:
            yield match[1].partition("#")[0], match.end(), False


def _boxes(text: str) -> Iterator[Candidate]:
    for match in islice(_BOX.finditer(text), MOST):
        content = _braced(text, match.end())
        if content is not None:
            yield content, match.end() + len(content) + 1, True


def _braced(text: str, start: int) -> str | None:
    """The text up to the brace that closes the one before `start`; None where that is missing or too far away."""
    depth = 1
    for end in range(start, min(len(text), start + LONGEST)):
        depth += {"{": 1, "}": -1}.get(text[end], 0)
        if depth == 0:
            return text[start:end]
    return None


def _stated(text: str, pattern: re.Pattern[str]) -> Iterator[Candidate]:
    for match in pattern.finditer(text):
        sentence, end = _announced(text, match.start(1), match[1])
        if number_at(_tidy(sentence)) is None and _begins_a_solution(text, match, sentence):
            continue
        yield sentence, end, False
        if number := last_number(sentence):
            yield sentence[number.start : number.end], end, False


def _announced(text: str, start: int, line: str) -> tuple[str, int]:
    """The sentence of a statement, and where it ends; one that only announces is that of the next line that does not."""
    sentence = _SENTENCE.split(line, maxsplit=1)[0]
    end = start + len(sentence)
    for _ in range(LINES):
        if _read(sentence) or not _ANNOUNCES.search(sentence) or text[end:].partition("\n")[0].strip(" *_$"):
            break
        behind = _NEXT_LINE.match(text, end)
        if behind is None:
            break
        sentence = _SENTENCE.split(behind[1], maxsplit=1)[0]
        end = behind.start(1) + len(sentence)
    return sentence, end


def _begins_a_solution(text: str, match: re.Match[str], sentence: str) -> bool:
    """Whether "Answer: She has 16 eggs." is a heading: figures follow in the same paragraph."""
    if "is" in text[match.start() : match.start(1)].lower().split() or match[0].lower().startswith("final"):
        return False
    rest = text[match.start(1) + len(sentence) :].partition("\n\n")[0]
    return last_number(rest) is not None


def _labelled(text: str) -> Iterator[Candidate]:
    """A line "A: 18" that holds a number alone, unless it is one of several labels."""
    if _OTHER_LABEL.search(text):
        return
    for match in _SHORT.finditer(text):
        yield match[1], match.end(1), False


def _last_word(text: str, *, cut: bool) -> Answer | None:
    """A word or a sentence behind `####`, or in a box, counts as the answer only where nothing follows it."""
    matches = list(_HASHES.finditer(text))
    if matches and not cut and not text[matches[-1].end() :].strip():
        statement = matches[-1][1].strip()
        return _word(statement) or _last(statement)
    box = next(_boxes(text), None)
    return None if box is None else _word(box[0])


def _read(statement: str) -> Answer | None:
    """A statement that is a number, with or without a unit, an equation with one, or a formula."""
    tidy = joined(_tidy(statement))
    for side in _sides(tidy):
        text = _tidy(side)
        number = number_at(text)
        if number is not None and not _OPERATION.match(text, number.end):
            return _from_number(number)
    return _formula(tidy)


def _sides(text: str) -> tuple[str, ...]:
    """Where to look for the number: what an equation comes to first, unless the equation is only an aside."""
    before, equals, last = text.rpartition("=")
    first = text.partition("=")[0]
    if not equals or _ASIDE.search(before):
        return (text, last, first)
    return (last, first)


def _tidy(statement: str) -> str:
    text = statement.strip(" \t\n*_:$\"'“”")
    filler = _FILLER.match(text)
    text = text[filler.end() if filler else 0 :].rstrip(".!?;, ")
    return re.sub(r"^-\s+(?=[$\d.])", "-", text.lstrip("* "))


def _from_number(number: Number) -> Answer:
    return Answer(text=canonical(number.value), value=number.value, percent=number.percent)


def _last(text: str) -> Answer | None:
    number = last_number(text)
    return None if number is None else _from_number(number)


def _formula(text: str) -> Answer | None:
    """A time, a ratio, or a formula for math-verify: short, of mathematical characters, and with no prose in it."""
    text = text.replace("$", "").strip()
    if _CLOCK.fullmatch(text):
        return Answer(text=text.lower().replace(" ", ""))
    if len(text) > LONGEST or not _MATHS.fullmatch(text) or _LONG_WORD.search(text):
        return None
    has_content = any(c.isalnum() for c in text) and any(not c.isalpha() for c in text)
    return Answer(text=" ".join(text.split())) if has_content else None


def _word(text: str) -> Answer | None:
    word = _tidy(text).replace("$", "")
    return Answer(text=word.lower()) if _WORD.fullmatch(word) else None
