"""What `benchmarks/coverage.py` simulates: intervals hold the truth in 95 %, and detectable changes are found in 80 %."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

spec = spec_from_file_location("coverage_of_intervals", Path(__file__).parents[1] / "benchmarks" / "coverage.py")
assert spec is not None
assert spec.loader is not None
simulation = module_from_spec(spec)
sys.modules[spec.name] = simulation
spec.loader.exec_module(simulation)

KINDS = {kind.name: kind for kind in simulation.kinds()}
CASES = [(name, n) for name, kind in KINDS.items() for n in (5, 20, 100, 500) if n < 500 or not kind.clustered]
"""500 templates are 6,500 problems: `benchmarks/coverage.py` has the time for them."""
PAIRED = [(name, n) for name, n in CASES if KINDS[name].rule == "paired" and n >= 20]
CONSERVATIVE = {
    ("mean of right or wrong, 5 %", 20),
    ("mean of rare shares", 20),
    ("paired right or wrong", 20),
    ("paired right or wrong, few change", 20),
    ("paired shares, few change", 20),
    ("paired shares, few change", 100),
    ("ratio of right or wrong", 20),
    ("ratio of right or wrong above chance", 20),
}
"""Where a handful of problems change, or are not zero, the intervals hold the truth more often than promised."""
FEW_CHANGE = {("paired shares, few change", 20)}
"""Where about six shares change, by different sizes, detectable changes are found more often than promised."""


@pytest.mark.parametrize("name", KINDS)
def test_intervals_hold_the_truth(name: str) -> None:
    assert simulation.coverage(KINDS[name], 30, 300).covered >= 0.91


@pytest.mark.parametrize("name", ["paired right or wrong", "paired shares"])
def test_detectable_changes_are_found(name: str) -> None:
    assert 0.73 <= simulation.power(KINDS[name], 60, 300).found <= 0.89


@pytest.mark.slow
@pytest.mark.parametrize(("name", "n"), CASES)
def test_coverage(name: str, n: int) -> None:
    covered = simulation.coverage(KINDS[name], n, 2_500).covered
    most = 1.0 if n < 20 or (name, n) in CONSERVATIVE else 0.97
    assert 0.93 <= covered <= most


@pytest.mark.slow
@pytest.mark.parametrize(("name", "n"), PAIRED)
def test_power(name: str, n: int) -> None:
    found = simulation.power(KINDS[name], n, 4_000).found
    assert 0.77 <= found <= (0.9 if (name, n) in FEW_CHANGE else 0.83)
