"""Public datasets, for tests that hold a plugin against the real thing.

They lie in a folder that the environment variable COGUMI_DATA_DIR names (`gsm8k/test.jsonl`, `mmlu/dev.jsonl`, ...). There
is no other place that is looked at: what a test found would depend on where it runs.
"""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "COGUMI_DATA_DIR"


def data_folder(name: str) -> Path | None:
    """The dataset's folder (or file) of this name, e.g. `gsm8k`; None where there is none."""
    root = os.environ.get(VARIABLE)
    path = Path(root, name) if root else None
    return path if path is not None and path.exists() else None


def need_data(name: str) -> Path:
    """The same for a pytest test that cannot do without: it is skipped, and says why, where the data is missing."""
    import pytest

    found = data_folder(name)
    if found is None:
        why = f"there is no {name} in {os.environ[VARIABLE]}" if os.environ.get(VARIABLE) else f"{VARIABLE} is not set"
        pytest.skip(f"{why}: it is to name a folder that holds {name}")
    return found
