"""What `cogumi doctor` asks of this plugin, tried rather than guessed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from importlib import metadata
from typing import Any

from cogumi.records import Finding

GB = 2**30
TEMPLATES = ("transformers", "jinja2")


def torch() -> Iterator[Finding]:
    """Whether torch starts, in a process of its own, and which GPUs it sees."""
    from cogumi_peft.probing import ask

    found = ask("cogumi_hf.probe")
    if "error" in found:
        fix = "pip install torch (see pytorch.org for the build that fits your GPU)"
        yield Finding(name="torch", ok=False, detail=found["error"], fix=fix)
        return
    build = f"built for CUDA {found['cuda']}" if found["cuda"] else "built for the CPU"
    yield Finding(name="torch", ok=True, detail=f"{found['torch']}, {build}")
    yield _gpu(found)


def _gpu(found: Mapping[str, Any]) -> Finding:
    if found["gpus"]:
        each = [f"{g['name']}, {g['memory'] / GB:.0f} GB{'' if g['bf16'] else ', no bf16'}" for g in found["gpus"]]
        return Finding(name="GPU", ok=True, detail="; ".join(each))
    if shutil.which("nvidia-smi") is None:
        return Finding(name="GPU", ok=None, detail="none: everything runs on the CPU, which is enough for the embedded model")
    fix = "install the torch build for this driver's CUDA version (pytorch.org), and check CUDA_VISIBLE_DEVICES"
    return Finding(name="GPU", ok=False, detail="an NVIDIA driver is installed, but torch sees no GPU", fix=fix)


def chat_templates() -> Iterator[Finding]:
    """Whether what renders chat templates is installed."""
    missing = [name for name in TEMPLATES if _version(name) is None]
    if missing:
        detail = f"{' and '.join(missing)} not installed, which render chat templates"
        yield Finding(name="chat templates", ok=False, detail=detail, fix=f"pip install {' '.join(missing)}")
        return
    yield Finding(name="chat templates", ok=True, detail=f"transformers {_version('transformers')} renders them")


def _version(dist: str) -> str | None:
    try:
        return metadata.version(dist)
    except metadata.PackageNotFoundError:
        return None
