"""What the README shows is true."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from command_line import cogumi, run_fake

from cogumi import load
from cogumi.cli import COMMANDS
from cogumi.testing import check_voter

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, flags=re.DOTALL)


def test_its_plugin_keeps_a_voters_promises() -> None:
    (code,) = [text for kind, text in BLOCKS if kind == "python" and "hookimpl" in text]
    names: dict[str, object] = {}
    exec(code, names)
    offered = SimpleNamespace(names={})
    names["register_voters"](offered.names.__setitem__)  # type: ignore[operator]
    check_voter(offered.names["boldest"])


def test_its_settings_are_settings(tmp_path: Path) -> None:
    (text,) = [text for kind, text in BLOCKS if kind == "toml" and "[run]" in text]
    config = tmp_path / "run.toml"
    config.write_text(text.replace("my-org/my-model", "no-such-model"))
    refused = cogumi("run", "--config", config, "--out", tmp_path / "run", HF_HUB_OFFLINE="1")
    assert refused.returncode == 2
    assert refused.stderr.startswith("cogumi: no-such-model: ")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", COMMANDS)
def test_it_names_every_command(name: str) -> None:
    assert re.search(rf"`(cogumi )?{name}\b", README)


def test_its_example_reads_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = [text for kind, text in BLOCKS if kind == "python" and "cogumi.run(" in text]
    assert run_fake(tmp_path / "run").returncode == 0
    monkeypatch.setattr("cogumi.run", lambda **settings: load(tmp_path / "run"))
    exec(code.replace('"math"', '"sums"'), {})
    assert re.fullmatch(r"PROCEED \w.+\.\n0\.\d+\n", capsys.readouterr().out)


def test_it_links_every_plugin() -> None:
    plugins = [path.parent.name for path in (Path(__file__).parents[1] / "plugins").glob("*/pyproject.toml")]
    assert [name for name in plugins if f"(plugins/{name})" not in README] == []


def test_it_is_short() -> None:
    assert README.count("\n") <= 150
