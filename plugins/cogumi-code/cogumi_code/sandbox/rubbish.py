"""Removing what programs wrote, where they write in real folders: trees of any depth, with any modes."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

SHARED = tuple(map(Path, ("/tmp", "/var/tmp", "/dev/shm")))
"""Where everybody may write: what a private user left there goes too."""


def empty(folder: Path) -> None:
    """Empty a folder, whatever a program made of it."""
    for path in folder.iterdir():
        try:
            path.rmdir()
        except OSError:
            shutil.rmtree(path, ignore_errors=True)
            if path.is_symlink() or path.exists():
                remove(path)


def remove(path: Path) -> None:
    """Remove a file or a tree of any depth, whatever its modes are."""
    for command in (["chmod", "-R", "u+rwx"], ["rm", "-rf", "--one-file-system"]):
        subprocess.run([*command, "--", str(path)], check=False, capture_output=True)


def clean_shared(uid: int) -> None:
    """Remove what a program left in folders that are everybody's, as far as its user is its own."""
    for folder in SHARED:
        for path in list(folder.iterdir()) if folder.is_dir() else []:
            with suppress(OSError):
                if path.lstat().st_uid == uid:
                    remove(path)
