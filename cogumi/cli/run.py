"""`cogumi run`: the main job."""

from __future__ import annotations

from typing import Any

import click

from cogumi.cli._options import run_flags
from cogumi.cli._stage import run_until

EXIT_CODES = {"PROCEED": 0, "ITERATE": 3, "ABANDON": 4, "INCONCLUSIVE": 5}


@click.command()
@run_flags
def command(**flags: Any) -> None:
    """Diagnose, distil, train, diagnose again, and decide.

    Run it again with the same settings to go on where it was stopped; a finished run is not redone.
    Exit codes: 0 PROCEED, 1 failed, 2 bad input, 3 ITERATE, 4 ABANDON, 5 INCONCLUSIVE.

    \b
    Examples:
      cogumi run --plugins math
      cogumi run --plugins math --model meta-llama/Llama-3.1-8B-Instruct --held-out 500 --out runs/llama
      cogumi run --plugins math,code --benchmarks lm-eval:arc_easy --against runs/earlier
      cogumi run --config run.toml -o qlora.epochs=3
    """
    result = run_until("report", flags)
    from rich.console import Console

    from cogumi.report import summary

    Console(highlight=False).print(summary(result.verdict, result.before, result.after))
    click.echo(f"{result.folder / 'report.md'}")
    raise SystemExit(EXIT_CODES[result.verdict["verdict"]])
