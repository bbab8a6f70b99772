"""The adapter: attached to every linear layer, measured, and written so that plain peft loads it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from cogumi_peft.quiet import quiet

from cogumi.errors import BadInput
from cogumi.records import JSON
from cogumi_qlora.base import Base
from cogumi_qlora.settings import Settings

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"


@dataclass(frozen=True, slots=True)
class Change:
    """How far the weights moved: Frobenius norm of the effective update over that of the weights it is added to."""

    overall: float
    """Over all adapted layers together."""
    largest: float
    """In the layer that moved most."""
    layer: str
    """That layer's name."""


def attach(base: Base, settings: Settings) -> Any:
    """A peft model with a fresh adapter on every linear layer but the output layer; its weights are float32."""
    from peft import LoraConfig, get_peft_model
    from transformers import set_seed

    set_seed(settings.seed)
    config = LoraConfig(
        r=settings.lora_r,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules=linear_names(base.model),
        task_type="CAUSAL_LM",
    )
    with quiet():
        return get_peft_model(base.model, config)


def recompute_activations(model: Any) -> None:
    """Compute activations a second time in the backward pass rather than keep them."""
    if hasattr(model, "activation_checkpointing_enable"):  # what newer versions of transformers call it
        model.activation_checkpointing_enable({"use_reentrant": False})
    else:
        model.gradient_checkpointing_enable({"use_reentrant": False})


def linear_names(model: Any) -> list[str]:
    """The last parts of the names of all linear layers, sorted, without the output layer."""
    output = model.get_output_embeddings()
    found = {n.rpartition(".")[2] for n, m in model.named_modules() if isinstance(m, torch.nn.Linear) and m is not output}
    if not found:
        raise BadInput("the base has no linear layers to adapt", file=model.name_or_path)
    return sorted(found)


def change(model: Any) -> Change:
    """How far the adapter moves its base. The norms are computed in float64; exactly 0.0 while every B is zero."""
    updates, weights, largest, where = 0.0, 0.0, 0.0, ""
    for name, module in model.named_modules():
        if not hasattr(module, "lora_A") or "default" not in module.lora_A:
            continue
        update, weight = _update_norm(module), _weight_norm(module.get_base_layer())
        updates, weights = updates + update**2, weights + weight**2
        if weight and update / weight > largest:
            largest, where = update / weight, name.removeprefix("base_model.model.")
    return Change(math.sqrt(updates / weights) if weights else 0.0, largest, where)


def _update_norm(module: Any) -> float:
    """Norm of scale * B A, from the two small Gram matrices: |BA|^2 = tr((B'B)(AA'))."""
    a = module.lora_A["default"].weight.detach().double()
    b = module.lora_B["default"].weight.detach().double()
    square = ((b.T @ b) * (a @ a.T)).sum().clamp(min=0.0)
    return float(square.sqrt()) * abs(float(module.scaling["default"]))


def _weight_norm(layer: Any) -> float:
    weight = layer.weight
    if getattr(weight, "quant_state", None) is not None:
        from bitsandbytes.functional import dequantize_4bit

        weight = dequantize_4bit(weight.data, weight.quant_state)
    return float(torch.linalg.vector_norm(weight.detach(), dtype=torch.float64))


def state(model: Any) -> dict[str, torch.Tensor]:
    """The adapter's tensors under peft's names, on the CPU."""
    from peft import get_peft_model_state_dict

    tensors = get_peft_model_state_dict(model, save_embedding_layers=False)
    return {name: tensor.detach().cpu().contiguous() for name, tensor in sorted(tensors.items())}


def restore(model: Any, folder: Path) -> None:
    """Load the tensors that `save_tensors` wrote into a model with the same adapter."""
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    set_peft_model_state_dict(model, load_file(folder / WEIGHTS))


def save_tensors(model: Any, folder: Path) -> None:
    """Write the adapter's tensors."""
    from safetensors.torch import save_file

    save_file(state(model), folder / WEIGHTS, metadata={"format": "pt"})


def save(model: Any, folder: Path, base: Path) -> None:
    """Write tensors and configuration, the same bytes for the same adapter of the base in this folder."""
    save_tensors(model, folder)
    config: dict[str, JSON] = model.peft_config["default"].to_dict()
    config |= {"base_model_name_or_path": str(base), "inference_mode": True, "revision": None}
    plain = {key: sorted(value) if isinstance(value, set) else value for key, value in config.items()}
    write_json(folder / CONFIG, plain)


def write_json(path: Path, value: JSON) -> None:
    """Readable JSON with sorted keys."""
    path.write_text(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
