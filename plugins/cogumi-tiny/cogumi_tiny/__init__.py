"""The embedded model: `tiny`, a few megabytes of weights that let everything run without a download or a GPU.

Contract: registers one model name, and a check that its weights are there; the folder beside this module is a complete
model folder (config, safetensors weights, tokenizer with chat template, generation config, model card) and nothing else is
read or written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from cogumi import hookimpl
from cogumi.hookspecs import Register
from cogumi.records import Finding, Model, Weights

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
"""What distills this model: small weights need a learning rate 200 times that of an 8B model (at twice this one, more of
its consensus is learnt wrong; at half of it, less is learnt)."""


def tiny() -> Weights:
    """A Llama of 3 M parameters, deliberately noisy: right on average, different every time. For learning, tests and demos."""
    return Weights(name="tiny", path=str(FOLDER), data="bundled", training=TRAINING)


@hookimpl
def register_models(register: Register[Callable[[], Model]]) -> None:
    """Offer the embedded model under the name `tiny`."""
    register("tiny", tiny)


def weights() -> Iterator[Finding]:
    """Whether the installation brought the weights."""
    if any(FOLDER.glob("*.safetensors")):
        yield Finding(name="embedded model", ok=True, detail="tiny")
        return
    fix = "pip install --force-reinstall cogumi-tiny"
    yield Finding(name="embedded model", ok=False, detail=f"no weights in {FOLDER}", fix=fix)


@hookimpl
def register_checks(register: Register[Callable[[], Iterable[Finding]]]) -> None:
    """Offer `embedded-model`."""
    register("embedded-model", weights)
