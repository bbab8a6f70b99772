"""Evaluation and self-consistency distillation of language models, built of plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pluggy import HookimplMarker

if TYPE_CHECKING:
    from pathlib import Path

    from cogumi.pipeline import Result
    from cogumi.processes import Display

__version__ = "0.1.0"
__all__ = ["__version__", "hookimpl", "run"]

hookimpl = HookimplMarker("cogumi")
"""Marks the functions of a plugin that implement hooks."""


def run(*, config: Path | None = None, until: str = "report", show: Display | None = None, **settings: Any) -> Result:
    """Run the main job, as `cogumi run` does, and return what it came to.

    `settings` are the fields of `cogumi.settings.Settings`, e.g. `plugins=["math"], held_out=50, out="runs/a"`; they win
    over those of the TOML file `config`. `until` names the last stage; `show` is told about progress. Raises
    `cogumi.errors.BadInput` and `cogumi.errors.RunFailed`, as the command line's exit codes 2 and 1.
    """
    from cogumi import pipeline
    from cogumi.settings import merge, read_config

    return pipeline.run(merge(read_config(config) if config is not None else {}, settings), until=until, show=show)
