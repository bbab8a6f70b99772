"""The command line: one file per command, each with a click command named `command`.

Results go to stdout, progress and errors to stderr. Exit codes: 0 done (verdict PROCEED), 1 the run failed, 2 bad input,
3 verdict ITERATE, 4 verdict ABANDON, 5 verdict INCONCLUSIVE.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from cogumi import __version__
from cogumi.errors import CogumiError, suggest

FAMILIES = {
    "Commands over settings (they sample and train)": {
        "run": "Diagnose, distill, train, diagnose again, and decide.",
        "diagnose": "Say where the model disagrees with itself, and why.",
        "distill": "Make training data of the model's own consensus.",
        "train": "Train an adapter on the distilled examples.",
        "calibrate": "Say how often a verdict is wrong where nothing changed.",
    },
    "Commands over a run's FOLDER (no other flag needed; only resume samples or trains)": {
        "resume": "Go on with a run where it was stopped.",
        "gate": "Decide again, by another phase or by gates of your own.",
        "report": "Write the report again and print it.",
        "show": "Show a run, or one of its problems with every answer.",
        "failures": "List the problems a model fails or is unsure of.",
        "compare": "Compare runs, problem by problem.",
        "rescore": "Score the stored samples again by the installed tasks.",
        "revote": "Vote over the stored samples by another voter.",
        "export": "Merge the trained adapter into a model folder.",
        "runs": "List runs with their verdicts.",
    },
    "Other commands": {
        "plugins": "List what plugins offer and the options it takes.",
        "doctor": "Say what works on this machine and what does not.",
        "new": "Make a plugin of your own.",
    },
}
"""The commands in the order in which people meet them, each with the first line of its help: to list them none is imported."""
COMMANDS = {name: line for family in FAMILIES.values() for name, line in family.items()}


class Commands(click.Group):
    """Commands that are imported when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which people meet them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command in `cogumi.cli.NAME`."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"cogumi.cli.{cmd_name}").command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """An unknown command answers with near matches."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(f"no command is called '{args[0]}' ({suggest(args[0], COMMANDS)})", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by family, without importing them."""
        for family, commands in FAMILIES.items():
            with formatter.section(family):
                formatter.write_dl(list(commands.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an error that cogumi raised is one line on stderr."""
        try:
            return super().invoke(ctx)
        except CogumiError as error:
            click.echo(f"cogumi: {error}", err=True)
            sys.exit(error.exit_code)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="cogumi")
def main() -> None:
    """Find where a model disagrees with itself, teach it its own consensus, and prove whether it got better.

    \b
    Example:
      cogumi run --plugins math,code
    """
