"""Running `cogumi` on the plugin in `tests/site`, as a user would: in a process of its own."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

SITE = Path(__file__).parent / "site"
FAKE = ("--plugins", "sums", "--model", "hollow", "--sampler", "dice", "--trainer", "pretend", "--guard", "none")
SIDE_FILES = ("timings.jsonl",)


def environment(**more: str) -> dict[str, str]:
    """The environment in which the fake plugin is installed."""
    path = os.pathsep.join([str(SITE), *filter(None, [os.environ.get("PYTHONPATH")])])
    clean = {name: value for name, value in os.environ.items() if not name.startswith("COGUMI_PLUGINS")}
    return {**clean, "PYTHONPATH": path, "COLUMNS": "200", **more}


def command(*arguments: str | Path) -> list[str]:
    """The command line."""
    return [sys.executable, "-m", "cogumi", *map(str, arguments)]


def cogumi(*arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return subprocess.run(
        command(*arguments), env=environment(**more), capture_output=True, text=True, timeout=900, check=False
    )


def run_fake(out: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """`cogumi run` on the fake plugin."""
    return cogumi("run", *FAKE, "--out", out, *arguments, **more)


def final_files(folder: Path) -> dict[str, str]:
    """Digests of all that a run leaves for its user, by name."""
    files = [f for f in folder.rglob("*") if f.is_file() and ".state" not in f.parts and f.name not in SIDE_FILES]
    return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(files)}
