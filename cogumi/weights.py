"""Models on disk: found, checked before anything is loaded, and known by their contents.

A model is a local folder or a repository on the hub. Weights are safetensors or nothing: a folder that only has pickled
weights is refused, since loading a pickle runs whatever is in it. A fingerprint is made of contents alone, so a retrained
model at the same path is another model. An adapter carries a manifest of what it was trained on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from cogumi.codec import from_json, part_of, to_json
from cogumi.errors import BadInput
from cogumi.files import digest, file_digest, remembered_digest, write_json
from cogumi.records import JSON, AdapterManifest, Identity, Model, Origin, Raw, Resolved, Weights
from cogumi.thoughts import Tags, declared

MANIFEST = "cogumi_adapter.json"
"""The file beside an adapter's weights that says what they were trained on."""
ORIGIN = "cogumi_origin.json"
"""The file in a model's folder that says what it was converted from."""
NO_TEMPLATE = "the tokenizer has no chat template: messages are joined by blank lines, without roles"
HUB_FILES = ["*.safetensors", "*.json", "*.jinja", "*.model", "*.txt"]
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "vocab.json", "merges.txt")
TOKENIZER_EXTRAS = ("special_tokens_map.json", "added_tokens.json")
CONFIG_FILES = ("config.json", "generation_config.json")
TEMPLATE_FILES = ("chat_template.jinja", "chat_template.json")
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Code:
    """What `config.json` and `tokenizer_config.json` say of code beside them."""

    auto_map: JSON = None
    """The classes to import from the folder; anything but nothing is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tokenizer:
    """What is read of `tokenizer_config.json`."""

    chat_template: JSON = None
    """A Jinja template, or several by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """What an adapter is held against in `config.json`; None where a model has another name for it."""

    model_type: str | None = None
    """Its architecture."""
    num_hidden_layers: int | None = None
    """Its depth."""
    hidden_size: int | None = None
    """Its width."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Index:
    """What is read of a `model.safetensors.index.json`."""

    weight_map: Mapping[str, str] = field(default_factory=dict)
    """The file of each tensor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _AdapterConfig:
    """What is read of `adapter_config.json`."""

    base_model_name_or_path: str | None = None
    """What the adapter was trained on, as its author called it."""
    peft_type: JSON = None
    """Its kind."""
    target_modules: JSON = None
    """Names of layers, or ends of names, or a pattern."""
    layers_to_transform: JSON = None
    """Numbers of layers, where not all are meant."""
    alora_invocation_tokens: JSON = None
    """The ids behind which it is at work, where it is not always."""
    arrow_config: JSON = None
    """How it is chosen among others, where it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """What a safetensors file's head says of a tensor."""

    shape: tuple[int, ...]
    """Its lengths."""
    data_offsets: tuple[int, int]
    """Where its bytes begin and end, counted from behind the head."""


def resolve(model: Model) -> Resolved:
    """The model found, downloaded where it is a repository, checked and fingerprinted. Raises `BadInput` for what it is not."""
    if not isinstance(model, Weights):
        raise BadInput("this sampler loads models from disk and asks no server", field="model", fix="name another sampler")
    adapter = None if model.adapter is None else str(Path(model.adapter).expanduser())
    found = replace(model, path=_local(model.path), adapter=adapter)
    check_model(found)
    return Resolved(model=found, fingerprint=fingerprint(found), notes=_notes(found), thoughts=thoughts_of(found))


def check_model(model: Weights) -> None:
    """Refuse a folder that cannot be a model, and an adapter that was made for another base."""
    folder = Path(model.path)
    if folder.suffix.lower() == ".gguf" and folder.is_file():
        fix = "name a sampler that does, or convert it to safetensors"
        raise BadInput("a GGUF file, which this sampler does not read", file=folder, field="model", fix=fix)
    if not folder.is_dir():
        raise BadInput("not a folder", file=folder, field="model", fix="give the folder that holds config.json")
    _need(folder / "config.json", "a model's")
    _json(folder / "config.json")
    _check_weights(folder)
    _refuse_code(model)
    if not any((folder / name).exists() for name in TOKENIZER_FILES):
        raise BadInput("no tokenizer in this folder", file=folder, fix="put tokenizer.json beside the weights")
    for name in (*CONFIG_FILES, "tokenizer.json"):
        _json(folder / name)
    if model.adapter is not None:
        _check_adapter(Path(model.adapter), model)


def fingerprint(model: Weights) -> Identity:
    """What the model is, by contents: config, weights, tokenizer, template and adapter, each as a SHA-256."""
    folder = Path(model.path)
    return {
        "config": _digest_of(folder, CONFIG_FILES),
        "weights": digest({f.name: remembered_digest(f) for f in sorted(folder.glob("*.safetensors"))}),
        "tokenizer": _digest_of(folder, (*TOKENIZER_FILES, *TOKENIZER_EXTRAS)),
        "template": digest([_template(folder), _digest_of(folder, TEMPLATE_FILES)]),
        "adapter": None if model.adapter is None else file_digest(Path(model.adapter)),
    }


def has_template(model: Weights) -> bool:
    """Whether the folder brings a chat template, as far as can be told without loading its tokenizer."""
    folder = Path(model.path)
    return bool(_template(folder)) or (folder / "chat_template.jinja").exists()


def template_file(model: Weights) -> Path:
    """Where the folder's chat template stands, or would."""
    folder = Path(model.path)
    return next((folder / name for name in TEMPLATE_FILES if (folder / name).exists()), folder / "tokenizer_config.json")


def read_origin(folder: Path) -> Origin | None:
    """What a model's folder was converted from; None for one that says nothing of it."""
    path = folder / ORIGIN
    return from_json(Origin, _json(path), file=path) if path.exists() else None


def _notes(model: Weights) -> tuple[str, ...]:
    origin = read_origin(Path(model.path))
    template = () if has_template(model) else (NO_TEMPLATE,)
    return (*(() if origin is None else origin.notes), *template, *_made_for_another(model))


def thoughts_of(model: Weights) -> Tags:
    """The marks of thoughts that the folder's chat templates declare, as far as they are not known anyway."""
    folder = Path(model.path)
    written = folder / "chat_template.jinja"
    templates = [*_texts(_template(folder)), *_texts(_read(_Tokenizer, folder / "chat_template.json").chat_template)]
    if written.exists():
        templates.append(written.read_text(encoding="utf-8", errors="replace"))
    return tuple(dict.fromkeys(pair for template in templates for pair in declared(template)))


def _texts(value: JSON) -> Iterator[str]:
    """The texts in a template, which may be one of several by name."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)


def _template(folder: Path) -> JSON:
    return _read(_Tokenizer, folder / "tokenizer_config.json").chat_template


def read_manifest(adapter: Path) -> AdapterManifest | None:
    """What an adapter says it was trained on; None for one from elsewhere, which says nothing."""
    path = adapter / MANIFEST
    return from_json(AdapterManifest, _json(path), file=path) if path.exists() else None


def write_manifest(adapter: Path, manifest: AdapterManifest) -> None:
    """Leave it beside the adapter's weights, whole or not at all."""
    write_json(adapter / MANIFEST, to_json(manifest))


def _local(path: str) -> str:
    """The folder of a model, downloaded where the path is a repository's name."""
    if Path(path).expanduser().exists():
        return str(Path(path).expanduser())
    if re.fullmatch(r"[\w.-]+/[\w.-]+", path) and not path.startswith("."):
        return _download(path)
    raise BadInput("no such folder", file=path, field="model", fix="give a local folder, or a repository as OWNER/NAME")


def _check_weights(folder: Path) -> None:
    """Safetensors and nothing else, all of them there, none cut off or a pointer to elsewhere."""
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        _refuse_weights(folder)
    absent = sorted(set(_read(_Index, folder / INDEX).weight_map.values()) - {path.name for path in weights})
    if absent:
        raise BadInput(f"{absent[0]} is missing", file=folder / INDEX, field="weight_map", fix="download the model again")
    for path in weights:
        tensors_of(path)


def _refuse_code(model: Weights) -> None:
    for name in ("config.json", "tokenizer_config.json"):
        path = Path(model.path) / name
        if _read(_Code, path).auto_map and not model.trust_remote_code:
            fix = "read that code, then allow it with --trust-remote-code"
            raise BadInput("the model wants to run code from its own folder", file=path, field="auto_map", fix=fix)


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


def _check_adapter(adapter: Path, model: Weights) -> None:
    if not adapter.is_dir():
        raise BadInput("not a folder", file=adapter, field="adapter", fix="give the folder that holds adapter_config.json")
    _need(adapter / "adapter_config.json", "an adapter's")
    settings = _read(_AdapterConfig, adapter / "adapter_config.json")
    if not (adapter / "adapter_model.safetensors").exists():
        fix = "save it with safe_serialization=True"
        raise BadInput("no adapter_model.safetensors in this folder", file=adapter, field="adapter", fix=fix)
    manifest = read_manifest(adapter)
    if manifest is not None and manifest.base != fingerprint(replace(model, adapter=None))["weights"]:
        problem = f"the adapter was trained on another base ({settings.base_model_name_or_path})"
        raise BadInput(problem, file=adapter, field="adapter", fix="use its own base")
    _check_kind(settings, adapter / "adapter_config.json")
    config = _read(_Shape, Path(model.path) / "config.json")
    _check_shapes(adapter / "adapter_model.safetensors", config.hidden_size)
    if manifest is None:
        _check_base(settings, adapter, model, config)


def _check_kind(settings: _AdapterConfig, file: Path) -> None:
    """LoRA in all its forms, but for those that are at work behind certain tokens only, or chosen anew at each."""
    if settings.peft_type != "LORA":
        raise BadInput(f"{settings.peft_type!r} is not supported", file=file, field="peft_type", fix="give a LoRA adapter")
    for name in ("alora_invocation_tokens", "arrow_config"):
        if getattr(settings, name):
            raise BadInput("such an adapter is not supported", file=file, field=name, fix="give a plain LoRA adapter")


def _check_base(settings: _AdapterConfig, adapter: Path, model: Weights, config: _Shape) -> None:
    """Refuse an adapter whose own base is here and is another kind of model, or one that reaches the first layers alone.

    An adapter for all linear layers of a shallow model lists them by name, and so fits any deeper one.
    """
    named = settings.base_model_name_or_path or ""
    other = _read(_Shape, Path(named).expanduser() / "config.json") if named else _Shape()
    for name in ("model_type", "num_hidden_layers", "hidden_size"):
        there, here = getattr(other, name), getattr(config, name)
        if there is not None and here is not None and there != here:
            problem = f"the adapter was made for another base: {named} has {name} {there}, this has {here}"
            raise BadInput(problem, file=adapter, field="adapter", fix="use its own base")
    layers, targets = config.num_hidden_layers, settings.target_modules
    if not isinstance(targets, list) or layers is None or settings.layers_to_transform is not None:
        return
    reached = {int(found.group(1)) for name in targets if (found := re.search(r"\.(\d+)\.", str(name)))}
    if reached and reached == set(range(len(reached))) and len(reached) < layers and not _same_model(named, model):
        problem = f"the adapter was made for another base: it lists {len(reached)} layers, the first of {layers}"
        raise BadInput(problem, file=adapter, field="target_modules", fix="use its own base, or name it in adapter_config.json")


def _made_for_another(model: Weights) -> tuple[str, ...]:
    """A sentence where the adapter names a base that is not this model by any name; its manifest would prove more."""
    if model.adapter is None or read_manifest(Path(model.adapter)) is not None:
        return ()
    named = _read(_AdapterConfig, Path(model.adapter) / "adapter_config.json").base_model_name_or_path
    if not named or _same_model(named, model):
        return ()
    return (f"the adapter says that it was made for '{named}', and is put on '{model.name}': make sure that it belongs there",)


def _same_model(named: str, model: Weights) -> bool:
    """Whether a base's name, as an adapter has it, is one of this model: its path, its repository, or the same weights."""
    folder, other = Path(model.path).resolve(), Path(named).expanduser()
    if not named:
        return False
    if named in (model.name, model.path) or f"models--{named.replace('/', '--')}" in folder.parts:
        return True
    if not (other / "config.json").exists():
        return other.name.lower() == folder.name.lower()
    if other.resolve() == folder:
        return True
    there, here = (fingerprint(replace(model, path=str(place), adapter=None))["weights"] for place in (other, folder))
    return bool(there == here)


def _check_shapes(weights: Path, hidden: int | None) -> None:
    """An adapter whose projections do not have the base's width belongs to another base."""
    for name, tensor in tensors_of(weights).items():
        width = tensor.shape[-1] if name.endswith("q_proj.lora_A.weight") else hidden
        if hidden is not None and width != hidden:
            problem = f"the adapter was made for another base: {name} takes {width} inputs, the base has {hidden}"
            raise BadInput(problem, file=weights, field="adapter", fix="use its own base")


def tensors_of(path: Path) -> Mapping[str, Tensor]:
    """Shapes and places of a safetensors file's tensors by name (8 bytes of length, then JSON, then all data)."""
    try:
        with path.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            header = json.loads(stream.read(min(length, 100_000_000)))
        tensors = {name: part_of(Tensor, tensor) for name, tensor in header.items() if name != "__metadata__"}
        size = 8 + length + max((tensor.data_offsets[1] for tensor in tensors.values()), default=0)
    except (OSError, ValueError, AttributeError, BadInput) as error:
        fix = "download or save it again; a Git LFS pointer needs `git lfs pull`"
        raise BadInput("not a safetensors file", file=path, fix=fix) from error
    if path.stat().st_size != size:
        problem = f"{path.stat().st_size:,} bytes long where {size:,} are expected"
        raise BadInput(problem, file=path, fix="download or save it again")
    return tensors


def _need(path: Path, whose: str) -> None:
    if not path.exists():
        raise BadInput(f"not {whose} folder: it has no {path.name}", file=path.parent, fix="give another folder")


def _read(kind: type[T], path: Path) -> T:
    """What is read of a JSON file; the defaults where there is none."""
    return part_of(kind, _json(path), file=path)


def _json(path: Path) -> Raw:
    """The object in a JSON file; an empty one where there is none."""
    if not path.exists():
        return {}
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
