"""How long `cogumi --help` takes beside the least that any program on click and pluggy takes.

    python benchmarks/startup.py [ROUNDS]

Both sides run in turn, each in a new process of this very interpreter, so that a busy machine slows both. Prints the
medians and their ratio; the goal is at most 1.5. `-X importtime` of the help command is the place to look if it is more.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

FLOOR = (sys.executable, "-c", "import click, pluggy")
HELP = (sys.executable, "-c", "import sys; sys.argv = ['cogumi', '--help']; from cogumi.cli import main; main()")
GOAL = 1.5


def seconds(command: tuple[str, ...]) -> float:
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def main(rounds: int) -> None:
    for command in (FLOOR, HELP):
        seconds(command)  # write the bytecode caches
    pairs = [(seconds(FLOOR), seconds(HELP)) for _ in range(rounds)]
    floor, shown = (statistics.median(side) for side in zip(*pairs, strict=True))
    print(f"import click, pluggy  {floor * 1000:6.1f} ms  (median of {rounds})")
    print(f"cogumi --help         {shown * 1000:6.1f} ms")
    print(f"ratio                 {shown / floor:6.2f}     (goal: at most {GOAL})")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
