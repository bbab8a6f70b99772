"""Model folders that are complete from outside, with weights of a few bytes, made in no time and without torch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from cogumi.records import AdapterManifest
from cogumi.weights import write_manifest

TEMPLATE = "{% for m in messages %}{{ m['content'] }}{% endfor %}"


def safetensors(shapes: Mapping[str, Sequence[int]]) -> bytes:
    """A safetensors file of zeros, 4 bytes each."""
    header: dict[str, object] = {}
    end = 0
    for name, shape in shapes.items():
        size = 4
        for length in shape:
            size *= length
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(end)


def put(folder: Path, **files: object) -> Path:
    """Write files whose names have `__` for a dot: JSON for values, bytes as they are, None removes."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / name.replace("__", ".")
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return folder


def model_folder(folder: Path, *, hidden: int = 64, weight: int = 4) -> Path:
    """A model with a chat template; other `weight`, other weights."""
    return put(
        folder,
        config__json={"model_type": "llama", "hidden_size": hidden},
        model__safetensors=safetensors({"embed": (weight,)}),
        tokenizer__json={"version": "1.0"},
        tokenizer_config__json={"chat_template": TEMPLATE, "eos_token": "</s>"},
    )


def adapter_folder(folder: Path, *, inputs: int = 64, base: str | None = None) -> Path:
    """A LoRA adapter whose projections take `inputs` numbers; its manifest names the `base` where one is given."""
    shapes = {"base_model.model.layers.0.self_attn.q_proj.lora_A.weight": (8, inputs)}
    put(
        folder,
        adapter_config__json={"peft_type": "LORA", "base_model_name_or_path": "their/base"},
        adapter_model__safetensors=safetensors(shapes),
    )
    if base is not None:
        write_manifest(folder, AdapterManifest(base=base))
    return folder
