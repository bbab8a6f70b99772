"""How many rows are drawn at a time when nobody says so."""

from __future__ import annotations

import pytest
from cogumi_hf import hf, room
from cogumi_hf.rows import Row

from cogumi.records import Request, Sampling, Weights


def test_the_less_memory_is_free_the_fewer_rows(tiny: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    sampler = hf(tiny, device="cpu").load()
    assert sampler.engine.token_bytes == 2 * 2 * 2 * 16 * 4  # keys and values, layers, heads, dim, float32
    request = Request(id="r", messages=(), sampling=Sampling(temperature=1.0, max_tokens=100))
    rows = [Row(request, i, (1,) * 50, "", 100, i) for i in range(3)]
    need = 150 * sampler.engine.token_bytes + room.DRAWING * 99
    for free, expected in ((0, 1), (need * 10, 6), (1 << 50, room.MOST["cpu"])):
        monkeypatch.setattr(room, "_free", lambda device, free=free: free)
        assert room.rows_that_fit(sampler.engine, rows) == expected
    monkeypatch.undo()
    assert room.rows_that_fit(sampler.engine, rows) >= 1
    assert room.rows_that_fit(sampler.engine, []) == 1
    sampler.close()
