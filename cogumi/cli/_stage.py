"""What the commands share that run one stage of a run folder, and all it builds on."""

from __future__ import annotations

from typing import Any

from cogumi.cli._options import settings_of


def run_until(stage: str, flags: dict[str, Any]) -> Any:
    """Run up to a stage with bars on stderr; the run's result."""
    from cogumi import pipeline
    from cogumi.cli._display import Bars

    settings = settings_of(flags)
    with Bars() as bars:
        return pipeline.run(settings, until=stage, show=bars)
