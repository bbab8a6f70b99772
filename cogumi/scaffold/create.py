"""A new plugin's folder: complete, installable, with tests that pass, to be edited from there.

`create` writes into a temporary folder beside the wanted one and renames it, so a half-written plugin never appears and
an existing folder is never touched.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template

from cogumi.errors import BadInput
from cogumi.registry.discovery import Registry

CORE = "cogumi>=0.1,<0.2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaffold:
    """What is special about the scaffold of one kind."""

    about: str
    """What the generated plugin does, for its README."""
    usage: str
    """The command that uses it."""
    data: Sequence[str] = ()
    """Data files it carries."""
    dependencies: Sequence[str] = ()
    """What it needs besides the core."""


SCAFFOLDS: Mapping[str, Scaffold] = {
    "category": Scaffold(
        about="short arithmetic word problems with a training side and a held-out side, 24 problems each.",
        usage="cogumi run --plugins $name",
        data=("train.jsonl", "held_out.jsonl"),
    ),
    "benchmark": Scaffold(
        about="24 short arithmetic word problems, held out.",
        usage="cogumi plugins --kind benchmark",
        data=("held_out.jsonl",),
    ),
    "sampler": Scaffold(
        about="a model that repeats words of the prompt; put your engine in its place.",
        usage="cogumi diagnose --plugins math --sampler $name",
    ),
    "voter": Scaffold(
        about="the most frequent answer wins if enough ballots have an answer.",
        usage="cogumi run --plugins math --voter $name -o $name.quorum=3",
    ),
    "trainer": Scaffold(
        about="a plain LoRA on an unquantised base.",
        usage="cogumi run --plugins math --trainer $name",
        dependencies=("torch>=2.6", "transformers>=4.56", "peft>=0.17"),
    ),
    "model": Scaffold(
        about="a short name for a model on the hub, with the training settings that suit it.",
        usage="cogumi run --plugins math --model $name",
    ),
}
"""What can be made, by kind."""


def create(kind: str, name: str, folder: Path, registry: Registry) -> Path:
    """Write the plugin `cogumi-NAME` into `folder`, which must not exist yet, and give the folder back."""
    check_name(kind, name, registry)
    if folder.exists() or folder.is_symlink():
        raise BadInput("exists already", file=folder, field="out", fix="nothing was written; give another --out")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as temporary:
            made = Path(temporary) / "plugin"
            for path, text in render(kind, name).items():
                (made / path).parent.mkdir(parents=True, exist_ok=True)
                (made / path).write_text(text, encoding="utf-8", newline="\n")
            _move(made, folder)
    except OSError as error:
        raise BadInput(f"cannot be written: {error.strerror}", file=folder, field="out", fix="give another --out") from error
    return folder


def check_name(kind: str, name: str, registry: Registry) -> None:
    """Refuse a name that cannot be typed, cannot be a package, or is taken already."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) or len(name) > 32:
        fix = "use up to 32 lower-case letters, digits and single hyphens, a letter first, e.g. short-sums"
        raise BadInput(f"{name!r} is no name for a plugin", field="NAME", fix=fix)
    taken = registry.plugins.get(name)
    entry = registry.entries.get((kind, name))
    if taken is not None:
        raise BadInput(f"a {taken} is installed already", field="NAME", fix="choose another name")
    if entry is not None:
        raise BadInput(f"{entry.plugin} offers a {entry} already", field="NAME", fix="choose another name")


def render(kind: str, name: str) -> dict[str, str]:
    """All files of the plugin by relative path."""
    scaffold = SCAFFOLDS[kind]
    package = "cogumi_" + name.replace("-", "_")
    values = {"kind": kind, "name": name, "dist": f"cogumi-{name}", "package": package, "about": scaffold.about}
    values["usage"] = Template(scaffold.usage).substitute(name=name)
    values["dependencies"] = ", ".join(map(json.dumps, (CORE, *scaffold.dependencies)))
    templates = {
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        f"{package}/__init__.py": "init.py",
        f"{package}/plugin.py": f"{kind}.plugin.py",
        f"tests/test_{package}.py": f"{kind}.test.py",
    }
    files = {path: Template(_read(f"{template}.tmpl")).substitute(values) for path, template in templates.items()}
    data = {f"{package}/data/{file}": _read(f"data/{file}") for file in scaffold.data}
    return {**files, f"{package}/py.typed": "", **data}


def _read(name: str) -> str:
    return (resources.files("cogumi") / "scaffold" / "templates" / name).read_text(encoding="utf-8")


def _move(made: Path, folder: Path) -> None:
    """Rename into place; a folder that appeared in the meantime stays as it is."""
    shutil.copymode(folder.parent, made)
    os.rename(made, folder)  # noqa: PTH104  # Path.rename would do; os.rename says that a full folder is never replaced
