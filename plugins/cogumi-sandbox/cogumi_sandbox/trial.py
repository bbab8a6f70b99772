"""One program under way: watched until there is a verdict or something has run out, then ended."""

from __future__ import annotations

import os
import select
import signal
import time
from contextlib import suppress
from typing import Any

from cogumi_sandbox import usage
from cogumi_sandbox.framing import Closed
from cogumi_sandbox.oracle_process import OracleProcess
from cogumi_sandbox.zygote_process import Broken, ZygoteProcess

FIRST_LOOK, NEXT_LOOK = 0.2, 0.1
"""Seconds after which, and between which, a program's processes are looked at."""


class Trial:
    """One program being checked."""

    def __init__(self, zygote: ZygoteProcess, oracle: OracleProcess, job: dict[str, Any], printed: int) -> None:
        self.zygote, self.oracle, self.limits, self.printed = zygote, oracle, job["limits"], printed
        self.outcomes: list[dict[str, Any]] = []
        self.final: dict[str, Any] | None = None
        self.output = 0
        self.ending: tuple[str, str] | None = None
        self.wall_only = False
        self.facts: dict[str, Any] = {}

    def watch(self, started: float) -> None:
        """Wait for the oracle's verdict, until it is there or something runs out."""
        look, wall = started + FIRST_LOOK, started + self.limits["wall"]
        report, zygote = self.oracle.channel.fd, self.zygote.control.fileno()
        waiting = {report, self.printed, zygote}
        while self.ending is None and self.final is None:
            ready = select.select(waiting, [], [], max(0.0, min(look, wall) - time.monotonic()))[0]
            if zygote in ready:
                self.started()
                waiting.remove(zygote)
            if self.printed in ready and not self.drain():
                waiting.remove(self.printed)
            if report in ready:
                self.hear_oracle()
                while self.final is None and self.ending is None and self.oracle.channel.holds_more():
                    self.hear_oracle()
            if time.monotonic() >= look:
                look = time.monotonic() + NEXT_LOOK
                self.look(time.monotonic() >= wall)
        if zygote in waiting:
            self.started()

    def started(self) -> None:
        """Hear from the zygote whether the program's walls stand."""
        failure = self.zygote.hear().get("failure")
        if failure:
            raise Broken(failure)

    def hear_oracle(self) -> None:
        """Take one of the oracle's reports."""
        try:
            message = self.oracle.channel.receive()
        except Closed:
            self.ending = self.ending or ("crash", "the oracle could not hold its answers")
            return
        if "verdict" in message:
            self.final = message
        else:
            self.outcomes.append(message)

    def drain(self) -> bool:
        """Take what was printed; False at its end, and beyond the limit."""
        data = os.read(self.printed, 1 << 16)
        self.output += len(data)
        if self.output > self.limits["output"] and self.ending is None:
            self.ending = ("output", f"printed more than {self.limits['output']} bytes")
        return bool(data)

    def look(self, late: bool) -> None:
        """See what the program and its oracle use, and whether the wall time is over."""
        if self.final is not None or self.ending is not None:
            return
        zygote, most = self.zygote, self.limits["cpu"]
        now = usage.of_descendants(zygote.pid, 1 if zygote.level == 1 else 0)
        self.ending = usage.over(self.limits, now, str(zygote.folder) if zygote.level > 1 else None)
        checking = self.oracle.cpu()
        if self.ending is None and checking > most:
            self.ending = ("timeout", f"the test needs more than {most:g} s of CPU time on its answers")
        if self.ending is None and late:
            self.ending = ("timeout", f"more than {self.limits['wall']:g} s, of which {now.cpu:.1f} s of CPU time")
            self.wall_only = now.cpu + checking < 0.9 * most

    def end(self) -> None:
        """End the program, and gather what is known of it."""
        try:
            self.zygote.tell({"do": "finish"})
            self.facts = self.zygote.hear()
            self.zygote.clean()
            os.set_blocking(self.printed, False)
            with suppress(BlockingIOError):
                while self.drain():
                    pass
        finally:
            os.close(self.printed)

    def result(self, wall: float) -> dict[str, Any]:
        """Everything that is known, put together."""
        verdict, detail = self.verdict()
        told = {"verdict": verdict, "detail": detail, "cpu": self.facts["cpu"], "wall": wall}
        return {**told, "wall_only": self.wall_only, "outcomes": self.outcomes}

    def verdict(self) -> tuple[str, str]:
        """The verdict: what ran out first, then what the oracle says."""
        if self.ending is not None:
            return self.ending
        if self.facts["cpu"] > self.limits["cpu"]:
            return "timeout", f"more than {self.limits['cpu']:g} s of CPU time"
        assert self.final is not None  # the watch ends with the one or the other
        crashed = self.final["verdict"] == "crash" and self.facts["own"]
        return self.final["verdict"], ended(self.facts["status"]) if crashed else self.final["detail"]


def ended(status: int) -> str:
    """How a worker ended before it had answered."""
    number = -status if status < 0 else status - 128
    with suppress(ValueError):
        return f"ended by {signal.Signals(number).name} before it had answered"
    return f"exited with status {status} before it had answered"
