"""A module tried in a process of its own: importing torch takes seconds and may crash, which the caller should not suffer."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import Any

SECONDS = 180
"""How long torch and bitsandbytes may take to start before they count as broken."""


def ask(module: str, *arguments: str, seconds: float = SECONDS) -> dict[str, Any]:
    """What `python -m MODULE ARGUMENTS` prints as one JSON object on its last line; a key `error` says why there is none."""
    command = [sys.executable, "-m", module, *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL, check=False)
        answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    except subprocess.TimeoutExpired:
        return {"error": f"torch did not start within {seconds:g} s"}
    except (IndexError, ValueError):
        return {"error": f"the process that tried torch died with exit code {done.returncode}"}
    return answer


def answer(look: Callable[[], dict[str, Any]]) -> None:
    """The other side: print what `look` finds, or the error that it raises."""
    warnings.simplefilter("ignore")
    try:
        found = look()
    except Exception as error:  # whatever torch raises here is the finding
        found = {"error": f"{type(error).__name__}: {error}"}
    sys.stdout.write(json.dumps(found) + "\n")
