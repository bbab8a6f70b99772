r"""The one door for what a model says: thoughts set apart, answer tags unwrapped, letters composed (NFC).

    "<think>Is it 12? No.</think>\nThe answer is 18."      thought: "Is it 12? No."      said: "The answer is 18."

Every completion passes here before a task, a vote, a judge's prompt or a checker reads it, so that all of them read the same,
and no plugin has to know how a model marks its thoughts. What is trained on is the whole text as it was sampled. The rules:

1. A thought opens at the start of the text, or at the beginning of a line and is closed again.
2. Where a template has opened the thought already, the text has the closing mark alone: what stands before it is thought.
3. A thought that is never closed leaves nothing said: there is no answer.
4. Of channels (`<|channel|>analysis<|message|>...`) the final one is what is said.
5. `<answer>` and `<final>` tags are taken off; where one of them holds the last word, only what it holds is said.
6. A mark that is written about is no mark: inside a fence, in `code` or in "quotes", in an indented line, or within a
   sentence that goes on behind it.

Which marks there are: those in use (`PAIRS`), and those that a model's own chat template declares (`declared`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from typing import TypeAlias

from cogumi.records import Completion

Tags: TypeAlias = tuple[tuple[str, str], ...]
"""Pairs of marks: what opens a thought, and what closes it."""

PAIRS: Tags = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<thoughts>", "</thoughts>"),
    ("<reason>", "</reason>"),
    ("<reasoning>", "</reasoning>"),
    ("<reflection>", "</reflection>"),
    ("<scratchpad>", "</scratchpad>"),
    ("<analysis>", "</analysis>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|inner_prefix|>", "<|inner_suffix|>"),
    ("<|channel>thought", "<channel|>"),
    ("◁think▷", "◁/think▷"),
)
"""Marks of thoughts that models are known to write, in any case."""
CHANNELS = ("<|start|>", "<|channel|>", "<|message|>", "<|end|>")
"""Marks of messages that are written to channels, of which only the final one is said."""
UNENDED = "the thought never ends"
"""The note of a sample that ends within a thought."""
MOST = 200
"""Marks that are looked at; who writes more has written nonsense."""

_CHANNEL = re.compile(r"\s*(?:<\|start\|>\s?assistant\s?)?<\|channel\|>\s?(?!final\b)[a-z]+", re.IGNORECASE)
_FINAL = re.compile(
    r"(?:<\|(?:end|return)\|>\s*|<\|start\|>\s?assistant\s?|\A\s*)<\|channel\|>\s?final[^<\n]{0,80}<\|message\|>"
)
_LAST = re.compile(r"<\|(?:end|return|start|call)\|>")
_BARE = re.compile(r"\s*analysis(?=\S)(.*)assistantfinal(.*)", re.DOTALL)
"""Channels whose marks a decoder has left out."""
_GAP = re.compile(r"[ \t]*(?:\r?\n[ \t]*)*\n|[ \t]+")
"""What stands between a thought and what is said: blank lines, but not the indentation of the first line that is not."""
_FENCE = re.compile(r"^ {0,3}(```+|~~~+)([^`\n]*)$", re.MULTILINE)
_ANSWERS = r"answer|final|final[_ -]?answer"
_WRAPPERS = rf"{_ANSWERS}|response|solution"
_WRAPPED = re.compile(rf"\s*<({_WRAPPERS})>(.*?)(?:</\1>\s*|\Z)\Z", re.IGNORECASE | re.DOTALL)
_SOLUTION = re.compile(
    r"\s*<\|(?:begin_of_solution|START_RESPONSE)\|>(.*?)(?:<\|(?:end_of_solution|END_RESPONSE)\|>|\Z)", re.DOTALL
)
_ANSWER = re.compile(rf"<({_ANSWERS})>(.*?)</\1>", re.IGNORECASE | re.DOTALL)
_STRAY = re.compile(rf"</(?:{_WRAPPERS})>\s*\Z", re.IGNORECASE)
_QUOTES, _CLOSING_QUOTES = "\"'`“‘«", "\"'`”’»"
TRIPLE = ('"""', "'''")
"""What begins and ends a string of several lines in Python."""


def marks(tags: Tags = ()) -> frozenset[str]:
    """All marks by which a text is taken apart, in lower case: where they are special tokens, decoding must leave them in."""
    bounds = ("begin_of_solution", "end_of_solution", "START_RESPONSE", "END_RESPONSE")
    found = (*CHANNELS, *(mark for pair in (*PAIRS, *tags) for mark in pair), *(f"<|{bound}|>" for bound in bounds))
    return frozenset(mark.lower() for mark in found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A text, taken apart."""

    text: str
    """What was said: what a user would be shown, in NFC."""
    thoughts: tuple[str, ...] = ()
    """What was thought, in order."""
    unended: bool = False
    """The text ends within a thought; nothing was said."""
    closed: bool = False
    """What was said is closed by a mark, so that no token limit has cut it."""


def shown(completion: Completion, tags: Tags = ()) -> Completion:
    """The completion as tasks, voters and judges read it; of a text without marks, in NFC, it is the same one.

    `tags` are those that the model's template declares. A text that ends within a thought is empty then.
    """
    said = set_apart(completion.text, tags)
    if said.text == completion.text:
        return completion
    whole = said.closed and completion.finish == "length"
    return replace(completion, text=said.text, finish="stop" if whole else completion.finish)


def is_unended(completion: Completion, tags: Tags = ()) -> bool:
    """Whether a completion ends within a thought."""
    return set_apart(completion.text, tags).unended


@lru_cache(maxsize=1024)
def set_apart(text: str, tags: Tags = ()) -> Said:
    """Take a text apart. Any text may come in: nothing here raises."""
    said = _channels(text) or _thoughts(text, (*PAIRS, *tags))
    if not said.unended:
        answer = _answer(said.text)
        said = said if answer is None else replace(said, text=answer[0], closed=said.closed or answer[1])
    return replace(said, text=unicodedata.normalize("NFC", said.text))


def _channels(text: str) -> Said | None:
    """What the final channel says; None for a text without channels."""
    if bare := _BARE.match(text):
        return Said(text=bare[2], thoughts=(bare[1],))
    finals = list(islice(_FINAL.finditer(text), MOST))
    if not finals:
        return Said(text="", thoughts=(text,), unended=True) if _CHANNEL.match(text) else None
    start = finals[-1].end()
    end = _LAST.search(text, start)
    before = text[: finals[-1].start()].strip()
    stop = end.start() if end else len(text)
    return Said(text=text[start:stop], thoughts=(before,) if before else (), closed=end is not None)


def _thoughts(text: str, pairs: Tags) -> Said:
    """A text without its thoughts."""
    thoughts: list[str] = []
    while len(thoughts) < MOST:
        found = _closed_alone(text, pairs) or _next(text, pairs)
        if found is None:
            break
        opens, begins, ends, goes_on = found
        if ends < 0:
            return Said(text="", thoughts=(*thoughts, text[begins:].strip()), unended=True)
        thoughts.append(text[begins:ends].strip())
        gap = _GAP.match(text, goes_on)
        before = text[:opens] if text[:opens].strip() else ""
        text = before + text[gap.end() if gap else goes_on :]
    return Said(text=text, thoughts=tuple(thoughts))


Place: TypeAlias = tuple[int, int, int, int]
"""A thought: where its mark and its text begin, where it ends (-1: nowhere), and where the text goes on."""


def _closed_alone(text: str, pairs: Tags) -> Place | None:
    """The thought that the template has opened."""
    fences = _fences(text)
    for match in islice(_mark(pairs, 1).finditer(text), MOST):
        opener = next(opens for opens, closes in pairs if closes.lower() == match[0].lower())
        if _is_opened(text, match, opener, fences):
            return None
        if not _is_about(text, match, fences, opener):
            return 0, 0, match.start(), match.end()
    return None


def _is_opened(text: str, closing: re.Match[str], opener: str, fences: Sequence[tuple[int, int]]) -> bool:
    """Whether an opening mark belongs to a closing one: it begins a line, or stands on the same one."""
    for match in islice(_any_of((opener,)).finditer(text, 0, closing.start()), MOST):
        same_line = "\n" not in text[match.end() : closing.start()]
        if same_line or not (_begins_no_line(text, match.start()) or _inside(match.start(), fences)):
            return True
    return False


def _next(text: str, pairs: Tags) -> Place | None:
    """The next thought that is opened in the text."""
    fences = _fences(text)
    first = len(text) - len(text.lstrip("\ufeff\u200b \t\r\n"))
    for match in islice(_mark(pairs, 0).finditer(text), MOST):
        at_start = match.start() == first
        if not at_start and (_begins_no_line(text, match.start()) or _inside(match.start(), fences) or _is_quoted(text, match)):
            continue
        closers = tuple(closes for opens, closes in pairs if opens.lower() == match[0].lower())
        end = _close(text, match, closers, fences)
        if end is None and at_start:
            end = _close_anyhow(text, match, closers, pairs)
        if end is not None and (at_start or not _goes_on(text, end)):
            return match.start(), match.end(), end.start(), end.end()
        if end is None and (at_start or _is_alone(text, match)):
            return match.start(), match.end(), -1, -1
    return None


def _close(
    text: str, opened: re.Match[str], closers: tuple[str, ...], fences: Sequence[tuple[int, int]]
) -> re.Match[str] | None:
    """The first mark behind an opened thought that closes it."""
    for match in islice(_any_of(closers).finditer(text, opened.end()), MOST):
        fence = _inside(match.start(), fences)
        if fence is not None and not fence[0] < opened.start():
            within = opened[0].lower() in text[fence[0] : match.start()].lower()
            if within or not _is_alone(text, match):
                continue
        if not _is_quoted(text, match):
            return match
    return None


def _close_anyhow(text: str, opened: re.Match[str], closers: tuple[str, ...], pairs: Tags) -> re.Match[str] | None:
    """A thought that begins a text is closed by the first mark that has no quotes around it, or by one of another name."""
    for match in islice(_any_of(closers).finditer(text, opened.end()), MOST):
        before, behind = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
        if not (_is_touched(before, behind) or _inside(match.start(), _fences(text))):
            return match
    found = islice(_mark(pairs, 1).finditer(text, opened.end()), MOST)
    return next((match for match in found if _is_alone(text, match)), None)


def _is_about(text: str, match: re.Match[str], fences: Sequence[tuple[int, int]], opener: str) -> bool:
    """Whether a closing mark without an opening one is written about: in code, quoted, or within a sentence."""
    fence = _inside(match.start(), fences)
    if fence is not None:
        return opener.lower() in text[fence[0] : match.start()].lower() or not _is_alone(text, match)
    line = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
    is_code = re.match(r" {4}|\t", line) is not None
    return is_code or _is_quoted(text, match) or (bool(line.strip()) and _goes_on(text, match))


def _is_quoted(text: str, match: re.Match[str]) -> bool:
    """Whether a mark stands between quotes on its line, or within a string of several lines."""
    before = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
    behind = text[match.end() :].partition("\n")[0]
    if any(before.count(quote) % 2 == 1 and quote in behind for quote in '"`'):
        return True
    if any(text.count(quote, 0, match.start()) % 2 == 1 and quote in behind + text[match.end() :] for quote in TRIPLE):
        return True
    return _is_touched(before[-1:], behind) or (behind[:1] != "" and behind[0] in _QUOTES and behind[0] in before)


def _is_touched(before: str, behind: str) -> bool:
    place = _QUOTES.find(before) if before else -1
    return place >= 0 and _CLOSING_QUOTES[place] in behind


def _goes_on(text: str, match: re.Match[str]) -> bool:
    """Whether a sentence goes on behind a mark on its line."""
    rest = text[match.end() :].partition("\n")[0].strip()
    return bool(rest) and (rest[0].islower() or rest[0] in ".,;:!?)]")


def _begins_no_line(text: str, place: int) -> bool:
    line = text[text.rfind("\n", 0, place) + 1 : place]
    return bool(line.strip()) or len(line.expandtabs(4)) > 3


def _is_alone(text: str, match: re.Match[str]) -> bool:
    before = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
    return not before.strip() and not text[match.end() :].partition("\n")[0].strip()


def _fences(text: str) -> list[tuple[int, int]]:
    """Where fenced blocks begin and end; one that is never closed goes to the end of the text."""
    found: list[tuple[int, int]] = []
    opened: re.Match[str] | None = None
    for match in islice(_FENCE.finditer(text), MOST):
        if opened is None:
            opened = match
        elif match[1].startswith(opened[1]) and not match[2].strip():
            found.append((opened.start(), match.end()))
            opened = None
    return [*found, (opened.start(), len(text))] if opened is not None else found


def _inside(place: int, spans: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    return next((span for span in spans if span[0] <= place < span[1]), None)


@lru_cache
def _mark(pairs: Tags, side: int) -> re.Pattern[str]:
    return _any_of(tuple(pair[side] for pair in pairs))


@lru_cache
def _any_of(marks: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(marks, key=len, reverse=True))), re.IGNORECASE)


def _answer(text: str) -> tuple[str, bool] | None:
    """What answer tags hold, and whether it is closed; None for a text without them."""
    if "<" not in text:
        return None
    if whole := _SOLUTION.match(text):
        return whole[1].strip("\n"), whole.end() > whole.end(1)
    if (wrapped := _WRAPPED.match(text)) and f"</{wrapped[1]}>".lower() not in wrapped[2].lower():
        return wrapped[2].strip(), wrapped.end() > wrapped.end(2)
    fences = _fences(text)
    pairs = [m for m in islice(_ANSWER.finditer(text), MOST) if not _inside(m.start(), fences) and not _is_quoted(text, m)]
    if pairs and _has_last_word(text, pairs[-1]):
        return pairs[-1][2].strip(), True
    if pairs:
        return "".join(_unwrapped(text, pairs)), False
    stray = _STRAY.search(text)
    return None if stray is None or _is_quoted(text, stray) else (text[: stray.start()].rstrip(), True)


def _has_last_word(text: str, pair: re.Match[str]) -> bool:
    """Whether an answer's tags have lines to themselves, or nothing but punctuation behind them."""
    ends_line = not text[pair.end() :].partition("\n")[0].strip(" \t.*!")
    return not text[pair.end() :].strip(" \t\r\n.*!") or (ends_line and not _begins_no_line(text, pair.start()))


def _unwrapped(text: str, pairs: Sequence[re.Match[str]]) -> Iterator[str]:
    place = 0
    for pair in pairs:
        yield from (text[place : pair.start()], pair[2])
        place = pair.end()
    yield text[place:]


# --- what a template declares ------------------------------------------------------------------------------------------

_CLOSING = re.compile(
    r"</(?P<xml>[A-Za-z][\w:.-]{0,30})>|\[/(?P<square>[A-Za-z_]{2,30})\]"
    r"|<\|(?P<word>end_of_|END_|end_|/)(?P<bar>[A-Za-z_]{2,30})\|>"
)
_NO_THOUGHT = re.compile(
    r"tool|function|call|response|user|assistant|system|model|answer|final|image|video|audio|turn|inst|doc|text|sys|s$", re.I
)
_OPENERS = {"end_of_": ("begin_of_", "start_of_"), "END_": ("START_", "BEGIN_"), "end_": ("start_", "begin_"), "/": ("",)}


def declared(template: str) -> Tags:
    """The marks of thoughts that a chat template declares and that are not known anyway.

    A template declares them where it cuts an assistant's text at the closing one, where it writes a message's reasoning
    between them, or where it opens the assistant's turn with the opening one. Nothing of the template is executed.
    """
    known = {pair[1].lower() for pair in PAIRS}
    found: dict[tuple[str, str], None] = {}
    for match in islice(_CLOSING.finditer(template), MOST):
        closing, name = match[0], match["xml"] or match["square"] or match["bar"]
        if closing.lower() not in known and not _NO_THOUGHT.match(name):
            found |= {(opening, closing): None for opening in _openings(match) if _declares(template, opening, closing)}
    return (*found, *_opened_only(template, known | {closing.lower() for _, closing in found}))


def _openings(match: re.Match[str]) -> tuple[str, ...]:
    if match["xml"]:
        return (f"<{match['xml']}>",)
    if match["square"]:
        return (f"[{match['square']}]",)
    return tuple(f"<|{word}{match['bar']}|>" for word in _OPENERS[match["word"]])


def _declares(template: str, opening: str, closing: str) -> bool:
    cuts = rf"(?:split|partition)\(\s*['\"]{re.escape(closing)}|['\"]{re.escape(closing)}(?:\\n)*['\"] in\b"
    between = rf"{re.escape(opening)}(?:(?!{re.escape(closing)}).){{0,200}}?\b\w*(?:reasoning|thinking|thought)\w*\b"
    return re.search(cuts, template) is not None or re.search(between, template, re.DOTALL) is not None


def _opened_only(template: str, known: set[str]) -> Iterator[tuple[str, str]]:
    """A tag that ends what the template writes to begin the assistant's turn."""
    tail = template.rpartition("add_generation_prompt")[2]
    for match in re.finditer(r"\S[^'\"{}]*?<([A-Za-z][\w:.-]{1,30})>(?:\\n|\s)*(?:['\"]|\{%|\Z)", tail):
        opening, closing = f"<{match[1]}>", f"</{match[1]}>"
        if closing.lower() not in known and not _NO_THOUGHT.match(match[1]) and closing not in tail:
            yield opening, closing
