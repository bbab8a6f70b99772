"""`cogumi calibrate`: how often a verdict is wrong where nothing changed."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--repetitions", type=click.IntRange(min=1), default=100, show_default=True, help="Repetitions of the null run.")
def command(folder: Path, repetitions: int) -> None:
    """Say how often a verdict is wrong where nothing changed.

    Deals the untouched model's samples into two halves, decides between them as between before and after, and counts the
    verdicts. The model is the same, so every PROCEED is false. Nothing is sampled.

    \b
    Example:
      cogumi diagnose --plugins math --out runs/null && cogumi calibrate runs/null
    """
    from cogumi.cli._display import Bars
    from cogumi.pipeline.calibrate import calibrate

    with Bars() as bars:
        found = calibrate(folder, repetitions, bars)
    for verdict, count in sorted(found.items()):
        click.echo(f"{verdict:<13} {count:>5}  {count / repetitions:.1%}")
    click.echo(f"false PROCEED: {found.get('PROCEED', 0)} of {repetitions}")
