"""The process that asks math-verify whether two formulas are equal: one JSON list in, one JSON answer out, per line.

Run as a script by `cogumi_math.symbolic`, which kills it when a question takes too long. Each question has a budget of
processor time, after which the operating system ends the process: neither big integers nor symbolic algebra can be
interrupted from Python. math-verify's own time limits are off, for they need the alarm signal and cannot do this either.

Much of math-verify is loaded with the first formulas. So questions of our own are answered before the process says that it
is ready, and none of that is the time of whoever asks first.
"""

from __future__ import annotations

import json
import logging
import signal
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any

MEMORY = 2 * 2**30
"""Bytes of address space the process may use."""


WARM_UP = (
    ("x+1", "1+x"),
    (r"\sqrt{8}", r"2\sqrt{2}"),
    (r"\frac{\pi}{2}", "0.5"),
    ("(1,2)", "(1, 2)"),
    ("(3,x)", "(3, x)"),
    (r"\{1,2\}", r"\{2,1\}"),
    ("x^2-1", "(x-1)(x+1)"),
    ("x=2", "10^{3}"),
)
"""Questions whose parts most others are made of."""


def main() -> None:
    """Answer until the input ends. `argv[1]` is the processor time in seconds that one question may take."""
    logging.disable()
    _limit_memory()
    equal = _verifier()
    for gold, target in WARM_UP:
        equal(gold, target)
    print("ready", flush=True)
    for line in sys.stdin:
        _limit_time(float(sys.argv[1]))
        answer = equal(*json.loads(line))
        _limit_time(0.0)
        print(json.dumps(answer), flush=True)


def _verifier() -> Callable[[str, str], bool]:
    from math_verify import parse, verify

    @lru_cache(maxsize=1000)
    def read(text: str) -> Any:
        return parse(f"${text}$", parsing_timeout=None)

    return lambda gold, target: bool(verify(read(gold), read(target), timeout_seconds=None))


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
