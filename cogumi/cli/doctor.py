"""`cogumi doctor`: what this machine can do, and what to do about what it cannot."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from cogumi.doctor.checkup import Checkup

MARKS = {True: ("ok  ", "green"), False: ("FAIL", "red"), None: ("--  ", "yellow")}


@click.command()
@click.option("--plugins", default="", metavar="NAME,...", help="Plugins to look at alone; fails if one is unusable.")
@click.option("--json", "as_json", is_flag=True, help="JSON of the same.")
def command(plugins: str, as_json: bool) -> None:
    """Say what works on this machine and what does not.

    Looks at the machine, the versions and the plugins; a line that fails says what to do.

    Exit code 0, or 2 when a plugin named by --plugins is unusable.

    \b
    Example:
      cogumi doctor --plugins math
    """  # click wants the character itself
    from dataclasses import asdict

    from cogumi.doctor.checkup import check_up

    names = [name.strip() for name in plugins.split(",") if name.strip()]
    if not names:
        click.echo("trying everything that is installed, this takes some seconds ...", err=True)
    checkup = check_up(names)
    if as_json:
        click.echo(json.dumps(asdict(checkup), indent=2))
    else:
        _show(checkup)
    if names and not checkup.healthy:
        raise SystemExit(2)


def _show(checkup: Checkup) -> None:
    machine = checkup.machine
    click.echo("{system}, {cores} cores, {memory_gb} GB memory, Python {python}".format(**machine))
    click.echo(", ".join(f"{name} {version}" for name, version in checkup.versions.items()))
    click.echo()
    width = max((len(finding.name) for finding in checkup.findings), default=0)
    for finding in checkup.findings:
        mark, color = MARKS[finding.ok]
        click.echo(f"{click.style(mark, fg=color)}  {finding.name:{width}}  {finding.detail}")
        if finding.fix:
            click.echo(f"      {'':{width}}  -> {finding.fix}")
