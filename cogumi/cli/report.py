"""`cogumi report`: the written result of a run."""

from __future__ import annotations

from typing import Any

import click

from cogumi.cli._options import run_flags
from cogumi.cli._stage import run_until


@click.command()
@run_flags
def command(**flags: Any) -> None:
    """Write the report and print it.

    Leaves report.md and report.html in the run folder; runs what they build on and is not done yet.

    \b
    Example:
      cogumi report --plugins math --out runs/default
    """
    folder = run_until("report", flags).folder
    click.echo((folder / "report.md").read_text(encoding="utf-8"), nl=False)
