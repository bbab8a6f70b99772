"""`cogumi failures`: the problems a model fails or is not sure of."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--when", type=click.Choice(["before", "after"]), default="after", show_default=True, help="Diagnosis to look at."
)
def command(folder: Path, when: str) -> None:
    """List the problems a model fails or is unsure of.

    Those held-out problems whose majority is wrong, or that have none, as JSON lines with their prompts.

    \b
    Example:
      cogumi failures runs/default --when before
    """
    from cogumi.codec import to_json
    from cogumi.errors import BadInput
    from cogumi.files import dumps
    from cogumi.runs import RunView

    view = RunView(folder)
    diagnosis = view.before if when == "before" else view.after
    if diagnosis is None:
        raise BadInput("no diagnosis there", file=folder / f"{when}.json", fix="go on with the run: cogumi resume")
    rows = {row.id: row for row in view.problems() if row.side == "held-out"}
    for name, result in diagnosis.evaluations.items():
        for item in result.items:
            if item.majority_correct is False or not item.consistent:
                row = rows.get(f"{name}/{item.id}")
                asked = {} if row is None else {"prompt": row.prompt[-1]["content"], "reference": row.reference}
                click.echo(dumps({"category": name, **to_json(item), **asked}))
