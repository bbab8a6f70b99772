"""Removing what programs wrote, where they write in real folders. Whatever they left there is hostile: links to elsewhere,
trees deeper than any recursion, folders without rights. Nothing is followed, and only folders' modes are changed.
"""

from __future__ import annotations

import itertools
import os
import secrets
from contextlib import suppress
from pathlib import Path

SHARED = tuple(map(Path, ("/tmp", "/var/tmp", "/dev/shm")))
"""Where everybody may write: what a private user left there goes too."""
MOST_FILES, MOST_LETTERS = 10_000, 1_000
"""Files below a folder, and letters in the path of one, of which nobody needs more."""


def empty(folder: Path) -> None:
    """Leave this folder there, empty, and its owner's to use; whatever a program made of it."""
    if folder.is_symlink() or not folder.is_dir():
        folder.unlink(missing_ok=True)
        folder.mkdir(0o700)
    if folder.stat().st_mode & 0o777 != 0o700:
        folder.chmod(0o700)
    waiting, names = [folder], (f"{secrets.token_hex(8)}-{number}" for number in itertools.count())
    while waiting:
        current = waiting.pop()
        for entry in list(os.scandir(current)):
            path = Path(entry)
            if not entry.is_dir(follow_symlinks=False):
                path.unlink()
                continue
            path.chmod(0o700)
            waiting.append(path.rename(folder / next(names)))  # to the top, so that no path ever gets long
        if current != folder:
            current.rmdir()


def remove(path: Path) -> None:
    """Remove a file, a link or a tree."""
    if path.is_dir() and not path.is_symlink():
        empty(path)
        path.rmdir()
    else:
        path.unlink()


def clean_shared(uid: int) -> None:
    """Remove what a program left in folders that are everybody's, as far as its user is its own."""
    for folder in SHARED:
        for path in list(folder.iterdir()) if folder.is_dir() else []:
            with suppress(OSError):
                if path.lstat().st_uid == uid:
                    remove(path)


def stored(folder: Path) -> int:
    """Bytes in the files below a folder, at least one block each; of very many or very deep ones, more than anybody may."""
    total, count, waiting = 0, 0, [os.fspath(folder)]
    while waiting:
        current = waiting.pop()
        if count > MOST_FILES or len(current) > MOST_LETTERS:
            return 1 << 62
        with suppress(OSError):  # what vanishes meanwhile does not count
            for entry in os.scandir(current):
                count += 1
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                total += max(entry.stat(follow_symlinks=False).st_blocks * 512, 4096)
    return total
