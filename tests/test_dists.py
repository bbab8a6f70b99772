"""What every distribution in this repository has in common; `tools/check_wheels.py` looks into the wheels themselves."""

from __future__ import annotations

import re
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = [ROOT, *sorted(path.parent for path in (ROOT / "plugins").glob("*/pyproject.toml"))]


@pytest.fixture(params=FOLDERS, ids=lambda folder: folder.name)
def folder(request: pytest.FixtureRequest) -> Path:
    where: Path = request.param
    return where


@pytest.fixture
def manifest(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))


def test_its_licence_is_the_one_licence(folder: Path, manifest: dict[str, Any]) -> None:
    assert manifest["project"]["license-files"] == ["LICENSE"]
    assert (folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_its_version_stands_in_its_package_alone(folder: Path, manifest: dict[str, Any]) -> None:
    package = manifest["project"]["name"].replace("-", "_")
    source = f"{package}/__init__.py"
    assert "version" not in manifest["project"]
    assert manifest["project"]["dynamic"] == ["version"]
    assert manifest["tool"]["hatch"]["version"]["path"] == source
    said = re.findall(r'^__version__ = "(.+)"$', (folder / source).read_text(encoding="utf-8"), re.MULTILINE)
    assert said == [import_module(package).__version__]


def test_it_asks_for_this_version_of_the_core(folder: Path, manifest: dict[str, Any]) -> None:
    asked = [need for need in manifest["project"]["dependencies"] if re.match(r"cogumi\b(?!-)", need)]
    alone = folder == ROOT or folder.name == "cogumi-sandbox"  # which imports nothing of cogumi
    assert asked == ([] if alone else ["cogumi>=0.1,<0.2"])
