"""What torch can do here: `python -m cogumi_hf.probe` prints one JSON object.

Keys: `torch` (its version), `cuda` (a version, or null for a CPU build) and `gpus` (`name`, `memory` in bytes, `bf16`); on
failure `error`.
"""

from __future__ import annotations

from typing import Any

from cogumi_peft.probing import answer


def look() -> dict[str, Any]:
    """Version and GPUs of torch."""
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    properties = [torch.cuda.get_device_properties(device) for device in range(count)]
    gpus = [{"name": p.name, "memory": p.total_memory, "bf16": p.major >= 8} for p in properties]
    return {"torch": torch.__version__, "cuda": torch.version.cuda, "gpus": gpus}


if __name__ == "__main__":
    answer(look)
