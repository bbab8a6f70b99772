"""`cogumi diagnose`: where does the model disagree with itself?"""

from __future__ import annotations

import json
from typing import Any

import click

from cogumi.cli._options import run_flags
from cogumi.cli._stage import run_until


@click.command()
@run_flags
@click.option("--json", "as_json", is_flag=True, help="Print the whole diagnosis as JSON.")
def command(as_json: bool, **flags: Any) -> None:
    """Say where the model disagrees with itself, and why.

    Samples held-out problems at the use temperature and once greedily.

    \b
    Example:
      cogumi diagnose --plugins math --held-out 50
    """
    before = run_until("before", flags).before
    if as_json:
        click.echo(json.dumps(before, ensure_ascii=False, indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    for name, diagnosis in before["categories"].items():
        table = Table(
            "", "value", "95 % interval", title=f"{name}: {diagnosis['problems']} problems of {diagnosis['benchmark']}"
        )
        for metric, m in diagnosis["metrics"].items():
            scale, unit = (1, "") if metric == "unique_responses" else (100, " %")
            row = (f"{m['value'] * scale:.1f}{unit}", f"{m['low'] * scale:.1f} to {m['high'] * scale:.1f}{unit}")
            table.add_row(metric.replace("_", " "), *row)
        scored = diagnosis["matrix"] if any(diagnosis["matrix"].values()) else {}
        for cell, count in scored.items():
            table.add_row(cell.replace("_", " and "), str(count), "")
        Console(highlight=False).print(table)
        click.echo(diagnosis["cause"])
