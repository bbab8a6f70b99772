"""`cogumi report`: the written result of a run."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def command(folder: Path) -> None:
    """Write the report again and print it.

    Leaves report.md and report.html in the run folder, from what it holds.

    \b
    Example:
      cogumi report runs/default
    """
    from cogumi.pipeline.again import rewrite_report

    click.echo(rewrite_report(folder), nl=False)
