"""The embedded model: a few megabytes of weights that let everything run without a download or a GPU, in two states.

Contract: registers the models `tiny`, whose vote knows less than temperature 0, and `tiny-spread`, whose vote knows more; and a
check that their weights are there. Each has a complete model folder beside this module (config, safetensors weights, tokenizer
with chat template, generation config, model card), and nothing else is read or written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from cogumi import hookimpl
from cogumi.hookspecs import Register
from cogumi.records import Finding, Model, Weights

__version__ = "0.1.0"

FOLDER = Path(__file__).parent / "model"
"""The model folder of `tiny`; made by `recipe/train.py`."""
SPREAD = FOLDER.with_name("spread")
"""That of `tiny-spread`; made by `recipe/train.py --state tiny-spread`."""
FOLDERS = {"tiny": FOLDER, "tiny-spread": SPREAD}
"""Both by name."""

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


def tiny_spread() -> Weights:
    """The same after mixed fine-tuning: it often answers too soon. Its vote knows more than temperature 0: training pays."""
    return Weights(name="tiny-spread", path=str(SPREAD), data="bundled", training=TRAINING)


@hookimpl
def register_models(register: Register[Callable[[], Model]]) -> None:
    """Offer `tiny` and `tiny-spread`."""
    register("tiny", tiny)
    register("tiny-spread", tiny_spread)


def weights() -> Iterator[Finding]:
    """Whether the installation brought the weights."""
    missing = [folder for folder in FOLDERS.values() if not any(folder.glob("*.safetensors"))]
    if not missing:
        yield Finding(name="embedded model", ok=True, detail=", ".join(FOLDERS))
        return
    fix = "pip install --force-reinstall cogumi-tiny"
    where = " and ".join(map(str, missing))
    yield Finding(name="embedded model", ok=False, detail=f"no weights in {where}", fix=fix)


@hookimpl
def register_checks(register: Register[Callable[[], Iterable[Finding]]]) -> None:
    """Offer `embedded-model`."""
    register("embedded-model", weights)
