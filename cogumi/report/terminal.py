"""The result in the terminal: before and after, the criteria, the verdict. Needs rich, imported when it is called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cogumi.report import words
from cogumi.report.content import metric_rows, title

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

COLOURS = {"PROCEED": "green", "ITERATE": "yellow", "ABANDON": "red", "INCONCLUSIVE": "yellow"}
STATUS_COLOURS = {"pass": "green", "fail": "red", "inconclusive": "yellow", "not-measured": "dim"}


def summary(verdict: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> Group:
    """A rich renderable of verdict.json, before.json and after.json; texts are taken literally, never as markup."""
    from rich.console import Group
    from rich.panel import Panel
    from rich.text import Text

    old, new = before["categories"], after["categories"]
    tables = [_metrics(name, old[name], new[name], verdict["comparisons"][name]) for name in sorted(old)]
    body = Text(words.visible(verdict["why"])).append("\nNext: ", style="bold").append(words.visible(verdict["next"]))
    colour = COLOURS.get(verdict["verdict"], "none")
    return Group(*tables, _criteria(verdict), Panel(body, title=Text(verdict["verdict"], style="bold"), border_style=colour))


def _metrics(name: str, old: Mapping[str, Any], new: Mapping[str, Any], comparison: Mapping[str, Any]) -> Table:
    from rich.text import Text

    table = _table(f"{name}: {words.count(comparison['problems'], 'problem')}", "metric", "before", "after", "change", "p")
    for row in metric_rows(old, new, comparison):
        table.add_row(*(Text(words.visible(cell)) for cell in row[:5]))
    return table


def _criteria(verdict: Mapping[str, Any]) -> Table:
    from rich.text import Text

    table = _table(f"Criteria of phase {verdict['phase']}", "criterion", "status", "evidence")
    for criterion in verdict["criteria"]:
        status = Text(words.STATUSES[criterion["status"]], style=STATUS_COLOURS[criterion["status"]])
        table.add_row(Text(words.visible(title(criterion))), status, Text(words.visible(criterion["evidence"])))
    return table


def _table(caption: str, *columns: str) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(words.visible(caption), style="bold"), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
