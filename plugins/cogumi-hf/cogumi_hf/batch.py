"""The rows that are being decoded together, and how the batch changes: rows leave it, others join it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from cogumi_hf.cache import Memory, Prefill
from cogumi_hf.draw import Drawn, Knobs, draw, keys
from cogumi_hf.engine import Engine
from cogumi_hf.rows import Row, groups


class Batch:
    """Rows, what they remember, and the logits after each: `[rows, vocabulary]`."""

    def __init__(self, engine: Engine, rows: Sequence[Row], memory: Memory | None, logits: torch.Tensor) -> None:
        self.engine, self.rows, self.memory, self.logits = engine, list(rows), memory, logits
        self.knobs = Knobs.of([row.request.sampling for row in rows], engine.device)
        self._positions = torch.tensor([len(row.ids) for row in rows], device=engine.device)
        most = engine.bound(len(rows[0].ids))
        self._last = None if most is None else most - 1  # rows that are done go on being fed, and must not count as longer
        self._seeds = np.array([row.seed for row in rows], dtype=np.uint64)
        self._steps = np.array([len(row.drawn) for row in rows], dtype=np.uint64)

    def draw(self, margin: float) -> Drawn:
        """The next token of every row, from the logits at hand."""
        key = torch.from_numpy(keys(self._seeds, self._steps)).to(self.engine.device)
        self._steps += np.uint64(1)
        return draw(self.logits, self.knobs, key, margin)

    def feed(self) -> None:
        """Append every row's last drawn id and compute the logits behind it; rows that are done repeat theirs."""
        if self.memory is None:
            self.logits = _alone(self.engine, self.rows)
            return
        ids = torch.tensor([row.drawn[-1] for row in self.rows], device=self.engine.device)
        places = self._positions if self._last is None else self._positions.clamp(max=self._last)
        self.logits = self.engine.step(ids, self.memory, places)
        self._positions += 1


def start(engine: Engine, new: Sequence[Row], old: Batch | None = None, *, alone: bool = False) -> Batch:
    """A batch of the old batch's rows that are not idle, and of new ones; what several begin with is computed once.

    `alone`: nothing is remembered, every token is computed from its row's ids.
    """
    kept = [] if old is None else [i for i, row in enumerate(old.rows) if not row.idle]
    rows = [*(old.rows[i] for i in kept), *new] if old is not None else list(new)
    if alone or engine.remember is None:
        return Batch(engine, rows, None, _alone(engine, rows))
    logits: list[torch.Tensor] = []
    prefill: Prefill | None = None
    if old is not None and kept:
        logits.append(old.logits[torch.tensor(kept, device=engine.device)])
    if new:
        families = groups(new)
        prefill, after = engine.prefill([family[0].ids for family in families], [len(family) for family in families])
        logits.append(after[torch.tensor(prefill.owners, device=engine.device)])
    return Batch(engine, rows, _memory(engine, old if kept else None, kept, prefill), torch.cat(logits))


def _memory(engine: Engine, old: Batch | None, kept: list[int], new: Prefill | None) -> Memory:
    if old is not None and old.memory is not None:
        return old.memory.joined(kept, new)
    assert new is not None, "a batch has rows"
    assert engine.remember is not None, "asked for by start() only where rows are remembered"
    return engine.remember.of(new)


def _alone(engine: Engine, rows: Sequence[Row]) -> torch.Tensor:
    return torch.cat([engine.alone(row.ids, prompt=len(row.prompt)) for row in rows])
