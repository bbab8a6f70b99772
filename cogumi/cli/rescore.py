"""`cogumi rescore`: score the stored samples again."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def command(folder: Path) -> None:
    """Score the stored samples again by the installed tasks.

    Rewrites scores, diagnoses, verdict and report; samples, training data and adapter stay as they are.

    \b
    Example:
      cogumi rescore runs/default
    """
    from cogumi.cli._display import Bars
    from cogumi.pipeline.again import rescore

    with Bars() as bars:
        found = rescore(folder, bars)
    for stage, count in found.changed.items():
        click.echo(f"{stage}: {count:,} samples have another answer or score")
    for category, count in found.kept.items():
        click.echo(f"{category}: {count:,} examples would be kept now; the adapter was trained on what the run kept")
    if found.verdict is not None:
        click.echo(f"{found.verdict.verdict}: {found.verdict.sentence}")
