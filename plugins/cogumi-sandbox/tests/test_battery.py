"""Hostile, wrong and odd programs, each with its right verdict, at every level that this machine offers."""

import pytest
from cogumi_sandbox import Result, Sandbox
from sandbox_battery import BATTERY, Canary, Case

LIGHT = [pytest.param(case, id=case.id) for case in BATTERY if not case.heavy]
HEAVY = [pytest.param(case, id=case.id) for case in BATTERY if case.heavy]
QUICK_AND_SLOW = [1, 2, pytest.param(3, marks=pytest.mark.slow), pytest.param(4, marks=pytest.mark.slow)]


@pytest.mark.parametrize("case", LIGHT)
def test_verdict(case: Case, sandbox: Sandbox, verdicts: dict[str, Result]) -> None:
    verdict_is_right(case, sandbox, verdicts)


@pytest.mark.parametrize("sandbox", QUICK_AND_SLOW, indirect=True, ids=lambda level: f"level{level}", scope="session")
@pytest.mark.parametrize("case", HEAVY)
def test_heavy_verdict(case: Case, sandbox: Sandbox, heavy_verdicts: dict[str, Result]) -> None:
    verdict_is_right(case, sandbox, heavy_verdicts)


def verdict_is_right(case: Case, sandbox: Sandbox, verdicts: dict[str, Result]) -> None:
    if sandbox.level not in case.levels:
        pytest.skip(f"holds at other levels only: {case.levels}")
    result = verdicts[case.id]
    assert result.verdict in case.verdicts, result
    assert result.level == sandbox.level


def test_nothing_was_touched(sandbox: Sandbox, verdicts: dict[str, Result], canary: Canary) -> None:
    assert len(verdicts) > 200
    assert canary.secret.read_text() == "untouched"
    assert [path.name for path in canary.secret.parent.iterdir()] == ["secret"]


def test_the_battery_is_large_enough() -> None:
    hostile = [case for case in BATTERY if "pass" not in case.verdicts]
    assert len(hostile) >= 100
    assert len(BATTERY) - len(hostile) >= 40
    assert len({case.id for case in BATTERY}) == len(BATTERY)
