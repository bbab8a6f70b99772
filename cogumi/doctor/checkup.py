"""What this machine can do for cogumi, tried rather than guessed, and what to do about what it cannot.

The core and every plugin offer checks through the hook `register_checks`; what goes wrong in one is a finding of its own.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from cogumi.records import Finding
from cogumi.registry.discovery import CORE, Entry, Plugin, Registry, load, requirements

GB = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """The whole report."""

    machine: Mapping[str, str | int | float]
    """Operating system, Python, cores, memory in GB."""
    versions: Mapping[str, str]
    """Versions of cogumi, of the plugins' dists and of what they are built on."""
    findings: Sequence[Finding]
    """What works and what does not."""

    @property
    def healthy(self) -> bool:
        """Nothing that was asked about is unusable."""
        return all(finding.ok is not False for finding in self.findings)


def check_up(plugins: Sequence[str] = ()) -> Checkup:
    """Look at the named plugins; without names at the whole machine and all plugins."""
    registry = load()
    for name in plugins:
        if name not in registry.plugins:
            registry.plugin(name)  # says that there is none, with near matches
    chosen = [registry.plugins[name] for name in plugins or sorted(registry.plugins, key=lambda name: (name != CORE, name))]
    findings = [finding for plugin in chosen for finding in plugin_findings(plugin, registry)]
    return Checkup(machine=machine(), versions=versions(registry), findings=findings)


def machine() -> dict[str, str | int | float]:
    """What the programs here have to themselves."""
    return {
        "system": platform.platform(),
        "python": platform.python_version(),
        "executable": sys.executable,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "memory_gb": round(_memory() / GB, 1),
    }


def _memory() -> int:
    """Physical memory in bytes, or the container's limit where that is lower; 0 where the system does not tell."""
    try:
        physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 0
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text(encoding="ascii").strip() if limit.is_file() else "max"
    return min(physical, int(text)) if text.isdigit() else physical


def versions(registry: Registry) -> dict[str, str]:
    """The installed versions of everything that can change a result."""
    dists = ["cogumi", *sorted({plugin.dist for plugin in registry.plugins.values()})]
    needed = sorted({name for dist in dists for name in requirements(dist)})
    return {name: found for name in dict.fromkeys([*dists, *needed]) if (found := version(name)) is not None}


def version(dist: str) -> str | None:
    """The installed version of a distribution, None where it is missing."""
    try:
        return metadata.version(dist)
    except metadata.PackageNotFoundError:
        return None


def plugin_findings(plugin: Plugin, registry: Registry) -> list[Finding]:
    """Whether a plugin loads, has what it needs, and what its own checks find."""
    name = f"plugin {plugin.name}"
    if plugin.error is not None:
        fix = f"mend its cause, or: pip uninstall {plugin.dist}"
        return [Finding(name=name, ok=False, detail=f"cannot be loaded: {plugin.error}", fix=fix)]
    missing = [need for need in requirements(plugin.dist) if version(need) is None]
    if missing:
        detail = f"{plugin.dist} {plugin.version} needs {', '.join(missing)}, not installed"
        return [Finding(name=name, ok=False, detail=detail, fix=f"pip install {' '.join(missing)}")]
    works = Finding(name=name, ok=True, detail=f"{plugin.dist} {plugin.version}")
    checks = [entry for entry in registry.of("check") if entry.plugin.name == plugin.name]
    return [works, *(finding for entry in checks for finding in _findings(entry))]


def _findings(entry: Entry) -> Iterator[Finding]:
    """What a check finds; what goes wrong in it is a finding."""
    try:
        for finding in entry.factory():  # type: ignore[attr-defined]
            if not isinstance(finding, Finding) or (finding.ok is False and not finding.fix):
                raise ValueError(f"{finding!r}: a check gives Findings, and one that fails says what to do")
            yield finding
    except Exception as error:  # plugin code may raise anything; the other lines must still come out
        detail = f"the check failed: {type(error).__name__}: {error}"
        yield Finding(name=entry.name, ok=False, detail=detail, fix=f"tell the authors of {entry.plugin.dist}")
