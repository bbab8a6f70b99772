"""The embedded model: `tiny`, a few megabytes of weights that let everything run without a download or a GPU.

Contract: registers one model name; the folder beside this module is a complete model folder (config, safetensors
weights, tokenizer with chat template, generation config, model card) and nothing else is read or written.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cogumi import hookimpl
from cogumi.hookspecs import Register
from cogumi.records import Model

__version__ = "0.1.0"

FOLDER = Path(__file__).parent / "model"
"""The model folder; made by `recipe/train.py`."""

TRAINING = {
    "epochs": 3,
    "batch_size": 4,
    "learning_rate": 1e-3,
    "lora_r": 16,
    "lora_alpha": 32,
    "lora_dropout": 0.0,
    "schedule": "linear",
    "warmup_ratio": 0.1,
    "max_grad_norm": 1.0,
    "weight_decay": 0.0,
}
"""What distils this model: small weights need a learning rate 200 times that of an 8B model (at twice this one, more of
its consensus is learnt wrong; at half of it, less is learnt)."""


def tiny() -> Model:
    """A Llama of 3 M parameters, deliberately noisy: right on average, different every time. For learning, tests and demos."""
    return Model(name="tiny", path=str(FOLDER), data="bundled", training=TRAINING)


@hookimpl
def register_models(register: Register[Callable[[], Model]]) -> None:
    """Offer the embedded model under the name `tiny`."""
    register("tiny", tiny)
