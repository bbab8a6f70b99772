"""`cogumi failures`: the problems a model fails or is not sure of."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--when", type=click.Choice(["before", "after"]), default="after", show_default=True, help="Which diagnosis.")
def command(folder: Path, when: str) -> None:
    """List the problems a model fails or is unsure of.

    Those held-out problems whose majority is wrong, or that have none, as JSON lines.

    \b
    Example:
      cogumi failures runs/default --when before
    """
    from cogumi.errors import BadInput
    from cogumi.store import dumps, read_json

    path = folder / f"{when}.json"
    if not path.exists():
        raise BadInput("no diagnosis there", file=path, fix="run `cogumi run` or `cogumi diagnose` with --out of that folder")
    for name, diagnosis in read_json(path)["categories"].items():
        for item in diagnosis["items"]:
            if item["majority_correct"] is False or not item["consistent"]:
                click.echo(dumps({"category": name, **item}))
