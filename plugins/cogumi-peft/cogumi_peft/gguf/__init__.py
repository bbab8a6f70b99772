"""A GGUF file as a model folder: dequantised once, kept in the user's cache under its digest, and verified. Light to import.

    header.py   what a GGUF file says of itself, held against its size before anything else reads it
    cache.py    the folder of a file: found and verified, or made by one process while others wait
    convert.py  the making, in a process of its own: transformers reads, safetensors are written and read back

A sampler calls `as_folder` when it resolves its model, a plugin that registers a model calls `folder_of`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cogumi.errors import BadInput
from cogumi.records import Weights
from cogumi_peft.gguf.cache import folder_of

__all__ = ["as_folder", "find", "folder_of"]

SUFFIX = ".gguf"


def as_folder(model: Weights) -> Weights:
    """The same model as a folder of safetensors; a model that is no GGUF file as it stands.

    Raises `BadInput` for a file that cannot be converted, and for a folder that holds two and no other weights.
    """
    found = find(Path(model.path).expanduser())
    return model if found is None else replace(model, path=str(folder_of(found)))


def find(path: Path) -> Path | None:
    """The GGUF file that a path means: itself, or the only one in a folder without safetensors; None where there is none."""
    if path.is_dir():
        return None if any(path.glob("*.safetensors")) else _only(path)
    if path.suffix.lower() == SUFFIX and not path.exists():
        raise BadInput("no such file", file=path, field="model", fix="give a GGUF file, or a model's folder")
    return path if path.is_file() and path.suffix.lower() == SUFFIX else None


def _only(folder: Path) -> Path | None:
    found = sorted(file for file in folder.iterdir() if file.suffix.lower() == SUFFIX and file.is_file())
    if len(found) > 1:
        problem = f"{len(found)} GGUF files in this folder, e.g. {found[0].name} and {found[1].name}"
        raise BadInput(problem, file=folder, field="model", fix="name the file")
    return found[0] if found else None
