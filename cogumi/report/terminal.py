"""The result in the terminal: before and after, the criteria, the verdict. Needs rich, imported when it is called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from cogumi.comparison.runs import RunChange
from cogumi.decision.controls import what_it_bought
from cogumi.report import words
from cogumi.report.content import change_row, metric_rows, title, unsaid
from cogumi.report.controls import HEADER as CONTROL_HEADER
from cogumi.report.controls import rows
from cogumi.results import Controls, Diagnosis, EvaluationComparison, EvaluationResult, Verdict
from cogumi.runs import RunView
from cogumi.stats import Interval

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.panel import Panel
    from rich.table import Table

COLOURS = {"PROCEED": "green", "ITERATE": "yellow", "ABANDON": "red", "INCONCLUSIVE": "yellow"}
ARM_COLUMNS = 6
"""Columns of the table of arms that a terminal has room for; the report has them all."""
STATUS_COLOURS = {"pass": "green", "fail": "red", "inconclusive": "yellow", "not-measured": "dim"}


def summary(view: RunView) -> Group:
    """A rich renderable of what a run came to; texts are taken literally, never as markup."""
    from rich.console import Group

    parts: list[RenderableType] = []
    if view.before is not None and view.after is not None and view.comparison is not None:
        for name, found in sorted(view.comparison.evaluations.items()):
            parts.append(_changes(name, view.before.evaluations[name], view.after.evaluations[name], found))
    elif view.before is not None:
        parts.extend(diagnosis_tables(view.before))
    if view.controls is not None and view.before is not None:
        parts.extend(_arms(view.controls, view.before))
    if view.verdict is not None:
        parts += [_criteria(view.verdict), banner(view.verdict)]
    return Group(*parts)


def _arms(found: Controls, before: Diagnosis) -> Iterator[RenderableType]:
    """A table of arms per category, as wide as a terminal, and what the training bought."""
    from rich.text import Text

    for category in found.arms["vote"].categories:
        table = _table(f"{category}: controls", *CONTROL_HEADER[:ARM_COLUMNS])
        for row in rows(category, found, before, {}):
            table.add_row(*(Text(words.visible(cell)) for cell in row[:ARM_COLUMNS]))
        yield table
        yield Text(what_it_bought(category, found, before.evaluations[category].samples))


def banner(verdict: Verdict) -> Panel:
    """The verdict with its sentence and what to do."""
    from rich.panel import Panel
    from rich.text import Text

    body = Text(words.visible(verdict.sentence))
    for warning in unsaid(verdict):
        body.append(f"\n{words.visible(warning)}")
    body.append("\nNext: ", style="bold").append(words.visible(verdict.next))
    colour = COLOURS.get(verdict.verdict, "none")
    return Panel(body, title=Text(verdict.verdict, style="bold"), border_style=colour)


def diagnosis_tables(diagnosis: Diagnosis) -> list[Table]:
    """One table per evaluation: metric, value, interval."""
    return [_diagnosis(name, result) for name, result in sorted(diagnosis.evaluations.items())] + [
        _values(f"{name}: {found.problems} items", found.metrics) for name, found in sorted(diagnosis.external.items())
    ]


def comparison_table(caption: str, rows: Sequence[RunChange]) -> Table:
    """Figures of two runs on the problems that both have."""
    from rich.text import Text

    table = _table(caption, "measured", "metric", "first", "this", "change", "p", "problems")
    for row in rows:
        cells = (row.evaluation, words.metric(row.metric), *change_row(row.change)[:4], f"{row.problems:,}")
        table.add_row(*(Text(words.visible(cell)) for cell in cells))
    return table


def _diagnosis(name: str, result: EvaluationResult) -> Table:
    table = _values(f"{name}: {result.problems} problems of {result.benchmark}", result.metrics)
    for temperature, interval in result.baselines.items():
        table.add_row(f"accuracy at temperature {temperature}", *_cells(interval, share=True))
    for cell, count in result.matrix.items() if any(result.matrix.values()) else ():
        table.add_row(words.CELLS[cell], str(count), "")
    return table


def _values(caption: str, metrics: Mapping[str, Interval]) -> Table:
    table = _table(caption, "metric", "value", "95 % interval")
    for metric, interval in metrics.items():
        table.add_row(words.metric(metric), *_cells(interval, share=words.is_share(metric, interval)))
    return table


def _cells(interval: Interval, *, share: bool) -> tuple[str, str]:
    scale, unit = (100, " %") if share else (1, "")
    return f"{interval.value * scale:.1f}{unit}", f"{interval.low * scale:.1f} to {interval.high * scale:.1f}{unit}"


def _changes(name: str, old: EvaluationResult, new: EvaluationResult, found: EvaluationComparison) -> Table:
    from rich.text import Text

    table = _table(f"{name}: {words.count(found.problems, 'problem')}", "metric", "before", "after", "change", "p")
    for row in metric_rows(old, new, found):
        table.add_row(*(Text(words.visible(cell)) for cell in row[:5]))
    return table


def _criteria(verdict: Verdict) -> Table:
    from rich.text import Text

    table = _table(f"Criteria of phase {verdict.phase}", "criterion", "status", "evidence")
    for criterion in verdict.criteria:
        status = Text(words.STATUSES[criterion.status], style=STATUS_COLOURS[criterion.status])
        table.add_row(Text(words.visible(title(criterion))), status, Text(words.visible(criterion.sentence)))
    return table


def _table(caption: str, *columns: str) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(words.visible(caption), style="bold"), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
