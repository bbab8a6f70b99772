"""A plugin that no line of this project knows: built, installed by pip, found and used in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import command_line
import pytest

PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "elections"
version = "3.1"
dependencies = ["cogumi>=0.1"]
entry-points.cogumi.elections = "elections"
"""

MODULE = '''
"""Somebody else's plugin: two voters, a phase, an observer, and lines for the doctor."""

from collections import Counter

from cogumi import hookimpl
from cogumi.phases import Gate, Phase
from cogumi.records import Finding
from cogumi.voting import decide


class Lengthy:
    """A ballot counts for the probability of its text, exp(log-probability / characters); without one it counts whole."""

    needs_logprobs = True

    def __init__(self, power):
        self.power = power

    def vote(self, problem, ballots):
        weights = [1.0 if b.logprob is None else 2 ** (self.power * b.logprob / max(1, len(b.text))) for b in ballots]
        counts = Counter()
        for ballot, weight in zip(ballots, weights):
            if ballot.answer is not None:
                counts[ballot.answer] += weight
        return decide(counts, total=sum(weights))


def lengthy(*, power: float = 1.0):
    """Votes weighted by how sure the model was."""
    return Lengthy(power)


def early():
    """Whatever was said first wins, which is against the rules."""

    class Early:
        def vote(self, problem, ballots):
            counts = Counter(b.answer for b in ballots if b.answer is not None)
            import dataclasses
            return dataclasses.replace(decide(counts, total=len(ballots)), winner=next(iter(counts), None), tie=False)

    return Early()


@hookimpl
def register_voters(register):
    register("lengthy", lengthy)
    register("early", early)


def polls():
    """Whether the polls are open."""
    yield Finding(name="elections", ok=True, detail="free and fair")


@hookimpl
def register_checks(register):
    register("polls", polls)


def strict():
    """Every gate there is."""
    return Phase(name="strict", gates=(Gate(name="right", metric="accuracy", threshold=0.9),), passed="Celebrate.")


@hookimpl
def register_phases(register):
    register("strict", strict)


class Herald:
    """Writes down what it is told."""

    def __init__(self, path):
        self.path = path

    def _write(self, *words):
        with open(self.path, "a") as stream:
            print(*words, file=stream)

    def begin(self, stage, note):
        self._write("begin", stage)

    def progress(self, done, total, note):
        pass

    def say(self, text):
        raise RuntimeError("I have lost my voice")

    def metrics(self, stage, values):
        self._write("metrics", stage, *sorted(values)[:1])

    def end(self, stage, seconds):
        self._write("end", stage)

    def finish(self, outcome):
        self._write("finish", outcome)


def herald(*, path: str = "herald.txt"):
    """Tell the town."""
    return Herald(path)


@hookimpl
def register_observers(register):
    register("herald", herald)
'''

USE = """
import json, sys
from cogumi.registry.discovery import load
from cogumi.records import Ballot, Problem
from cogumi.testing import check_voter

registry = load()
lengthy = registry.get("voter", "lengthy")
check_voter(lambda: lengthy.make(power="2"))
try:
    check_voter(registry.get("voter", "early").make)
    broken = None
except AssertionError as error:
    broken = str(error)
ballots = [Ballot(answer="4", text="ab", logprob=-9.0), Ballot(answer="5", text="ab", logprob=-0.1)]
vote = lengthy.make().vote(Problem(id="1", prompt="2 + 2?"), ballots)
phase = registry.get("phase", "strict").make()
observer = registry.get("observer", "herald").make(path="told.txt")
observer.begin("before", "")
print(json.dumps({"winner": vote.winner, "broken": broken, "gate": phase.gates[0].name, "observer": type(observer).__name__}))
"""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip installed the plugin from a wheel that was built of its source, without any index."""
    source, wheels, target = (tmp_path_factory.mktemp(name) for name in ("source", "wheels", "target"))
    (source / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    (source / "elections.py").write_text(MODULE, encoding="utf-8")
    offline = ("--quiet", "--no-index", "--no-deps", "--disable-pip-version-check")
    _run("-m", "pip", "wheel", *offline, "--no-build-isolation", "--wheel-dir", wheels, source, at=source)
    (wheel,) = wheels.glob("elections-3.1-*.whl")
    assert "elections.py" in zipfile.ZipFile(wheel).namelist()
    _run("-m", "pip", "install", *offline, "--target", target, wheel, at=source)
    return target


def _run(*arguments: str | Path, at: Path, code: int = 0) -> str:
    path = os.pathsep.join([str(at), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path}
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, cwd=at, env=environment, text=True, capture_output=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def test_it_is_listed_under_its_own_name_and_version(elsewhere: Path) -> None:
    document = json.loads(_run("-m", "cogumi", "plugins", "--kind", "voter", "--json", at=elsewhere))
    offers = {offer["name"]: offer for offer in document["offers"]}
    assert set(offers) >= {"majority", "lengthy", "early"}
    assert (offers["lengthy"]["dist"], offers["lengthy"]["version"]) == ("elections", "3.1")
    assert offers["lengthy"]["summary"] == "Votes weighted by how sure the model was."
    (option,) = offers["lengthy"]["options"].items()
    assert option[0] == "power"
    assert option[1].items() >= {"takes": "float", "required": False, "default": 1.0}.items()


def test_it_is_made_used_and_checked(elsewhere: Path) -> None:
    used = json.loads(_run("-c", USE, at=elsewhere))
    assert (used["winner"], used["gate"], used["observer"]) == ("5", "right", "Herald")
    assert "a vote is the same again and in any order of its ballots" in used["broken"]


def test_the_doctor_asks_it(elsewhere: Path) -> None:
    shown = _run("-m", "cogumi", "doctor", "--plugins", "elections", at=elsewhere)
    assert "ok    plugin elections  elections 3.1" in shown
    assert "free and fair" in shown


def test_it_is_told_what_a_run_does_and_cannot_end_it(elsewhere: Path, tmp_path: Path) -> None:
    """Its phase decides, its voter votes, and its observer, which fails when a sentence is said, is not told any more."""
    told = tmp_path / "told.txt"
    chosen = ("--phase", "strict", "--voter", "lengthy", "--observers", "herald", "-o", f"herald.path={told}")
    path = os.pathsep.join([command_line.environment()["PYTHONPATH"], str(elsewhere)])
    done = command_line.run_fake(tmp_path / "run", *chosen, PYTHONPATH=path)
    assert done.returncode in (0, 3, 4, 5), done.stderr
    verdict = json.loads((tmp_path / "run" / "verdict.json").read_text())
    assert verdict["phase"] == "strict"
    assert "right" in {criterion["name"] for criterion in verdict["criteria"]}
    assert told.read_text().splitlines()[0] == "begin estimate"
    assert "begin gate" not in told.read_text()
    assert done.stderr.count("I have lost my voice") == 1


def test_without_it_nothing_is_left_of_it(tmp_path: Path) -> None:
    _run("-m", "cogumi", "doctor", "--plugins", "elections", at=tmp_path, code=2)
    assert "lengthy" not in _run("-m", "cogumi", "plugins", "--json", at=tmp_path)
