"""The ladder: which walls this machine offers, found by running a program behind them that tries to get through."""

from __future__ import annotations

import os
import pwd
import secrets
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from cogumi_sandbox import filters, rootfs
from cogumi_sandbox.client import Client, ServerBroken
from cogumi_sandbox.jobs import check_job
from cogumi_sandbox.records import Level, Limits, Program

NAMES = {1: "namespaces", 2: "Landlock", 3: "unused user", 4: "limits alone"}
UIDS = range(60_100, 65_000)
"""Users that belong to nobody on a usual system: above what people get, below `nobody`."""


def setup(level: int, library: str | None) -> dict[str, Any]:
    """What a zygote of this level is told; raises `OSError` naming what is missing.

    `library`: a copy of the standard library that programs can read, where they cannot read the original.
    """
    if sys.platform != "linux":
        raise OSError("needs Linux: run it in a container")
    uid = unused_uid() if os.geteuid() == 0 else None
    if level == 3 and uid is None:
        raise OSError("needs root, to become a user that owns nothing")
    try:
        code = filters.build(level in (2, 4))
    except (ImportError, OSError, RuntimeError) as error:
        if level < 4:
            raise OSError(f"libseccomp cannot be used ({error}): install libseccomp2") from error
        code = b""
    return {"level": level, "uid": uid, "filter": code.hex(), "library": library}


def unused_uid() -> int | None:
    """A user that nobody is; None where no other user exists for this process."""
    ranges = [tuple(map(int, line.split())) for line in Path("/proc/self/uid_map").read_text().splitlines()]
    users = {path.stat().st_uid for path in Path("/proc").iterdir() if path.name.isdigit() and path.exists()}
    for _ in range(100):
        uid = secrets.choice(UIDS)
        mapped = any(start <= uid < start + count for start, _, count in ranges)
        if mapped and uid not in users and not _has_name(uid):
            return uid
    return None


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


TRIES = 3
"""How often walls are tried while a busy machine keeps from telling whether they hold."""
ATTACKS = {
    1: ("read a file of yours", "write outside", "open a socket", "see processes", "signal outside"),
    2: ("read a file of yours", "write outside", "open a socket", "see processes", "signal outside", "start a process"),
    3: ("write outside", "open a socket", "signal outside"),
    4: (),
}
"""What a program must not be able to do behind the walls of each level."""
INTRUDER = """
import colorsys, os, socket

def tried(act, *args):
    try:
        act(*args)
    except OSError:
        return False
    return True

def through(secret, folder, process):
    attempts = {
        "read a file of yours": lambda: open(secret).read(),
        "write outside": lambda: open(folder + "/written", "w"),
        "open a socket": lambda: socket.socket(),
        "see processes": lambda: os.listdir("/proc"),
        "signal outside": lambda: os.kill(process, 0),
        "start a process": lambda: os.fork() or os._exit(0),
    }
    return [name for name, act in attempts.items() if tried(act)]
"""


def try_level(number: int, library: rootfs.Library) -> Level:
    """Put up the walls of a level and see whether they hold."""
    try:
        with closing(Client(setup(number, library.path(number)))) as server:
            why = _holds(server, number)
    except (OSError, ServerBroken) as error:
        why = str(error)
    return Level(number=number, name=NAMES[number], available=not why, why=why or "tried, and it holds")


def _holds(server: Client, number: int) -> str:
    """Why the walls do not hold; empty if they do."""
    with tempfile.TemporaryDirectory(prefix="cogumi-probe-") as folder:
        secret = Path(folder, "secret")
        secret.write_text("canary")
        arguments = f"{str(secret)!r}, {folder!r}, {os.getpid()}"
        forbidden = list(ATTACKS[number])
        test = f"def check(candidate):\n    for attack in candidate({arguments}):\n        assert attack not in {forbidden}\n"
        program = Program(prompt="", completion=INTRUDER, test=test, entry_point="through", limits=Limits(cpu=2))
        for _ in range(TRIES):
            reply = server.run(check_job(program))
            if not reply["again"]:
                break
    if reply["detail"].startswith("loading"):  # it imports a module that is not in memory yet
        return f"programs cannot be run: {reply['detail']}"
    return "" if reply["verdict"] == "pass" else f"the walls do not hold: {reply['detail']}"


def probe() -> list[Level]:
    """All levels, strongest first, each really tried."""
    with closing(rootfs.Library()) as library:
        return [try_level(number, library) for number in NAMES]
