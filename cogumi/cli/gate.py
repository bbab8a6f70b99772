"""`cogumi gate`: decide again."""

from __future__ import annotations

import json
from pathlib import Path

import click

from cogumi.cli._stage import EXIT_CODES


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--phase", metavar="NAME", help="Phase to decide by.  [default: the run's]")
@click.option(
    "--gates", metavar="FILE", type=click.Path(path_type=Path), help="Gates and margins of your own, from a TOML file."
)
@click.option("--json", "as_json", is_flag=True, help="JSON of the verdict and everything it rests on.")
def command(folder: Path, phase: str | None, gates: Path | None, as_json: bool) -> None:
    """Decide again, by another phase or by gates of your own.

    Works from the run's files: nothing is sampled or trained. Writes verdict.json and the report.
    Exit codes as of `cogumi run`.

    \b
    Examples:
      cogumi gate runs/default
      cogumi gate runs/default --phase full
      cogumi gate runs/default --gates my.toml --json
    """
    from cogumi.codec import to_json
    from cogumi.pipeline.again import redecide
    from cogumi.runs import RunView

    verdict = redecide(folder, phase=phase, gates=gates)
    if as_json:
        click.echo(json.dumps(to_json(verdict), ensure_ascii=False, indent=2))
    else:
        from rich.console import Console

        from cogumi.report.terminal import summary

        Console(highlight=False).print(summary(RunView(folder)))
    raise SystemExit(EXIT_CODES[verdict.verdict])
