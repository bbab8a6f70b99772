"""The main job with the embedded model: seconds per stage, and the peak memory of its largest process.

python benchmarks/main_job.py [--plugins math]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plugins", default="math")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        begin = time.monotonic()
        command = [sys.executable, "-m", "cogumi", "run", "--plugins", arguments.plugins, "--out", str(out)]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
        seconds = time.monotonic() - begin
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        for line in (out / "timings.jsonl").read_text().splitlines():
            row = json.loads(line)
            print(f"{row['stage']:<8} {row['seconds']:7.1f} s")
        verdict = json.loads((out / "verdict.json").read_text())["verdict"]
    print(f"whole    {seconds:7.1f} s, largest process {peak:,.0f} MiB, verdict {verdict} (exit code {done.returncode})")


if __name__ == "__main__":
    main()
