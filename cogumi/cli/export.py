"""`cogumi export`: merge the trained adapter into a model folder."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--to", metavar="DIR", type=click.Path(path_type=Path), help="Model folder to make.  [default: FOLDER/merged]")
def command(folder: Path, to: Path | None) -> None:
    """Merge the trained adapter into a model folder.

    Into the base as it was held in training, compared with base and adapter before it says done: safetensors, tokenizer,
    chat template, and a model card with the run's figures.

    \b
    Example:
      cogumi export runs/default --to models/distilled
    """
    from cogumi.cli._display import Bars
    from cogumi.pipeline.export import export

    out = to or folder / "merged"
    with Bars() as bars:
        notes = export(folder, out, bars)
    for note in notes:
        click.echo(note, err=True)
    click.echo(out)
