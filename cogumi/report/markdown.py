"""The report as Markdown (CommonMark with tables, as code hosts and editors show it)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from cogumi.report import words
from cogumi.report.blocks import Banner, Bars, Block, Heading, Paragraph, SideBySide, Table, Terms

PROMPT_LIMIT = 2_000
SAMPLE_LIMIT = 400
CELL_LIMIT = 1_000


def render_markdown(blocks: Iterable[Block]) -> str:
    """report.md from what a report is made of."""
    parts = (_block(block) for block in blocks)
    return "\n\n".join(part for part in parts if part) + "\n"


def inline(text: str, limit: int = CELL_LIMIT) -> str:
    """Text without any meaning to Markdown or HTML, on one line, of at most about `limit` characters."""
    flat = words.one_line(words.visible(words.clip(text, limit)))
    entities = flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~$#])", r"\\\1", entities)


def fenced(text: str, limit: int) -> str:
    """Text as a code block that it cannot end: its fence is longer than any run of backticks inside."""
    shown = words.visible(words.clip(text, limit))
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{shown}\n{fence}"


def _block(block: Block) -> str:
    match block:
        case Heading(level, text):
            return f"{'#' * level} {inline(text)}"
        case Paragraph(text):
            return inline(text)
        case Banner(verdict, why, next_step):
            return f"**{inline(verdict)}.** {inline(why)}\n\n**Next:** {inline(next_step)}"
        case Table(_, header, rows):
            return _table(header, rows)
        case Bars():
            return ""  # the table above it holds the same figures
        case SideBySide():
            return _side_by_side(block)
        case Terms(rows):
            return "\n".join(f"- *{inline(word)}*: {inline(meaning)}" for word, meaning in rows)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(inline(cell) for cell in row) + " |" for row in (header, *rows)]
    return "\n".join([lines[0], "|" + " --- |" * len(header), *lines[1:]])


def _side_by_side(block: SideBySide) -> str:
    rows: list[tuple[str, str, str]] = []
    for i in range(max(len(block.before.texts), len(block.after.texts))):
        rows.append((str(i + 1), _sample(block.before.texts, i), _sample(block.after.texts, i)))
    reference = [f"Reference: {inline(block.reference, SAMPLE_LIMIT)}"] if block.reference else []
    summaries = f"- Before: {inline(block.before.summary)}\n- After: {inline(block.after.summary)}"
    table = _table(("sample", "before", "after"), rows)
    return "\n\n".join([fenced(block.prompt, PROMPT_LIMIT), *reference, summaries, table])


def _sample(texts: Sequence[str], index: int) -> str:
    return words.clip(texts[index], SAMPLE_LIMIT) if index < len(texts) else ""
