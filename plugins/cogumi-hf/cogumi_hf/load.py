"""A model folder, and an adapter where there is one, as a transformers model ready to draw from.

Only safetensors are read. An adapter is merged into the weights it was trained on: where `cogumi_training.json` beside
it says that the base was held in 4-bit NF4, the base is rounded to NF4 and back first, since that is the model whose loss
was minimised (`base="original"` leaves the rounding out).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from cogumi.errors import BadInput
from cogumi.records import Model

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
BASES = ("as-trained", "original")


def load(model: Model, *, device: str, dtype: str, base: str) -> Any:
    """The model on its device. Raises `BadInput` for options and folders that cannot be used."""
    if base not in BASES:
        raise BadInput(f"{base!r} is unknown", field="base", fix="use " + " or ".join(BASES))
    place = _device(device)
    kind = _dtype(dtype, place, model)
    if model.adapter is None:
        return (
            _pretrained(model, dtype=kind, device_map={"": place}) if place.type == "cuda" else _pretrained(model, dtype=kind)
        )
    rounded = base == "as-trained" and trained_on(Path(model.adapter)) == "nf4"
    return _adapted(model, model.adapter, place, kind, rounded=rounded)


def trained_on(adapter: Path) -> str:
    """How the adapter's base was held in training: `nf4` or `none`; `none` where the adapter does not say."""
    path = adapter / "cogumi_training.json"
    if not path.exists():
        return "none"
    return str(json.loads(path.read_text(encoding="utf-8")).get("quantization", "none"))


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise BadInput(f"{name!r} is no device", field="device", fix="use auto, cpu, cuda or cuda:N") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise BadInput("this machine has no CUDA device that torch can use", field="device", fix="use auto or cpu")
    return device


def _dtype(name: str, device: torch.device, model: Model) -> torch.dtype:
    if name in DTYPES:
        return DTYPES[name]
    if name != "auto":
        raise BadInput(f"{name!r} is unknown", field="dtype", fix="use auto, " + ", ".join(DTYPES))
    if device.type == "cpu":
        return torch.float32  # 16-bit arithmetic is emulated on most CPUs, 100 times slower
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(model.path, trust_remote_code=model.trust_remote_code)
    return getattr(config, "dtype", None) or torch.float32


def _pretrained(model: Model, **options: Any) -> Any:
    from transformers import AutoModelForCausalLM

    try:
        return AutoModelForCausalLM.from_pretrained(
            model.path, use_safetensors=True, local_files_only=True, trust_remote_code=model.trust_remote_code, **options
        )
    except (OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise BadInput(f"the model cannot be loaded: {reason}", file=model.path) from error


def _adapted(model: Model, adapter: str, device: torch.device, dtype: torch.dtype, *, rounded: bool) -> Any:
    try:
        from peft import PeftModel
    except ImportError as error:
        raise BadInput("an adapter needs peft", fix="pip install 'cogumi-hf[adapter]'") from error
    plain = _rounded(model, device, dtype) if rounded else _pretrained(model, dtype=dtype).to(device)
    try:
        return PeftModel.from_pretrained(plain, adapter).merge_and_unload()
    except (OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise BadInput(f"the adapter does not fit {model.path}: {reason}", file=adapter) from error


def _rounded(model: Model, device: torch.device, dtype: torch.dtype) -> Any:
    """The base rounded to NF4 and back, as training held it: merging into it is exact."""
    from transformers import BitsAndBytesConfig

    four_bit: Any = BitsAndBytesConfig(  # type: ignore[no-untyped-call]
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype
    )
    try:
        quantized = _pretrained(model, dtype=dtype, quantization_config=four_bit, device_map={"": device})
    except ImportError as error:
        fix = "pip install 'cogumi-hf[adapter]', or use -o base=original"
        raise BadInput("the adapter was trained on a 4-bit base, which needs bitsandbytes", fix=fix) from error
    return quantized.dequantize().to(dtype)
