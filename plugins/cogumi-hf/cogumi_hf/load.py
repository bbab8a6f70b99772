"""A model folder, and an adapter where there is one, as a transformers model ready to draw from.

Only safetensors are read, and only local files. What is sampled is what was trained: `cogumi_training.json` beside an
adapter says whether its base was held in 4-bit NF4, and then the base is rounded to NF4 and back before the adapter is
added (`base="original"` leaves the rounding out; the two differ by several percent). In float32 the adapter is merged into
the weights, which is exact to 1e-6; in 16 bits it stays beside them, as in training, since rounding the sum would lose it.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from cogumi.errors import BadInput
from cogumi.records import JSON, Model

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
RECORD = "cogumi_training.json"
INSTALL = "pip install 'cogumi-hf[adapter]'"


def load(model: Model, *, device: str, dtype: str, base: str) -> Any:
    """The model on its device. Raises `BadInput` for options and folders that cannot be used."""
    place = _device(device)
    kind = _dtype(dtype, place, model)
    with _quiet():
        if model.adapter is None:
            return _pretrained(model, kind, place)
        record = _record(Path(model.adapter))
        rounded = base == "as-trained" and record.get("quantization") == "nf4"
        return _adapted(_rounded(model, kind, place, record) if rounded else _pretrained(model, kind, place), model.adapter)


def _record(adapter: Path) -> dict[str, JSON]:
    """What the trainer wrote of its base; empty for an adapter from elsewhere."""
    path = adapter / RECORD
    if not path.exists():
        return {}
    try:
        record: dict[str, JSON] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadInput(f"not JSON: {error}", file=path, fix="train again, or remove this file") from error
    return record


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise BadInput(f"{name!r} is no device", field="device", fix="use auto, cpu, cuda or cuda:N") from error
    seen = torch.cuda.device_count()
    if device.type == "cuda" and (device.index or 0) >= seen:
        raise BadInput(f"torch sees {seen} CUDA devices, not {name}", field="device", fix="use auto or cpu")
    return device


def _dtype(name: str, device: torch.device, model: Model) -> torch.dtype:
    if name in DTYPES:
        return DTYPES[name]
    if name != "auto":
        raise BadInput(f"{name!r} is unknown", field="dtype", fix="use auto, " + ", ".join(DTYPES))
    if device.type == "cpu":
        return torch.float32  # many CPUs have no 16-bit arithmetic and are 100 times slower in it
    config = json.loads((Path(model.path) / "config.json").read_text(encoding="utf-8"))
    config = {**config.get("text_config", {}), **config}
    return DTYPES.get(str(config.get("dtype", config.get("torch_dtype"))), torch.float32)


def _pretrained(model: Model, dtype: torch.dtype, device: torch.device, **options: Any) -> Any:
    from transformers import AutoModelForCausalLM

    if device.type == "cuda" or options:
        options["device_map"] = {"": device}
    options |= {"use_safetensors": True, "local_files_only": True, "output_loading_info": True}
    read: Any = AutoModelForCausalLM.from_pretrained
    try:
        network, info = read(model.path, dtype=dtype, trust_remote_code=model.trust_remote_code, **options)
    except (OSError, ValueError, KeyError) as error:
        raise BadInput(f"the model cannot be loaded: {_line(error)}", file=model.path) from error
    if info["missing_keys"]:
        raise BadInput(f"weights are missing, e.g. {min(info['missing_keys'])}", file=model.path, fix="fetch the model anew")
    return network


def _rounded(model: Model, dtype: torch.dtype, device: torch.device, record: dict[str, JSON]) -> Any:
    """The base rounded to NF4 and back, from the type that training rounded it from."""
    trained = DTYPES.get(str(record.get("compute_dtype")), dtype)
    logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)  # tells of an optional kernel
    try:
        from transformers import BitsAndBytesConfig

        make: Any = BitsAndBytesConfig
        double = bool(record.get("double_quantization", True))
        four_bit = make(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=double,
            bnb_4bit_compute_dtype=trained,
        )
        network = _pretrained(model, trained, device, quantization_config=four_bit)
    except ImportError as error:
        fix = INSTALL + ", or use base=original"
        raise BadInput(f"the adapter was trained on a 4-bit base: {_line(error)}", file=model.adapter, fix=fix) from error
    return network.dequantize().to(dtype)


def _adapted(network: Any, adapter: str) -> Any:
    try:
        from peft import PeftModel
    except ImportError as error:
        raise BadInput("an adapter needs peft", file=adapter, fix=INSTALL) from error
    try:
        adapted = PeftModel.from_pretrained(network, adapter)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise BadInput(f"the adapter does not fit this model: {_line(error)}", file=adapter) from error
    return adapted.merge_and_unload() if network.dtype == torch.float32 else adapted.get_base_model()


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bar, no remarks of transformers', nor peft's on a property that newer transformers call otherwise."""
    import transformers.utils.logging

    bars: Any = transformers.utils.logging
    shown, verbosity = bars.is_progress_bar_enabled(), bars.get_verbosity()
    bars.disable_progress_bar()
    bars.set_verbosity_error()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing", category=FutureWarning)
            yield
    finally:
        bars.set_verbosity(verbosity)
        if shown:
            bars.enable_progress_bar()
