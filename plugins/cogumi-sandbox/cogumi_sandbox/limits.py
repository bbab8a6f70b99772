"""What the kernel enforces on each process of a program: `setrlimit`, for good."""

from __future__ import annotations

import contextlib
import math
import resource
from typing import Any

FIXED = {
    resource.RLIMIT_CORE: 0,
    resource.RLIMIT_MEMLOCK: 0,
    resource.RLIMIT_MSGQUEUE: 0,
    resource.RLIMIT_NICE: 0,
    resource.RLIMIT_RTPRIO: 0,
    resource.RLIMIT_SIGPENDING: 256,
    resource.RLIMIT_STACK: 8 << 20,
}


def restrict(limits: dict[str, Any], processes: int | None) -> None:
    """Set all limits on this process; `processes`: how many its user may have, None where others share that user."""
    wanted = {
        **FIXED,
        resource.RLIMIT_AS: limits["memory"],
        resource.RLIMIT_FSIZE: limits["file"],
        resource.RLIMIT_NOFILE: limits["files"],
    }
    if processes is not None:
        wanted[resource.RLIMIT_NPROC] = processes
    for kind, value in wanted.items():
        _set(kind, value, value)
    seconds = cpu_seconds(limits["cpu"])
    _set(resource.RLIMIT_CPU, seconds, seconds + 1)


def cpu_seconds(limit: float) -> int:
    """When the kernel steps in, should the watcher be too late: it counts by ticks, so that twice the limit is the limit.

    First by SIGXCPU, which says why; a second later by SIGKILL.
    """
    return 2 * math.ceil(limit) + 1


def _set(kind: int, soft: int, hard: int) -> None:
    most = resource.getrlimit(kind)[1]
    if most != resource.RLIM_INFINITY:
        soft, hard = min(soft, most), min(hard, most)
    resource.setrlimit(kind, (soft, hard))


def first_to_go() -> None:
    """Should the machine run out of memory, let the kernel end this process before any other."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123 - light to start
        file.write("1000")
