"""The frozen base model: in 4 bits where that is possible, and said plainly where it is not."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from cogumi.errors import BadInput, RunFailed
from cogumi.records import Model
from cogumi_qlora.settings import Settings

NOT_4_BIT = "the base could not be held in 4 bits ({reason}): trained plain LoRA on the whole base instead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A loaded, frozen base."""

    model: Any
    """A transformers causal language model."""
    quantization: str
    """`nf4` or `none`."""
    device: torch.device
    """Where it is."""
    dtype: torch.dtype
    """What it computes in."""
    notes: tuple[str, ...] = ()
    """What the user has to know of it."""


def hush() -> None:
    """Keep bitsandbytes from telling of an optional inference kernel it did not find; to be called before it is imported."""
    logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)


def check_folder(model: Model) -> dict[str, Any]:
    """The folder's configuration. Raises `BadInput` when the folder cannot be a base to train on; loads no weights."""
    folder = Path(model.path)
    if model.adapter is not None:
        raise BadInput("training on top of an adapter is not supported", file=model.adapter, fix="merge it first")
    if not (folder / "config.json").is_file():
        raise BadInput("not a model folder: it has no config.json", file=folder, fix="give a folder with config and weights")
    if not any(folder.glob("*.safetensors")):
        raise BadInput("no safetensors weights; other formats are not loaded", file=folder, fix="convert the weights")
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadInput(f"not JSON: {error}", file=folder / "config.json") from error
    if config.get("quantization_config"):
        raise BadInput("the base is quantised already", file=folder, fix="give the original weights")
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


def load(model: Model, settings: Settings) -> Base:
    """Load and freeze. With `quantize="auto"` a base that cannot be held in 4 bits is held whole, and a note says so."""
    device = pick_device(settings)
    dtype = pick_dtype(settings, device)
    if settings.quantize == "none":
        return Base(model=_load_whole(model, device, dtype), quantization="none", device=device, dtype=dtype)
    try:
        return Base(model=_load_nf4(model, device, dtype), quantization="nf4", device=device, dtype=dtype)
    except torch.OutOfMemoryError:
        raise
    except (ImportError, RuntimeError, ValueError, AttributeError, OSError, SafetensorError) as error:
        reason = _reason(error)
        if settings.quantize == "nf4":
            raise RunFailed(f"{model.path}: the base cannot be held in 4 bits: {reason}") from error
    whole = _load_whole(model, device, dtype)
    return Base(model=whole, quantization="none", device=device, dtype=dtype, notes=(NOT_4_BIT.format(reason=reason),))


def _load_whole(model: Model, device: torch.device, dtype: torch.dtype) -> Any:
    try:
        return _frozen(_from_pretrained(model, dtype).to(device))
    except (ValueError, KeyError, OSError, SafetensorError) as error:
        raise BadInput(f"the base cannot be loaded: {_reason(error)}", file=model.path) from error


def _load_nf4(model: Model, device: torch.device, dtype: torch.dtype) -> Any:
    """The base with NF4 linear layers (doubly quantised scales), proved to run by a forward pass over two tokens."""
    import bitsandbytes.nn.modules
    import transformers

    make: Any = transformers.BitsAndBytesConfig  # untyped there
    config = make(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )
    loaded = _frozen(_from_pretrained(model, dtype, quantization_config=config, device_map={"": device}))
    layers = [m for m in loaded.modules() if isinstance(m, bitsandbytes.nn.modules.Linear4bit)]
    if not layers:
        raise ValueError("it has no linear layer that could be")
    for layer in layers:
        # On some processors an evaluating 4-bit layer repacks itself for good and computes in bfloat16.
        layer.support_avx512bf16_for_cpu = False
    with torch.no_grad():
        loaded(input_ids=torch.tensor([[0, 1]], device=device), use_cache=False)
    return loaded


def _from_pretrained(model: Model, dtype: torch.dtype, **options: Any) -> Any:
    import transformers

    options |= {"use_safetensors": True, "trust_remote_code": model.trust_remote_code, "output_loading_info": True}
    read: Any = transformers.AutoModelForCausalLM.from_pretrained  # typed there as if it never returned the second value
    with _quiet():
        loaded, info = read(model.path, dtype=dtype, **options)
    if info["missing_keys"]:
        raise BadInput(f"weights are missing, e.g. {min(info['missing_keys'])}", file=model.path, fix="fetch the model anew")
    return loaded


def _reason(error: Exception) -> str:
    """An error in one line."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _frozen(model: Any) -> Any:
    return model.requires_grad_(False).eval()


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bar while weights load; the trainer reports its own progress."""
    import transformers.utils.logging

    bars: Any = transformers.utils.logging  # untyped there
    shown = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            bars.enable_progress_bar()
