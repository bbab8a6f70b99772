"""How many rows to draw at a time, before memory has had its say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from cogumi_hf.engine import Engine
from cogumi_hf.rows import Row

MOST = {"cpu": 256, "cuda": 1024}
"""More rows at a time are hardly faster, and more of them wait for the last ones."""

SHARE = 0.6
"""Of the free memory; the rest is for the forward pass and for batches that are being rebuilt."""

DRAWING = 48
"""Bytes per row and vocabulary entry that drawing needs at its peak: logits, scores, 64-bit random numbers, their copies."""

UNKNOWN = 4 << 30
"""Bytes to reckon with where the system does not tell."""


def rows_that_fit(engine: Engine, rows: Sequence[Row]) -> int:
    """Rows for which the free memory should do, if all of them got as long as the longest; at least 1."""
    if not rows:
        return 1
    longest = max(len(row.prompt) + row.limit for row in rows)
    need = longest * engine.token_bytes + DRAWING * engine.vocabulary
    return max(1, min(MOST.get(engine.device.type, MOST["cpu"]), int(SHARE * _free(engine.device) / need)))


def _free(device: torch.device) -> int:
    """Bytes that could be taken now."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:  # not Linux
        return UNKNOWN
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), UNKNOWN)
