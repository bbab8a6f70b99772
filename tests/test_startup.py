"""What the command line loads before it has anything to do, and what its help says."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from cogumi.cli import COMMANDS, FAMILIES, main

HEAVY = {"torch", "numpy", "transformers", "datasets", "peft", "bitsandbytes", "tokenizers", "scipy", "pandas", "pyarrow"}

WATCH = """
import json, sys
from cogumi.cli import main
try:
    main(sys.argv[1:], prog_name="cogumi")
finally:
    print(json.dumps(sorted(sys.modules)))
"""


def loaded(*arguments: str) -> set[str]:
    """The top-level modules among them."""
    return {name.partition(".")[0] for name in modules_of(*arguments)}


def modules_of(*arguments: str) -> set[str]:
    """The modules that are loaded when a command has done its work, in a process of its own."""
    command = [sys.executable, "-c", WATCH, *arguments]
    offline = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, env=offline, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_help_loads_nothing_heavy() -> None:
    modules = loaded("--help")
    assert "click" in modules
    assert not modules & HEAVY
    assert not modules & {"rich", "jsonlines"}


@pytest.mark.parametrize("command", [("plugins",), ("plugins", "--json"), ("doctor", "--plugins", "core")])
def test_commands_that_only_look_load_nothing_heavy(command: tuple[str, ...]) -> None:
    """With every plugin of this project installed: each must be light to import."""
    assert not loaded(*command) & HEAVY


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_text_has_an_example_and_renders(name: str) -> None:
    result = CliRunner().invoke(main, [name, "--help"], prog_name="cogumi")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    (place,) = [place for place, line in enumerate(lines) if line.strip() in ("Example:", "Examples:")]
    assert f"cogumi {name}" in lines[place + 1]
    assert "\\" not in result.stdout


def test_the_help_lists_every_command_in_order_under_its_family() -> None:
    shown = CliRunner().invoke(main, ["--help"], prog_name="cogumi").stdout
    for family, commands in FAMILIES.items():
        listed = shown.partition(f"{family}:\n")[2].partition("\n\n")[0].rstrip().split("\n")
        assert [line.split(maxsplit=1) for line in listed] == [[name, text] for name, text in commands.items()]
    assert [name for family in FAMILIES.values() for name in family] == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_what_the_commands_own_help_says(name: str) -> None:
    shown = CliRunner().invoke(main, [name, "--help"], prog_name="cogumi").stdout
    first = shown.partition("\n\n")[2].partition("\n\n")[0]
    assert " ".join(first.split()) == COMMANDS[name]


def test_the_help_is_shown_without_importing_a_command() -> None:
    assert "cogumi.cli" in modules_of("--help")
    assert not {f"cogumi.cli.{name}" for name in COMMANDS} & modules_of("--help")


def test_an_unknown_command_answers_with_exit_2_and_near_matches() -> None:
    result = CliRunner().invoke(main, ["plugin"])
    assert result.exit_code == 2
    assert "no command is called 'plugin' (did you mean plugins?)" in result.stderr


def test_the_version_is_shown() -> None:
    from cogumi import __version__

    assert CliRunner().invoke(main, ["--version"]).stdout == f"cogumi, version {__version__}\n"
