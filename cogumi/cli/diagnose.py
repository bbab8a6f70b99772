"""`cogumi diagnose`: where does the model disagree with itself?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from cogumi.cli._options import run_flags
from cogumi.cli._stage import run_until

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cogumi.cli._options import Flags


@click.command()
@run_flags
@click.option("--json", "as_json", is_flag=True, help="JSON of the whole diagnosis.")
def command(as_json: bool, **flags: Unpack[Flags]) -> None:
    """Say where the model disagrees with itself, and why.

    Samples held-out problems at the use temperature and once greedily.

    \b
    Example:
      cogumi diagnose --plugins math --held-out 50
    """
    found = run_until("before", flags).before
    assert found is not None  # the stage leaves it, or raises
    if as_json:
        from cogumi.codec import to_json

        click.echo(json.dumps(to_json(found), ensure_ascii=False, indent=2))
        return
    from rich.console import Console

    from cogumi.report.terminal import diagnosis_tables

    console = Console(highlight=False)
    for table in diagnosis_tables(found):
        console.print(table)
    for name, result in found.evaluations.items():
        click.echo(f"{name}: {result.cause}")
