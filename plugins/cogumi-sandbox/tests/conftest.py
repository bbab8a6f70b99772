"""What the sandbox's tests share: which levels there are, a canary, and one sandbox per level."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cogumi_sandbox import Level, Result, Sandbox, probe

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # the tests' own helper module

from sandbox_battery import BATTERY, Canary, program_of  # noqa: E402

LEVELS = (1, 2, 3, 4)


@pytest.fixture(scope="session")
def found() -> dict[int, Level]:
    return {level.number: level for level in probe()}


@pytest.fixture(scope="session")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Canary]:
    secret = tmp_path_factory.mktemp("canary") / "secret"
    secret.write_text("untouched")
    for folder in (secret.parent, *secret.parents[1:3]):
        folder.chmod(0o755)
    for shared in ("/tmp", "/dev/shm", "/var/tmp"):
        Path(shared, "cogumi-left-behind").unlink(missing_ok=True)
    os.environ["COGUMI_SECRET"] = "in the environment"
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield Canary(secret, server)
    del os.environ["COGUMI_SECRET"]


@pytest.fixture(scope="session")
def temp() -> Iterator[Path]:
    """A temporary folder for the session, so that what is left in it is this session's."""
    before = os.environ.get("TMPDIR")
    with tempfile.TemporaryDirectory(prefix="cogumi-tests-") as folder:
        Path(folder).chmod(0o755)
        os.environ["TMPDIR"], tempfile.tempdir = folder, None
        yield Path(folder)
        if before is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = before
        tempfile.tempdir = None


@pytest.fixture(scope="session", params=LEVELS, ids=lambda level: f"level{level}")
def sandbox(request: pytest.FixtureRequest, found: dict[int, Level], temp: Path) -> Iterator[Sandbox]:
    if not found[request.param].available:
        pytest.skip(f"level {request.param} is not available here: {found[request.param].why}")
    with Sandbox(workers=2, level=request.param, accept_unsandboxed=request.param == 4) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def verdicts(sandbox: Sandbox, canary: Canary) -> dict[str, Result]:
    """The light part of the battery, run at one level."""
    return run_battery(sandbox, canary, heavy=False)


@pytest.fixture(scope="session")
def heavy_verdicts(sandbox: Sandbox, canary: Canary) -> dict[str, Result]:
    """The heavy part."""
    return run_battery(sandbox, canary, heavy=True)


def run_battery(sandbox: Sandbox, canary: Canary, *, heavy: bool) -> dict[str, Result]:
    cases = [case for case in BATTERY if sandbox.level in case.levels and case.heavy == heavy]
    results = list(sandbox.check([program_of(case, canary) for case in cases]))
    return dict(zip([case.id for case in cases], results, strict=True))
