"""`cogumi plugins`: what is installed, and what it takes.

With a name and `--options` it prints one line per option, from the signatures and docstrings of the factories; for a category
the fields of its strategy too, since each of them is a setting, and for a benchmark its token limit.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from cogumi.registry.discovery import Entry, Registry
    from cogumi.registry.options import Option

KINDS = ("category", "benchmark", "sampler", "voter", "trainer", "model", "phase", "observer", "check")


@click.command()
@click.argument("name", required=False)
@click.option("--kind", type=click.Choice(KINDS), help="Kind of what is listed.")
@click.option("--options", "with_options", is_flag=True, help="Options of NAME: type, default and meaning of each.")
@click.option("--json", "as_json", is_flag=True, help="JSON of the same.")
def command(name: str | None, kind: str | None, with_options: bool, as_json: bool) -> None:
    """List what plugins offer and the options it takes.

    NAME is a plugin, or anything that one offers. A plugin that cannot be loaded is listed with the cause.

    \b
    Examples:
      cogumi plugins --kind sampler
      cogumi plugins math --options
    """  # click wants the character itself
    from cogumi.codec import to_json
    from cogumi.registry.discovery import load
    from cogumi.registry.listing import listing

    if with_options and name is None:
        raise click.UsageError("--options needs a NAME: cogumi plugins math --options")
    registry = load()
    kinds = KINDS if kind is None else (kind,)
    entries = [entry for each in kinds for entry in registry.of(each)]
    if name is not None:
        entries = _named(registry, entries, name)
    if as_json:
        click.echo(json.dumps(to_json(listing(registry, entries, name)), indent=2))
    elif with_options:
        _options_table(entries)
    else:
        _table(registry, entries)


def _named(registry: Registry, entries: list[Entry], name: str) -> list[Entry]:
    """What the plugin of this name offers, and whatever is offered under it."""
    from cogumi.errors import BadInput, suggest

    found = [entry for entry in entries if name in (entry.plugin.name, entry.name)]
    if not found:
        if name in registry.plugins:
            registry.plugin(name)  # says what is wrong with a broken one
        known = {*registry.plugins, *(entry.name for entry in entries)}
        raise BadInput(f"no plugin offers anything called '{name}'", field="NAME", fix=suggest(name, known))
    return found


def _table(registry: Registry, entries: list[Entry]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("kind", "name", "dist", "version", "what it does, and its options"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("kind", "version"))
    for entry in entries:
        options = "".join(f"\n  {name}={_takes(option)}" for name, option in entry.options.items())
        row = (entry.kind, entry.name, entry.plugin.dist, entry.plugin.version, entry.summary + options)
        table.add_row(*map(Text, row))
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(table if entries else Text("nothing of this kind is installed"))
    for plugin in registry.plugins.values():
        if plugin.error is not None:
            console.print(Text(f"\nbroken: {plugin}: {plugin.error}", style="red"))


def _options_table(entries: list[Entry]) -> None:
    """One table per entry: what is typed, what it takes, its default, whether it is neutral, and what it does."""
    from cogumi.registry.listing import settings_of_entry

    for entry in entries:
        click.echo(f"{entry.kind} {entry.name} ({entry.plugin.dist} {entry.plugin.version}): {entry.summary}")
        rows = [_row(entry.name, name, option) for name, option in settings_of_entry(entry).items()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = (f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))
            click.echo("  " + "  ".join(cells).rstrip())
        if not rows:
            click.echo("  no options")
        click.echo()


def _row(entry: str, name: str, option: Option) -> tuple[str, ...]:
    from cogumi.registry.listing import plain
    from cogumi.registry.options import REQUIRED

    default = "required" if option.default is REQUIRED else f"[{plain(option.default)}]"
    return f"{entry}.{name}", option.takes, default, "neutral" if option.neutral else "", option.help


def _takes(option: Option) -> str:
    from cogumi.registry.options import REQUIRED

    return f"{option.takes} (required)" if option.default is REQUIRED else f"{option.takes} [{option.default}]"
