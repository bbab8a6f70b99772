"""The rows that are being decoded together, and how the batch changes: rows leave it, others join it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from transformers.cache_utils import Cache

from cogumi_hf import cache as caches
from cogumi_hf.draw import Drawn, Knobs, draw, uniforms
from cogumi_hf.engine import Engine
from cogumi_hf.rows import Row, groups


class Batch:
    """Rows with their cache. Every row has `width - pads[row]` tokens in the cache, aligned right."""

    def __init__(self, engine: Engine, rows: Sequence[Row], cache: Cache, logits: torch.Tensor) -> None:
        device = engine.device
        self.engine, self.rows, self.cache, self.logits = engine, list(rows), cache, logits
        self.lengths = torch.tensor([len(row.ids) for row in rows], device=device)
        self.width = int(self.lengths.max())
        self.knobs = Knobs.of([row.request.sampling for row in rows], device)
        self._seeds = np.array([row.seed for row in rows], dtype=np.uint64)
        self._steps = np.array([len(row.drawn) for row in rows], dtype=np.uint64)
        columns = torch.arange(self.width + caches.ROOM, device=device)[None]
        self._mask = (columns >= self.width - self.lengths[:, None]).long()

    def draw(self, margin: float) -> Drawn:
        """The next token of every row, from the logits at hand."""
        u = torch.from_numpy(uniforms(self._seeds, self._steps)).to(self.engine.device)
        self._steps += np.uint64(1)
        return draw(self.logits, self.knobs, u, margin)

    def feed(self) -> None:
        """Append every row's last drawn id and compute the logits behind it; rows that are done repeat theirs."""
        new = torch.tensor([row.drawn[-1] for row in self.rows], device=self.engine.device)
        self.width += 1
        if self.width > self._mask.shape[1]:
            self._mask = torch.cat([self._mask, torch.ones_like(self._mask[:, : caches.ROOM])], dim=1)
        self.logits = self.engine.step(new, self.cache, self._mask[:, : self.width], self.lengths)
        self.lengths += 1


def start(engine: Engine, new: Sequence[Row], old: Batch | None = None) -> Batch:
    """A batch of the old batch's rows that are not done, and of new ones; what several rows begin with is computed once."""
    parts: list[tuple[Cache, torch.Tensor]] = []
    rows: list[Row] = []
    logits: list[torch.Tensor] = []
    if old is not None and (kept := [i for i, row in enumerate(old.rows) if not row.done]):
        index = torch.tensor(kept, device=engine.device)
        parts.append((old.cache, index))
        logits.append(old.logits[index])
        rows.extend(old.rows[i] for i in kept)
    if new:
        families = groups(new)
        cache, after = engine.prefill([family[0].ids for family in families])
        sizes = torch.tensor([len(family) for family in families], device=engine.device)
        index = torch.arange(len(families), device=engine.device).repeat_interleave(sizes)
        parts.append((cache, index))
        logits.append(after[index])
        rows.extend(new)
    width = max(len(row.ids) for row in rows)
    return Batch(engine, rows, caches.join(parts, width), torch.cat(logits))
