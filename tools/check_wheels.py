"""Whether what is published works: every wheel is built, looked into, installed without the checkout, and run from.

    python tools/check_wheels.py [--keep FOLDER]

The core and whatever lies in plugins/ is made into a source distribution and that into a wheel, so that nothing counts that
only a checkout has. Each wheel must hold the licence, py.typed and all files of its package. All of them go into an empty
virtual environment, from which `cogumi run` is called in a folder elsewhere. Exit code 0, or 1 and what is wrong.
"""

from __future__ import annotations

import argparse
import email
import os
import subprocess
import sys
import tempfile
import tomllib
import venv
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
CONSTRAINTS = ("-c", str(ROOT / "constraints.txt"))
RUN = ("run", "--plugins", "math", "--held-out", "6", "--problems", "6", "--samples", "3", "--out")
VERDICTS = (0, 3, 4, 5)
"""Exit codes of a run that came to its end, whatever it found."""


class Wrong(Exception):
    """What is wrong, in a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dist:
    """One distribution of ours."""

    name: str
    """Its name, e.g. `cogumi-math`."""
    folder: Path
    """Where its pyproject.toml lies."""
    wheel: Path
    """Its wheel."""

    @property
    def package(self) -> str:
        """The package in it, e.g. `cogumi_math`."""
        return self.name.replace("-", "_")


def main(arguments: Sequence[str] | None = None) -> int:
    """Check them all; 0, or 1 and what is wrong."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--keep", type=Path, help="a new folder to work in, which stays (default: one that is removed)")
    keep = parser.parse_args(arguments).keep
    with tempfile.TemporaryDirectory(prefix="cogumi-wheels-") as temporary:
        try:
            check(Path(keep or temporary).resolve())
        except Wrong as wrong:
            print(f"wrong: {wrong}", file=sys.stderr)
            return 1
    return 0


def check(work: Path) -> None:
    """Build, look into, install and run, in a folder of its own. Raises `Wrong`."""
    (work / "elsewhere").mkdir(parents=True)
    dists = [build(folder, work) for folder in folders()]
    problems = [problem for dist in dists for problem in missing(dist)]
    if problems:
        raise Wrong("; ".join(problems))
    print(f"{len(dists)} wheels hold their licence, py.typed and all their files", flush=True)
    python = install(dists, work)
    print(f"{len(dists)} wheels are installed", flush=True)
    run(python, work / "elsewhere")


def folders() -> list[Path]:
    """The folder of every distribution, the core first."""
    return [ROOT, *sorted(path.parent for path in (ROOT / "plugins").glob("*/pyproject.toml"))]


def build(folder: Path, work: Path) -> Dist:
    """Its source distribution, and from that alone its wheel."""
    name = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]["name"]
    sources, wheels = work / "sources" / name, work / "wheels"
    call(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", sources, at=folder)
    (source,) = sources.glob("*.tar.gz")
    # hatchling is the one that is installed here: no index is asked eleven times for the same tool
    call(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", wheels, source, at=work)
    (wheel,) = wheels.glob(f"{name.replace('-', '_')}-*.whl")
    return Dist(name=name, folder=folder, wheel=wheel)


def missing(dist: Dist) -> Iterator[str]:
    """What its wheel does not hold and should."""
    with zipfile.ZipFile(dist.wheel) as archive:
        held = set(archive.namelist())
    if not any(name.endswith(".dist-info/licenses/LICENSE") for name in held):
        yield f"{dist.wheel.name} holds no licence (license-files in {dist.folder / 'pyproject.toml'})"
    for name in sorted({f"{dist.package}/py.typed", *package_files(dist)} - held):
        yield f"{dist.wheel.name} lacks {name}"


def package_files(dist: Dist) -> set[str]:
    """All files of its package in the checkout, by their names in a wheel; what Python left there is not counted."""
    found = (path for path in (dist.folder / dist.package).rglob("*") if path.is_file())
    return {path.relative_to(dist.folder).as_posix() for path in found if "__pycache__" not in path.parts}


def install(dists: Sequence[Dist], work: Path) -> Path:
    """An environment that holds the wheels, and its Python. What is ours comes from the wheels and from nowhere else."""
    venv.create(work / "environment", with_pip=True)
    python = work / "environment" / "bin" / "python"
    pip = (python, "-m", "pip", "install", "-q")
    call(*pip, *CONSTRAINTS, "torch", at=work)  # first and pinned: alone pip takes the build for CPUs that this machine has
    call(*pip, *CONSTRAINTS, *foreign(dists), at=work)
    call(*pip, "--no-index", "--find-links", work / "wheels", *(dist.name for dist in dists), at=work)
    return python


def foreign(dists: Iterable[Dist]) -> list[str]:
    """What they need that is not ours, extras that they ask of each other included."""
    needs = {dist.name: requirements(dist.wheel) for dist in dists}
    extras = {name: {""} for name in needs}
    for need in (need for found in needs.values() for need in found if need.name in extras and applies(need, {""})):
        extras[need.name] |= need.extras
    wanted = (need for name, found in needs.items() for need in found if need.name not in needs and applies(need, extras[name]))
    return sorted({str(bare(need)) for need in wanted})


def requirements(wheel: Path) -> list[Requirement]:
    """What a wheel says that it needs."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(archive.read(name))
    return [Requirement(line) for line in metadata.get_all("Requires-Dist", [])]


def applies(need: Requirement, extras: Iterable[str]) -> bool:
    """Whether it is needed here, with one of these extras."""
    return need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in extras)


def bare(need: Requirement) -> Requirement:
    """The same without its marker, which has been answered."""
    plain = Requirement(str(need))
    plain.marker = None
    return plain


def run(python: Path, folder: Path) -> None:
    """One small run of the main job by what is installed. Raises `Wrong` when it came to no verdict."""
    command = [python.with_name("cogumi"), *RUN, folder / "run"]
    done = subprocess.run(list(map(str, command)), cwd=folder, env=environment(), check=False)
    if done.returncode not in VERDICTS or not (folder / "run" / "report.md").is_file():
        raise Wrong(f"cogumi {' '.join(RUN)} ended with exit code {done.returncode} and without a verdict")
    print(f"a run from wheels alone came to its verdict (exit code {done.returncode})", flush=True)


def environment() -> dict[str, str]:
    """The surroundings of a stranger: nothing that leads back to the checkout."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COGUMI_", "VIRTUAL_ENV"))}


def call(*command: str | Path, at: Path) -> None:
    """Call a tool. Raises `Wrong` with what it said when it fails."""
    done = subprocess.run(list(map(str, command)), cwd=at, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise Wrong(f"{' '.join(map(str, command))}:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    sys.exit(main())
