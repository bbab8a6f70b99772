"""Sampler `hf`: draws completions from a local model folder with transformers, on CPU or CUDA.

Light to import, and light to make: torch and transformers are loaded at the first `sample`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

from cogumi import hookimpl
from cogumi.hookspecs import Register
from cogumi.protocols import Sampler
from cogumi.records import Finding, Model
from cogumi_hf import checks
from cogumi_hf.light import LightSampler
from cogumi_hf.options import Options

__version__ = "0.1.0"


def hf(
    model: Model,
    *,
    device: str = "auto",
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto",
    batch_size: int = 0,
    base: Literal["as-trained", "original"] = "as-trained",
    exact: Literal["auto", "yes", "no"] = "auto",
) -> LightSampler:
    """Draw with transformers from a local model folder, with or without a LoRA adapter.

    device: cpu, cuda, cuda:N, or auto (cuda where there is one).
    dtype: float32, bfloat16, float16, or auto (float32 on CPU, the model's own on CUDA).
    batch_size: most samples drawn at a time; 0 finds it by itself. Halved when memory runs out.
    base: what an adapter is merged into: as-trained (rounded to 4 bits where training held it so) or original.
    exact: yes, no, or auto (yes in float32): whether close calls are decided apart, so that no text depends on its batch.
    """
    return LightSampler(model, Options(device=device, dtype=dtype, batch_size=batch_size, base=base, exact=exact))


@hookimpl
def register_samplers(register: Register[Callable[..., Sampler]]) -> None:
    """Offer `hf`."""
    register("hf", hf)


@hookimpl
def register_checks(register: Register[Callable[[], Iterable[Finding]]]) -> None:
    """Offer what `hf` needs to work: torch, and chat templates."""
    register("torch", checks.torch)
    register("chat-templates", checks.chat_templates)
