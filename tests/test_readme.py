"""What the README shows is true."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from command_line import cogumi

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
    refused = cogumi("run", "--config", config, "--out", tmp_path / "run")
    assert refused.returncode == 2
    assert "'no-such-model' is no folder and no known model" in refused.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_it_names_every_command(name: str) -> None:
    assert re.search(rf"`(cogumi )?{name}\b", README)


def test_it_is_short() -> None:
    assert README.count("\n") <= 150
