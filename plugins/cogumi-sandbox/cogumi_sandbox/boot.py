"""How the sandbox's own processes start: by exec, small, with a clean environment and without the site's packages."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = str(Path(__file__).resolve().parents[1])
"""Where this package lies."""
_START = "import sys; sys.path.insert(0, sys.argv[1]); from cogumi_sandbox import {0}; {0}.main(int(sys.argv[2]))"


def command(module: str, path: str, descriptor: int) -> list[str]:
    """The command that runs `main(descriptor)` of a module of this package, which lies in the folder `path`."""
    return [sys.executable, "-s", "-P", "-S", "-c", _START.format(module), path, str(descriptor)]


def environment(home: str) -> dict[str, str]:
    """The five variables that a program sees."""
    return {"HOME": home, "TMPDIR": home, "LANG": "C.UTF-8", "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"}
