from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from cogumi_peft import bases
from cogumi_peft.quiet import quiet

from cogumi.errors import BadInput
from cogumi.records import AdapterManifest, Weights


def test_it_is_light_to_import() -> None:
    code = "import sys, cogumi_peft; print([m for m in ('torch', 'transformers', 'peft') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_rounded_and_back_is_what_4_bit_layers_compute_with(model: Weights, cpu: torch.device) -> None:
    held = bases.in_nf4(model, torch.float32, cpu)
    whole = bases.as_trained(model, AdapterManifest(base="", quantization="nf4"), cpu)
    original = bases.whole(model, torch.float32, cpu)
    name = "model.layers.1.mlp.up_proj"
    ones = torch.eye(held.get_submodule(name).in_features)
    with torch.no_grad():
        expected, found, was = (network.get_submodule(name)(ones) for network in (held, whole, original))
    assert torch.equal(found, expected)
    assert 0.01 < float((found - was).norm() / was.norm()) < 0.2
    assert "quantization_config" not in whole.config.to_dict()


def test_the_scales_are_quantised_as_the_manifest_says(model: Weights, cpu: torch.device) -> None:
    one, two = (
        bases.as_trained(model, AdapterManifest(base="", quantization="nf4", double_quantization=double), cpu)
        for double in (True, False)
    )
    assert not torch.equal(one.model.layers[0].mlp.up_proj.weight, two.model.layers[0].mlp.up_proj.weight)


def test_nothing_is_said_while_loading(model: Weights, cpu: torch.device, capfd: pytest.CaptureFixture[str]) -> None:
    bases.as_trained(model, AdapterManifest(base="", quantization="nf4"), cpu)
    assert capfd.readouterr() == ("", "")


def test_the_libraries_talk_again_afterwards() -> None:
    import transformers.utils.logging

    bars: Any = transformers.utils.logging
    before = bars.get_verbosity(), bars.is_progress_bar_enabled()
    with quiet():
        assert not bars.is_progress_bar_enabled()
    assert (bars.get_verbosity(), bars.is_progress_bar_enabled()) == before


def test_a_tensor_that_is_missing_is_told(model: Weights, cpu: torch.device, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = Path(shutil.copytree(model.path, tmp_path / "model"))
    tensors = load_file(folder / "model.safetensors")
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BadInput, match=r"weights are missing, e\.g\. model.layers.1.mlp.up_proj.weight"):
        bases.whole(replace(model, path=str(folder)), torch.float32, cpu)


def test_without_bitsandbytes_a_4_bit_base_is_refused(
    model: Weights, cpu: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes.nn.modules", None)
    with pytest.raises(BadInput, match="cannot be made here"):
        bases.as_trained(model, AdapterManifest(base="", quantization="nf4"), cpu)


@pytest.mark.parametrize(
    ("config", "dtype"),
    [
        ({"dtype": "bfloat16"}, torch.bfloat16),
        ({"torch_dtype": "float16"}, torch.float16),
        ({"text_config": {"dtype": "bfloat16"}}, torch.bfloat16),
        ({}, torch.float32),
    ],
)
def test_the_type_is_the_one_the_configuration_names(tmp_path: Path, config: dict[str, Any], dtype: torch.dtype) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert bases.own_dtype(Weights(name="m", path=str(tmp_path))) == dtype
