from __future__ import annotations

from pathlib import Path

import pytest
from cogumi_qlora.checkpoints import Checkpoints


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    made = Checkpoints(tmp_path / "checkpoints", "a")
    made.open()
    return made


def save(checkpoints: Checkpoints, step: int) -> None:
    staged = checkpoints.staging / f"checkpoint-{step}"
    staged.mkdir(parents=True)
    (staged / "weights").write_bytes(bytes([step]) * 100)
    checkpoints.commit(step)


def test_the_newest_of_two_is_found(checkpoints: Checkpoints) -> None:
    assert checkpoints.latest() is None
    for step in (5, 10, 100):
        save(checkpoints, step)
    assert checkpoints.latest() == checkpoints.folder / "checkpoint-100"
    assert {p.name for p in checkpoints.folder.glob("checkpoint-*")} == {"checkpoint-10", "checkpoint-100"}


@pytest.mark.parametrize("damage", ["short", "changed", "lost", "no list", "half a list"])
def test_a_damaged_one_is_passed_over(checkpoints: Checkpoints, damage: str) -> None:
    save(checkpoints, 5)
    save(checkpoints, 10)
    weights, manifest = (checkpoints.folder / "checkpoint-10" / name for name in ("weights", "manifest.json"))
    {
        "short": lambda: weights.write_bytes(weights.read_bytes()[:50]),
        "changed": lambda: weights.write_bytes(b"\0" + weights.read_bytes()[1:]),
        "lost": weights.unlink,
        "no list": manifest.unlink,
        "half a list": lambda: manifest.write_text(manifest.read_text()[:9]),
    }[damage]()
    assert checkpoints.latest() == checkpoints.folder / "checkpoint-5"
    save(checkpoints, 10)  # the same step, trained again
    assert checkpoints.latest() == checkpoints.folder / "checkpoint-10"


def test_what_a_kill_left_half_written_is_removed(checkpoints: Checkpoints) -> None:
    save(checkpoints, 5)
    (checkpoints.staging / "checkpoint-10").mkdir(parents=True)
    again = Checkpoints(checkpoints.all, "a")
    again.open()
    assert not again.staging.exists()
    assert again.latest() == again.folder / "checkpoint-5"


def test_other_arguments_start_anew(checkpoints: Checkpoints) -> None:
    save(checkpoints, 5)
    other = Checkpoints(checkpoints.all, "b")
    other.open()
    assert other.latest() is None
    assert not checkpoints.folder.exists()
