"""Killed with SIGKILL wherever it hurts, a training ends with the bytes of one that was never killed."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pytest

from cogumi.records import Demonstration, Weights

RUNNER = Path(__file__).parent / "runner.py"
OPTIONS = {
    "epochs": 6,
    "batch_size": 2,
    "learning_rate": 1e-2,
    "lora_r": 4,
    "lora_dropout": 0.2,
    "schedule": "linear",
    "checkpoint_steps": 4,
}
"""30 steps with soft and hard labels, dropout, and a schedule that changes: all that a resumed run has to restore."""


def run(model: Weights, examples: Sequence[Demonstration], folder: Path, *moments: str) -> list[str]:
    data = folder.with_suffix(".json")
    data.write_text(json.dumps([asdict(e) for e in examples]))
    quiet = "-Wignore:This process:DeprecationWarning"  # of forking with threads; they all sleep
    command = [sys.executable, quiet, RUNNER, model.path, data, folder, json.dumps(OPTIONS)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run([*map(str, command), *moments], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def whole(model: Weights, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a training that nobody disturbed."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    run(model, made_examples(), folder)
    return contents(folder)


def made_examples() -> list[Demonstration]:
    roles = ("user", "assistant")
    texts = [(f"What is {i} + {i}?", f"It is {2 * i}." + " Yes." * (i % 3)) for i in range(10)]
    return [
        Demonstration(
            id=f"math/{i}",
            messages=tuple({"role": r, "content": t} for r, t in zip(roles, pair, strict=True)),
            train_temperature=0.5 * (i % 3 == 0),
        )
        for i, pair in enumerate(texts)
    ]


def test_the_final_files_are_these_and_no_others(whole: dict[str, bytes]) -> None:
    names = {"adapter_model.safetensors", "adapter_config.json", "cogumi_adapter.json", "qlora.json"}
    assert set(whole) == {f"adapter/{name}" for name in names} | {"losses.jsonl"}
    assert len(whole["losses.jsonl"].splitlines()) == 30


def test_killed_or_not_the_bytes_are_the_same(model: Weights, whole: dict[str, bytes], tmp_path: Path) -> None:
    moments = ["step:3", "step:6", "sync:4", "step:9", "sync:13", "step:11", "final:1", "final:6"]
    killed = run(model, made_examples(), tmp_path / "run", *moments)
    assert killed == [f"{moment} killed" for moment in moments]
    assert contents(tmp_path / "run") == whole


@pytest.mark.slow
def test_killed_at_random_moments(model: Weights, whole: dict[str, bytes], tmp_path: Path) -> None:
    rng = random.Random(0)
    killed: list[str] = []
    for place in range(5):
        moments = [f"share:{rng.uniform(0.05, 0.95):.3f}" for _ in range(5)]
        killed += run(model, made_examples(), tmp_path / f"run-{place}", *moments)
        assert contents(tmp_path / f"run-{place}") == whole
    assert sum(line.endswith(" killed") for line in killed) >= 5
