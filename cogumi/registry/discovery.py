"""Discovery and ownership: which plugins are installed, what each offers, and who answers for an error.

Nothing here is global: `load()` makes a manager, asks every installed plugin (entry-point group `cogumi`) what it offers,
and hands back a `Registry`. Two plugins that claim one name are an error that names both. A plugin that cannot be loaded
is an error when it was asked for, and is listed as broken when it was not.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

import pluggy

from cogumi import hookspecs
from cogumi.errors import BadInput, PluginError, attribute_errors_to, suggest
from cogumi.phases import Phase
from cogumi.protocols import Benchmark, Category, ExternalEvaluation, Observer, Sampler, Trainer, Voter
from cogumi.records import JSON, Endpoint, Options, Weights
from cogumi.registry.options import REQUIRED, Option, check_options, options_of

GROUP = "cogumi"
CORE = "core"
KINDS: Mapping[str, tuple[type, ...]] = {
    "sampler": (Sampler,),
    "voter": (Voter,),
    "category": (Category,),
    "trainer": (Trainer,),
    "benchmark": (Benchmark, ExternalEvaluation),
    "model": (Weights, Endpoint),
    "phase": (Phase,),
    "observer": (Observer,),
    "check": (object,),
}
"""What can be offered, and what a factory of each kind makes."""
HOOKS = {kind: f"register_{'categories' if kind == 'category' else kind + 's'}" for kind in KINDS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """An installed plugin."""

    name: str
    """Its entry-point name: what people type after `--plugins`."""
    dist: str
    """The distribution that brought it."""
    version: str
    """That distribution's version."""
    error: str | None = None
    """Why it could not be loaded; None when it works."""

    def __str__(self) -> str:
        return f"plugin '{self.name}' ({self.dist} {self.version})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that a plugin offers."""

    kind: str
    """One of `KINDS`."""
    name: str
    """The name people choose it by."""
    factory: Callable[..., object]
    """Makes it; keyword-only arguments are its options."""
    plugin: Plugin
    """Who offers it."""

    def __str__(self) -> str:
        return f"{self.kind} '{self.name}'"

    @property
    def summary(self) -> str:
        """The first line of the factory's docstring."""
        return (self.factory.__doc__ or "").strip().partition("\n")[0]

    @property
    def options(self) -> Mapping[str, Option]:
        """The factory's options by name."""
        return options_of(self.factory)

    @property
    def label(self) -> str:
        """Whose code it is, for errors."""
        return f"{self.plugin}: {self}"

    def make(self, *args: object, **options: JSON) -> Any:
        """Call the factory with checked options; whatever goes wrong names the plugin."""
        checked = check_options(str(self), self.factory, options)
        with self.attribute_errors():
            made = self.factory(*args, **checked)
        if not isinstance(made, KINDS[self.kind]):
            expected = " or ".join(kind.__name__ for kind in KINDS[self.kind])
            raise PluginError(f"{self.plugin}: {self} made a {type(made).__name__} that is no {expected}")
        return made

    def converted(self, options: Options) -> Options:
        """Options as the factory takes them, as JSON has them."""
        return {name: to_json(value) for name, value in check_options(str(self), self.factory, options).items()}

    def deciding(self, options: Options) -> Options:
        """The values in force of all options that can change an outcome: given ones converted, else the defaults."""
        given = self.converted(options)
        values = {name: given.get(name, to_json(option.default)) for name, option in self.options.items() if not option.neutral}
        return {name: value for name, value in values.items() if value is not REQUIRED}

    def attribute_errors(self) -> contextlib.AbstractContextManager[None]:
        """The one boundary around plugin code: its plain exceptions come out as a `PluginFailed` that names it."""
        return attribute_errors_to(self.label)


def to_json(value: Any) -> JSON:
    """An option's value as JSON has it."""
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    return value if value is REQUIRED or isinstance(value, str | int | float | bool | None) else str(value)


@dataclass(slots=True)
class Registry:
    """What the installed plugins offer, by kind and name."""

    plugins: dict[str, Plugin] = field(default_factory=dict)
    entries: dict[tuple[str, str], Entry] = field(default_factory=dict)

    def of(self, kind: str) -> list[Entry]:
        """All entries of a kind, by name."""
        return [entry for key, entry in sorted(self.entries.items()) if key[0] == kind]

    def get(self, kind: str, name: str) -> Entry:
        """The entry of this name; an unknown name answers with near matches."""
        entry = self.entries.get((kind, name))
        if entry is None:
            broken = self.plugins.get(name)
            if broken is not None and broken.error is not None:
                raise PluginError(f"{broken} cannot be loaded: {broken.error}")
            raise BadInput(f"no {kind} is called '{name}'", fix=suggest(name, (e.name for e in self.of(kind))))
        return entry

    def categories(self, plugins: Sequence[str]) -> list[Entry]:
        """The categories that the named plugins offer, in that order."""
        found: list[Entry] = []
        for name in plugins:
            plugin = self.plugin(name)
            mine = [entry for entry in self.of("category") if entry.plugin.name == plugin.name]
            if not mine:
                fix = suggest(name, {entry.plugin.name for entry in self.of("category")})
                raise BadInput(f"{plugin} offers no category", field="plugins", fix=fix)
            found += [entry for entry in mine if entry not in found]
        return found

    def plugin(self, name: str) -> Plugin:
        """The working plugin of this name."""
        plugin = self.plugins.get(name)
        if plugin is None:
            raise BadInput(f"no plugin is called '{name}'", field="plugins", fix=suggest(name, self.plugins))
        if plugin.error is not None:
            raise PluginError(f"{plugin} cannot be loaded: {plugin.error}")
        return plugin


def load() -> Registry:
    """Ask every installed plugin what it offers."""
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    registry = Registry()
    for point in sorted(metadata.entry_points(group=GROUP), key=lambda point: (point.name != CORE, point.name)):
        plugin = _plugin(point)
        if other := registry.plugins.get(plugin.name):
            raise PluginError(f"two plugins are called '{plugin.name}': {_both(other, plugin)}")
        entries, error = _ask(manager, point, plugin)
        registry.plugins[plugin.name] = Plugin(name=plugin.name, dist=plugin.dist, version=plugin.version, error=error)
        for entry in entries:
            _claim(registry, entry)
    return registry


def _plugin(point: metadata.EntryPoint) -> Plugin:
    dist = point.dist
    return Plugin(name=point.name, dist=dist.name if dist else "unknown", version=dist.version if dist else "0")


def _ask(manager: pluggy.PluginManager, point: metadata.EntryPoint, plugin: Plugin) -> tuple[list[Entry], str | None]:
    """What one plugin offers, or why it cannot be asked. A plugin may raise anything; it must not take others down."""
    entries: list[Entry] = []
    try:
        module = point.load()
        manager.register(module, name=point.name)
        manager.check_pending()
        others = [known for known in manager.get_plugins() if known is not module]
        for kind, hook in HOOKS.items():
            ask = manager.subset_hook_caller(hook, remove_plugins=others)
            ask(register=lambda name, factory, kind=kind: entries.append(_entry(kind, name, factory, plugin)))
    except Exception as error:
        if manager.has_plugin(point.name):
            manager.unregister(name=point.name)
        return [], f"{type(error).__name__}: {error}"
    return entries, None


def _entry(kind: str, name: str, factory: Callable[..., object], plugin: Plugin) -> Entry:
    if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name):
        raise ValueError(f"{name!r} is no name for a {kind}: use lower-case letters, digits, '.', '-' and '_'")
    if not callable(factory):
        raise TypeError(f"the factory of {kind} '{name}' cannot be called")
    options_of(factory)  # a signature that cannot be read is found now, not in the middle of a run
    return Entry(kind=kind, name=name, factory=factory, plugin=plugin)


def _claim(registry: Registry, entry: Entry) -> None:
    other = registry.entries.setdefault((entry.kind, entry.name), entry)
    if other is not entry:
        raise PluginError(f"two plugins offer a {entry}: {_both(other.plugin, entry.plugin)}")


def _both(one: Plugin, other: Plugin) -> str:
    return f"{one.dist} {one.version} and {other.dist} {other.version} (uninstall one of them)"


def requirements(dist: str) -> list[str]:
    """The distributions that this one always needs; what depends on an extra or a platform is left out."""
    try:
        lines = metadata.requires(dist) or []
    except metadata.PackageNotFoundError:
        return []
    names = [re.match(r"[A-Za-z0-9._-]+", line) for line in lines if ";" not in line]
    return [name.group() for name in names if name]
