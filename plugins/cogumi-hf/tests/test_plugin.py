"""The plugin module: light to import, and what it registers keeps a sampler's promises."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from cogumi_hf import hf, register_samplers

from cogumi.records import Request, Sampling, Weights
from cogumi.registry.options import check_options
from cogumi.testing import check_sampler


def test_importing_it_loads_nothing_heavy() -> None:
    assert loaded_by("import cogumi_hf") == "[]"


def test_resolving_and_asking_what_it_serves_load_nothing_heavy(tiny: Weights) -> None:
    code = f"""
from cogumi.records import Weights
from cogumi_hf import hf
sampler = hf(Weights(name="m", path={tiny.path!r}))
sampler.serves, sampler.resolve()
sampler.close()
"""
    assert loaded_by(code) == "[]"


def loaded_by(code: str) -> str:
    heavy = "print([m for m in ('torch', 'numpy', 'transformers', 'peft') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", f"import sys\n{code}\n{heavy}"], capture_output=True, text=True, check=True)
    return out.stdout.strip()


def test_it_offers_hf_with_options_that_people_can_type() -> None:
    offered: dict[str, Any] = {}
    register_samplers(offered.__setitem__)
    assert offered == {"hf": hf}
    given = {"device": "cpu", "dtype": "float32", "batch_size": "8", "base": "original", "exact": "no"}
    assert check_options("sampler 'hf'", hf, given) == {**given, "batch_size": 8}


def test_it_keeps_every_samplers_promises(tiny: Weights) -> None:
    endless = Request(
        id="endless", messages=({"role": "user", "content": "x" * 900},), sampling=Sampling(temperature=0.5, max_tokens=5)
    )
    check_sampler(lambda: hf(tiny, device="cpu"), failing=endless)
