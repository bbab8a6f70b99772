"""Finding a model and looking at its folder before anything is loaded.

A model is a registered short name, a local folder, or a repository on the hub. Weights are safetensors or nothing: a
folder that only has pickled weights is refused, since loading a pickle runs whatever is in it. A fingerprint is made of
contents alone, so a retrained model at the same path is another model.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cogumi.errors import BadInput, near
from cogumi.plugins import Registry
from cogumi.records import JSON, Model
from cogumi.store import digest, file_digest

HUB_FILES = ["*.safetensors", "*.json", "*.jinja", "*.model", "*.txt"]
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "vocab.json", "merges.txt")
TEMPLATE_FILES = ("chat_template.jinja", "chat_template.json")


def find_model(name: str, registry: Registry, *, adapter: str | None = None, trust_remote_code: bool = False) -> Model:
    """The model of this name, its folder and adapter checked; a repository on the hub is downloaded first."""
    names = {entry.name for entry in registry.of("model")}
    if name in names:
        model: Model = registry.get("model", name).make()
    elif Path(name).expanduser().exists():
        model = Model(name=name, path=str(Path(name).expanduser()))
    elif re.fullmatch(r"[\w.-]+/[\w.-]+", name) and not name.startswith("."):
        model = Model(name=name, path=_download(name))
    else:
        raise BadInput(f"'{name}' is no folder and no known model", field="model", fix=near(name, names))
    model = replace(model, adapter=adapter or model.adapter, trust_remote_code=trust_remote_code)
    check_model(model)
    return model


def check_model(model: Model) -> None:
    """Refuse a folder that cannot be a model, and an adapter that was made for another base."""
    folder = Path(model.path)
    if not folder.is_dir():
        raise BadInput("not a folder", file=folder, field="model", fix="give the folder that holds config.json")
    config = _json(folder / "config.json", "not a model's folder: it has no config.json")
    if not any(folder.glob("*.safetensors")):
        _refuse_weights(folder)
    if config.get("auto_map") and not model.trust_remote_code:
        fix = "read that code, then allow it with --trust-remote-code"
        raise BadInput(
            "the model wants to run code from its own folder", file=folder / "config.json", field="auto_map", fix=fix
        )
    if not any((folder / name).exists() for name in TOKENIZER_FILES):
        raise BadInput("no tokenizer in this folder", file=folder, fix="put tokenizer.json beside the weights")
    if model.adapter is not None:
        _check_adapter(Path(model.adapter), model, config)


def fingerprint(model: Model) -> Mapping[str, JSON]:
    """What the model is, by contents: config, weights, tokenizer, template and adapter, each as a SHA-256."""
    folder = Path(model.path)
    config = _json(folder / "tokenizer_config.json") if (folder / "tokenizer_config.json").exists() else {}
    return {
        "config": file_digest(folder / "config.json"),
        "weights": digest({f.name: file_digest(f) for f in sorted(folder.glob("*.safetensors"))}),
        "tokenizer": _digest_of(folder, TOKENIZER_FILES),
        "template": digest([config.get("chat_template"), _digest_of(folder, TEMPLATE_FILES)]),
        "adapter": None if model.adapter is None else file_digest(Path(model.adapter)),
    }


def _digest_of(folder: Path, names: tuple[str, ...]) -> str:
    return digest({name: file_digest(folder / name) for name in names if (folder / name).exists()})


def _refuse_weights(folder: Path) -> None:
    pickles = sorted(f.name for pattern in PICKLES for f in folder.glob(pattern))
    if pickles:
        fix = "convert it to safetensors: model.save_pretrained(folder, safe_serialization=True)"
        problem = f"pickled weights ({pickles[0]}) are never loaded, since loading them can run any code"
        raise BadInput(problem, file=folder, field="weights", fix=fix)
    raise BadInput(
        "no *.safetensors in this folder", file=folder, field="weights", fix="give the folder that holds the weights"
    )


def _check_adapter(adapter: Path, model: Model, config: Mapping[str, JSON]) -> None:
    if not adapter.is_dir():
        raise BadInput("not a folder", file=adapter, field="adapter", fix="give the folder that holds adapter_config.json")
    settings = _json(adapter / "adapter_config.json", "not an adapter's folder: it has no adapter_config.json")
    if not (adapter / "adapter_model.safetensors").exists():
        fix = "save it with safe_serialization=True"
        raise BadInput("no adapter_model.safetensors in this folder", file=adapter, field="adapter", fix=fix)
    trained = adapter / "cogumi_training.json"
    expected = _json(trained).get("base_weights") if trained.exists() else None
    if expected is not None and expected != fingerprint(replace(model, adapter=None))["weights"]:
        base = settings.get("base_model_name_or_path")
        raise BadInput(
            f"the adapter was trained on another base ({base})", file=adapter, field="adapter", fix="use its own base"
        )
    _check_shapes(adapter / "adapter_model.safetensors", config)


def _check_shapes(weights: Path, config: Mapping[str, JSON]) -> None:
    """An adapter whose projections do not have the base's width belongs to another base."""
    hidden = config.get("hidden_size")
    for name, tensor in _safetensors_header(weights).items():
        width = tensor["shape"][-1] if name.endswith("q_proj.lora_A.weight") else hidden
        if hidden is not None and width != hidden:
            problem = f"the adapter was made for another base: {name} takes {width} inputs, the base has {hidden}"
            raise BadInput(problem, file=weights, field="adapter", fix="use its own base")


def _safetensors_header(path: Path) -> dict[str, Any]:
    """Names and shapes in a safetensors file (8 bytes of length, then JSON)."""
    try:
        with path.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            header = json.loads(stream.read(min(length, 100_000_000)))
    except (OSError, ValueError) as error:
        raise BadInput(f"not a safetensors file: {error}", file=path, field="adapter") from error
    return {name: tensor for name, tensor in header.items() if name != "__metadata__"}


def _json(path: Path, missing: str | None = None) -> dict[str, Any]:
    if not path.exists() and missing is not None:
        raise BadInput(missing, file=path.parent, fix="give another folder")
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"not JSON: {error}", file=path) from error
    if not isinstance(value, dict):
        raise BadInput("not a JSON object", file=path)
    return value


def _download(repo: str) -> str:
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        fix = "pip install huggingface_hub, or give a local folder"
        raise BadInput("downloading a model needs the package huggingface_hub", field="model", fix=fix) from error
    try:
        return snapshot_download(repo, allow_patterns=HUB_FILES)
    except Exception as error:  # the hub client raises many unrelated types; each means: no model
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        fix = "check the name and the connection, or give a local folder"
        raise BadInput(f"'{repo}' cannot be downloaded: {reason}", field="model", fix=fix) from error
