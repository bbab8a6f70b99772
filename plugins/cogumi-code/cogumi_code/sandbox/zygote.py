"""The zygote: a warm interpreter behind the outer walls, which forks one worker after the other.

Started by exec with a clean environment, so that nothing of its parent's memory, tests above all, is in it. Speaks JSON
over a packet socket: it is told its setup, then `start` (with two descriptors: where to print, and the channel to the
judge) and `finish` for each program, and answers each. When it has answered `finish`, every process that the program
started is dead and what it wrote is gone.
"""

from __future__ import annotations

import array
import fcntl
import gc
import importlib
import json
import os
import resource
import select
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
from contextlib import suppress
from typing import Any, NamedTuple, NoReturn

from cogumi_code.sandbox import worker
from cogumi_code.sandbox.walls import FOLDER, Setup, Walls

PATIENCE = 5.0
"""Seconds for the first process of a program's namespace to end everything in it, before it is ended itself."""
CHANNEL, TELL = 3, 4
"""A worker's descriptors: the channel to its judge, and (until its walls stand) where it tells that one does not."""
PRELOADED = ["abc", "array", "base64", "bisect", "calendar", "cmath", "collections.abc", "contextlib", "copy", "csv", "dataclasses", "datetime", "decimal", "difflib", "enum", "fractions", "functools", "hashlib", "heapq", "inspect", "io", "itertools", "json", "logging", "math", "numbers", "operator", "pprint", "queue", "random", "re", "statistics", "string", "struct", "textwrap", "threading", "time", "traceback", "typing", "unicodedata", "warnings", "weakref", "zlib"]
"""What programs often import: there already after the fork."""


def main(descriptor: int) -> NoReturn:
    """Serve on this socket until the other side hangs up."""
    control = socket.socket(fileno=descriptor)
    message, _ = receive(control)
    message["filter"] = bytes.fromhex(message["filter"])
    walls = Walls(Setup(**message))
    prepare(walls.setup)
    try:
        walls.outer()
    except OSError as error:
        send(control, {"failure": str(error)})
        os._exit(1)
    send(control, {"ready": True})
    while True:
        message, fds = receive(control)
        program = start(walls, message["limits"], fds)
        send(control, {"failure": program.failure})
        send(control, finish(program, control, walls.setup))


def prepare(setup: Setup) -> None:
    """Warm up: import what programs import, and keep the collector from touching it after each fork."""
    for name in PRELOADED:
        importlib.import_module(name)
    stdlib = [setup.library] if setup.library else [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]
    sys.path[:] = dict.fromkeys([*stdlib, os.path.join(stdlib[-1], "lib-dynload")])
    sys.path_importer_cache.clear()
    sys.argv[:] = [""]
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.collect()
    gc.freeze()


class Started(NamedTuple):
    """A program that was started."""

    child: int
    """Its first process."""
    failure: str
    """Why its walls do not stand; empty if they do."""
    before: float
    """CPU seconds of earlier programs."""


def spent() -> float:
    """CPU seconds of all processes that were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def start(walls: Walls, limits: dict[str, Any], fds: list[int]) -> Started:
    """Fork a program's first process and wait until its walls stand."""
    report, tell = os.pipe()
    before = spent()
    child = walls.fork()
    if child == 0:
        os.close(report)
        become(walls, limits, fds, tell)
    for fd in (*fds, tell):
        os.close(fd)
    with os.fdopen(report, "rb") as file:
        return Started(child, file.read().decode(errors="replace"), before)


def become(walls: Walls, limits: dict[str, Any], fds: list[int], tell: int) -> NoReturn:
    """In the child: put up the inner walls and serve the judge; does not return."""
    try:
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 64) for fd in (fds[0], fds[0], fds[1], tell)]
        for low, fd in zip((1, 2, CHANNEL, TELL), high, strict=True):
            os.dup2(fd, low)
        os.closerange(max(high) + 1, 1 << 16)
        walls.inner(limits)
        os.closerange(TELL + 1, 1 << 16)
    except BaseException as error:  # whatever it is, the walls do not stand and the program must not run
        with suppress(OSError):
            os.write(TELL, f"{type(error).__name__}: {error}"[:500].encode())
        os._exit(1)
    os.close(TELL)
    worker.serve(CHANNEL, limits["answer"])


def finish(program: Started, control: socket.socket, setup: Setup) -> dict[str, Any]:
    """Wait until the program ends or is to be ended; see to it that nothing of it is left; tell how it went."""
    watch = os.pidfd_open(program.child)
    try:
        select.select([control, watch], [], [])
        own = bool(select.select([watch], [], [], 0)[0])
        status = end(program.child, watch, setup)
    finally:
        os.close(watch)
    if setup.level > 1:
        clean(setup.temp)
        if setup.uid is not None and setup.level > 2:
            clean_shared(setup.uid)
    receive(control)
    return {"own": own, "status": os.waitstatus_to_exitcode(status), "cpu": spent() - program.before}


def end(child: int, watch: int, setup: Setup) -> int:
    """Kill the program's first process and whatever else it started; gives the first one's status."""
    with suppress(ProcessLookupError):
        if setup.level == 1:
            os.kill(child, signal.SIGTERM)
            select.select([watch], [], [], PATIENCE)
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    while setup.level > 1 and reap():
        if setup.uid is not None:
            kill_user(setup.uid)
        for pid in children():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        select.select([], [], [], 0.001)
    return status


def reap() -> bool:
    """Collect children that are dead; is any left alive?"""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def kill_user(uid: int) -> None:
    """Kill every process of a user that is nobody's, at once: they cannot fork faster than that."""
    child = os.fork()
    if child == 0:
        with suppress(OSError):
            os.setresuid(uid, uid, uid)
            os.kill(-1, signal.SIGKILL)
        os._exit(0)
    os.waitpid(child, 0)


def children() -> list[int]:
    """The processes whose parent this one is; orphans of a program's are among them."""
    own, found = str(os.getpid()), []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with suppress(OSError), open(f"/proc/{entry}/stat", "rb") as file:
                if file.read().rpartition(b")")[2].split()[1] == own.encode():
                    found.append(int(entry))
    return found


def clean(temp: str) -> None:
    """Empty the pair's folder, whatever a program made of it."""
    try:
        os.rmdir(os.path.join(temp, FOLDER))
    except OSError:
        shutil.rmtree(os.path.join(temp, FOLDER), ignore_errors=True)
    for entry in os.listdir(temp):
        remove(os.path.join(temp, entry))


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


def send(control: socket.socket, message: dict[str, Any]) -> None:
    """Send one packet."""
    control.send(json.dumps(message).encode())


def receive(control: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """The next packet and the descriptors that came with it; ends this process when nobody asks any more."""
    fds = array.array("i")
    data, ancillary, _, _ = control.recvmsg(1 << 20, socket.CMSG_SPACE(2 * fds.itemsize))
    if not data:
        os._exit(0)
    for level, kind, payload in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(payload[: len(payload) - len(payload) % fds.itemsize])
    return json.loads(data), list(fds)
