"""Checkpoints that are there whole or not at all.

A checkpoint is written beside its place, listed with sizes and hashes, synced, and renamed. One whose list does not match
its files (a torn or damaged one) is ignored; the last two are kept, so that there is one to fall back to. They belong to
one fingerprint of everything that decides the outcome; those of another are removed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

KEPT = 2
MANIFEST = "manifest.json"
PREFIX = "checkpoint-"


class Checkpoints:
    """The checkpoints of one training, below `folder`."""

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self.all = folder
        self.folder = folder / fingerprint
        self.staging = self.folder / "staging"

    def open(self) -> None:
        """Make the folder; remove what another training or a kill left behind."""
        if self.all.is_dir():
            for other in self.all.iterdir():
                if other != self.folder:
                    shutil.rmtree(other) if other.is_dir() else other.unlink()
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.staging, ignore_errors=True)

    def commit(self, step: int) -> None:
        """Move the staged checkpoint of a step into place; remove those no longer needed."""
        staged, final = self.staging / f"{PREFIX}{step}", self.folder / f"{PREFIX}{step}"
        _write_manifest(staged)
        shutil.rmtree(final, ignore_errors=True)  # a damaged one of the same step
        staged.rename(final)
        sync(self.folder)
        for old in self._steps()[:-KEPT]:
            shutil.rmtree(self.folder / f"{PREFIX}{old}")

    def latest(self) -> Path | None:
        """The newest whole checkpoint, or None."""
        places = [self.folder / f"{PREFIX}{step}" for step in reversed(self._steps())]
        return next((place for place in places if _whole(place)), None)

    def remove(self) -> None:
        """Remove all of them."""
        shutil.rmtree(self.all, ignore_errors=True)

    def _steps(self) -> list[int]:
        return sorted(int(path.name.removeprefix(PREFIX)) for path in self.folder.glob(f"{PREFIX}*"))


def _write_manifest(folder: Path) -> None:
    (folder / MANIFEST).write_text(json.dumps(_hashes(folder)), encoding="utf-8")
    for path in folder.iterdir():
        sync(path)
    sync(folder)


def _whole(folder: Path) -> bool:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return bool(manifest == _hashes(folder))
    except (OSError, ValueError):  # no list, or half of one: not whole
        return False


def _hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.iterdir() if path.name != MANIFEST)
    return {path.name: hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest() for path in files}


def sync(path: Path) -> None:
    """Have a file or folder reach the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
