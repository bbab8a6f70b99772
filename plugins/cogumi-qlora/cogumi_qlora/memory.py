"""Whether the activations of a forward pass fit on the GPU, or have to be computed a second time.

Recomputing is slow where it is not needed: with a Llama of 8 B parameters in NF4 on one H200, batches of 4 examples of 355
tokens in one row, a step took 0.86 s and 7.3 GiB; without, 0.31 s and 24.4 GiB.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from cogumi_qlora.base import Base
from cogumi_qlora.plan import Step
from cogumi_qlora.settings import Settings

BYTES_PER_WIDTH = 150
"""Kept per token, layer and unit of hidden size; about 100 were measured."""
BYTES_PER_LOGIT = 16
"""Logits, their softmax and gradients, in float32."""
USABLE = 0.8
"""Share of the GPU's memory to count on."""


def must_recompute(base: Base, steps: Sequence[Step], settings: Settings) -> bool:
    """As the option says; `auto` recomputes on a GPU whose memory does not hold the largest forward pass's activations."""
    if settings.gradient_checkpointing != "auto":
        return settings.gradient_checkpointing == "on"
    if base.device.type != "cuda":
        return False
    total = torch.cuda.get_device_properties(base.device).total_memory
    room: float = USABLE * total - base.model.get_memory_footprint()
    return kept_bytes(base.model.config, steps) > room


def kept_bytes(config: object, steps: Sequence[Step]) -> int:
    """An upper estimate of the activations kept for the largest forward pass; more than any GPU has for unknown shapes."""
    tokens = max(len(part) * max(len(e.ids) for e in part) for step in steps for part in step.parts)
    width, layers, words = (getattr(config, name, 1 << 20) for name in ("hidden_size", "num_hidden_layers", "vocab_size"))
    return int(tokens * (BYTES_PER_WIDTH * width * layers + BYTES_PER_LOGIT * words))
