"""What the commands over settings share: run up to a stage, show how far it is, end with the verdict's exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cogumi.cli._options import settings_of

if TYPE_CHECKING:
    from cogumi.cli._options import Flags
    from cogumi.runs import RunView

EXIT_CODES = {"PROCEED": 0, "ITERATE": 3, "ABANDON": 4, "INCONCLUSIVE": 5}


def run_until(stage: str, flags: Flags) -> RunView:
    """Run up to a stage with bars on stderr; the run's folder as records."""
    from cogumi.cli._display import Bars
    from cogumi.pipeline import pipeline

    redo = bool(flags.pop("redo", False))
    settings = settings_of(flags)
    with Bars() as bars:
        return pipeline.run(settings, until=stage, observer=bars, redo=redo)


def end_with_verdict(view: Any) -> None:
    """Print what a run came to, and end with the exit code of its verdict."""
    from rich.console import Console

    from cogumi.report.terminal import summary

    Console(highlight=False).print(summary(view))
    click.echo(f"{view.folder / 'report.md'}")
    raise SystemExit(EXIT_CODES[view.verdict.verdict])
