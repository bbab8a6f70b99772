"""Whether a model's parts fit together, asked without loading anything here, and asked once: a good answer is remembered."""

from __future__ import annotations

import importlib.util
import json
from importlib import metadata
from pathlib import Path

from cogumi.codec import to_json
from cogumi.errors import BadInput
from cogumi.files import file_digest, recall, remember
from cogumi.records import JSON, Resolved, Weights
from cogumi_peft.probing import ask

LIBRARIES = ("torch", "transformers", "peft", "tokenizers", "jinja2")
JUDGES = ("cogumi.chat", "cogumi_peft.fit", "cogumi_peft.bases", "cogumi_peft.adapters")
"""The modules whose answer it is: another version of one may answer otherwise."""
KIND = "fits"


def fitted(found: Resolved) -> tuple[str, ...]:
    """Sentences for the user on a model that was found on disk. Raises `BadInput` for parts that do not fit together."""
    model = found.model
    assert isinstance(model, Weights), "only what is on disk is resolved by the core"
    key: JSON = {"model": dict(found.fingerprint), "versions": _versions(), "judges": _judges()}
    known = None if model.trust_remote_code else recall(KIND, key)
    if isinstance(known, list):
        return tuple(map(str, known))
    said = ask("cogumi_peft.fit", json.dumps(to_json(model)))
    if "problem" in said:
        raise BadInput(said["problem"])
    if "error" in said:
        return (f"whether model, tokenizer and adapter fit together is only seen when they are loaded: {said['error']}",)
    if not model.trust_remote_code:
        remember(KIND, key, said["notes"])
    return tuple(said["notes"])


def _versions() -> dict[str, JSON]:
    return {name: _version(name) for name in LIBRARIES}


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _judges() -> list[JSON]:
    origins = (spec.origin for name in JUDGES if (spec := importlib.util.find_spec(name)) is not None)
    return [file_digest(Path(origin)) for origin in origins if origin]
