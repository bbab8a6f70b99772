"""The `qlora` trainer: LoRA on a 4-bit base, on transformers' training loop.

Importing this module loads neither torch nor transformers; training does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated

from cogumi import hookimpl
from cogumi.hookspecs import Register
from cogumi.protocols import Trainer
from cogumi.records import Finding, Neutral
from cogumi_qlora import checks
from cogumi_qlora.settings import Device, DType, Into, Quantize, Schedule, Settings, Switch
from cogumi_qlora.trainer import QLoRA

__version__ = "0.1.0"
__all__ = ["qlora", "register_trainers"]


@hookimpl
def register_trainers(register: Register[Callable[..., Trainer]]) -> None:
    """Offer `qlora`."""
    register("qlora", qlora)


def qlora(
    *,
    learning_rate: float = 5e-6,
    epochs: float = 2.0,
    batch_size: int = 4,
    gradient_accumulation: int = 1,
    lora_r: int = 16,
    lora_alpha: int = 32,
    lora_dropout: float = 0.05,
    schedule: Schedule = "constant",
    warmup_ratio: float = 0.03,
    max_grad_norm: float = 1.0,
    weight_decay: float = 0.0,
    quantize: Quantize = "auto",
    packing: Switch = "auto",
    max_length: int = 0,
    checkpoint_steps: Annotated[int, Neutral] = 25,
    gradient_checkpointing: Switch = "auto",
    device: Device = "auto",
    dtype: DType = "auto",
    seed: int = 0,
    merge_into: Annotated[Into, Neutral] = "as-trained",
) -> Trainer:
    """QLoRA: LoRA on every linear layer of a frozen base held in 4 bits (plain LoRA, said so, where 4 bits are impossible).

    Learns the targets alone, each at its example's train temperature; resumes from its checkpoints to the same bytes.
    """
    options = dict(locals())
    del options["merge_into"]
    return QLoRA(Settings(**options), merge_into)


@hookimpl
def register_checks(register: Register[Callable[[], Iterable[Finding]]]) -> None:
    """Offer `4-bit`, which tries NF4."""
    register("4-bit", checks.four_bit)
