"""The process that asks math-verify whether two formulas are equal: one JSON list in, one JSON answer out, per line.

Run as a script by `cogumi_math.symbolic`, which kills it when a question takes too long. Each question has a budget of
processor time, after which the operating system ends the process: neither big integers nor symbolic algebra can be
interrupted from Python. math-verify's own time limits are off, for they need the alarm signal and cannot do this either.
"""

from __future__ import annotations

import json
import logging
import signal
import sys
from functools import lru_cache
from typing import Any

MEMORY = 2 * 2**30
"""Bytes of address space the process may use."""


def main() -> None:
    """Answer until the input ends. `argv[1]` is the processor time in seconds that one question may take."""
    logging.disable()
    _limit_memory()
    from math_verify import parse, verify

    @lru_cache(maxsize=1000)
    def read(text: str) -> Any:
        return parse(f"${text}$", parsing_timeout=None)

    print("ready", flush=True)
    for line in sys.stdin:
        _limit_time(float(sys.argv[1]))
        gold, target = json.loads(line)
        equal = verify(read(gold), read(target), timeout_seconds=None)
        _limit_time(0.0)
        print(json.dumps(bool(equal)), flush=True)


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # not on Windows, where the parent's time limit has to do
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def _limit_time(seconds: float) -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)


if __name__ == "__main__":
    main()
