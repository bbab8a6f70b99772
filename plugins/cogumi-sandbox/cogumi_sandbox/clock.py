"""A program's wall time, without the time for which a busy machine kept it from running.

CPU time decides whether a program is too slow; the clock only ends programs that do nothing, such as one that sleeps. So what
counts is the time in which a program wanted no processor. A program that wants one and does not get it is held up, and so is
one whose watcher is: neither is the program's fault.
"""

from __future__ import annotations

from dataclasses import dataclass

MOST_HELD = 9
"""Times its wall time for which a program may be held up, before it is given up as not to be judged on this machine."""


@dataclass(slots=True)
class Clock:
    """Told at each look how things stand."""

    wall: float
    """Seconds that the program may do nothing."""
    seen: float
    """When it was last looked at, or started."""
    idle: float = 0.0
    """Seconds in which it used its processor or wanted none."""
    held: float = 0.0
    """Seconds in which it wanted a processor, or the watcher did, and had none."""
    used: float = 0.0
    """CPU seconds of the program and its oracle when it was last looked at."""

    def look(self, now: float, planned: float, used: float, wants: bool) -> None:
        """Count the time since the last look, which was meant to come after `planned` seconds.

        `used`: CPU seconds so far; `wants`: whether program or oracle want a processor just now.
        """
        passed = now - self.seen
        missed = passed - (used - self.used) if wants else passed - planned
        held = min(max(missed, 0.0), passed)
        self.held, self.idle = self.held + held, self.idle + passed - held
        self.seen, self.used = now, used

    @property
    def ran_out(self) -> bool:
        """Has the program had its time?"""
        return self.idle > self.wall

    @property
    def hopeless(self) -> bool:
        """Is the machine too busy to tell?"""
        return self.held > MOST_HELD * self.wall

    @property
    def contended(self) -> bool:
        """Did the program wait longer than it ran? Then its CPU time too says little: caches and twin cores are shared."""
        return self.held > self.used
