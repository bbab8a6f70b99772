"""`cogumi gate`: hold a run against its phase's gates."""

from __future__ import annotations

import json
from typing import Any

import click

from cogumi.cli._options import run_flags
from cogumi.cli._stage import run_until
from cogumi.cli.run import EXIT_CODES


@click.command()
@run_flags
def command(**flags: Any) -> None:
    """Decide whether the run passed, with the evidence.

    Prints the verdict (PROCEED, ITERATE, ABANDON or INCONCLUSIVE) and each criterion as JSON.
    Runs whatever the decision builds on and is not done yet. Exit codes as of `cogumi run`.

    \b
    Example:
      cogumi gate --plugins math --out runs/default
    """
    verdict = run_until("gate", flags).verdict
    click.echo(json.dumps(verdict, ensure_ascii=False, indent=2))
    raise SystemExit(EXIT_CODES[verdict["verdict"]])
