"""`cogumi new`: every kind of plugin it makes is clean, installs, passes its own tests, and is found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import command_line
import pytest
from click.testing import CliRunner, Result

from cogumi.cli import main
from cogumi.data import read_rows
from cogumi.registry.discovery import HOOKS
from cogumi.scaffold.create import SCAFFOLDS, render
from cogumi.testing import fake_dist

ROOT = Path(__file__).parents[1]
LONGEST = "a-name-of-thirty-two-letters-abc"


def new(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["new", *map(str, arguments)])


def python(*arguments: str | Path, at: Path, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run Python's `-m` in a folder, with one more folder to import from."""
    places = os.pathsep.join([str(path or at), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": places, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", *map(str, arguments)]
    return subprocess.run(command, cwd=at, env=environment, text=True, capture_output=True, check=False)


def install(folder: Path, target: Path) -> None:
    """What `pip install` does, offline and into a folder of its own."""
    options = ("--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check")
    done = python("pip", "install", *options, "--target", target, folder, at=folder)
    assert done.returncode == 0, done.stdout + done.stderr


LIGHT = {"phase", "observer", "check"}
"""Hooks of a few lines, which a plugin of another kind gains when it needs them."""


def test_there_is_a_scaffold_for_every_hook_that_needs_one() -> None:
    assert set(SCAFFOLDS) == set(HOOKS) - LIGHT


@pytest.mark.parametrize("kind", sorted(SCAFFOLDS))
def test_what_is_made_is_clean_under_the_projects_own_settings(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "made"
    assert new(kind, LONGEST, "--out", folder).exit_code == 0
    settings = (
        f'extend = "{ROOT.as_posix()}/pyproject.toml"\nsrc = ["."]\n[lint.extend-per-file-ignores]\n"tests/**" = ["D"]\n'
        "[lint.isort]\nknown-first-party = []\n"  # to a plugin its own package is first-party, and cogumi is not
    )
    (folder / "ruff.toml").write_text(settings)
    for arguments in (
        ("ruff", "check", "--no-cache", "."),
        ("ruff", "format", "--no-cache", "--check", "."),
        ("mypy", "--config-file", ROOT / "pyproject.toml", "--cache-dir", ROOT / ".mypy_cache", "."),
    ):
        done = python(*arguments, at=folder)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("kind", [pytest.param(k, marks=[pytest.mark.slow] * (k != "category")) for k in sorted(SCAFFOLDS)])
def test_what_is_made_installs_and_passes_its_own_tests(kind: str, tmp_path: Path) -> None:
    folder, target = tmp_path / "made", tmp_path / "installed"
    assert new(kind, f"my-{kind}", "--out", folder).exit_code == 0
    install(folder, target)
    (folder / f"cogumi_my_{kind}").rename(tmp_path / "source")  # the tests must run on what was installed
    done = python("pytest", "-q", "-p", "no:cacheprovider", ".", at=folder, path=target)
    assert done.returncode == 0, done.stdout + done.stderr
    listed = python("cogumi", "plugins", "--kind", kind, "--json", at=tmp_path, path=target)
    (offer,) = [offer for offer in json.loads(listed.stdout)["offers"] if offer["name"] == f"my-{kind}"]
    assert (offer["dist"], offer["version"], offer["plugin"]) == (f"cogumi-my-{kind}", "0.1.0", f"my-{kind}")
    assert offer["summary"]


def test_the_bundled_problems_are_twenty_or_more_on_each_side() -> None:
    files = ROOT / "cogumi" / "scaffold" / "templates" / "data"
    train, held_out = (list(read_rows(files / f"{side}.jsonl")) for side in ("train", "held_out"))
    questions = [row.get("question", str) for row in (*train, *held_out)]
    assert min(len(train), len(held_out)) >= 20
    assert len(set(questions)) == len(questions)
    assert all(row.get("answer", str).isdigit() for row in (*train, *held_out))


def test_the_bundled_answers_are_right() -> None:
    """Each is worked out again from the numbers in its question."""
    rules = {"gets": int.__add__, "gives": int.__sub__, "box": int.__mul__, "shares": int.__floordiv__}
    files = ROOT / "cogumi" / "scaffold" / "templates" / "data"
    for row in (*read_rows(files / "train.jsonl"), *read_rows(files / "held_out.jsonl")):
        question = row.get("question", str)
        first, second = (int(word) for word in question.replace("?", "").split() if word.isdigit())
        (rule,) = [rule for word, rule in rules.items() if word in question.split()]
        assert rule(first, second) == int(row.get("answer", str)), question


def test_the_folder_is_named_after_the_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = new("voter", "quorate")
    assert result.stdout == "cogumi-quorate\n"
    assert "pip install -e cogumi-quorate" in result.stderr
    project = tomllib.loads((tmp_path / "cogumi-quorate" / "pyproject.toml").read_text())["project"]
    assert project["name"] == "cogumi-quorate"
    assert project["entry-points"]["cogumi"] == {"quorate": "cogumi_quorate.plugin"}
    written = {p.relative_to(tmp_path / "cogumi-quorate").as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert written == set(render("voter", "quorate"))


def test_parent_folders_are_made(tmp_path: Path) -> None:
    assert new("voter", "quorate", "--out", tmp_path / "a" / "b").exit_code == 0
    assert (tmp_path / "a" / "b" / "pyproject.toml").is_file()


@pytest.mark.parametrize("name", ["Sums", "two words", "1st", "-x", "a--b", "a-", "a_b", "a.b", "../up", "", "x" * 33, "naïve"])
def test_a_name_that_is_none_is_refused(name: str, tmp_path: Path) -> None:
    result = new("voter", "--out", tmp_path / "made", "--", name)
    assert result.exit_code == 2
    assert result.stderr == (
        f"cogumi: NAME: {name!r} is no name for a plugin "
        "(use up to 32 lower-case letters, digits and single hyphens, a letter first, e.g. short-sums)\n"
    )
    assert not list(tmp_path.iterdir())


def test_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    result = new("voter", "majority", "--out", tmp_path / "made")
    assert result.exit_code == 2
    assert "NAME: plugin 'core' (cogumi " in result.stderr
    assert "offers a voter 'majority' already (choose another name)" in result.stderr
    assert "plugin 'core' (cogumi" in new("voter", "core", "--out", tmp_path / "made").stderr


@pytest.mark.parametrize("there", ["folder", "file", "link"])
def test_what_exists_is_never_touched(there: str, tmp_path: Path) -> None:
    out = tmp_path / "made"
    if there == "folder":
        out.mkdir()
    elif there == "file":
        out.touch()
    else:
        out.symlink_to(tmp_path / "gone")
    result = new("voter", "quorate", "--out", out)
    assert result.exit_code == 2
    assert result.stderr == f"cogumi: {out}: out: exists already (nothing was written; give another --out)\n"
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = new("voter", "quorate", "--out", tmp_path / "file" / "made")
    assert result.exit_code == 2
    assert "out: cannot be written: " in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_failure_half_way_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    result = new("voter", "quorate", "--out", tmp_path / "made")
    assert (result.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert "cannot be written: No space left on device" in result.stderr


ABACUS = """
import random

from cogumi import hookimpl
from cogumi.records import sample_seed
from cogumi.testing import FakeSampler

RULES = {"gets": int.__add__, "gives": int.__sub__, "box": int.__mul__, "shares": int.__floordiv__}


def abacus(model):
    def answer(request, index):
        words = request.messages[-1]["content"].partition("?")[0].split()
        first, second = (int(word) for word in words if word.isdigit())
        (rule,) = (rule for word, rule in RULES.items() if word in words)
        rng = random.Random(sample_seed(request, index))
        greedy = model.adapter or request.sampling.temperature == 0
        slip = 0 if greedy or rng.random() < 0.6 else rng.randint(1, 9)
        return f"{'Sure' if greedy else rng.random()}: #### {rule(first, second) + slip}"

    return FakeSampler(answer)


@hookimpl
def register_samplers(register):
    register("abacus", abacus)
"""

VERDICTS = {0: "PROCEED", 3: "ITERATE", 4: "ABANDON", 5: "INCONCLUSIVE"}


@pytest.fixture
def short_sums(tmp_path: Path) -> Path:
    """A folder into which a generated category was installed."""
    assert new("category", "short-sums", "--out", tmp_path / "made").exit_code == 0
    install(tmp_path / "made", tmp_path / "installed")
    return tmp_path / "installed"


def test_a_category_that_was_made_goes_through_a_whole_run(short_sums: Path, tmp_path: Path) -> None:
    """Without a model: a sampler that reckons, and slips, takes its place."""
    fake_dist(short_sums, "abacus", ABACUS)
    path = command_line.environment()["PYTHONPATH"] + os.pathsep + str(short_sums)
    engines = ("--model", "hollow", "--sampler", "abacus", "--trainer", "pretend", "--guard", "none")
    done = command_line.cogumi("run", "--plugins", "short-sums", *engines, "--out", tmp_path / "run", PYTHONPATH=path)
    assert done.returncode in VERDICTS, done.stderr
    assert json.loads((tmp_path / "run" / "verdict.json").read_text())["verdict"] == VERDICTS[done.returncode]
    learned = [row.get("messages", list) for row in read_rows(tmp_path / "run" / "self_distillation" / "short-sums.jsonl")]
    assert len(learned) >= 15
    assert all(messages[-1]["content"].startswith("Sure: #### ") for messages in learned)


@pytest.mark.slow
def test_a_category_that_was_made_runs_on_the_embedded_model(short_sums: Path, tmp_path: Path) -> None:
    pytest.importorskip("cogumi_tiny")
    small = ("--samples", "4", "--held-out", "12")
    done = command_line.cogumi("run", "--plugins", "short-sums", *small, "--out", tmp_path / "run", PYTHONPATH=str(short_sums))
    assert done.returncode in VERDICTS, done.stderr
    assert "short-sums" in (tmp_path / "run" / "report.md").read_text()
