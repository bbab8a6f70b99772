"""What every run needs of a machine: the hub, its cache, room on the disk."""

from __future__ import annotations

import os
import shutil
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from cogumi.records import Finding

GB = 2**30


def hub() -> Iterator[Finding]:
    """Whether the hub answers, whether there is a token for it, and whether its cache can be written."""
    yield _answers()
    known = bool(os.environ.get("HF_TOKEN")) or (_home() / "token").is_file()
    none = "none: public models and data work, gated ones need one (hf auth login, or HF_TOKEN)"
    yield Finding(name="hub token", ok=True if known else None, detail="present" if known else none)
    yield _cache()


def disk() -> Iterator[Finding]:
    """Whether there is room for runs and models."""
    for name, folder, least, need in (
        ("disk for runs", Path.cwd(), 1, "a run of a small model takes some 100 MB"),
        ("disk for models", _cache_folder(), 1, "a model of 8 billion parameters takes 16 GB"),
    ):
        free = shutil.disk_usage(_nearest(folder)).free / GB
        fix = f"free some, or use another folder ({need})" if free < least else ""
        yield Finding(name=name, ok=free >= least, detail=f"{free:.1f} GB free at {folder}; {need}", fix=fix)


def _answers() -> Finding:
    address = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    if os.environ.get("HF_HUB_OFFLINE", "0").lower() in ("1", "true", "yes", "on"):
        return Finding(name="hub", ok=None, detail="not asked: HF_HUB_OFFLINE is set; only what is in the cache can be used")
    try:
        with urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=5):
            return Finding(name="hub", ok=True, detail=f"{address} answers")
    except urllib.error.HTTPError as error:
        return Finding(name="hub", ok=True, detail=f"{address} answers ({error.code})")
    except (OSError, ValueError) as error:
        fix = "connect, or work offline: local models and data (--data NAME=PATH), HF_HUB_OFFLINE=1"
        return Finding(name="hub", ok=False, detail=f"{address} does not answer: {error}", fix=fix)


def _home() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache"))
    return Path(os.environ.get("HF_HOME", cache / "huggingface")).expanduser()


def _cache_folder() -> Path:
    return Path(os.environ.get("HF_HUB_CACHE", _home() / "hub")).expanduser()


def _nearest(folder: Path) -> Path:
    """The folder itself, or the nearest one above it that exists."""
    return next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())


def _cache() -> Finding:
    folder = _cache_folder()
    try:
        with tempfile.TemporaryFile(dir=_nearest(folder)):
            return Finding(name="model cache", ok=True, detail=f"{folder} can be written")
    except OSError as error:
        fix = "set HF_HOME to a folder of yours"
        return Finding(name="model cache", ok=False, detail=f"{folder} cannot be written: {error.strerror}", fix=fix)
