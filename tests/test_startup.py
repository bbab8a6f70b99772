"""What the command line loads before it has anything to do, and what its help says."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from cogumi.cli import COMMANDS, main

HEAVY = {"torch", "numpy", "transformers", "datasets", "peft", "bitsandbytes", "tokenizers", "scipy", "pandas", "pyarrow"}

WATCH = """
import json, sys
from cogumi.cli import main
try:
    main(sys.argv[1:], prog_name="cogumi")
finally:
    print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def loaded(*arguments: str) -> set[str]:
    """The top-level modules that are loaded when a command has done its work, in a process of its own."""
    command = [sys.executable, "-c", WATCH, *arguments]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
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
    assert lines[place + 1].strip().startswith(f"cogumi {name}")
    assert "\\" not in result.stdout


def test_the_help_lists_every_command_in_order() -> None:
    result = CliRunner().invoke(main, ["--help"], prog_name="cogumi")
    listed = result.stdout.partition("Commands:\n")[2].rstrip().split("\n")
    assert [line.split(maxsplit=1) for line in listed] == [[name, text] for name, text in COMMANDS.items()]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_what_the_commands_own_help_says(name: str) -> None:
    shown = CliRunner().invoke(main, [name, "--help"], prog_name="cogumi").stdout
    first = shown.partition("\n\n")[2].partition("\n\n")[0]
    assert " ".join(first.split()) == COMMANDS[name]


def test_an_unknown_command_answers_with_exit_2() -> None:
    result = CliRunner().invoke(main, ["plugin"])
    assert result.exit_code == 2
    assert "No such command 'plugin'" in result.stderr


def test_the_version_is_shown() -> None:
    from cogumi import __version__

    assert CliRunner().invoke(main, ["--version"]).stdout == f"cogumi, version {__version__}\n"
