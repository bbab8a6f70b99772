"""The frozen base model: in 4 bits where that is possible, and said plainly where it is not."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from cogumi_peft import bases

from cogumi.errors import BadInput, RunFailed
from cogumi.records import Weights
from cogumi.weights import check_model
from cogumi_qlora.settings import Settings

NOT_4_BIT = "the base could not be held in 4 bits ({reason}): trained plain LoRA on the whole base instead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A loaded, frozen base."""

    model: Any
    """A transformers causal language model."""
    quantization: Literal["none", "nf4"]
    """How it is held."""
    device: torch.device
    """Where it is."""
    dtype: torch.dtype
    """What it computes in."""
    notes: tuple[str, ...] = ()
    """What the user has to know of it."""


def check_folder(model: Weights) -> dict[str, Any]:
    """The folder's configuration. Raises `BadInput` when the folder cannot be a base to train on; loads no weights."""
    if model.adapter is not None:
        raise BadInput("training on top of an adapter is not supported", file=model.adapter, fix="merge it first")
    check_model(model)
    config: dict[str, Any] = json.loads((Path(model.path) / "config.json").read_text(encoding="utf-8"))
    if config.get("quantization_config"):
        raise BadInput("the base is quantised already", file=model.path, fix="give the original weights")
    return config


def pick_device(settings: Settings) -> torch.device:
    """Where to train. Raises `BadInput` when CUDA was asked for and is not there."""
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise BadInput("torch sees no CUDA device", field="device", fix="leave it at auto")
    name = settings.device if settings.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name, 0) if name == "cuda" else torch.device(name)


def pick_dtype(settings: Settings, device: torch.device) -> torch.dtype:
    """bfloat16 on a GPU that has it, else float32."""
    if settings.dtype != "auto":
        return torch.float32 if settings.dtype == "float32" else torch.bfloat16
    return torch.bfloat16 if device.type == "cuda" and torch.cuda.is_bf16_supported() else torch.float32


def load(model: Weights, settings: Settings) -> Base:
    """Load and freeze. With `quantize="auto"` a base that cannot be held in 4 bits is held whole, and a note says so."""
    device = pick_device(settings)
    dtype = pick_dtype(settings, device)
    if settings.quantize == "none":
        return Base(model=_load_whole(model, device, dtype), quantization="none", device=device, dtype=dtype)
    try:
        return Base(model=_load_nf4(model, device, dtype), quantization="nf4", device=device, dtype=dtype)
    except torch.OutOfMemoryError:
        raise
    except (ImportError, RuntimeError, AttributeError, *bases.UNREADABLE) as error:
        reason = bases.one_line(error)
        if settings.quantize == "nf4":
            raise RunFailed(f"{model.path}: the base cannot be held in 4 bits: {reason}") from error
    whole = _load_whole(model, device, dtype)
    return Base(model=whole, quantization="none", device=device, dtype=dtype, notes=(NOT_4_BIT.format(reason=reason),))


def _load_whole(model: Weights, device: torch.device, dtype: torch.dtype) -> Any:
    return _frozen(bases.whole(model, dtype, device))


def _load_nf4(model: Weights, device: torch.device, dtype: torch.dtype) -> Any:
    """The base with NF4 linear layers (doubly quantised scales), proved to run by a forward pass over two tokens."""
    loaded = _frozen(bases.in_nf4(model, dtype, device))
    with torch.no_grad():
        loaded(input_ids=torch.tensor([[0, 1]], device=device), use_cache=False)
    return loaded


def _frozen(model: Any) -> Any:
    return model.requires_grad_(False).eval()
