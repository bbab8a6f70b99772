"""Whether weights can be held in 4 bits here: `python -m cogumi_qlora.probe` prints one JSON object.

Key `nf4`: null when it works, else why not; `error` when torch itself fails.
"""

from __future__ import annotations

from typing import Any

from cogumi_peft.probing import answer

MOST = 0.2
"""Largest error of a value between -1 and 1: half the widest gap between NF4's levels is 0.15."""


def look() -> dict[str, Any]:
    """Hold a matrix in 4 bits and read it back."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    matrix = torch.linspace(-1, 1, 64 * 64, device=device).reshape(64, 64)
    return {"nf4": _try(matrix)}


def _try(matrix: Any) -> str | None:
    try:
        from bitsandbytes import functional

        packed, state = functional.quantize_4bit(matrix, quant_type="nf4")
        worst = (functional.dequantize_4bit(packed, state) - matrix).abs().max().item()
    except Exception as error:  # missing, not built for this machine, no kernel: all mean no 4-bit here
        return f"{type(error).__name__}: {error}"
    return None if worst < MOST else f"values come back wrong by {worst:.2f}"


if __name__ == "__main__":
    answer(look)
