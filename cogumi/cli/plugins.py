"""`cogumi plugins`: what is installed, and what it takes."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from cogumi.options import Option
    from cogumi.plugins import Entry, Registry

KINDS = ("category", "benchmark", "sampler", "voter", "trainer", "model")


@click.command()
@click.option("--kind", type=click.Choice(KINDS), help="Only what is of this kind.")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def command(kind: str | None, as_json: bool) -> None:
    """List what plugins offer and the options it takes.

    A plugin that cannot be loaded is listed with the cause.

    \b
    Example:
      cogumi plugins --kind sampler
    """  # click wants the character itself
    from cogumi.plugins import load

    registry = load()
    kinds = KINDS if kind is None else (kind,)
    entries = [entry for each in kinds for entry in registry.of(each)]
    if as_json:
        click.echo(json.dumps(_document(registry, entries), indent=2))
    else:
        _table(registry, entries)


def _document(registry: Registry, entries: list[Entry]) -> dict[str, Any]:
    offers = [
        {
            "kind": entry.kind,
            "name": entry.name,
            "plugin": entry.plugin.name,
            "dist": entry.plugin.dist,
            "version": entry.plugin.version,
            "summary": entry.summary,
            "options": {name: _option(option) for name, option in entry.options.items()},
        }
        for entry in entries
    ]
    plugins = [
        {"name": plugin.name, "dist": plugin.dist, "version": plugin.version, "error": plugin.error}
        for plugin in registry.plugins.values()
    ]
    return {"offers": offers, "plugins": plugins}


def _option(option: Option) -> dict[str, Any]:
    from cogumi.options import REQUIRED

    required = option.default is REQUIRED
    return {"takes": option.takes, "required": required, "default": None if required else _plain(option.default)}


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


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


def _takes(option: Option) -> str:
    from cogumi.options import REQUIRED

    return f"{option.takes} (required)" if option.default is REQUIRED else f"{option.takes} [{option.default}]"
