"""What a program's processes use together, read from /proc while it runs: the kernel's limits are each process's own.

Also what they were kept from using: a process that could run and did not get a processor shows that the machine is busy.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cogumi_sandbox import cleanup

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
RUNNABLE, DISK = b"R", b"D"
"""States of a process that is running or wants to, and of one that waits for the disk or for memory."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a tree of processes has used, and whether it wants more just now."""

    cpu: float
    """CPU seconds."""
    memory: int
    """Resident bytes."""
    wants: bool
    """Whether one of them is running or could run, if it were let, or waits for the disk."""


@dataclass(frozen=True, slots=True)
class _Process:
    """One line of /proc/PID/stat."""

    pid: int
    state: bytes
    parent: int
    cpu: float
    threads: int
    memory: int


def of_descendants(root: int, skip: int) -> Usage:
    """The usage of all descendants of `root` that are more than `skip` generations below it."""
    processes = {process.pid: process for process in map(_read, Path("/proc").glob("[0-9]*/stat")) if process}
    parents = {pid: process.parent for pid, process in processes.items()}
    found = [process for pid, process in processes.items() if _generation(pid, root, parents) > skip]
    wants = any(_wants(process, parents.values()) for process in found)
    return Usage(sum(process.cpu for process in found), sum(process.memory for process in found), wants)


def wants(pid: int) -> bool:
    """Whether this process is running or could run, if it were let."""
    process = _read(Path(f"/proc/{pid}/stat"))
    return process is not None and _wants(process, ())


def cpu(process: int) -> float:
    """CPU seconds of one process, as exactly as the kernel knows them; 0.0 of one that is gone."""
    try:
        return time.clock_gettime(~process << 3 | 2)  # how Linux numbers another process's CPU clock
    except OSError:
        return 0.0


def _read(stat: Path) -> _Process | None:
    try:
        fields = stat.read_bytes().rpartition(b")")[2].split()
    except OSError:  # it has just ended
        return None
    used = sum(map(int, fields[11:15])) / TICK
    return _Process(int(stat.parent.name), fields[0], int(fields[1]), used, int(fields[17]), int(fields[21]) * PAGE)


def _wants(process: _Process, parents: Any) -> bool:
    states = _thread_states(process.pid) if process.threads > 1 else {process.state}
    if RUNNABLE in states:
        return True
    return DISK in states and process.pid not in parents  # a parent may wait so for its child, which is its own doing


def _thread_states(pid: int) -> set[bytes]:
    states = set()
    for stat in Path(f"/proc/{pid}/task").glob("*/stat"):
        with suppress(OSError):
            states.add(stat.read_bytes().rpartition(b")")[2].split(maxsplit=1)[0])
    return states


def _generation(pid: int, root: int, parents: dict[int, int]) -> int:
    """How many generations below `root`; 0 for no descendant."""
    count = 0
    while pid in parents and pid != root and count <= len(parents):
        pid, count = parents[pid], count + 1
    return count if pid == root else 0


def over(limits: dict[str, Any], now: Usage, folder: str | None) -> tuple[str, str] | None:
    """The verdict on a program that uses more than it may, and why; None for one that does not."""
    if now.cpu > limits["cpu"]:
        return "timeout", f"more than {limits['cpu']:g} s of CPU time"
    if now.memory > limits["memory"]:
        return "memory", "its processes together use too much memory"
    if folder is not None and cleanup.stored(Path(folder)) > limits["disk"]:
        return "output", "it wrote too much into its folder"
    return None


def killed_for_memory() -> int:
    """How many processes this machine has ended for want of memory since it started; 0 where it does not tell."""
    with suppress(OSError):
        for line in Path("/proc/vmstat").read_text().splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count)
    return 0
