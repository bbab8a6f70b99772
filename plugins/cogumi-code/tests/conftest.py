"""What the tests of programs share: a sandbox of each level, and HumanEval's problems."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cogumi_sandbox import Level, Sandbox, probe

from cogumi.testing import need_data

sys.path.insert(0, str(Path(__file__).parent))  # the tests' own helper module

LEVELS = (1, 2, 3, 4)


@pytest.fixture(scope="session")
def found() -> dict[int, Level]:
    return {level.number: level for level in probe()}


@pytest.fixture(scope="session", params=LEVELS, ids=lambda level: f"level{level}")
def sandbox(request: pytest.FixtureRequest, found: dict[int, Level]) -> Iterator[Sandbox]:
    if not found[request.param].available:
        pytest.skip(f"level {request.param} is not available here: {found[request.param].why}")
    with Sandbox(workers=2, level=request.param, accept_unsandboxed=request.param == 4) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def humaneval() -> list[dict[str, str]]:
    with gzip.open(need_data("humaneval/HumanEval.jsonl.gz"), "rt") as file:
        return [json.loads(line) for line in file]
