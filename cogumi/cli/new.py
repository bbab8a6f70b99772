"""`cogumi new`: the folder of a plugin of one's own."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("kind", type=click.Choice(("category", "sampler", "voter", "trainer", "benchmark", "model")))
@click.argument("name")
@click.option("--out", type=click.Path(path_type=Path), help="Plugin folder to make.  [default: cogumi-NAME]")
def command(kind: str, name: str, out: Path | None) -> None:
    """Make a plugin of your own.

    The folder installs with pip, its tests pass, and a category runs as it is.

    \b
    Example:
      cogumi new category short-sums
      pip install -e cogumi-short-sums
      cogumi run --plugins short-sums
    """  # click wants the character itself
    from cogumi.registry.discovery import load
    from cogumi.scaffold.create import SCAFFOLDS, create, render

    folder = create(kind, name, out or Path(f"cogumi-{name}"), load())
    click.echo(f"made {folder}: " + ", ".join(sorted(render(kind, name))), err=True)
    click.echo(folder)
    usage = SCAFFOLDS[kind].usage.replace("$name", name)
    click.echo(f"next: pip install -e {folder} && pytest {folder} && {usage}", err=True)
