"""`cogumi revote`: vote over the stored samples by another voter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--voter", metavar="NAME", default="majority", show_default=True, help="Voter (majority, weighted, verified, ...)."
)
def command(folder: Path, voter: str) -> None:
    """Vote over the stored samples by another voter.

    Leaves diagnoses, votes and what would be kept under revotes/VOTER/; the run's own votes and adapter stay as they are.

    \b
    Example:
      cogumi revote runs/default --voter weighted
    """
    from rich.console import Console
    from rich.table import Table

    from cogumi.pipeline.again import revote
    from cogumi.runs import RunView

    found, view = revote(folder, voter), RunView(folder)
    table = Table("", "side", "figure", "the run's voter", voter, box=None, pad_edge=False)
    for side, old, new in (("before", view.before, found.before), ("after", view.after, found.after)):
        for row in _rows(side, old, new):
            table.add_row(*row)
    Console(highlight=False).print(table)
    if found.distillation is not None:
        for category, counts in found.distillation.categories.items():
            click.echo(f"{category}: {counts.examples} examples would be kept of {counts.problems} problems")
    click.echo(found.folder)


def _rows(side: str, old: Any, new: Any) -> list[tuple[str, ...]]:
    from cogumi.report import words

    rows = []
    for name in () if new is None else new.evaluations:
        for metric in ("majority_accuracy", "tie_rate"):
            pair = [d.evaluations[name].metrics.get(metric) if d and name in d.evaluations else None for d in (old, new)]
            cells = ["not measured" if value is None else words.estimate(value, share=True) for value in pair]
            rows.append((name, side, words.metric(metric), *cells))
    return rows
