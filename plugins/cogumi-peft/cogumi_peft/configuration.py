"""What a model's configuration says, read without torch."""

from __future__ import annotations

import json
from pathlib import Path


def own_dtype(folder: Path) -> str:
    """Name of the type that the folder's weights are meant to be used in; float32 where its configuration says nothing.

    Raises `OSError` or `ValueError` where no configuration can be read, `AttributeError` or `TypeError` where it is none.
    """
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config = {**(config.get("text_config") or {}), **config}
    return str(config.get("dtype", config.get("torch_dtype", "float32")))
