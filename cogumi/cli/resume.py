"""`cogumi resume`: go on with a run where it was stopped."""

from __future__ import annotations

from pathlib import Path

import click

from cogumi.cli._stage import end_with_verdict


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def command(folder: Path) -> None:
    """Go on with a run where it was stopped.

    Takes the settings from the folder's run.json, and samples and trains what is missing. Exit codes as of `cogumi run`.

    \b
    Example:
      cogumi resume runs/default
    """
    from cogumi.cli._display import Bars
    from cogumi.pipeline import pipeline
    from cogumi.pipeline.manifest import settings_of

    with Bars() as bars:
        view = pipeline.run(settings_of(folder), observer=bars)
    end_with_verdict(view)
