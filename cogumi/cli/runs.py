"""`cogumi runs`: runs with their verdicts."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path("runs"))
def command(folder: Path) -> None:
    """List runs with their verdicts.

    FOLDER holds run folders; the default is runs.

    \b
    Example:
      cogumi runs
    """
    from cogumi.errors import BadInput
    from cogumi.runs import RunView

    found = sorted(path.parent for path in folder.glob("*/run.json"))
    if not found:
        raise BadInput("no runs there", file=folder, fix="name the folder that holds them")
    for path in found:
        view = RunView(path)
        try:
            settings, verdict = view.manifest.settings, view.verdict
        except BadInput as error:
            click.echo(f"{path}  unreadable: {error}")
            continue
        said = "not decided" if verdict is None else f"{verdict.verdict}: {verdict.sentence}"
        click.echo(f"{path}  {','.join(settings.plugins)} on {settings.model}, {settings.phase}  {said}")
