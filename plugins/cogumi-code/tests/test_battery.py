"""Hostile, wrong and odd programs, each with its right verdict, at every level that this machine offers."""

import pytest
from cogumi_code.sandbox import Result, Sandbox
from sandbox_battery import BATTERY, Canary, Case


@pytest.mark.parametrize("case", BATTERY, ids=lambda case: f"{case.file}-{case.name}")
def test_verdict(case: Case, sandbox: Sandbox, verdicts: dict[str, Result]) -> None:
    if sandbox.level not in case.levels:
        pytest.skip(f"not for level {sandbox.level}")
    result = verdicts[f"{case.file}: {case.name}"]
    assert result.verdict in case.verdicts, result
    assert result.level == sandbox.level


def test_nothing_was_touched(sandbox: Sandbox, verdicts: dict[str, Result], canary: Canary) -> None:
    assert canary.secret.read_text() == "untouched"
    assert [path.name for path in canary.secret.parent.iterdir()] == ["secret"]
