"""A model folder as a network: whole, with linear layers held in 4 bits, or rounded to 4 bits and back.

Only safetensors are read, and only local files. NF4 is bitsandbytes' (Dettmers et al. 2023, QLoRA): weights in blocks of 64
on 16 levels, the blocks' scales quantised a second time or not. The output layer stays whole. Dequantised, the weights are
exactly the numbers that 4-bit layers compute with, in the type they were rounded from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from cogumi.errors import BadInput
from cogumi.records import AdapterManifest, Weights
from cogumi.weights import INDEX, MANIFEST, WEIGHTS, read_manifest, tensors_of
from cogumi_peft import configuration
from cogumi_peft.quiet import quiet

DTYPES: Mapping[str, torch.dtype] = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
UNREADABLE = (OSError, ValueError, KeyError, SafetensorError)
"""What transformers raises for a folder that it cannot make a model of."""
TOLD: Mapping[str, Any] = {"output_loading_info": True, "ignore_mismatched_sizes": True}
"""Options of transformers under which it says what is wrong with the weights' names and shapes, rather than print it."""
FORMAT = 1
"""The manifests that are understood here."""


def manifest_of(adapter: Path) -> AdapterManifest | None:
    """What an adapter was trained on; None for one from elsewhere, which says nothing.

    Raises `BadInput` for a manifest that cannot be obeyed: of another format, or a base held in a way unknown here.
    """
    manifest = read_manifest(adapter)
    if manifest is None:
        return None
    file = adapter / MANIFEST
    if manifest.format != FORMAT:
        raise BadInput(f"{manifest.format} is unknown", file=file, field="format", fix="update cogumi-peft")
    if manifest.compute_dtype not in DTYPES:
        fix = "train again, with one of " + ", ".join(DTYPES)
        raise BadInput(f"'{manifest.compute_dtype}' is unknown", file=file, field="compute_dtype", fix=fix)
    return manifest


def own_dtype(model: Weights) -> torch.dtype:
    """The type that the folder's weights are meant to be used in; float32 where its configuration says nothing."""
    return DTYPES.get(configuration.own_dtype(Path(model.path)), torch.float32)


def whole(model: Weights, dtype: torch.dtype, device: torch.device) -> Any:
    """The network as its weights are. Raises `BadInput` for a folder that cannot be one."""
    try:
        return read(model, dtype, **({} if device.type == "cpu" else {"device_map": {"": device}}))
    except UNREADABLE as error:
        raise BadInput(f"the model cannot be loaded: {one_line(error)}", file=model.path) from error


def in_nf4(model: Weights, dtype: torch.dtype, device: torch.device, *, double_quantization: bool = True) -> Any:
    """The network with its linear layers in NF4, computing in `dtype`. Raises whatever transformers and bitsandbytes do."""
    with quiet():
        import bitsandbytes.nn.modules
        from transformers import BitsAndBytesConfig

    make: Any = BitsAndBytesConfig  # untyped there
    config = make(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=double_quantization,
        bnb_4bit_compute_dtype=dtype,
    )
    network = read(model, dtype, quantization_config=config, device_map={"": device})
    layers = [m for m in network.modules() if isinstance(m, bitsandbytes.nn.modules.Linear4bit)]
    if not layers:
        raise ValueError("it has no linear layer that could be held in 4 bits")
    for layer in layers:
        # On some processors an evaluating 4-bit layer repacks itself for good and computes in bfloat16.
        layer.support_avx512bf16_for_cpu = False
    return network


def as_trained(model: Weights, manifest: AdapterManifest, device: torch.device) -> Any:
    """The network that the adapter was trained on, in its compute type; NF4 weights come back as whole numbers.

    Raises `BadInput` where this machine cannot hold weights in 4 bits.
    """
    dtype = DTYPES[manifest.compute_dtype]
    if manifest.quantization == "none":
        return whole(model, dtype, device)
    try:
        network = in_nf4(model, dtype, device, double_quantization=manifest.double_quantization)
    except (ImportError, *UNREADABLE) as error:
        problem = f"the adapter was trained on a 4-bit base, which cannot be made here: {one_line(error)}"
        raise BadInput(problem, file=model.adapter, fix="pip install bitsandbytes, or use the original base") from error
    with quiet():
        return network.dequantize()


def read(model: Weights, dtype: torch.dtype, **options: Any) -> Any:
    """What transformers makes of the folder, with its own errors; a tensor that is missing or does not fit is a `BadInput`."""
    from transformers import AutoModelForCausalLM

    load: Any = AutoModelForCausalLM.from_pretrained  # typed there as if it never returned the second value
    options |= {"use_safetensors": True, "local_files_only": True, **TOLD}
    with quiet():
        network, info = load(model.path, dtype=dtype, trust_remote_code=model.trust_remote_code, **options)
    refuse_gaps(info, model)
    return network


def hollow(model: Weights) -> tuple[Any, Mapping[str, Any]]:
    """The network without its numbers, on torch's `meta` device, and what transformers says of its tensors' names and shapes.

    Costs what reading the files' headers costs. Raises `BadInput` for a configuration that transformers makes no causal
    language model of.
    """
    from transformers import AutoConfig, AutoModelForCausalLM

    files = _weight_files(Path(model.path))
    make: Any = AutoModelForCausalLM
    trust = model.trust_remote_code
    with quiet():
        try:
            config = AutoConfig.from_pretrained(model.path, trust_remote_code=trust, local_files_only=True)
            with torch.device("meta"):
                kind: Any = type(make.from_config(config, trust_remote_code=trust))
        except Exception as error:  # an architecture nobody knows, a field that is missing: anything may be raised
            problem = f"the model cannot be made: {_first_line(error)}"
            raise BadInput(problem, file=Path(model.path) / "config.json", fix="give a causal language model") from error
        shapes = {name: tensor.shape for path in files for name, tensor in tensors_of(path).items()}
        empty = {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
        network, info = kind.from_pretrained(None, config=config, state_dict=empty, device_map="meta", **TOLD)
    return network, info


def refuse_gaps(info: Mapping[str, Any], model: Weights) -> None:
    """Raise `BadInput` for a model whose weights are not all there, or of other shapes than its configuration's."""
    if info["missing_keys"]:
        raise BadInput(f"weights are missing, e.g. {min(info['missing_keys'])}", file=model.path, fix="fetch the model anew")
    if info["mismatched_keys"]:
        name, has, wants = min(info["mismatched_keys"], key=lambda found: str(found[0]))
        problem = f"{name} has the shape {list(has)} where config.json asks for {list(wants)}"
        raise BadInput(problem, file=model.path, field="weights", fix="fetch the model anew, or its own config.json")


def _weight_files(folder: Path) -> list[Path]:
    """The files that transformers reads the weights from."""
    if (folder / WEIGHTS).exists():
        return [folder / WEIGHTS]
    if not (folder / INDEX).exists():
        problem = f"it has neither {WEIGHTS} nor {INDEX}"
        raise BadInput(problem, file=folder, field="weights", fix="give the folder as save_pretrained writes it")
    listed = json.loads((folder / INDEX).read_text(encoding="utf-8"))["weight_map"]
    return [folder / name for name in sorted(set(listed.values()))]


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:300] or type(error).__name__


def one_line(error: Exception) -> str:
    """An error of a library, short enough for one of ours."""
    return " ".join(str(error).split())[:300] or type(error).__name__
