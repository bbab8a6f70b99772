"""Sampler `hf`: draws completions from a local model folder with transformers, on CPU or CUDA.

Light to import: torch and transformers are loaded when the factory is called.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cogumi import hookimpl
from cogumi.hookspecs import Register
from cogumi.protocols import Sampler
from cogumi.records import Model

if TYPE_CHECKING:
    from cogumi_hf.sampler import HFSampler

__version__ = "0.1.0"


def hf(
    model: Model,
    *,
    device: str = "auto",
    dtype: str = "auto",
    batch_size: int = 0,
    base: str = "as-trained",
) -> HFSampler:
    """Draw with transformers from a local model folder, with or without a LoRA adapter.

    `device`: cpu, cuda, cuda:N, or auto (cuda where there is one). `dtype`: float32, bfloat16, float16, or auto (float32
    on CPU, the model's own on CUDA). `batch_size`: most rows drawn at a time, 0 = found by itself; halved when memory
    runs out. `base`: what an adapter is added to: as-trained (a base that was trained in 4-bit is rounded the same way)
    or original.
    """
    from cogumi_hf.sampler import HFSampler

    return HFSampler(model, device=device, dtype=dtype, batch_size=batch_size, base=base)


@hookimpl
def register_samplers(register: Register[Callable[..., Sampler]]) -> None:
    """Offer `hf`."""
    register("hf", hf)
