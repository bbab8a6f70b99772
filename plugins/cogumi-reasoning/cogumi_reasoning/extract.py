r"""The letter that a completion gives as its answer.

    "A dog is no fruit, and B is one.\nThe answer is (B)."      ->  B

The form asked for is "The answer is B."; models also write `B`, `(B)`, `**B.** plum`, `Answer: B`, `\boxed{B}`, "Option B is
correct", or the words of the choice. The rules:

1. A completion that goes on after its answer with a new question or a new turn is read only up to there.
2. A letter counts where it is stated: behind "the answer is" and its like, in a box, before "is correct", or alone on a
   line. "A" before another word is an article, and "A or B" states nothing.
3. In the same places the exact text of one choice counts as its letter; so does a completion that is nothing else, or a
   single sentence that ends in it ("It is a plum.").
4. Where nothing is stated so, a line "B. ..." that opens or ends the completion counts, whatever words follow (models
   misquote), but not where lines of several letters list the choices.
5. What the text takes back ("No, wait", "that is wrong") does not count where another statement follows (see
   `cogumi.retractions`).
6. If all statements agree, that is the answer. If they do not, the last line decides if it states one; then what is called
   final or stands in a box; else there is no answer.
7. In a completion that was cut at its token limit, a statement that the cut may have gone through does not count.

Any text may come in: nothing here raises, and the time taken grows with the length of the text alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from cogumi.retractions import retractions
from cogumi_reasoning.prompts import LETTERS

LONGEST = 2000
"""Characters of the longest choice that is known by its words."""
MOST = 200
"""Statements of one kind that are looked at; who writes more has written nonsense."""

_NEW_TURN = re.compile(
    r"\n\s{0,8}(?:[#*]{1,6}\s?)?(?:(?:Question|Problem)(?:\s?\d{1,4})?|Q|Human|User|Instruction)\s?(?:\*\*)?:"
    r"|<\|[A-Za-z_]{1,40}\|>|</s>|\[/?INST\]|\nThe following are multiple choice"
)
_OPEN, _CLOSE = r"[*_\"'`“‘(\[{$ \t]{0,8}", r"[*_\"'`”’)\]}$]{0,8}"
_NOUN = r"(?:(?:the[ \t])?(?:option|choice|letter|answer)[ \t])?"
_ANOTHER = rf"{_CLOSE}[ \t]?(?:,|/|&|\bor\b|\band\b|\bnor\b)[ \t]?(?:or\b|and\b)?{_OPEN}{_NOUN}(?-i:[A-D])(?![\w'’])"
_END = rf"{_CLOSE}[ \t]{{0,8}}(?:$|[\n,;:!)\]]|\.(?!\w)|\.(?=[A-Za-z]{{3}})|[-–—]\s|\(|(?:because|since|as|and)\b)"
_LETTER = rf"(?P<letter>[A-D])(?![\w'’+-])(?!{_ANOTHER})(?={_END})"
"""A letter that no other one is offered besides, and behind which no word goes on that makes it an article."""
_LEAD = re.compile(
    r"\b(?P<final>final[ \t]{1,4})?(?:answer|option|choice)(?:[ \t](?:to|of|for|here)\b[^.\n:]{0,200}?)?"
    r"[*_ \t]{0,6}(?:\b(?:is|would[ ]be|must[ ]be|should[ ]be|could[ ]be|might[ ]be|may[ ]be)|[:=])"
    r"(?:[ \t]?(?:clearly|definitely|most[ ]likely|probably|therefore|thus|simply|likely|indeed))?"
    r"(?::\s{0,4}|[: \t]{0,6})(?![\s:])",
    re.IGNORECASE,
)
"""What announces an answer."""
_STATED = re.compile(rf"{_OPEN}{_NOUN}{_OPEN}{_LETTER}", re.IGNORECASE)
_MOST = r"most (?:accurate|appropriate|likely|suitable)(?: correct| right)? (?:answer|option|choice|one)"
_BEST = rf"(?:correct|right|best|answer|{_MOST})"
_CORRECT = re.compile(
    r"(?<!\bor )(?<!\band )(?<!\bnor )(?<!\bif )(?<![\w'’*_\"`(\[{$-])[*_\"'`(\[{$]{0,6}"
    rf"(?P<letter>[A-D]){_CLOSE} (?:is|was|must be|would be|seems) (?:the )?(?:only )?{_BEST}\b"
)
_CHOOSE = re.compile(rf"\b(?:choose|pick|select|go with)[ \t]{_OPEN}{_NOUN}{_OPEN}{_LETTER}", re.IGNORECASE)
_BOX = re.compile(r"\\(?:boxed|fbox)\s?\{\s?(?:\\(?:text|textbf|mathrm|mathbf)\s?\{)?([^{}]{1,300})\}")
_LINE = re.compile(  # which of these lines count, `_lines` says
    rf"^[*_\"'`(\[ \t]{{0,8}}{_NOUN}(?P<letter>[A-D])(?![\w'’+-])(?P<rest>[^\n]*)$", re.IGNORECASE | re.MULTILINE
)
_LABEL = re.compile(rf"^[ \t]*A(?:ns)?:[ \t]+{_OPEN}{_NOUN}{_OPEN}{_LETTER}", re.IGNORECASE | re.MULTILINE)
"""`A: D.`, where A stands for "answer"."""
_DENIED = re.compile(r"\bis (?:incorrect|wrong|false|not (?:the )?(?:correct|right|best|answer))\b|[:-]\s?no\b", re.IGNORECASE)
_ABOUT = re.compile(r"[ \t](?:to|of|for)\b", re.IGNORECASE)
_LATER = re.compile(r"\b(?:is|would be)[: \t]+", re.IGNORECASE)
_AT_ONCE = re.compile(
    rf"[\s,.:;!…—–-]{{0,6}}(?:(?:it|that)(?:['’]s| is)[ \t])?(?:actually[ \t])?{_OPEN}{_NOUN}{_OPEN}{_LETTER}", re.IGNORECASE
)
"""The letter that takes the place of another: "no, B."."""
_LINKED = re.compile(r"(?:\b(?:is|are|was|were|be|equals|called)|:)[ \t]+(?:a |an |the )?$", re.IGNORECASE)
_MARKS = " \t*_\"'`“”‘’$()[]{}"
_AROUND = _MARKS + "\r\n.,;:!?"


@dataclass(frozen=True, slots=True)
class Statement:
    """One place where a completion states its answer."""

    letter: str
    """A to D."""
    start: int
    """Where it begins."""
    end: int
    """Where the text behind it goes on."""
    final: bool = False
    """It is called final, or stands in a box."""
    closed: bool = False
    """It is closed by itself, so that no cut can have gone through it."""


def final_letter(completion: str, choices: Sequence[str], *, cut: bool = False) -> str | None:
    """The letter of the answer, or None; `cut` says that the completion ended at its token limit."""
    text, *more = _NEW_TURN.split(completion.lstrip(), maxsplit=1)
    words = [_normal(choice) for choice in choices]
    ends = cut and not more
    found = [s for s in _statements(text, words) if not ends or s.closed or text[s.end :].strip(_MARKS)]
    if found:
        return _decided(_kept(found, text), text)
    named = None if ends else _named(text, words)
    if named is not None:
        return named
    opened = _lettered(text, words)
    if opened is not None and not (ends and not text[opened.end :].strip(_MARKS)):
        return opened.letter
    return None if ends else _concluded(text, words)


def _kept(found: Sequence[Statement], text: str) -> Sequence[Statement]:
    """The statements behind the last place that takes another one back, where there are some on both sides of it."""
    for place in reversed(retractions(text)):
        before, behind = [s for s in found if s.start < place], [s for s in found if s.start >= place]
        if before and behind:
            return behind
    return found


def _decided(found: Sequence[Statement], text: str) -> str | None:
    """The letter that all give, or that the last line gives, or that the final ones give."""
    last = text.rstrip().rfind("\n") + 1
    for group in (found, [s for s in found if s.start >= last], [s for s in found if s.final]):
        letters = {statement.letter for statement in group}
        if len(letters) == 1:
            return letters.pop()
    return None


def _statements(text: str, words: Sequence[str]) -> Iterator[Statement]:
    yield from _led(text, words)
    yield from _boxed(text, words)
    yield from _lines(text)
    for place in retractions(text):
        if match := _AT_ONCE.match(text, place):
            yield Statement(match["letter"].upper(), match.start("letter"), match.end("letter"))
    for pattern in (_CORRECT, _CHOOSE, _LABEL):
        for match in islice(pattern.finditer(text), MOST):
            yield Statement(match["letter"].upper(), match.start("letter"), match.end("letter"), closed=pattern is _CORRECT)


def _led(text: str, words: Sequence[str]) -> Iterator[Statement]:
    """What stands behind "the answer is" and its like: the words of a choice ("B. F. Skinner"), or a letter."""
    for lead in islice(_LEAD.finditer(text), MOST):
        final = lead["final"] is not None
        line = text[lead.end() : lead.end() + LONGEST].partition("\n")[0]
        for said in (line, re.split(r"[.;](?=\s)", line, maxsplit=1)[0]):
            if _normal(said).upper() not in set(LETTERS) and (letter := _named(said, words)):
                yield Statement(letter, lead.end(), lead.end() + len(said), final)
                break
        else:
            if (stated := _stated(text, lead)) and not ("\n" in lead[0] and _is_list(text[lead.end() :])):
                yield Statement(stated["letter"].upper(), stated.start("letter"), stated.end("letter"), final)


def _stated(text: str, lead: re.Match[str]) -> re.Match[str] | None:
    """The letter behind a lead, or behind a later verb: "The answer to the question which is best is B."."""
    found = _STATED.match(text, lead.end())
    if found is not None or not _ABOUT.search(lead[0]):
        return found
    end = lead.end() + len(text[lead.end() : lead.end() + LONGEST].partition("\n")[0].partition(". ")[0])
    tries = (_STATED.match(text, verb.end()) for verb in islice(_LATER.finditer(text, lead.end(), end), MOST))
    return next((match for match in tries if match is not None), None)


def _is_list(text: str) -> bool:
    """Whether lines of several letters list the choices."""
    return len({match["letter"].upper() for match in islice(_LINE.finditer(text), MOST)}) > 1


def _boxed(text: str, words: Sequence[str]) -> Iterator[Statement]:
    for match in islice(_BOX.finditer(text), MOST):
        content = match[1].strip(_AROUND)
        letter = content.upper() if len(content) == 1 and content.upper() in LETTERS else _named(match[1], words)
        if letter:
            yield Statement(letter, match.start(), match.end(), final=True, closed=True)


def _lines(text: str) -> Iterator[Statement]:
    """A letter that has a line to itself; one letter after the other, each on its own line, is a list."""
    alone = [match for match in islice(_LINE.finditer(text), MOST) if not match["rest"].strip(_AROUND)]
    for match in alone:
        yield Statement(match["letter"].upper(), match.start("letter"), match.end())


def _lettered(text: str, words: Sequence[str]) -> Statement | None:
    """The first or last line, where it is "B. ..." and no line has another letter; the words behind it may be misquoted.

    "A: ..." may stand for "answer", and counts with the words of its choice alone.
    """
    lines = [match for match in islice(_LINE.finditer(text), MOST) if match["rest"][:1] in tuple(".):*]")]
    if len({match["letter"].upper() for match in lines}) != 1:
        return None
    match = lines[0] if not text[: lines[0].start()].strip() else lines[-1]
    letter, rest = match["letter"].upper(), match["rest"]
    is_own = _normal(rest) == words[LETTERS.index(letter)]
    at_edge = not text[: match.start()].strip() or not text[match.end() :].strip()
    if not is_own and (not at_edge or rest[0] == ":" or _DENIED.search(rest) or _named(match[0], words)):
        return None
    return Statement(letter, match.start("letter"), match.end())


def _concluded(text: str, words: Sequence[str]) -> str | None:
    """The letter of the choice in whose words a single sentence ends, where it holds no other choice: "It is a plum."."""
    said = text.strip().rstrip(_AROUND)
    if "\n" in said or re.search(r"[.!?]\s", said) or _DENIED.search(said):
        return None
    plain = _normal(said).casefold()
    held = [place for place, choice in enumerate(words) if choice and choice.casefold() in plain]
    ends = [place for place in held if plain.endswith(words[place].casefold())]
    longest = max(ends, key=lambda place: len(words[place]), default=None)
    if longest is None or any(words[place].casefold() not in words[longest].casefold() for place in held):
        return None
    if sum(choice.casefold() == words[longest].casefold() for choice in words) > 1:
        return None
    if re.search(r"\b[B-D]\b", said[: len(said) - len(words[longest])]):
        return None
    return LETTERS[longest] if _LINKED.search(plain[: len(plain) - len(words[longest])]) else None


def _named(text: str, words: Sequence[str]) -> str | None:
    """The letter of the one choice that a text is, as it is written or else in any case."""
    said = _normal(text)
    for same in (str, str.casefold):
        found = [letter for letter, choice in zip(LETTERS, words, strict=True) if said and same(choice) == same(said)]
        if found:
            return found[0] if len(found) == 1 else None
    return None


def _normal(text: str) -> str:
    """Without the marks around it, each gap one space."""
    return " ".join(text.split()).strip(_AROUND)
