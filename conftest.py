"""Tests run on the CPU, whatever the machine has: what they are held against is computed there."""

from __future__ import annotations

import os

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
