"""The options of `hf`, checked without torch: whatever can be found wrong is found before anything is loaded."""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from cogumi_peft.configuration import own_dtype

from cogumi.errors import BadInput, suggest

DTYPES = ("auto", "float32", "bfloat16", "float16")
BASES = ("as-trained", "original")
EXACT = ("auto", "yes", "no")
DEVICES = r"(cpu|mps|cuda|xpu)(:\d+)?"
DRIVERS = ("/dev/nvidiactl", "/proc/driver/nvidia", "/dev/kfd", "/dev/dxg")
"""What is there where the system has a GPU that torch calls `cuda`: NVIDIA's driver, AMD's, Windows' under Linux."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to draw; `cogumi_hf.hf` describes each."""

    device: str
    """auto, cpu, cuda or cuda:N."""
    dtype: str
    """auto, float32, bfloat16 or float16."""
    batch_size: int
    """Most samples drawn at a time; 0: found by itself."""
    base: str
    """as-trained or original."""
    exact: str
    """auto, yes or no."""

    def check(self) -> None:
        """Raise `BadInput` naming the option that cannot be used, as far as this can be told without torch."""
        if self.batch_size < 0:
            raise BadInput(f"{self.batch_size} is not possible", field="batch_size", fix="1 or more, or 0: found by itself")
        for name, known in (("dtype", DTYPES), ("base", BASES), ("exact", EXACT)):
            value = getattr(self, name)
            if value not in known:
                raise BadInput(f"{value!r} is unknown", field=name, fix=suggest(value, known))
        if self.device != "auto" and not re.fullmatch(DEVICES, self.device):
            raise BadInput(f"{self.device!r} is no device", field="device", fix="use auto, cpu, cuda or cuda:N")
        if self.device.startswith("cuda") and not gpu_possible():
            raise BadInput("this machine shows no GPU", field="device", fix="use auto or cpu; check CUDA_VISIBLE_DEVICES")

    def is_exact(self, folder: Path) -> bool:
        """Whether no text will depend on its batch; where it cannot be told without torch, False."""
        return self.exact == "yes" or (self.exact == "auto" and self._float32(folder))

    def _float32(self, folder: Path) -> bool:
        if self.dtype != "auto":
            return self.dtype == "float32"
        on_cpu = self.device.startswith("cpu") or (self.device == "auto" and not gpu_possible())
        return on_cpu or _own_type(folder) == "float32"


def gpu_possible() -> bool:
    """Whether torch, in whatever build and interpreter, may find a GPU that it calls `cuda`."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1"):
        return False
    if not sys.platform.startswith("linux"):
        return True
    return any(Path(place).exists() for place in DRIVERS) or shutil.which("nvidia-smi") is not None


def _own_type(folder: Path) -> str | None:
    """The type that a model's configuration names; None where there is none to be read."""
    try:
        return own_dtype(folder)
    except (OSError, ValueError, AttributeError, TypeError):  # not there yet, or damaged: `resolve` tells of it
        return None
