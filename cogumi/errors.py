"""The errors a person sees. The command line prints one line for each and turns it into an exit code.

`BadInput` (exit 2) is what the user can mend: a file, an option, a setting. `RunFailed` (exit 1) is a run that could not
be finished. Every message says where, what is wrong, and what to do.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class CogumiError(Exception):
    """Base of every error that cogumi reports as one line instead of a traceback."""

    exit_code = 1


class RunFailed(CogumiError):
    """A run or a stage of it could not be finished; what was written so far is kept."""


class BadInput(CogumiError):
    """Something the user gave is unusable. Reads as `file:line: field: problem (what to do)`."""

    exit_code = 2

    def __init__(
        self,
        problem: str,
        *,
        file: str | Path | None = None,
        line: int | None = None,
        field: str | None = None,
        fix: str | None = None,
    ) -> None:
        place = "" if file is None else f"{file}:{line}: " if line is not None else f"{file}: "
        name = "" if field is None else f"{field}: "
        super().__init__(f"{place}{name}{problem}" + ("" if fix is None else f" ({fix})"))


class PluginError(BadInput):
    """A plugin cannot be loaded, or offers what it may not; the message names it and its distribution."""


class PluginFailed(RunFailed):
    """A plugin's code raised. Made at one boundary, which knows whose code it was."""


@contextlib.contextmanager
def attribute_errors_to(label: str) -> Iterator[None]:
    """The one boundary around plugin code: its plain exceptions come out as a `PluginFailed` that says whose code it was."""
    try:
        yield
    except CogumiError:
        raise
    except Exception as error:
        raise PluginFailed(f"{label} failed: {type(error).__name__}: {error}") from error


def suggest(name: str, known: Iterable[str]) -> str:
    """A hint for a name that does not exist: near matches first, else all that exist."""
    import difflib

    names = sorted(known)
    matches = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if matches:
        return "did you mean " + " or ".join(matches) + "?"
    return "there are: " + ", ".join(names) if names else "there are none"
