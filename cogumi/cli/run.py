"""`cogumi run`: the main job."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cogumi.cli._options import run_flags, settings_of
from cogumi.cli._stage import end_with_verdict, run_until

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cogumi.cli._options import Flags


@click.command()
@run_flags
@click.option("--dry-run", is_flag=True, help="Estimate alone: what would be drawn, and what such a run can see.")
def command(dry_run: bool, **flags: Unpack[Flags]) -> None:
    """Diagnose, distill, train, diagnose again, and decide.

    Run it again with the same settings to go on where it was stopped; a finished run is not redone, and a change redoes what
    depends on it. Exit codes: 0 PROCEED, 1 failed, 2 bad input, 3 ITERATE, 4 ABANDON, 5 INCONCLUSIVE.

    \b
    Examples:
      cogumi run --plugins math
      cogumi run --plugins math --model meta-llama/Llama-3.1-8B-Instruct --held-out 500 --out runs/llama
      cogumi run --plugins math,code --benchmarks lm-eval:arc_easy --against runs/earlier
      cogumi run --config run.toml -o qlora.epochs=3
    """
    if not dry_run:
        end_with_verdict(run_until("report", flags))
    from cogumi.pipeline.pipeline import rehearse

    flags.pop("redo", None)
    for line in rehearse(settings_of(flags)):
        click.echo(line)
