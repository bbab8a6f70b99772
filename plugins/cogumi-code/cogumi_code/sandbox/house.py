"""What a program can see of the file system: the interpreter's library, shared libraries, and nothing else.

Installed packages are left out on purpose: among them may be the very benchmark, with its solutions.
"""

from __future__ import annotations

import glob
import os
import shutil
import sys
import sysconfig
import tempfile

from cogumi_code.sandbox import kernel

SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin")
FILES = ("/etc/ld.so.cache", "/etc/localtime", "/usr/share/zoneinfo")
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
HIDDEN = ("site-packages", "dist-packages", "test", "tests", "idlelib", "ensurepip")
TEMP = "/tmp"
READ_ONLY = 1 | 2
"""MOUNT_ATTR_RDONLY and MOUNT_ATTR_NOSUID."""
NO_DEVICES = 4


def library() -> list[str]:
    """The folders of the standard library."""
    paths = sysconfig.get_paths()
    return sorted({os.path.realpath(paths["stdlib"]), os.path.realpath(paths["platstdlib"])})


def interpreter() -> list[str]:
    """The folders that an interpreter outside of the system's own folders needs."""
    base = os.path.realpath(sys.base_prefix)
    if base == "/usr":
        return []
    return [path for path in (os.path.join(base, "bin"), os.path.join(base, "lib")) if os.path.isdir(path)]


def hidden(folder: str) -> list[str]:
    """Folders below `folder` that hold installed packages."""
    patterns = ("", "lib", "local/lib", "python3*", "lib/python3*", "local/lib/python3*", "lib64/python3*")
    return sorted(
        {
            path
            for pattern in patterns
            for name in ("site-packages", "dist-packages")
            for path in glob.glob(os.path.join(folder, pattern, name))
            if os.path.isdir(path) and not os.path.islink(path)
        }
    )


def build(root: str) -> None:
    """Make `root` a small read-only file system with what a program may see, and make it this process's root.

    The process must have a mount namespace of its own, and the right to mount in it.
    """
    sources = [path for path in (*SYSTEM, *interpreter(), *FILES) if os.path.exists(path)]
    handles = {path: os.open(path, os.O_PATH) for path in (*sources, *DEVICES) if not os.path.islink(path)}
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("tmpfs", root, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=755,size=1m")
    for folder in ("dev", "tmp"):
        os.mkdir(os.path.join(root, folder))
    os.symlink(TEMP, os.path.join(root, "dev/shm"))
    for path in sources:
        if os.path.islink(path):
            _link(path, root)
        elif not os.path.lexists(root + path):
            _bind(handles[path], root + path, READ_ONLY | NO_DEVICES)
    for path in DEVICES:
        _bind(handles[path], root + path, 2)
    for folder in (*SYSTEM, *interpreter()):
        for path in hidden(root + folder):
            kernel.mount("tmpfs", path, "tmpfs", kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV, "size=4k")
    for handle in handles.values():
        os.close(handle)
    _enter(root)


def _link(path: str, root: str) -> None:
    if not os.path.lexists(root + path):
        os.makedirs(os.path.dirname(root + path), exist_ok=True)
        target = os.readlink(path) if path in SYSTEM else os.path.realpath(path)
        os.symlink(target, root + path)


def _bind(handle: int, target: str, flags: int) -> None:
    source = f"/proc/self/fd/{handle}"
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.isdir(source):
        os.mkdir(target)
    else:
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY))
    kernel.mount(source, target, None, kernel.MS_BIND | kernel.MS_REC)
    kernel.restrict_mounts(target, flags)


def _enter(root: str) -> None:
    os.chdir(root)
    kernel.restrict_mounts(root, 0)
    kernel.pivot_root(".", ".")
    kernel.unmount(".")
    os.chdir("/")
    kernel.mount("none", "/", None, kernel.MS_BIND | kernel.MS_RDONLY | 32 | kernel.MS_NOSUID | kernel.MS_NODEV)


def landlock_rules(libraries: list[str], temp: str) -> list[tuple[str, int]]:
    """What a program may do where, under Landlock: read libraries, use devices, write in its own folder."""
    read, use, everything = 4, 2 | 4, (1 << 16) - 1
    rules = [(path, use) for path in DEVICES]
    rules += [(path, read) for path in FILES]
    for folder in (*libraries, "/usr/lib", "/usr/lib64", "/lib", "/lib64"):
        rules += _visible(os.path.realpath(folder))
    return [*rules, (temp, everything & ~(1 << 6 | 1 << 11 | 1 << 9))]


def _visible(folder: str) -> list[tuple[str, int]]:
    """Everything below a folder but installed packages; their names may be listed, their contents not."""
    if not os.path.isdir(folder):
        return []
    banned = {os.path.realpath(path) for path in hidden(folder)}
    if not banned:
        return [(folder, 4 | 8)]
    rules = [(folder, 8)] if os.path.dirname(next(iter(banned))) == folder else []
    for entry in os.scandir(folder):
        if entry.path in banned:
            continue
        inside = entry.is_dir(follow_symlinks=False) and any(path.startswith(entry.path + "/") for path in banned)
        rules += _visible(entry.path) if inside else [(entry.path, 4 | 8)]
    return rules


def readable_by_all(path: str) -> bool:
    """Can any user read this folder?"""
    folder = os.path.realpath(path)
    while folder != "/":
        if os.stat(folder).st_mode & 0o5 != 0o5:
            return False
        folder = os.path.dirname(folder)
    return True


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
    ignore = shutil.ignore_patterns(*HIDDEN, "lib2to3", "tkinter", "turtledemo", "config-*")
    for path in library():
        shutil.copytree(path, folder, ignore=ignore, copy_function=link_or_copy, dirs_exist_ok=True)
    os.chmod(folder, 0o755)  # noqa: S103 - it is to be read by a user that owns nothing
    return folder


def link_or_copy(source: str, target: str) -> None:
    """A second name for a file, or a second file where the first cannot have one or is not everybody's to read."""
    try:
        if os.stat(source).st_mode & 0o4:
            os.link(source, target)
            return
    except OSError:
        pass
    shutil.copyfile(source, target)
    os.chmod(target, 0o644)
