"""The phases `minimal` (a proof of concept) and `full` (only where minimal passed), each a TOML file beside this module.

Their keys are the fields of `cogumi.phases.Phase`; what is absent has its default, so that `held_out` without a value is all
there is.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from importlib.resources import files

from cogumi.codec import from_json
from cogumi.hookspecs import Register, hookimpl
from cogumi.phases import Phase


def read(name: str) -> Phase:
    """The phase in `NAME.toml`."""
    file = files("cogumi_phases") / f"{name}.toml"
    return from_json(Phase, tomllib.loads(file.read_text(encoding="utf-8")), file=file.name)


def minimal() -> Phase:
    """A proof of concept: 100 problems of a category (50 of code), gates that a first training has to pass."""
    return read("minimal")


def full() -> Phase:
    """Where minimal passed: about 2,500 problems that the model fails or is inconsistent on, and the gates of a release."""
    return read("full")


@hookimpl
def register_phases(register: Register[Callable[[], Phase]]) -> None:
    """Offer both."""
    register("minimal", minimal)
    register("full", full)
