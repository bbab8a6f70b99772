"""A small random model, and adapters of random weights that were trained on it, as far as their manifests say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from cogumi_peft.bases import DTYPES, as_trained

from cogumi.records import AdapterManifest, Weights
from cogumi.testing import random_model
from cogumi.weights import fingerprint, write_manifest

Make = Callable[..., Weights]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return random_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="session")
def cpu() -> torch.device:
    return torch.device("cpu")


@pytest.fixture
def adapted(model: Weights, tmp_path: Path, cpu: torch.device) -> Make:
    """`adapted(quantization, compute_dtype, scale=)`: the model with an adapter whose weights are `scale` times normal."""

    def make(quantization: Any = "nf4", compute_dtype: str = "float32", *, scale: float = 0.05) -> Weights:
        manifest = AdapterManifest(base=fingerprint(model)["weights"], quantization=quantization, compute_dtype=compute_dtype)
        folder = tmp_path / f"adapter-{compute_dtype}"
        save_adapter(as_trained(model, manifest, cpu), folder, scale)
        write_manifest(folder, manifest)
        return replace(model, adapter=str(folder))

    return make


def save_adapter(network: Any, folder: Path, scale: float) -> None:
    from peft import LoraConfig, get_peft_model

    adapted = get_peft_model(network, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    generator = torch.Generator().manual_seed(1)
    for name, parameter in adapted.named_parameters():
        if "lora_" in name:
            parameter.data = torch.randn(parameter.shape, generator=generator) * scale
    adapted.save_pretrained(str(folder))


def logits(network: Any) -> torch.Tensor:
    ids = torch.tensor([[1, 40, 50, 60, 7, 9, 70, 71, 3, 100]])
    with torch.no_grad():
        out: torch.Tensor = network.eval()(input_ids=ids).logits
    return out


@pytest.fixture
def together() -> Callable[..., torch.Tensor]:
    """`together(model, nf4=, dtype=)`: logits of base and adapter by transformers, bitsandbytes and peft alone."""

    def compute(model: Weights, *, nf4: bool, dtype: str = "float32") -> torch.Tensor:
        from peft import PeftModel
        from transformers import AutoModelForCausalLM, BitsAndBytesConfig

        options: dict[str, Any] = {}
        if nf4:
            options["quantization_config"] = BitsAndBytesConfig(  # type: ignore[no-untyped-call]
                load_in_4bit=True,
                bnb_4bit_quant_type="nf4",
                bnb_4bit_use_double_quant=True,
                bnb_4bit_compute_dtype=DTYPES[dtype],
            )
        base = AutoModelForCausalLM.from_pretrained(model.path, dtype=DTYPES[dtype], **options)
        return logits(PeftModel.from_pretrained(base.dequantize() if nf4 else base, str(model.adapter)))

    return compute


@pytest.fixture
def plain() -> Callable[..., torch.Tensor]:
    """`plain(folder)`: logits of a model folder by transformers alone."""

    def compute(folder: Path) -> torch.Tensor:
        from transformers import AutoModelForCausalLM

        return logits(AutoModelForCausalLM.from_pretrained(folder))

    return compute
