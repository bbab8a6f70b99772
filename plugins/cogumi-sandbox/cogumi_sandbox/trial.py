"""One program under way: watched until there is a verdict or something has run out, then ended.

A busy machine must not change a verdict. What it may have had a part in is marked `again`, to be tried once more alone:
a clock that ran out, CPU time that was spent in a crowd, an end by a signal that nobody here sent. Where a program could not
be watched for as long as it needs, that is a `sandbox_error`, which says nothing about the program.
"""

from __future__ import annotations

import os
import select
import signal
import time
from contextlib import suppress
from typing import Any

from cogumi_sandbox import usage
from cogumi_sandbox.clock import Clock
from cogumi_sandbox.framing import Closed
from cogumi_sandbox.oracle_process import OracleProcess
from cogumi_sandbox.zygote_process import Broken, ZygoteProcess

FIRST_LOOK, NEXT_LOOK = 0.2, 0.1
"""Seconds after which, and between which, a program's processes are looked at."""
NO_MEMORY = "the machine has no memory left: give it more, or use fewer workers"


class Trial:
    """One program being checked."""

    def __init__(self, zygote: ZygoteProcess, oracle: OracleProcess, job: dict[str, Any], printed: int) -> None:
        self.zygote, self.oracle, self.limits, self.printed = zygote, oracle, job["limits"], printed
        self.outcomes: list[dict[str, Any]] = []
        self.final: dict[str, Any] | None = None
        self.output, self.kept = 0, bytearray()
        self.ending: tuple[str, str] | None = None
        self.again = False
        self.testing = False
        self.facts: dict[str, Any] = {}
        self.warm_up = 0.0
        self.clock = Clock(self.limits["wall"], seen=0.0)
        self._killed_before = usage.killed_for_memory()

    def watch(self) -> None:
        """Wait for the oracle's verdict, until it is there or something runs out. The clock starts when the walls stand."""
        self.started()
        clock, planned = self.clock, FIRST_LOOK
        clock.seen = time.monotonic()
        waiting = {self.oracle.channel.fd, self.printed}
        while self.ending is None and self.final is None:
            ready = select.select(waiting, [], [], max(0.0, clock.seen + planned - time.monotonic()))[0]
            if self.printed in ready and not self.drain():
                waiting.remove(self.printed)
            if self.oracle.channel.fd in ready:
                self.hear_oracle()
                while self.final is None and self.ending is None and self.oracle.channel.holds_more():
                    self.hear_oracle()
            if time.monotonic() >= clock.seen + planned:
                self.look(planned)
                planned = NEXT_LOOK

    def started(self) -> None:
        """Hear from the zygote whether the program's walls stand."""
        reply = self.zygote.hear()
        if reply.get("failure"):
            raise Broken(reply["failure"])
        self.warm_up = reply["warm_up"]

    def hear_oracle(self) -> None:
        """Take one of the oracle's reports."""
        try:
            message = self.oracle.channel.receive()
        except Closed:
            killed = self.oracle.status() == -signal.SIGKILL  # which nothing here does while it is at work
            self.ending = ("sandbox_error", NO_MEMORY) if killed else ("crash", "the oracle could not hold its answers")
            return
        if "verdict" in message:
            self.final = message
        elif "warm" in message:
            self.oracle.warm, self.testing = message["warm"], True
        else:
            self.outcomes.append(message)

    def drain(self) -> bool:
        """Take what was printed, and keep the beginning; False at its end."""
        data = os.read(self.printed, 1 << 16)
        self.output += len(data)
        self.kept += data[: max(0, self.limits["output"] - len(self.kept))]
        if self.output > self.limits["flood"] and self.ending is None:
            self.ending = ("output", f"printed more than {self.limits['flood']} bytes")
        return bool(data)

    def look(self, planned: float) -> None:
        """See what the program and its oracle use, and whether its time is over."""
        if self.final is not None or self.ending is not None:
            return
        level, clock = self.zygote.level, self.clock
        found = usage.of_descendants(self.zygote.pid, 1 if level == 1 else 0)
        now = usage.Usage(max(found.cpu - self.warm_up, 0.0), found.memory, found.wants)
        checking = self.oracle.cpu()
        clock.look(time.monotonic(), planned, now.cpu + checking, now.wants or usage.wants(self.oracle.pid))
        self.ending = usage.over(self.limits, now, str(self.zygote.folder) if level > 1 else None)
        self.ending = self.ending or self.checked_too_long(checking)
        if self.ending is not None:
            self.again = self.ending[0] == "timeout" and clock.contended
        else:
            self.ending = out_of_time(clock)
            self.again = self.ending is not None

    def checked_too_long(self, checking: float) -> tuple[str, str] | None:
        """The verdict where the oracle needs too much CPU time: on the program's answers, or before it asks for any."""
        most = self.limits["cpu"]
        if self.testing:
            return ("timeout", f"the test needs more than {most:g} s of CPU time on its answers") if checking > most else None
        return ("sandbox_error", "prompt and test take too long to load") if checking > 2 * most + 1 else None

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
        return {**told, "printed": lines(bytes(self.kept)), "again": self.again, "outcomes": self.outcomes}

    def verdict(self) -> tuple[str, str]:
        """The verdict: what ran out first, then what the oracle says."""
        if self.ending is not None:
            return self.ending
        if self.facts["cpu"] > self.limits["cpu"] or self._ended_by(signal.SIGXCPU):
            self.again = self.clock.contended
            return "timeout", f"more than {self.limits['cpu']:g} s of CPU time"
        assert self.final is not None  # the watch ends with the one or the other
        if self.final["verdict"] == "crash":
            return self._crash(self.final["detail"])
        return self.final["verdict"], self.final["detail"]

    def _crash(self, detail: str) -> tuple[str, str]:
        """The verdict on a program that went silent. Whoever killed it may have been the machine.

        Its channel closes a moment before it is dead, so that it may seem alive then.
        """
        if self._ended_by(signal.SIGKILL) and usage.killed_for_memory() > self._killed_before:
            return "sandbox_error", NO_MEMORY
        self.again = self._ended_by(signal.SIGKILL)
        return "crash", ended(self.facts["status"]) if self.facts["own"] else detail

    def _ended_by(self, number: signal.Signals) -> bool:
        """Did the program's first process end by this signal (or by SIGKILL from here, once it had gone silent)?"""
        return self.final is not None and self.final["verdict"] == "crash" and self.facts["status"] == -number


def out_of_time(clock: Clock) -> tuple[str, str] | None:
    """The verdict on a program by the clock alone; None while it has time."""
    if clock.ran_out:
        return "timeout", f"more than {clock.wall:g} s, of which {clock.used:.1f} s of CPU time"
    if clock.hopeless:
        return (
            "sandbox_error",
            f"the machine is too busy: the program waited {clock.held:.0f} s for a processor (use fewer workers)",
        )
    return None


def lines(printed: bytes) -> str:
    """What was printed without anything that a terminal could take for a command."""
    text = printed.decode(errors="replace")
    return text if text.isprintable() else "".join(c if c.isprintable() or c in "\n\t" else "�" for c in text)


def ended(status: int) -> str:
    """How a worker ended before it had answered."""
    number = -status if status < 0 else status - 128
    with suppress(ValueError):
        return f"ended by {signal.Signals(number).name} before it had answered"
    return f"exited with status {status} before it had answered"
