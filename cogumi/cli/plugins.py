"""`cogumi plugins`: what is installed, and what it takes.

With a name and `--options` it prints one line per option, from the signatures and docstrings of the factories; for a category
the fields of its strategy too, since each of them is a setting, and for a benchmark its token limit.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

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
    from cogumi.registry.discovery import load

    if with_options and name is None:
        raise click.UsageError("--options needs a NAME: cogumi plugins math --options")
    registry = load()
    kinds = KINDS if kind is None else (kind,)
    entries = [entry for each in kinds for entry in registry.of(each)]
    if name is not None:
        entries = _named(registry, entries, name)
    if as_json:
        click.echo(json.dumps(_document(registry, entries, name), indent=2))
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


def settings_of_entry(entry: Entry) -> Mapping[str, Option]:
    """Everything that can be set under an entry's name: its own options, and what the core adds for its kind.

    What the core adds has the default that the category or benchmark itself chose, where it can be made without more.
    """
    from cogumi.protocols import Benchmark, Category
    from cogumi.records import Strategy
    from cogumi.registry.options import options_of_record

    if entry.kind not in ("category", "benchmark"):
        return entry.options
    made = _made(entry)
    if isinstance(made, Category):
        fields = {name: option for name, option in options_of_record(Strategy).items() if name != "why"}
        return {**_own_defaults(fields, made.strategy), **entry.options}
    if isinstance(made, Benchmark):
        limit = {"max_tokens": options_of_record(Benchmark)["max_tokens"]}
        return {**_own_defaults(limit, made), **entry.options}
    return entry.options


def _made(entry: Entry) -> Any:
    """The category or benchmark as it is without options; nothing where it needs one, or cannot be made here."""
    from cogumi.errors import CogumiError

    try:
        return entry.make()
    except CogumiError:
        return None


def _own_defaults(options: Mapping[str, Option], made: Any) -> dict[str, Option]:
    from dataclasses import replace

    return {name: replace(option, default=getattr(made, name)) for name, option in options.items()}


def _document(registry: Registry, entries: list[Entry], chosen: str | None) -> dict[str, Any]:
    offers = [
        {
            "kind": entry.kind,
            "name": entry.name,
            "plugin": entry.plugin.name,
            "dist": entry.plugin.dist,
            "version": entry.plugin.version,
            "summary": entry.summary,
            "options": {
                name: _option(option) for name, option in (settings_of_entry(entry) if chosen else entry.options).items()
            },
        }
        for entry in entries
    ]
    plugins = [
        {"name": plugin.name, "dist": plugin.dist, "version": plugin.version, "error": plugin.error}
        for plugin in registry.plugins.values()
        if chosen is None or plugin.name in {chosen, *(entry.plugin.name for entry in entries)}
    ]
    return {"offers": offers, "plugins": plugins}


def _option(option: Option) -> dict[str, Any]:
    from cogumi.registry.options import REQUIRED

    required = option.default is REQUIRED
    default = None if required else _plain(option.default)
    return {
        "takes": option.takes,
        "required": required,
        "default": default,
        "neutral": option.neutral,
        "help": option.help,
    }


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


def _options_table(entries: list[Entry]) -> None:
    """One table per entry: what is typed, what it takes, its default, whether it is neutral, and what it does."""
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
    from cogumi.registry.options import REQUIRED

    default = "required" if option.default is REQUIRED else f"[{_plain(option.default)}]"
    return f"{entry}.{name}", option.takes, default, "neutral" if option.neutral else "", option.help


def _takes(option: Option) -> str:
    from cogumi.registry.options import REQUIRED

    return f"{option.takes} (required)" if option.default is REQUIRED else f"{option.takes} [{option.default}]"
