"""Landlock: a process gives up, for itself and all it starts, every part of the file system that it does not name.

Needs no privilege and no namespace, only Linux 5.13; later versions can also refuse TCP (6.7) and signals (6.12).
See https://docs.kernel.org/userspace-api/landlock.html for the structures and numbers.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

from cogumi_sandbox import kernel

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
READ = READ_FILE | READ_DIR
MAKE_DEVICES, MAKE_SOCKET = 1 << 6 | 1 << 11, 1 << 9
OWN = (1 << 16) - 1 & ~(EXECUTE | MAKE_DEVICES | MAKE_SOCKET)
"""What a program may do in its own folder."""
RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
"""Rights over files that each version of the interface knows; 5 is also what later ones know."""
FOR_FILES = EXECUTE | WRITE_FILE | READ_FILE | 1 << 14 | 1 << 15
"""The rights that make sense for what is no directory."""
TCP, SCOPES = 3, 3


class _Ruleset(ctypes.Structure):
    _fields_ = [("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def version() -> int:
    """The version of the kernel's interface; raises `OSError` where there is none."""
    try:
        return kernel.syscall("landlock", kernel.LANDLOCK_CREATE, 0, 0, 1)
    except OSError as error:
        raise OSError(f"Landlock needs Linux 5.13, and to be switched on there ({error})") from error


def ruleset(rules: Iterable[tuple[Path, int]]) -> int:
    """A descriptor for: only the given rights beneath each path. Missing paths are skipped; raises `OSError`."""
    known = version()
    handled = RIGHTS[min(known, max(RIGHTS))]
    attributes = _Ruleset(handled, TCP if known >= 4 else 0, SCOPES if known >= 6 else 0)
    size = 24 if known >= 6 else 16 if known >= 4 else 8
    fd = kernel.syscall("landlock_create_ruleset", kernel.LANDLOCK_CREATE, ctypes.byref(attributes), size, 0)
    for path, rights in rules:
        _allow(fd, path, rights & handled)
    return fd


def enter(fd: int) -> None:
    """Submit this process and all it will start to a ruleset, for good; closes it. Needs no_new_privs; raises `OSError`."""
    kernel.syscall("landlock_restrict_self", kernel.LANDLOCK_RESTRICT, fd, 0)
    os.close(fd)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not path.is_dir():
            rights &= FOR_FILES
        beneath = _Beneath(rights, fd)
        kernel.syscall("landlock_add_rule", kernel.LANDLOCK_ADD, ruleset, 1, ctypes.byref(beneath), 0)
    finally:
        os.close(fd)
