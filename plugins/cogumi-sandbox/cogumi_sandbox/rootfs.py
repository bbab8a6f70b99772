"""What a program can see of the file system: the interpreter's library, shared libraries, and nothing else.

Installed packages are left out on purpose: among them may be the very benchmark, with its solutions.
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
import tempfile
from contextlib import suppress
from pathlib import Path

from cogumi_sandbox import kernel, landlock

SYSTEM = tuple(map(Path, ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin")))
FILES = tuple(map(Path, ("/etc/ld.so.cache", "/etc/localtime", "/usr/share/zoneinfo")))
DEVICES = tuple(map(Path, ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")))
HIDDEN = ("site-packages", "dist-packages")
"""Folders of installed packages."""
UNNEEDED = ("test", "tests", "idlelib", "ensurepip", "lib2to3", "tkinter", "turtledemo", "config-*")
"""Parts of the standard library that a copy of it goes without."""
MOUNT = "/tmp"
"""Where the new root is put together."""
READ_ONLY, NO_SETUID, NO_DEVICES = 1, 2, 4
"""Attributes of mounts."""


def library() -> list[Path]:
    """The folders of the standard library."""
    paths = sysconfig.get_paths()
    return sorted({Path(paths["stdlib"]).resolve(), Path(paths["platstdlib"]).resolve()})


def interpreter() -> list[Path]:
    """The folders that an interpreter outside of the system's own folders needs."""
    base = Path(sys.base_prefix).resolve()
    return [path for path in (base / "bin", base / "lib") if path.is_dir()] if base != Path("/usr") else []


def _temp() -> str:
    return "/program" if any(path.is_relative_to("/tmp") for path in interpreter()) else "/tmp"


TEMP = _temp()
"""Where a program writes that has a mount of its own: not over the interpreter's library, wherever that lies."""


def hidden(folder: Path) -> list[Path]:
    """Folders below `folder` that hold installed packages, where they usually lie."""
    places = (".", "lib", "local/lib", "python3*", "lib/python3*", "local/lib/python3*", "lib64/python3*")
    found = {path for place in places for name in HIDDEN for path in folder.glob(f"{place}/{name}")}
    return sorted(path for path in found if path.is_dir() and not path.is_symlink())


def build(root: Path) -> None:
    """Make `root` a small read-only file system with what a program may see, and make it this process's root.

    The process must have a mount namespace of its own, and the right to mount in it.
    """
    sources = [path for path in (*SYSTEM, *interpreter(), *FILES) if path.exists()]
    handles = {path: os.open(path, os.O_PATH) for path in (*sources, *DEVICES) if not path.is_symlink()}
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("tmpfs", str(root), "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=755,size=1m")
    for folder in (root / "dev", inside(Path(TEMP), root)):
        folder.mkdir()
    if not any(path.is_relative_to("/dev/shm") for path in interpreter()):
        (root / "dev/shm").symlink_to(TEMP)
    for path in sources:
        if path.is_symlink():
            _link(path, root)
        elif not os.path.lexists(inside(path, root)):
            _bind(handles[path], inside(path, root), READ_ONLY | NO_SETUID | NO_DEVICES)
    for path in DEVICES:
        _bind(handles[path], inside(path, root), NO_SETUID)
    for folder in (*SYSTEM, *interpreter()):
        for path in hidden(inside(folder, root)):
            _cover(path)
    for handle in handles.values():
        os.close(handle)
    _enter(root)


def inside(path: Path, root: Path) -> Path:
    """Where an absolute path lies below another root."""
    return root / path.relative_to("/")


def _link(path: Path, root: Path) -> None:
    new = inside(path, root)
    if not os.path.lexists(new):
        new.parent.mkdir(parents=True, exist_ok=True)
        new.symlink_to(path.readlink() if path in SYSTEM else path.resolve())


def _bind(handle: int, target: Path, attributes: int) -> None:
    source = f"/proc/self/fd/{handle}"
    target.parent.mkdir(parents=True, exist_ok=True)
    if Path(source).is_dir():
        target.mkdir()
    else:
        target.touch()
    kernel.mount(source, str(target), None, kernel.MS_BIND | kernel.MS_REC)
    kernel.restrict_mounts(str(target), attributes)


def _cover(folder: Path) -> None:
    flags = kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV
    kernel.mount("tmpfs", str(folder), "tmpfs", flags, "size=4k")


def _enter(root: Path) -> None:
    os.chdir(root)
    kernel.pivot_root(".", ".")
    kernel.unmount(".")
    os.chdir("/")
    flags = kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV
    kernel.mount("none", "/", None, flags)


def landlock_rules(libraries: list[Path], temp: Path) -> list[tuple[Path, int]]:
    """What a program may do where, under Landlock: read libraries, use devices, write in its own folder."""
    rules = [(path, landlock.READ_FILE | landlock.WRITE_FILE) for path in DEVICES]
    rules += [(path, landlock.READ) for path in FILES]
    for folder in (*libraries, *(Path(name) for name in ("/usr/lib", "/usr/lib64", "/lib", "/lib64"))):
        rules += _visible(folder.resolve())
    return [*rules, (temp, landlock.OWN)]


def _visible(folder: Path) -> list[tuple[Path, int]]:
    """Everything below a folder but installed packages; their names may be listed, their contents not read."""
    if not folder.is_dir():
        return []
    banned = {path.resolve() for path in hidden(folder)}
    if not banned:
        return [(folder, landlock.READ)]
    rules = [(folder, landlock.READ_DIR)]
    for entry in folder.iterdir():
        if entry in banned:
            continue
        deeper = entry.is_dir() and not entry.is_symlink() and any(entry in path.parents for path in banned)
        rules += _visible(entry) if deeper else [(entry, landlock.READ)]
    return rules


def readable_by_all(path: Path) -> bool:
    """Can any user read this folder?"""
    return all(folder.stat().st_mode & 0o5 == 0o5 for folder in (path, *path.parents))


class Library:
    """A standard library that an unused user can read: the interpreter's own, or a copy made when first asked for."""

    def __init__(self) -> None:
        self._copy: str | None = None

    def path(self, level: int) -> str | None:
        """The copy, where this level needs one; None where programs can read the original."""
        if level == 1 or os.geteuid() != 0 or all(map(readable_by_all, library())):
            return None
        if self._copy is None:
            self._copy = copy_library()
        return self._copy

    def close(self) -> None:
        """Remove the copy."""
        if self._copy is not None:
            shutil.rmtree(self._copy, ignore_errors=True)
            self._copy = None


def copy_library() -> str:
    """A copy of the standard library in a new temporary folder; gives the folder. Links where it can."""
    folder = tempfile.mkdtemp(prefix="cogumi-library-")
    ignore = shutil.ignore_patterns(*HIDDEN, *UNNEEDED)
    for path in library():
        shutil.copytree(path, folder, ignore=ignore, copy_function=link_or_copy, dirs_exist_ok=True)
    Path(folder).chmod(0o755)
    return folder


def link_or_copy(source: str, target: str) -> None:
    """A second name for a file, or a second file where the first cannot have one or is not everybody's to read."""
    with suppress(OSError):
        if Path(source).stat().st_mode & 0o4:
            os.link(source, target)
            return
    shutil.copyfile(source, target)
    Path(target).chmod(0o644)
