"""Where the problems of a run came from, and how many of those asked for there are: in run.json and in its first lines."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import types
from pathlib import Path

import pytest

from cogumi.data import Origin, Source, collect_origins, load_rows
from cogumi.pipeline.manifest import manifest, sources
from cogumi.pipeline.resolve import make_plan
from cogumi.planning.settings import Settings
from cogumi.registry.discovery import load

ROWS = [{"question": f"What is {n} + 1?", "answer": f"#### {n + 1}"} for n in range(12)]
SOURCE = Source(hub=("owner/words", "main", "test"), files=("test",))


def problems(path: Path, rows: list[dict[str, str]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_is_known_by_its_path_and_digest(tmp_path: Path) -> None:
    digest = problems(tmp_path / "test.jsonl", ROWS)
    with collect_origins() as found:
        load_rows(str(tmp_path), SOURCE, unique="question")
        load_rows(str(tmp_path), SOURCE, unique="question")
    assert found == [Origin(kind="file", name=str(tmp_path / "test.jsonl"), digest=digest)]
    assert str(found[0]) == f"{tmp_path / 'test.jsonl'} (sha256 {digest[:12]})"


def test_nobody_need_listen(tmp_path: Path) -> None:
    problems(tmp_path / "test.jsonl", ROWS)
    with collect_origins() as outer:
        with collect_origins() as inner:
            load_rows(str(tmp_path), SOURCE, unique="question")
        assert (len(inner), outer) == (1, [])
    assert len(load_rows(str(tmp_path), SOURCE, unique="question")) == 12


def test_the_hub_is_known_by_repository_and_revision_and_that_revision_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    hub, datasets = types.ModuleType("huggingface_hub"), types.ModuleType("datasets")

    def load_dataset(repo: str, config: str, *, split: str, revision: str) -> list[dict[str, str]]:
        asked.append((repo, config, split, revision))
        return ROWS

    hub.snapshot_download = lambda repo, **more: f"/cache/snapshots/{'ab' * 20}"  # type: ignore[attr-defined]
    datasets.load_dataset = load_dataset  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    monkeypatch.setitem(sys.modules, "datasets", datasets)
    with collect_origins() as found:
        load_rows("hub", SOURCE, unique="question")
    assert found == [Origin(kind="hub", name="owner/words (main, test)", revision="ab" * 20)]
    assert str(found[0]) == "owner/words (main, test) on the hub, revision abababababab"
    assert asked == [("owner/words", "main", "test", "ab" * 20)]


def test_each_side_is_recorded_and_said(tmp_path: Path) -> None:
    pytest.importorskip("cogumi_math")
    held_out = tmp_path / "mine.jsonl"
    digest = problems(held_out, ROWS)
    options = {"gsm8k": {"data": str(held_out)}}
    settings = Settings(plugins=("math",), guard=(), held_out=10_000, problems=30, options=options, out=tmp_path / "run")
    plan = make_plan(settings, load())
    side = manifest(plan).data["math (held out)"]
    assert (side.asked, side.available, side.taken) == (10_000, 12, 12)
    assert side.origins == (Origin(kind="file", name=str(held_out), digest=digest),)
    training = manifest(plan).data["math (training)"]
    assert (training.asked, training.taken, training.origins[0].kind) == (30, 30, "bundled")
    (line,) = sources(plan)
    assert line.startswith("math: training side: 30 of ")
    assert line.endswith(f"held out: 12 of the 10,000 asked for (there are no more), {held_out} (sha256 {digest[:12]})")


def test_a_dry_run_says_so_first(tmp_path: Path) -> None:
    pytest.importorskip("cogumi_math")
    words = ("run", "--dry-run", "--plugins", "math", "--guard", "none", "--held-out", "10000", "--out", str(tmp_path / "run"))
    done = subprocess.run([sys.executable, "-m", "cogumi", *words], capture_output=True, text=True, check=True)
    assert "held out: 520 of the 10,000 asked for (there are no more), bundled test.jsonl" in done.stdout.splitlines()[1]
