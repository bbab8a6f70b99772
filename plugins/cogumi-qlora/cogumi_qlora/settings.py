"""The trainer's options as one frozen record, checked once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from cogumi.errors import BadInput

Quantize: TypeAlias = Literal["auto", "nf4", "none"]
Schedule: TypeAlias = Literal["constant", "linear", "cosine"]
Switch: TypeAlias = Literal["auto", "on", "off"]
Device: TypeAlias = Literal["auto", "cpu", "cuda"]
Into: TypeAlias = Literal["as-trained", "original"]
DType: TypeAlias = Literal["auto", "float32", "bfloat16"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to train. Raises `BadInput` naming the option when a value makes no sense."""

    learning_rate: float
    """Peak learning rate of AdamW."""
    epochs: float
    """Passes over the examples; may be a fraction."""
    batch_size: int
    """Examples in one forward pass."""
    gradient_accumulation: int
    """Forward passes per optimiser step."""
    lora_r: int
    """Rank of the update."""
    lora_alpha: int
    """The update is scaled by `lora_alpha / lora_r`."""
    lora_dropout: float
    """Dropout on the adapter's input, in [0, 1)."""
    schedule: Schedule
    """What the learning rate does after the warm-up."""
    warmup_ratio: float
    """Share of all steps over which the learning rate rises from zero, in [0, 1)."""
    max_grad_norm: float
    """Gradients are clipped to this norm; 0 switches it off."""
    weight_decay: float
    """AdamW's decoupled weight decay, on the adapter alone."""
    quantize: Quantize
    """`auto`: 4-bit where possible; `nf4`: 4-bit or an error; `none`: plain LoRA."""
    packing: Switch
    """Whether the examples of a forward pass share one row, each seeing only itself."""
    max_length: int
    """Most tokens of an example, prompt included; 0 is the model's own limit."""
    checkpoint_steps: int
    """Optimiser steps between two checkpoints."""
    gradient_checkpointing: Switch
    """Whether activations are computed twice to save memory."""
    device: Device
    """Where to train."""
    dtype: DType
    """The base's dtype where it is not 4-bit, and the dtype it computes in."""
    seed: int
    """Seed of the order, of the adapter's first weights and of dropout."""

    def __post_init__(self) -> None:
        for name in ("batch_size", "gradient_accumulation", "lora_r", "lora_alpha", "checkpoint_steps"):
            self._check(name, getattr(self, name) >= 1, "must be at least 1")
        for name in ("learning_rate", "epochs"):
            self._check(name, 0 < getattr(self, name) < float("inf"), "must be positive and finite")
        for name in ("lora_dropout", "warmup_ratio"):
            self._check(name, 0 <= getattr(self, name) < 1, "must be in [0, 1)")
        for name in ("max_grad_norm", "weight_decay", "max_length", "seed"):
            self._check(name, 0 <= getattr(self, name) < float("inf"), "must not be negative")

    def _check(self, name: str, good: bool, problem: str) -> None:
        if not good:
            raise BadInput(f"{getattr(self, name)} {problem}", field=name)

    @property
    def step_size(self) -> int:
        """Examples per optimiser step."""
        return self.batch_size * self.gradient_accumulation
