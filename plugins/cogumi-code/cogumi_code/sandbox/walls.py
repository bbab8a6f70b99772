"""The walls of each level, in two rings: an outer one put up once per zygote, an inner one once per program.

1. namespaces: own users, mounts, processes, network and ipc; a root with nothing in it but libraries; seccomp; limits.
2. Landlock: the same view of the file system by permission instead of by mount; seccomp without new processes; limits.
3. uid: a user that owns nothing; seccomp; limits. World-readable files stay readable.
4. limits, and seccomp where there is any.
"""

from __future__ import annotations

import fcntl
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn

from cogumi_code.sandbox import filters, house, kernel, landlock, limits

INSIDE = 1000
"""The user that a program is in its own user namespace."""
FOLDER = "program"
"""Name of the folder, below the pair's own, that a program may write in where it has no mounts of its own."""


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


class Walls:
    """Puts up both rings. Every method raises `OSError` where a wall does not stand."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self._rules = -1
        self._own_pids = -1

    def outer(self) -> None:
        """Put up the outer ring around this process; at level 1 it goes on in a child."""
        limits.first_to_go()
        if self.setup.level == 1:
            self._namespaces()
            return
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
        if self.setup.level == 2:
            libraries = [self.setup.library] if self.setup.library else house.library()
            rules = landlock.ruleset(house.landlock_rules(libraries, self.setup.temp))
            self._rules = fcntl.fcntl(rules, fcntl.F_DUPFD_CLOEXEC, 32)  # clear of the numbers that programs are given
            os.close(rules)

    def _namespaces(self) -> None:
        helper, tell = map_writer(self.setup.uid)
        kernel.unshare(kernel.NEWUSER | kernel.NEWNS | kernel.NEWPID | kernel.NEWNET | kernel.NEWIPC)
        os.write(tell, b"x")
        os.close(tell)
        if os.waitpid(helper, 0)[1]:
            raise OSError("the maps of the user namespace cannot be written")
        processes = os.open("/proc", os.O_PATH | os.O_DIRECTORY)
        house.build(house.TEMP)
        child = os.fork()
        if child:
            wait_for(child)
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        self._own_pids = os.open("self/ns/pid", os.O_RDONLY | os.O_CLOEXEC, dir_fd=processes)
        os.close(processes)

    def fork(self) -> int:
        """Fork the process that becomes a program; 0 in the child."""
        if self.setup.level == 1:
            kernel.unshare(kernel.NEWPID)
        else:
            folder = os.path.join(self.setup.temp, FOLDER)
            os.mkdir(folder, 0o700)
            if self.setup.uid is not None:
                os.chown(folder, self.setup.uid, self.setup.uid)
        child = os.fork()
        if child and self.setup.level == 1:
            kernel.setns(self._own_pids, kernel.NEWPID)
        return child

    def inner(self, wanted: dict[str, Any]) -> None:
        """Put up the inner ring around this process, in the forked child; at level 1 it goes on in a child of that."""
        if self.setup.level == 1:
            self._private(wanted["disk"])
        os.setsid()
        os.chdir(house.TEMP if self.setup.level == 1 else os.path.join(self.setup.temp, FOLDER))
        limits.restrict(wanted, self._processes(wanted["processes"]))
        self._drop()
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        if self._rules >= 0:
            landlock.enter(self._rules)
        if self.setup.filter:
            kernel.load_filter(filters.for_process(self.setup.filter, os.getpid()))

    def _private(self, disk: int) -> None:
        kernel.unshare(kernel.NEWNS | kernel.NEWIPC)
        owner = INSIDE if os.getuid() == 0 and self.setup.uid is not None else os.getuid()
        options = f"size={disk},nr_inodes=8192,mode=700,uid={owner},gid={owner if owner else os.getgid()}"
        kernel.mount("tmpfs", house.TEMP, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, options)
        child = os.fork()
        if child:
            keep_house(child)

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
    """Be nothing but a parent: hold nothing open, reap orphans, and end as the child ends."""
    os.closerange(0, 1 << 16)
    while True:
        pid, status = os.wait()
        if pid == child:
            os._exit(exit_code(status))


def keep_house(child: int) -> NoReturn:
    """Be the first process of a program's namespace: end when the child ends, or when told to by SIGTERM.

    Everything in it is killed and waited for first: the CPU time of what nobody waits for would be lost.
    """
    os.closerange(0, 1 << 16)
    signal.signal(signal.SIGTERM, lambda number, frame: os.kill(-1, signal.SIGKILL))
    code = 0
    with suppress(ChildProcessError):
        while True:
            pid, status = os.wait()
            if pid == child:
                code = exit_code(status)
                with suppress(ProcessLookupError):
                    os.kill(-1, signal.SIGKILL)
    os._exit(code)


def exit_code(status: int) -> int:
    """A process's end as the exit status of another: 128 and the signal, if it was one."""
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
