"""The report as one HTML file: no scripts, nothing fetched, readable in light and dark, by screen readers and on paper."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

from cogumi.report import words
from cogumi.report.blocks import Banner, Bars, Block, Heading, Paragraph, Range, Side, SideBySide, Table, Terms

PROMPT_LIMIT = 4_000
SAMPLE_LIMIT = 1_500
CELL_LIMIT = 1_000

LABEL, AXIS, ROW = 210, 400, 34
"""Widths of the labels and of the axis, and height of a row, of a picture in its own units."""
MARKS = {"PROCEED": "✓", "ITERATE": "↻", "ABANDON": "✗", "INCONCLUSIVE": "?"}

STYLE = """
:root { color-scheme: light dark; --ink: #1c1e21; --soft: #5b6168; --line: #d9dce0; --paper: #fff; --box: #f5f6f8;
  --before: #a8571a; --after: #1f6fb2; --good: #1a7f4b; --bad: #b3261e; --open: #7a5a00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --soft: #a5abb3; --line: #3a3f46; --paper: #16181b;
  --box: #1f2226; --before: #e9a065; --after: #75b5ee; --good: #6fcf97; --bad: #ff8a80; --open: #e3c15c; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.6rem; line-height: 1.25; }
h2 { margin: 2.75rem 0 .5rem; font-size: 1.25rem; }
h3 { margin: 1.75rem 0 .5rem; font-size: 1.05rem; }
h1, h2, h3, p, dd { overflow-wrap: anywhere; }
.verdict { border-left: .4rem solid; background: var(--box); padding: .75rem 1.25rem; margin: 1.25rem 0; }
.verdict strong { font-size: 1.25rem; }
.verdict p { color: var(--ink); margin: .4rem 0; }
.PROCEED, .pass { color: var(--good); }
.ABANDON, .fail { color: var(--bad); }
.ITERATE, .INCONCLUSIVE, .inconclusive { color: var(--open); }
.not-measured { color: var(--soft); }
.wide { overflow-x: auto; margin: .75rem 0; }
table { border-collapse: collapse; font-size: .92rem; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); font-size: .85rem; padding-bottom: .3rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; }
tbody th { font-weight: 500; }
td { overflow-wrap: anywhere; min-width: 4.5rem; }
figure { margin: 1rem 0; }
figcaption { color: var(--soft); font-size: .85rem; }
svg { width: 100%; max-width: 40rem; height: auto; font: 12px system-ui, sans-serif; }
svg text { fill: currentColor; }
.grid { stroke: var(--line); }
.before { stroke: var(--before); fill: var(--before); }
.after { stroke: var(--after); fill: var(--after); }
pre { background: var(--box); padding: .6rem .8rem; margin: .5rem 0; font-size: .85rem; line-height: 1.4;
  white-space: pre-wrap; overflow-wrap: anywhere; }
.sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); gap: 0 1.25rem; }
.sides h4 { margin: .75rem 0 0; }
.sides p { color: var(--soft); margin: .2rem 0; font-size: .9rem; }
dt { font-weight: 600; margin-top: .5rem; }
dd { margin: 0 0 0 1.25rem; }
"""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>cogumi: {title}</title>
<style>{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def render_html(title: str, blocks: Iterable[Block]) -> str:
    """report.html from what a report is made of."""
    body = "\n".join(_block(block) for block in blocks)
    return PAGE.format(title=_text(title), style=STYLE, body=body)


def _text(text: str, limit: int = CELL_LIMIT) -> str:
    return escape(words.visible(words.clip(text, limit)))


def _block(block: Block) -> str:
    match block:
        case Heading(level, text):
            return f"<h{level}>{_text(text)}</h{level}>"
        case Paragraph(text):
            return f"<p>{_text(text)}</p>"
        case Banner():
            return _banner(block)
        case Table():
            return _table(block)
        case Bars():
            return _picture(block) if block.rows else ""
        case SideBySide():
            return _side_by_side(block)
        case Terms(rows):
            return "<dl>" + "".join(f"<dt>{_text(word)}</dt><dd>{_text(meaning)}</dd>" for word, meaning in rows) + "</dl>"


def _banner(block: Banner) -> str:
    verdict = _text(block.verdict)
    mark = f'<strong><span aria-hidden="true">{MARKS.get(block.verdict, "")}</span> {verdict}</strong>'
    rest = f"<p>{_text(block.why)}</p><p><b>Next:</b> {_text(block.next)}</p>"
    return f'<section class="verdict {verdict}" aria-label="Verdict">{mark}{rest}</section>'


def _table(block: Table) -> str:
    caption = _text(block.caption)
    head = "".join(f'<th scope="col">{_text(cell)}</th>' for cell in block.header)
    body = "\n".join(_row(row) for row in block.rows)
    table = f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>"
    return f'<div class="wide" role="region" aria-label="{caption}" tabindex="0">{table}</div>'


def _row(row: Sequence[str]) -> str:
    cells = "".join(f"<td{_status_class(cell)}>{_unbroken(_text(cell))}</td>" for cell in row[1:])
    return f'<tr><th scope="row">{_text(row[0])}</th>{cells}</tr>'


def _unbroken(cell: str) -> str:
    """A figure and its interval each stay on one line of a narrow column; sentences may break anywhere."""
    if len(cell) >= 40:
        return cell
    return re.sub(r"(\(\S+) to (\S+\))| (%|points)", _glue, cell)


def _glue(match: re.Match[str]) -> str:
    return match[0].replace(" ", "\N{NO-BREAK SPACE}")


def _status_class(cell: str) -> str:
    """Colour for a status, which its mark and word already say."""
    return next((f' class="{status}"' for status, shown in words.STATUSES.items() if cell == shown), "")


def _picture(block: Bars) -> str:
    height = ROW * len(block.rows) + 24
    rows = "\n".join(_bar_row(i, *row) for i, row in enumerate(block.rows))
    said = "; ".join(f"{name} {words.percent(b.value)} before, {words.percent(a.value)} after" for name, b, a in block.rows)
    caption = f'{_text(block.caption)}. Upper line, <span style="color:var(--before)">round: before</span>; '
    caption += 'lower line, <span style="color:var(--after)">square: after</span>.'
    return (
        f'<figure><svg viewBox="0 0 {LABEL + AXIS + 24} {height}" role="img" aria-label="{_text(said, 4_000)}">\n'
        f"{_grid(height)}\n{rows}\n</svg><figcaption>{caption}</figcaption></figure>"
    )


def _grid(height: int) -> str:
    lines = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = _x(share)
        lines.append(f'<line class="grid" x1="{x}" x2="{x}" y1="0" y2="{height - 18}"/>')
        lines.append(f'<text x="{x}" y="{height - 4}" text-anchor="middle">{share * 100:.0f} %</text>')
    return "".join(lines)


def _bar_row(index: int, name: str, before: Range, after: Range) -> str:
    y = ROW * index + ROW // 2
    label = f'<text x="{LABEL - 12}" y="{y + 4}" text-anchor="end">{_text(name, 32)}</text>'
    dot = f'<circle class="before" cx="{_x(before.value)}" cy="{y - 6}" r="4"/>'
    square = f'<rect class="after" x="{_x(after.value) - 4:.1f}" y="{y + 2}" width="8" height="8"/>'
    return f"{label}{_line('before', before, y - 6)}{dot}{_line('after', after, y + 6)}{square}"


def _line(side: str, found: Range, y: int) -> str:
    return f'<line class="{side}" stroke-width="2" x1="{_x(found.low)}" x2="{_x(found.high)}" y1="{y}" y2="{y}"/>'


def _x(share: float) -> float:
    return round(LABEL + AXIS * share, 1)


def _side_by_side(block: SideBySide) -> str:
    reference = f"<p>Reference: {_text(block.reference, SAMPLE_LIMIT)}</p>" if block.reference else ""
    sides = _side("Before", block.before) + _side("After", block.after)
    return f'<pre>{_text(block.prompt, PROMPT_LIMIT)}</pre>{reference}<div class="sides">{sides}</div>'


def _side(name: str, side: Side) -> str:
    texts = "".join(f"<pre>{_text(text, SAMPLE_LIMIT)}</pre>" for text in side.texts)
    return f"<div><h4>{name}</h4><p>{_text(side.summary)}</p>{texts}</div>"
