"""Libraries that load models say things nobody asked for; here they do not."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def silence_bitsandbytes() -> None:
    """Keep bitsandbytes from telling of an optional kernel it did not find; to be called before it is imported."""
    logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bar, no remarks of transformers', nor peft's on a property that newer transformers call otherwise."""
    import transformers.utils.logging

    silence_bitsandbytes()
    bars: Any = transformers.utils.logging  # untyped there
    shown, verbosity = bars.is_progress_bar_enabled(), bars.get_verbosity()
    bars.disable_progress_bar()
    bars.set_verbosity_error()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing", category=FutureWarning)
            yield
    finally:
        bars.set_verbosity(verbosity)
        if shown:
            bars.enable_progress_bar()
