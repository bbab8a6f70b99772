"""Finding the program in what a model wrote.

Contract: `program(text, prompt, entry_point)` gives what to put behind the prompt, or None where there is no code. Code in
fences counts before anything else, the last fence that holds an answer before earlier ones; without fences the code is
what follows an introduction in prose. It may be the function's body, indented or not, or the whole function again, with
imports and helpers: these are kept. Where the prompt opens a class it is the body of its last method, that method, or the
class. A marker before the code (`[PYTHON]`, a line `python` or `Solution`) is none of it. What comes after (examples of use,
tests, explanations, the next problem) is cut, and so is a last line that was not finished. Nothing is executed here; the
text is parsed only.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from itertools import islice

from cogumi_code.syntax import gives, longest, opened, tidy, writes

LONGEST = 20_000
"""Characters that are looked at; no program is as long."""
MOST_BLOCKS = 8
"""Fences and beginnings that are tried."""
_FENCE = re.compile(r"(?<![`~])(```++|~~~++)[ \t]*([\w+#.-]*)[^\n`]*\n(.*?)(?:^[ \t]*\1|\Z)", re.DOTALL | re.MULTILINE)
_START = re.compile(r"^(?:(?:async )?def |class |from [\w.]+ import |import \w|@\w)", re.MULTILINE)
_BODY = re.compile(r"^(?: {4}|\t)", re.MULTILINE)
_UNUSABLE = re.compile("[\0\ud800-\udfff]")
_MARKER = re.compile(
    r"\A\s*(?:\[/?[A-Za-z_ ]{2,20}\]|<(?:python|code|solution)>|(?:python3?|py|code|solution|answer|program)[ \t]*:?)[ \t]*\n+",
    re.IGNORECASE,
)
"""A first line that only says what follows."""
_NO_PYTHON = re.compile(
    r"bash|sh|shell|console|te?xt|output|json|javascript|js|java|c|cpp|c\+\+|go|rust|html|ya?ml|markdown|md", re.IGNORECASE
)
"""Languages of fences that hold no Python."""


def program(text: str, prompt: str, entry_point: str, *, continued: bool = False) -> str | None:
    """What to put behind `prompt` so that the whole defines `entry_point`; None where the text holds no such code.

    `continued`: the text was written as the continuation of the prompt, which it is taken for first.
    """
    text = _usable(text)
    blocks = [match[3] for match in _FENCE.finditer(text) if not _NO_PYTHON.fullmatch(match[2])][-MOST_BLOCKS:]
    if continued:
        found = _defined(text, (), prompt, entry_point, first=True)
        if found is not None:
            return found
    sources = [(blocks[place], blocks[:place]) for place in reversed(range(len(blocks)))]
    for source, earlier in [*sources, *((beginning, ()) for beginning in _beginnings(text))]:
        found = _defined(source, earlier, prompt, entry_point, first=False)
        if found is not None:
            return found
    bodies = (_body(source, prompt, entry_point) for source in [*reversed(blocks), text, *_indented(text)])
    return next((body for body in bodies if body is not None), None)


def _usable(text: str) -> str:
    """The text up to a character that no program holds."""
    text = text.replace("\r\n", "\n")[:LONGEST]
    bad = _UNUSABLE.search(text)
    return text[: text.rfind("\n", 0, bad.start()) + 1] if bad else text


def _beginnings(text: str) -> Iterator[str]:
    """The text, and the text from each place on where code may start."""
    yield text
    yield from (text[match.start() :] for match in islice(_START.finditer(text), MOST_BLOCKS))


def _indented(text: str) -> list[str]:
    """What follows the first words of a text that has no function in it: a body, as far as it can be parsed."""
    found = None if _START.search(text) else _BODY.search(text)
    return [text[found.start() :]] if found else []


def _defined(source: str, earlier: Sequence[str], prompt: str, entry_point: str, *, first: bool) -> str | None:
    """The source as it stands behind the prompt, as far as it can be parsed and is needed."""
    source = _outdented(_MARKER.sub("", source), entry_point)
    stub = _stub(prompt, entry_point)
    whole = [_glued(prompt, source), stub + source]
    if (method := opened(prompt, entry_point)) and re.match(rf"\s*(?:async )?def {re.escape(method[0])}\b", source):
        again = textwrap.indent(textwrap.dedent(source.strip("\n")) + "\n", method[1])
        whole = [_glued(prompt, again), stub + again, *whole]
    for code in (source, *whole) if first else whole:
        kept = longest(prompt, code)
        found = None if kept is None else tidy(prompt, kept, entry_point, earlier, first=first)
        if found is not None:
            return found
    return None


def _body(source: str, prompt: str, entry_point: str) -> str | None:
    """The source as a body that lost its indentation, wholly or in its first line."""
    bare, method = _MARKER.sub("", source).strip("\n"), opened(prompt, entry_point)
    margin = "    " if method is None else method[1] + "    "
    for body in (textwrap.indent(textwrap.dedent(bare), margin), margin + bare.lstrip()):
        code = longest(prompt, _glued(prompt, body + "\n"))
        if code is None:
            continue
        done = gives(prompt + code, entry_point) if method is None else writes(prompt + code, entry_point, method[0])
        if done:
            return tidy(prompt, code, entry_point, (), first=True)
    return None


def _outdented(source: str, entry_point: str) -> str:
    """A whole function that stands indented, as in a list, moved to the margin."""
    return textwrap.dedent(source) if re.match(rf"\s+(?:(?:async )?def|class) {re.escape(entry_point)}\b", source) else source


def _glued(prompt: str, source: str) -> str:
    return source if prompt.endswith("\n") or not prompt else "\n" + source


def _stub(prompt: str, entry_point: str) -> str:
    """What completes a prompt whose function has no docstring that could stand for its body."""
    method = opened(prompt, entry_point)
    return _glued(prompt, f"{'' if method is None else method[1]}    pass\n\n\n")
