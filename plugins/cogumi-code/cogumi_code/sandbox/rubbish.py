"""Removing what programs wrote, where they write in real folders: trees of any depth, with any modes."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress


def empty(temp: str) -> None:
    """Empty the pair's folder, whatever a program made of it."""
    for entry in os.listdir(temp):
        path = os.path.join(temp, entry)
        try:
            os.rmdir(path)
        except OSError:
            shutil.rmtree(path, ignore_errors=True)
            if os.path.lexists(path):
                remove(path)


def remove(path: str) -> None:
    """Remove a file or a tree of any depth, whatever its modes are."""
    for command in (["chmod", "-R", "u+rwx", path], ["rm", "-rf", "--one-file-system", path]):
        subprocess.run(command, check=False, capture_output=True, env={})


SHARED = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - looked through, not written to
"""Where everybody may write: what a private user left there goes too."""


def clean_shared(uid: int) -> None:
    """Remove what a program left in folders that are everybody's, as far as its user is its own."""
    for folder in SHARED:
        with suppress(OSError):
            for entry in list(os.scandir(folder)):
                if entry.stat(follow_symlinks=False).st_uid == uid:
                    remove(entry.path)
