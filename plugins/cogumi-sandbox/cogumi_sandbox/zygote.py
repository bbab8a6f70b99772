"""The zygote: a warm interpreter behind the outer walls, which forks one worker after the other.

Started by exec with a clean environment, so that nothing of its parent's memory, tests above all, is in it. Speaks JSON
over a packet socket: it is told its setup, then `start` (with two descriptors: where to print, and the channel to the
oracle) and `finish` for each program, and answers each. When it has answered `finish`, every process that the program
started is dead and what it wrote is gone.
"""

from __future__ import annotations

import array
import fcntl
import gc
import json
import os
import resource
import select
import signal
import socket
import sys
import sysconfig
import time
from contextlib import suppress
from typing import Any, NamedTuple, NoReturn

from cogumi_sandbox import preload, worker
from cogumi_sandbox.isolation import Isolation, Setup

CHANNEL, TELL = 3, 4
"""A worker's descriptors: the channel to its oracle, and (until its walls stand) where it tells whether they do."""
STANDS = "stands "
"""What a worker tells when they do, followed by its CPU seconds until then; anything else says why they do not."""


def main(descriptor: int) -> NoReturn:
    """Serve on this socket until the other side hangs up."""
    control = socket.socket(fileno=descriptor)
    message, _ = receive(control)
    message["filter"] = bytes.fromhex(message["filter"])
    isolation = Isolation(Setup(**message))
    prepare(isolation.setup)
    try:
        isolation.outer()
    except OSError as error:
        send(control, {"failure": str(error)})
        os._exit(1)
    send(control, {"ready": True})
    while True:
        message, fds = receive(control)
        program = start(isolation, message["limits"], fds)
        send(control, {"failure": program.failure, "warm_up": program.warm_up})
        send(control, finish(program, control, isolation))


def prepare(setup: Setup) -> None:
    """Warm up: import what programs import, and keep the collector from touching it after each fork."""
    preload.everything()
    stdlib = [setup.library] if setup.library else [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]
    sys.path[:] = dict.fromkeys([*stdlib, f"{stdlib[-1]}/lib-dynload"])
    sys.path_importer_cache.clear()
    if setup.library:
        move_packages(setup.library)
    sys.argv[:] = [""]
    sys.executable = os.path.realpath(sys.executable)  # a virtual environment is not to be seen
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.collect()
    gc.freeze()


def move_packages(library: str) -> None:
    """Let packages that were imported from the standard library find their other modules in a copy of it."""
    for module in list(sys.modules.values()):
        paths = getattr(module, "__path__", None)
        if paths and not module.__name__.startswith("cogumi_sandbox"):
            paths[:] = [f"{library}/{module.__name__.replace('.', '/')}"]


class Started(NamedTuple):
    """A program that was started."""

    child: int
    """Its first process."""
    failure: str
    """Why its walls do not stand; empty if they do."""
    warm_up: float
    """CPU seconds that it had used when they stood: none of its own doing."""
    before: float
    """CPU seconds of earlier programs."""


def spent() -> float:
    """CPU seconds of all processes that were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def start(isolation: Isolation, limits: dict[str, Any], fds: list[int]) -> Started:
    """Fork a program's first process and wait until its walls stand."""
    report, tell = os.pipe()
    before = spent()
    child = isolation.fork(limits["disk"])
    if child == 0:
        os.close(report)
        become(isolation, limits, fds, tell)
    for fd in (*fds, tell):
        os.close(fd)
    with os.fdopen(report, "rb") as file:
        told = file.read().decode(errors="replace")
    if told.startswith(STANDS):
        return Started(child, "", float(told.removeprefix(STANDS)), before)
    return Started(child, told or "its first process ended before its walls stood", 0.0, before)


def become(isolation: Isolation, limits: dict[str, Any], fds: list[int], tell: int) -> NoReturn:
    """In the child: put up the inner walls and serve the oracle; does not return."""
    try:
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 64) for fd in (fds[0], fds[0], fds[1], tell)]
        for low, fd in zip((1, 2, CHANNEL, TELL), high, strict=True):
            os.dup2(fd, low)
        os.closerange(max(high) + 1, 1 << 16)
        isolation.inner(limits)
        os.closerange(TELL + 1, 1 << 16)
    except BaseException as error:  # whatever it is, the walls do not stand and the program must not run
        with suppress(OSError):
            os.write(TELL, f"{type(error).__name__}: {error}"[:500].encode())
        os._exit(1)
    os.write(TELL, f"{STANDS}{time.process_time()}".encode())
    os.close(TELL)
    worker.serve(CHANNEL, limits["answer"])
    os._exit(1)


def finish(program: Started, control: socket.socket, isolation: Isolation) -> dict[str, Any]:
    """Wait until the program ends or is to be ended; see to it that nothing of it is left; tell how it went."""
    watch = os.pidfd_open(program.child)
    try:
        select.select([control.fileno(), watch], [], [])
        own = bool(select.select([watch], [], [], 0)[0])
    finally:
        os.close(watch)
    status = isolation.end(program.child)
    isolation.clean()
    receive(control)
    used = spent() - program.before - program.warm_up - isolation.clearing
    return {"own": own, "status": os.waitstatus_to_exitcode(status), "cpu": max(used, 0.0)}


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
