"""How many rows to draw at a time, before memory has had its say."""

from __future__ import annotations

import os
from collections.abc import Sequence

import torch

from cogumi_hf.engine import Engine
from cogumi_hf.rows import Row

MOST = {"cpu": 256, "cuda": 1024}
"""More rows at a time are hardly faster, and more of them wait for the last ones."""

SHARE = 0.6
"""Of the free memory; the rest is for the forward pass and for batches that are being rebuilt."""

DRAWING = 48
"""Bytes per row and vocabulary entry that drawing needs at its peak: logits, scores, 64-bit random numbers, their copies."""


def rows_that_fit(engine: Engine, rows: Sequence[Row]) -> int:
    """Rows for which the free memory should do, if all of them got as long as the longest; at least 1."""
    if not rows:
        return 1
    longest = max(len(row.prompt) + row.limit for row in rows)
    need = longest * engine.token_bytes + DRAWING * engine.vocabulary
    return max(1, min(MOST.get(engine.device.type, MOST["cpu"]), int(SHARE * _free(engine.device) / need)))


def _free(device: torch.device) -> int:
    """Bytes."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
