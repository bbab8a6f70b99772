"""The guide for plugin authors: every hook has its heading and its test, and every example in it runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest
from click.testing import CliRunner
from command_line import final_files, run_fake

from cogumi import hookspecs, results, testing
from cogumi.cli import COMMANDS, main
from cogumi.cli._stage import EXIT_CODES
from cogumi.registry.discovery import HOOKS

ROOT = Path(__file__).parents[1]
GUIDE = ROOT / "plugins" / "README.md"


@dataclass(frozen=True)
class Block:
    """A fenced block of a document."""

    language: str
    """What it is fenced as."""
    code: str
    """What it holds."""
    file: str | None
    """The file name in the line above, if that line ends in one."""
    line: int
    """Where it begins."""


def blocks(document: Path) -> Iterator[Block]:
    text = document.read_text(encoding="utf-8")
    for match in re.finditer(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        before = text[: match.start()].rstrip().rpartition("\n")[2]
        file = re.search(r"`([\w./-]+\.(?:py|toml))`:$", before)
        line = text[: match.start()].count("\n") + 2
        yield Block(match[1], match[2], file[1] if file else None, line)


def hooks() -> set[str]:
    """The names of all hooks, from the specs themselves."""
    return {name for name, value in vars(hookspecs).items() if hasattr(value, "cogumi_spec")}


def test_the_specs_are_the_hooks_that_are_called() -> None:
    assert hooks() == set(HOOKS.values())


def test_every_hook_has_a_heading_and_no_heading_is_without_a_hook() -> None:
    headings = re.findall(r"^### (register_\w+)$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(headings) == sorted(hooks())


def test_every_hook_is_implemented_in_an_example() -> None:
    code = "".join(block.code for block in blocks(GUIDE) if block.language == "python")
    assert set(re.findall(r"@hookimpl\ndef (\w+)\(register\):", code)) == hooks()


def test_every_hook_has_a_test_that_goes_through_it() -> None:
    tests = (ROOT / "tests" / "test_plugins.py").read_text(encoding="utf-8")
    offers = tests.partition("OFFERS = {")[2].partition("\n}")[0]
    assert set(re.findall(r'^    "(\w+)":', offers, re.MULTILINE)) == set(HOOKS)
    assert 'parametrize("kind", sorted(OFFERS))' in tests


def test_every_hook_has_a_docstring_with_its_factory() -> None:
    for name in hooks():
        assert "Factory: `(" in str(getattr(hookspecs, name).__doc__), name


def test_every_check_is_in_the_guide() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    assert [name for name in testing.__all__ if name.startswith("check_") and f"`{name}(" not in guide] == []


def test_the_examples_run_one_after_the_other(tmp_path: Path) -> None:
    code = [b.code for b in blocks(GUIDE) if b.language == "python" and b.file is None]
    assert len(code) > 5
    script = tmp_path / "examples.py"
    script.write_text("\n\n".join(code), encoding="utf-8")
    done = subprocess.run([sys.executable, "-W", "error", str(script)], text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_shortest_plugin_installs_and_passes_its_test(tmp_path: Path) -> None:
    pytest.importorskip("setuptools", reason="the shortest pyproject leaves the build backend to pip's default")
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "tests").mkdir(parents=True)
    files = {block.file: block.code for block in blocks(GUIDE) if block.file is not None}
    assert sorted(files) == ["cogumi_margin.py", "pyproject.toml", "tests/test_margin.py"]
    assert len(files["pyproject.toml"].splitlines()) == 6
    for name, code in files.items():
        (source / str(name)).write_text(code, encoding="utf-8")
    offline = ("--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check")
    _python("-m", "pip", "install", *offline, "--target", target, source, path=target)
    (source / "cogumi_margin.py").unlink()
    _python("-m", "pytest", "-q", "-p", "no:cacheprovider", source / "tests", path=target)
    assert "margin" in _python("-m", "cogumi", "plugins", "--kind", "voter", path=target)


def _python(*arguments: str | Path, path: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(path)}
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, cwd=path.parent, env=environment, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def commands() -> list[str]:
    lines = [line for block in blocks(GUIDE) if block.language == "sh" for line in block.code.splitlines()]
    return [line for line in lines if line.startswith("cogumi ")]


def test_there_are_commands_to_try() -> None:
    assert len(commands()) >= 3


@pytest.mark.parametrize("line", commands())
def test_the_commands_shown_exist_with_their_flags(line: str) -> None:
    name, *arguments = line.split()[1:]
    assert name in COMMANDS
    shown = CliRunner().invoke(main, [name, "--help"]).stdout
    for flag in (argument for argument in arguments if argument.startswith("-")):
        assert re.search(rf"(^|[\s,]){re.escape(flag)}\b", shown), f"cogumi {name} has no {flag}"


def test_every_file_of_a_run_is_in_its_reference(tmp_path: Path) -> None:
    assert run_fake(tmp_path / "run").returncode in EXIT_CODES.values()
    text = (ROOT / "docs" / "run-folder.md").read_text(encoding="utf-8")
    named = {re.sub(r"\b(STAGE|CATEGORY)\b", "*", name) for name in re.findall(r"`([\w./]+(?:\.\w+|/))`", text)}
    patterns = [name + "*" if name.endswith("/") else name for name in named]
    files = sorted(final_files(tmp_path / "run"))
    assert len(files) > 15
    assert [file for file in files if not any(fnmatch(file, pattern) for pattern in patterns)] == []


def test_every_exit_code_is_in_the_reference() -> None:
    text = (ROOT / "docs" / "run-folder.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (\d) \| (.*) \|$", text, re.MULTILINE))
    assert sorted(rows) == ["0", "1", "2", "3", "4", "5"]
    assert [name for name, code in EXIT_CODES.items() if name not in rows[str(code)]] == []


@pytest.mark.parametrize("name", ["ProblemRow", "ScoredSample", "Diagnosis", "Comparison", "Verdict", "TrainingResult"])
def test_every_record_that_the_reference_names_is_there(name: str) -> None:
    assert f"`{name}`" in (ROOT / "docs" / "run-folder.md").read_text(encoding="utf-8")
    assert hasattr(results, name)


@pytest.mark.parametrize("document", [*sorted((ROOT / "docs").glob("*.md")), *sorted(ROOT.glob("*.md")), GUIDE], ids=str)
def test_every_link_leads_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8"))
    assert [target for target in targets if not (document.parent / target).exists()] == []
