"""The walls of each level, in two rings: an outer one put up once per zygote, an inner one once per program.

1. namespaces: own users, mounts, processes, network and ipc; a root with nothing in it but libraries; seccomp; limits.
2. Landlock: the same view of the file system by permission instead of by mount; seccomp without new processes; limits.
3. uid: a user that owns nothing; seccomp; limits. World-readable files stay readable.
4. limits, and seccomp where there is any.
"""

from __future__ import annotations

import os
import select
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from cogumi_sandbox import filters, kernel, landlock, limits, rootfs

INSIDE = 1000
"""The user that a program is in its own user namespace."""
DENIED = (
    "user namespaces are denied here: by the container's profile, by sysctl user.max_user_namespaces = 0, or by "
    "kernel.apparmor_restrict_unprivileged_userns = 1"
)
"""Why level 1 is usually missing."""
FOLDER = "program"
"""Name of the folder, below the server's own, that a program may write in where it has no mounts of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a zygote is told when it starts."""

    level: int
    """1 to 4."""
    uid: int | None
    """As root: an unused user to become; None otherwise."""
    filter: bytes
    """The seccomp filter; empty where there is none (level 4 only)."""
    temp: str
    """A folder of this zygote's own."""
    library: str | None
    """A readable copy of the standard library, where the user to become cannot read the original."""


class Isolation:
    """Puts up both rings. Every method raises `OSError` where a wall does not stand."""

    clearing: float = 0.0
    """CPU seconds that clearing away the last program took, in processes that are no part of it."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup

    def outer(self) -> None:
        """Put up the outer ring around this process; at level 1 it goes on in a child."""
        limits.first_to_go()
        if self.setup.level == 1:
            self._namespaces()
            return
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
        if self.setup.level == 2:
            libraries = [Path(self.setup.library)] if self.setup.library else rootfs.library()
            rules = landlock.ruleset(rootfs.landlock_rules(libraries, Path(self.setup.temp, FOLDER)))
            kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
            landlock.enter(rules)

    def _namespaces(self) -> None:
        helper, tell = map_writer(self.setup.uid)
        try:
            kernel.unshare(kernel.NEWUSER | kernel.NEWNS | kernel.NEWPID | kernel.NEWNET | kernel.NEWIPC)
        except OSError as error:
            raise OSError(f"{DENIED} ({error})") from error
        os.write(tell, b"x")
        os.close(tell)
        if os.waitpid(helper, 0)[1]:
            raise OSError("the maps of the user namespace cannot be written")
        rootfs.build(Path(rootfs.MOUNT))
        child = os.fork()
        if child:
            wait_for(child)
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)

    def fork(self, disk: int) -> int:
        """Fork the process that becomes a program; 0 in the child. Where it can have one, it gets a mount of `disk` bytes."""
        if self.setup.level == 1:
            self._mount_folder(disk)
        return os.fork()

    def inner(self, wanted: dict[str, Any]) -> None:
        """Put up the inner ring around this process, in the forked child."""
        os.setsid()
        os.chdir(rootfs.TEMP if self.setup.level == 1 else Path(self.setup.temp, FOLDER))
        limits.restrict(wanted, self._processes(wanted["processes"]))
        self._drop()
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        if self.setup.filter:
            kernel.load_filter(filters.for_process(self.setup.filter, os.getpid()))

    def end(self, child: int) -> int:
        """Kill a program's first process and whatever else it started; gives the first one's status.

        At level 1 the zygote is the first process of a namespace that nobody leaves: one signal reaches all the others, and
        none of theirs reaches it. Elsewhere it is the parent that orphans fall to, and kills until it has no child left.
        """
        self.clearing = 0.0
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        while reap():
            self._kill_others()
            select.select([], [], [], 0.001)
        return status

    def _kill_others(self) -> None:
        if self.setup.level == 1:
            if os.getpid() != 1:  # else the signal would reach the whole machine
                raise RuntimeError("the zygote is not the first process of its namespace")
            os.kill(-1, signal.SIGKILL)
            return
        if self.setup.uid is not None:
            self.clearing += kill_user(self.setup.uid)
        for process in children():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def clean(self) -> None:
        """Remove what a program that has ended wrote; folders that are not its own mount are left to the server."""
        if self.setup.level == 1:
            kernel.unmount(rootfs.TEMP)

    def _mount_folder(self, disk: int) -> None:
        owner = INSIDE if self.setup.uid is not None else os.getuid()
        group = INSIDE if self.setup.uid is not None else os.getgid()
        options = f"size={disk},nr_inodes=8192,mode=700,uid={owner},gid={group}"
        kernel.mount("tmpfs", rootfs.TEMP, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, options)

    def _processes(self, most: int) -> int | None:
        """The limit on the user's processes: a namespace has its own count, in which the zygote is two."""
        if self.setup.level == 1:
            return most if self.setup.uid is not None else most + 2
        return most if self.setup.uid is not None else None

    def _drop(self) -> None:
        if self.setup.uid is not None:
            user = INSIDE if self.setup.level == 1 else self.setup.uid
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
        if self.setup.level < 4 or os.geteuid() == 0:
            kernel.drop_capabilities()


def map_writer(uid: int | None) -> tuple[int, int]:
    """A child that writes this process's user maps from outside, once it is told to: its pid, and where to tell it."""
    parent, outer = os.getpid(), (os.getuid(), os.getgid())
    ready, tell = os.pipe()
    child = os.fork()
    if child:
        os.close(ready)
        return child, tell
    os.close(tell)
    code = 1
    with suppress(OSError):
        if os.read(ready, 1):
            write_maps(parent, outer, uid)
            code = 0
    os._exit(code)


def write_maps(process: int, outer: tuple[int, int], uid: int | None) -> None:
    """Who is who in a new user namespace: as root, root and the unused user; otherwise only oneself."""
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)
    for name, own in (("setgroups", "deny"), ("uid_map", outer[0]), ("gid_map", outer[1])):
        if name == "setgroups" and uid is not None:
            continue
        line = own if name == "setgroups" else f"{INSIDE} {own} 1" if uid is None else f"0 {own} 1\n{INSIDE} {uid} 1"
        fd = os.open(f"/proc/{process}/{name}", os.O_WRONLY)
        try:
            os.write(fd, str(line).encode())
        finally:
            os.close(fd)


def wait_for(child: int) -> NoReturn:
    """Be nothing but a parent: hold nothing open, and end when the child has ended."""
    os.closerange(0, 1 << 16)
    while os.wait()[0] != child:
        pass
    os._exit(0)


def reap() -> bool:
    """Collect children that are dead; is any left alive?"""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def kill_user(uid: int) -> float:
    """Kill every process of a user that is nobody's, at once: they cannot fork faster than that. Gives its CPU seconds."""
    child = os.fork()
    if child == 0:
        with suppress(OSError):
            os.setresuid(uid, uid, uid)
            os.kill(-1, signal.SIGKILL)
        os._exit(0)
    used = os.wait4(child, 0)[2]
    return used.ru_utime + used.ru_stime


def children() -> list[int]:
    """The processes whose parent this one is; orphans of a program's are among them."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(stat.read_bytes().rpartition(b")")[2].split()[1]) == os.getpid():
                found.append(int(stat.parent.name))
    return found
