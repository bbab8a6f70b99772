"""What a program's processes use together, read from /proc while it runs: the kernel's limits are each process's own."""

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


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds and resident bytes of a tree of processes."""

    cpu: float
    memory: int


def of_descendants(root: int, skip: int) -> Usage:
    """The usage of all descendants of `root` that are more than `skip` generations below it."""
    parents: dict[int, int] = {}
    used: dict[int, tuple[float, int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_bytes().rpartition(b")")[2].split()
            pid = int(stat.parent.name)
            parents[pid] = int(fields[1])
            used[pid] = (sum(map(int, fields[11:15])) / TICK, int(fields[21]) * PAGE)
    found = [used[pid] for pid in used if _generation(pid, root, parents) > skip]
    return Usage(sum(cpu for cpu, _ in found), sum(memory for _, memory in found))


def cpu(process: int) -> float:
    """CPU seconds of one process, as exactly as the kernel knows them; 0.0 of one that is gone."""
    try:
        return time.clock_gettime(~process << 3 | 2)  # how Linux numbers another process's CPU clock
    except OSError:
        return 0.0


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
