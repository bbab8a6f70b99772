"""Which file of lm-eval says what a name means, without reading all 14,000 of them as YAML.

    Catalogue([tasks_folder()]).find("mmlu_anatomy")
    -> Entry(name="mmlu_anatomy", kind="task", path=.../mmlu/default/mmlu_anatomy.yaml, ...)

lm-eval's own `TaskManager()` parses every file before it knows one name (5 to 15 s). Here all files are read as bytes, which
takes a second, and only those are parsed that mention the name. The rules are those of lm-eval's `TaskIndex`: files count in
the order of their paths; a file with a `class` is a task written in Python, one with a `group` is a group, one with a `task` a
task; the first to claim a name has it; a tag is a name for all tasks that carry it. Nothing is executed, and a `!function`
stays text.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from cogumi.errors import BadInput

LIST = rb"""^["']?%s["']?[ ]*:([^\n]*(?:\n[ ]*-[^\n]*)*)"""
NAMES, TAGS, INCLUDES = (re.compile(LIST % key, re.M) for key in (b"(?:task|group)", b"tag", b"include"))
WORD = re.compile(rb"""[^\s"'\[\],]+""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a name means."""

    name: str
    """The name people type."""
    kind: Literal["task", "group", "tag"]
    """A task, a group with members of its own choosing, or a tag: all tasks that carry it."""
    path: Path | None
    """The file; None for a tag."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """What the file says, with what it includes; functions as text."""
    members: tuple[str, ...] = ()
    """A group's or tag's members by name: tasks, groups or tags."""


class Catalogue:
    """The names that the YAML files below some folders define."""

    def __init__(self, roots: Sequence[Path]) -> None:
        paths = [path for root in roots for path in sorted(_files(root), key=Path.as_posix)]
        self._order = {path: number for number, path in enumerate(paths)}
        self._claims: defaultdict[str, set[Path]] = defaultdict(set)
        for path in paths:
            for name in _claims(path):
                self._claims[name].add(path)
        self._configs: dict[Path, Mapping[str, Any]] = {}
        self._found: dict[str, Entry | None] = {}

    def names(self) -> set[str]:
        """All words that may be names: those of tasks, groups and tags, and a few that are none."""
        return set(self._claims)

    def find(self, name: str) -> Entry | None:
        """What this name means; None where nothing is called so."""
        if name not in self._found:
            self._found[name] = None  # a task that carries its own name as its tag asks again
            self._found[name] = self._find(name)
        return self._found[name]

    def reach(self, name: str) -> dict[str, Entry]:
        """The entry of a name and of everything it consists of, by name; members that nothing is called like are left out."""
        out: dict[str, Entry] = {}
        waiting = [name]
        while waiting:
            entry = self.find(waiting.pop())
            if entry is not None and entry.name not in out:
                out[entry.name] = entry
                waiting += entry.members
        return out

    def config(self, path: Path) -> Mapping[str, Any]:
        """What a file says, with what it includes; `{}` where it cannot be read as YAML."""
        if path not in self._configs:
            self._configs[path] = _parsed(path)
        return self._configs[path]

    def _find(self, name: str) -> Entry | None:
        entry: Entry | None = None
        for path in sorted(self._claims.get(name, ()), key=self._order.__getitem__):
            config = self.config(path)
            if _name(config) == name and entry is None:
                entry = _entry(name, path, config)
            elif name in _tags(config) and _name(config) not in (None, name) and self._owns(path, config):
                entry = entry or Entry(name=name, kind="tag", path=None)
                entry = replace(entry, members=(*entry.members, str(_name(config)))) if entry.kind == "tag" else entry
        return entry

    def _owns(self, path: Path, config: Mapping[str, Any]) -> bool:
        """Whether a file is the one that its name stands for; the tags of another one do not count."""
        found = self.find(str(_name(config)))
        return found is not None and found.path == path and found.kind == "task"


def tasks_folder() -> Path:
    """Where the installed lm-eval keeps its tasks. Raises `BadInput` where it is not installed."""
    spec = find_spec("lm_eval")  # its location alone: importing it takes a second
    if spec is None or spec.origin is None:
        raise BadInput("the package lm-eval is not installed", fix="pip install lm-eval")
    return Path(spec.origin).parent / "tasks"


@cache
def builtin() -> Catalogue:
    """The names of the installed lm-eval, read once per process."""
    return Catalogue([tasks_folder()])


def read(path: Path) -> Entry | None:
    """What one file defines; None where it defines nothing."""
    config = _parsed(path)
    name = _name(config)
    return None if name is None else _entry(name, path, config)


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in ("__pycache__", ".ipynb_checkpoints")]
        yield from (Path(folder, file) for file in files if file.endswith(".yaml"))


def _claims(path: Path) -> set[str]:
    """The words that a file names itself, its members or its tags by, and so do the files that it includes."""
    text = path.read_bytes()
    words = {word for key in (NAMES, TAGS) for value in key.findall(text) for word in WORD.findall(value)}
    found = {word.decode(errors="replace") for word in words if word != b"-"}
    return found.union(*(_included_claims(target) for target in _included(path, text)))


@cache
def _included_claims(path: Path) -> set[str]:
    return _claims(path)


def _included(path: Path, text: bytes) -> Iterator[Path]:
    for value in INCLUDES.findall(text):
        for word in WORD.findall(value):
            target = path.parent / word.decode(errors="replace")
            if word != b"-" and target.is_file() and target != path:
                yield target


def _parsed(path: Path, above: tuple[Path, ...] = ()) -> dict[str, Any]:
    import yaml  # type: ignore[import-untyped]

    try:
        config = yaml.load(path.read_bytes(), Loader=_loader())
    except (OSError, yaml.YAMLError):
        return {}
    if not isinstance(config, dict) or path in above:
        return {}
    merged: dict[str, Any] = {}
    for included in _list(config.pop("include", None)):
        merged |= _parsed((path.parent / included).resolve(), (*above, path))
    return merged | config


@cache
def _loader() -> Any:
    """YAML without objects: a function's name stays text."""
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        pass

    Loader.add_constructor("!function", lambda loader, node: str(loader.construct_scalar(node)))
    return Loader


def _name(config: Mapping[str, Any]) -> str | None:
    key = "group" if "group" in config and "class" not in config else "task"
    return config.get(key) if isinstance(config.get(key), str) else None


def _entry(name: str, path: Path, config: Mapping[str, Any]) -> Entry:
    if "group" in config and "class" not in config:
        return Entry(name=name, kind="group", path=path, config=config, members=tuple(_members(config)))
    return Entry(name=name, kind="task", path=path, config=config)


def _members(config: Mapping[str, Any]) -> Iterator[str]:
    """The names in a group's list, those of groups spelled out in it included."""
    for item in config.get("task") if isinstance(config.get("task"), list) else ():  # type: ignore[union-attr]
        if isinstance(item, str):
            yield item
        elif isinstance(item, Mapping):
            yield str(item.get("group", item.get("task")))
            yield from _members(item)


def _tags(config: Mapping[str, Any]) -> Sequence[str]:
    return [str(tag) for tag in _list(config.get("tag"))] if "group" not in config or "class" in config else ()


def _list(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
