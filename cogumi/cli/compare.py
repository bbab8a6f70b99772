"""`cogumi compare`: runs against each other, problem by problem."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command()
@click.argument("folders", nargs=-1, required=True, metavar="RUN RUN [RUN...]", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="JSON of every comparison.")
def command(folders: tuple[Path, ...], as_json: bool) -> None:
    """Compare runs, problem by problem.

    Each run's latest diagnosis against the first one's, on the problems that both measured, with intervals and p-values.

    \b
    Example:
      cogumi compare runs/before-the-change runs/after-it
    """
    from cogumi.codec import to_json
    from cogumi.comparison.runs import compare_runs

    found = compare_runs(folders)
    if as_json:
        click.echo(json.dumps({name: to_json(rows) for name, rows in found.items()}, ensure_ascii=False, indent=2))
        return
    from rich.console import Console

    from cogumi.report.terminal import comparison_table

    console = Console(highlight=False)
    for name, rows in found.items():
        console.print(comparison_table(f"{name} against {folders[0]}", rows))
