"""A model folder, and an adapter where there is one, as a transformers model ready to draw from.

What is sampled is what was trained: an adapter's manifest says whether its base was held in 4-bit NF4, and then the base is
rounded to NF4 and back before the adapter is added (`base="original"` leaves the rounding out; the two differ by several
percent). In float32 the adapter is merged into the weights, which is exact to 1e-6; in 16 bits it stays beside them, as in
training, since rounding the sum would lose it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from cogumi_peft.adapters import attach, fold, foldable
from cogumi_peft.bases import DTYPES, as_trained, manifest_of, own_dtype, whole

from cogumi.errors import BadInput
from cogumi.records import Weights
from cogumi.weights import check_model


def load(model: Weights, *, device: str, dtype: str, base: str) -> Any:
    """The model on its device. Raises `BadInput` for options, folders and manifests that cannot be used."""
    place = _device(device)
    check_model(model)
    kind = _dtype(dtype, place, model)
    if model.adapter is None:
        return whole(model, kind, place)
    adapted = attach(_base(model, model.adapter, kind, place, base), model.adapter)
    return fold(adapted) if kind == torch.float32 and foldable(adapted) else adapted.get_base_model()


def _base(model: Weights, adapter: str, dtype: torch.dtype, device: torch.device, base: str) -> Any:
    """What the adapter is put on: the base rounded as its manifest says, or the weights as they are."""
    manifest = manifest_of(Path(adapter))
    if manifest is None or manifest.quantization == "none" or base == "original":
        return whole(model, dtype, device)
    return as_trained(model, manifest, device).to(dtype)


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    seen = torch.cuda.device_count()
    if device.type == "cuda" and (device.index or 0) >= seen:
        raise BadInput(f"torch sees {seen} CUDA devices, not {name}", field="device", fix="use auto or cpu")
    return device


def _dtype(name: str, device: torch.device, model: Weights) -> torch.dtype:
    if name != "auto":
        return DTYPES[name]
    if device.type == "cpu":
        return torch.float32  # many CPUs have no 16-bit arithmetic and are 100 times slower in it
    return own_dtype(model)
