"""A run that is killed at any moment ends byte-identical to one that is not, and draws nothing twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest
from command_line import FAKE, command, environment, final_files

SLOW_SAMPLES = ("-o", "dice.pause=0.002", "-o", "pretend.pause=0.1")


def start_and_kill(arguments: tuple[str, ...], seconds: float, environ: dict[str, str]) -> bool:
    """Run, kill the main process with SIGKILL after so many seconds; whether it was still running."""
    process = subprocess.Popen(
        command(*arguments), env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
    )
    try:
        _, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        return True
    assert process.returncode in (0, 3, 4, 5), errors.decode()
    return False


def rows(folder: Path) -> dict[tuple[str, str, int], str]:
    """All whole rows in the sample logs, as they stand on the disk."""
    found = {}
    for path in folder.glob("samples/*.jsonl"):
        for line in path.read_bytes().split(b"\n")[:-1]:
            row = json.loads(line)
            found[path.name, row["request"], row["index"]] = row["text"]
    return found


def kill_until(kills: int, arguments: tuple[str, ...], folder: Path, longest: float, environ: dict[str, str]) -> int:
    """Kill the run at random moments until it has been killed so often; how often it was killed in all.

    A run that finishes between two kills is begun again in the middle: its youngest outputs are deleted.
    """
    dice, killed = random.Random(20), 0
    kept: dict[tuple[str, str, int], str] = {}
    while killed < kills:
        still_running = start_and_kill(arguments, dice.uniform(0.3, longest), environ)
        killed += still_running
        now = rows(folder)
        lost = {key for key, text in kept.items() if now.get(key) != text}
        assert not lost, f"rows that were on the disk are gone or changed: {sorted(lost)[:3]}"
        kept = now
        if not still_running:
            for name in dice.sample(
                [
                    "report.md",
                    "verdict.json",
                    "after.json",
                    "training.json",
                    "votes.jsonl",
                    "before.json",
                    "scores/after.jsonl",
                ],
                2,
            ):
                (folder / name).unlink(missing_ok=True)
    return killed


def finish(arguments: tuple[str, ...], environ: dict[str, str]) -> None:
    done = subprocess.run(command(*arguments), env=environ, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 3, 4, 5), done.stderr


def check_kills(tmp_path: Path, kills: int) -> None:
    drawn = tmp_path / "drawn"
    whole, broken = (("run", *FAKE, *SLOW_SAMPLES, "--out", str(tmp_path / name)) for name in ("whole", "broken"))
    finish(whole, environment())
    environ = environment(DRAWN=str(drawn))
    killed = kill_until(kills, broken, tmp_path / "broken", 2.5, environ)
    finish(broken, environ)
    assert final_files(tmp_path / "broken") == final_files(tmp_path / "whole")
    counts = Counter(drawn.read_text().splitlines())
    again = sum(count - allowed(sample) for sample, count in counts.items())
    assert again <= killed, "more samples were drawn again than were in flight when the run was killed"


def allowed(sample: str) -> int:
    """How often a sample is drawn in a whole run: before and after, or (at a lower temperature, or to train on) once."""
    return 2 if "#use" in sample or "#greedy" in sample else 1


def test_killed_a_few_times(tmp_path: Path) -> None:
    check_kills(tmp_path, 6)


@pytest.mark.slow
def test_killed_fifty_times(tmp_path: Path) -> None:
    check_kills(tmp_path, 50)


def test_workers_end_with_their_parent(tmp_path: Path) -> None:
    arguments = ("run", *FAKE, "-o", "dice.pause=0.2", "--out", str(tmp_path / "run"))
    drawn = tmp_path / "drawn"
    start_and_kill(arguments, 2.0, environment(DRAWN=str(drawn)))
    time.sleep(1.0)
    size = drawn.stat().st_size
    time.sleep(1.0)
    assert drawn.stat().st_size == size
