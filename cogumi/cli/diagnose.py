"""`cogumi diagnose`: where does the model disagree with itself?"""

from __future__ import annotations

import json
from typing import Any

import click

from cogumi.cli._options import run_flags
from cogumi.cli._stage import run_until


@click.command()
@run_flags
@click.option("--json", "as_json", is_flag=True, help="JSON of the whole diagnosis.")
def command(as_json: bool, **flags: Any) -> None:
    """Say where the model disagrees with itself, and why.

    Samples held-out problems at the use temperature and once greedily.

    \b
    Example:
      cogumi diagnose --plugins math --held-out 50
    """
    view = run_until("before", flags)
    if as_json:
        from cogumi.codec import to_json

        click.echo(json.dumps(to_json(view.before), ensure_ascii=False, indent=2))
        return
    from rich.console import Console

    from cogumi.report.terminal import diagnosis_tables

    console = Console(highlight=False)
    for table in diagnosis_tables(view.before):
        console.print(table)
    for name, result in view.before.evaluations.items():
        click.echo(f"{name}: {result.cause}")
