"""What torch can do here, tried in a process of its own: `python -m cogumi.torch_probe` prints one JSON object.

Importing torch and bitsandbytes takes seconds and a broken CUDA installation may crash, neither of which the caller
should suffer. Keys: `torch`, `cuda` (a version, or null for a CPU build), `gpus` (`name`, `memory` in bytes, `bf16`) and
`nf4` (null when 4-bit works); on failure `error`.
"""

from __future__ import annotations

import json
import sys
import warnings
from typing import Any


def main() -> None:
    """Print what was found."""
    warnings.simplefilter("ignore")
    try:
        found = {**look(), "nf4": try_nf4()}
    except Exception as error:  # whatever torch raises here is the finding
        found = {"error": f"{type(error).__name__}: {error}"}
    sys.stdout.write(json.dumps(found) + "\n")


def look() -> dict[str, Any]:
    """Version and GPUs of torch."""
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    properties = [torch.cuda.get_device_properties(device) for device in range(count)]
    gpus = [{"name": p.name, "memory": p.total_memory, "bf16": p.major >= 8} for p in properties]
    return {"torch": torch.__version__, "cuda": torch.version.cuda, "gpus": gpus}


def try_nf4() -> str | None:
    """Hold a matrix in 4 bits and read it back: None when that works, else why not."""
    try:
        import torch
        from bitsandbytes import functional

        device = "cuda" if torch.cuda.is_available() else "cpu"
        matrix = torch.linspace(-1, 1, 64 * 64, device=device).reshape(64, 64)
        packed, state = functional.quantize_4bit(matrix, quant_type="nf4")
        worst = (functional.dequantize_4bit(packed, state) - matrix).abs().max().item()
    except Exception as error:  # missing, not built for this machine, no kernel: all mean no 4-bit here
        return f"{type(error).__name__}: {error}"
    return None if worst < 0.2 else f"values come back wrong by {worst:.2f}"


if __name__ == "__main__":
    main()
