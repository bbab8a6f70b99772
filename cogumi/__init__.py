"""Evaluation and self-consistency distillation of language models, built of plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Unpack

    from cogumi.hookspecs import hookimpl
    from cogumi.planning.settings import Keywords
    from cogumi.protocols import Observer
    from cogumi.runs import RunView

__version__ = "0.1.0"
__all__ = ["__version__", "hookimpl", "load", "run"]


def run(
    *, config: Path | str | None = None, until: str = "report", observer: Observer | None = None, **settings: Unpack[Keywords]
) -> RunView:
    """Run the main job, as `cogumi run` does, and return what it came to.

    `settings` are the fields of `cogumi.planning.settings.Settings`, e.g. `plugins=["math"], held_out=50, out="runs/a"`; they
    win over those of the TOML file `config`. `until` names the last stage; `observer` is told about progress. Raises
    `cogumi.errors.BadInput` and `cogumi.errors.RunFailed`, as the command line's exit codes 2 and 1.
    """
    from pathlib import Path

    from cogumi.pipeline import pipeline
    from cogumi.planning.config import read_config
    from cogumi.planning.settings import merge

    layers = (read_config(Path(config)) if config is not None else {}, settings)
    redo = bool(settings.get("redo", False))
    return pipeline.run(merge(*layers), until=until, observer=observer, redo=redo)


def load(folder: Path | str) -> RunView:
    """What a run folder holds, as records: diagnoses, comparison, verdict, and iterators over samples and scores."""
    from pathlib import Path

    from cogumi.runs import RunView

    return RunView(Path(folder))


def __getattr__(name: str) -> Any:
    if name == "hookimpl":
        from cogumi.hookspecs import hookimpl

        return hookimpl
    raise AttributeError(f"module 'cogumi' has no attribute '{name}'")
