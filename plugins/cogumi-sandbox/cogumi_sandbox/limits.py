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
        resource.RLIMIT_CPU: math.ceil(limits["cpu"]) + 1,  # in whole seconds: the watcher looks closer
    }
    if processes is not None:
        wanted[resource.RLIMIT_NPROC] = processes
    for kind, value in wanted.items():
        most = resource.getrlimit(kind)[1]
        value = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(kind, (value, value))


def first_to_go() -> None:
    """Should the machine run out of memory, let the kernel end this process before any other."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123 - light to start
        file.write("1000")
