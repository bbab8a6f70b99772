"""What is offered, as records: each offer with everything that can be set under its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from cogumi.errors import CogumiError
from cogumi.protocols import Benchmark, Category
from cogumi.records import JSON, Strategy
from cogumi.registry.discovery import Entry, Plugin, Registry
from cogumi.registry.options import REQUIRED, Option, options_of_record


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedOption:
    """What can be set."""

    takes: str
    """What it takes, for people."""
    required: bool
    """Whether it has to be given."""
    default: JSON
    """What it is where nothing is given; None where it is required."""
    neutral: bool
    """Whether it cannot change an outcome."""
    help: str
    """What it does, in a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One thing that a plugin offers."""

    kind: str
    """E.g. `sampler`."""
    name: str
    """The name people choose it by."""
    plugin: str
    """The plugin that offers it."""
    dist: str
    """The distribution that brings the plugin."""
    version: str
    """That distribution's version."""
    summary: str
    """What it is, in a line."""
    options: Mapping[str, OfferedOption]
    """What can be set, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What `cogumi plugins --json` prints."""

    offers: tuple[Offer, ...]
    """What is offered."""
    plugins: tuple[Plugin, ...]
    """The plugins that offer it, and those that cannot be loaded."""


def listing(registry: Registry, entries: Sequence[Entry], chosen: str | None) -> Listing:
    """Some entries and their plugins; with a name the core's additions to their options too."""
    names = None if chosen is None else {chosen, *(entry.plugin.name for entry in entries)}
    plugins = tuple(plugin for plugin in registry.plugins.values() if names is None or plugin.name in names)
    return Listing(offers=tuple(_offer(entry, all_of_it=chosen is not None) for entry in entries), plugins=plugins)


def _offer(entry: Entry, *, all_of_it: bool) -> Offer:
    options = settings_of_entry(entry) if all_of_it else entry.options
    return Offer(
        kind=entry.kind,
        name=entry.name,
        plugin=entry.plugin.name,
        dist=entry.plugin.dist,
        version=entry.plugin.version,
        summary=entry.summary,
        options={name: _offered(option) for name, option in options.items()},
    )


def _offered(option: Option) -> OfferedOption:
    required = option.default is REQUIRED
    default = None if required else plain(option.default)
    return OfferedOption(takes=option.takes, required=required, default=default, neutral=option.neutral, help=option.help)


def settings_of_entry(entry: Entry) -> Mapping[str, Option]:
    """Everything that can be set under an entry's name: its own options, and what the core adds for its kind.

    What the core adds has the default that the category or benchmark itself chose, where it can be made without more.
    """
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


def _made(entry: Entry) -> object:
    """The category or benchmark as it is without options; nothing where it needs one, or cannot be made here."""
    try:
        return entry.make()
    except CogumiError:
        return None


def _own_defaults(options: Mapping[str, Option], made: object) -> dict[str, Option]:
    return {name: replace(option, default=getattr(made, name)) for name, option in options.items()}


def plain(value: JSON) -> JSON:
    """A default as people and JSON read it."""
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
