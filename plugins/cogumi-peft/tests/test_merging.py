"""A merged folder is base and adapter together, or it is not there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from cogumi_peft import adapters
from cogumi_peft.merging import merge

from cogumi.errors import BadInput, RunFailed
from cogumi.records import Weights
from cogumi.weights import MANIFEST, check_model

Compute = Callable[..., torch.Tensor]
pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")


class Seen:
    """A progress that remembers."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, int, str]] = []

    def __call__(self, done: int, total: int, note: str) -> None:
        self.calls.append((done, total, note))


def merged(model: Weights, folder: Path, **options: Any) -> list[str]:
    return merge(model, folder, Seen(), device=torch.device("cpu"), **options)


def off(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).norm() / other.norm())


def test_it_is_what_plain_libraries_compute_with_base_and_adapter(
    adapted: Any, tmp_path: Path, together: Compute, plain: Compute
) -> None:
    model, seen = adapted(), Seen()
    notes = merge(model, tmp_path / "merged", seen, device=torch.device("cpu"))
    expected = together(model, nf4=True)
    assert off(plain(tmp_path / "merged"), expected) < 2e-6
    assert off(together(model, nf4=False), expected) > 0.01  # the original weights are another model
    assert seen.calls[-1][:2] == (3, 3)
    assert [call[0] for call in seen.calls] == [0, 1, 2, 3]
    assert "held in NF4, computing in float32" in notes[0]
    assert "written in float32" in notes[0]
    assert notes[1].startswith("largest difference of a logit")
    assert len(notes) == 2


def test_the_folder_is_a_model_like_its_base(adapted: Any, tmp_path: Path) -> None:
    model = adapted()
    merged(model, tmp_path / "merged")
    written = tmp_path / "merged"
    check_model(replace(model, path=str(written), adapter=None))
    for path in Path(model.path).iterdir():
        if path.name not in ("config.json", "model.safetensors", "generation_config.json"):
            assert (written / path.name).read_bytes() == path.read_bytes()
    text = (written / "config.json").read_text()
    assert "quantization_config" not in text
    assert model.path not in text
    assert json.loads(text)["dtype"] == "float32"


def test_a_generation_config_is_the_bases_or_none(adapted: Any, tmp_path: Path) -> None:
    model = adapted()
    base = Path(shutil.copytree(model.path, tmp_path / "base"))
    for text in (json.dumps({"eos_token_id": [2, 7], "temperature": 0.0, "do_sample": False}), None):
        (base / "generation_config.json").unlink(missing_ok=True)
        if text is not None:
            (base / "generation_config.json").write_text(text)
        out = tmp_path / f"merged-{text is None}"
        merged(replace(model, path=str(base)), out)
        assert (out / "generation_config.json").exists() is (text is not None)
        assert text is None or (out / "generation_config.json").read_text() == text


def half(network: Any) -> Any:
    for module in network.modules():
        if hasattr(module, "lora_A"):
            module.scaling["default"] /= 2
    return network.merge_and_unload()


def without(network: Any) -> Any:
    return network.unload()


@pytest.mark.parametrize("fault", [half, without])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_merge_that_went_wrong_leaves_nothing(
    adapted: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Any, dtype: str
) -> None:
    monkeypatch.setattr(adapters, "fold", fault)
    with pytest.raises(RunFailed, match="not base and adapter together"):
        merged(adapted(compute_dtype=dtype), tmp_path / "merged")
    assert list((tmp_path / "merged").iterdir()) == []


def test_large_updates_survive_in_16_bits(adapted: Any, tmp_path: Path, together: Compute, plain: Compute) -> None:
    model = adapted(compute_dtype="bfloat16", scale=0.2)
    notes = merged(model, tmp_path / "merged")
    assert "written in bfloat16" in notes[0]
    assert len(notes) == 2
    assert json.loads((tmp_path / "merged/config.json").read_text())["dtype"] == "bfloat16"
    assert off(plain(tmp_path / "merged").float(), together(model, nf4=True, dtype="bfloat16").float()) < 0.05


def test_updates_too_small_for_16_bits_are_merged_in_32(adapted: Any, tmp_path: Path) -> None:
    notes = merged(adapted(compute_dtype="bfloat16", scale=0.002), tmp_path / "merged")
    assert "written in float32" in notes[0]
    assert notes[1].startswith("in bfloat16 only ")
    assert json.loads((tmp_path / "merged/config.json").read_text())["dtype"] == "float32"


def test_into_the_original_weights_with_the_difference_told(
    adapted: Any, tmp_path: Path, together: Compute, plain: Compute
) -> None:
    model = adapted()
    notes = merged(model, tmp_path / "merged", into="original")
    assert off(plain(tmp_path / "merged"), together(model, nf4=False)) < 2e-6
    assert "merged into the original weights" in notes[0]
    told = float(notes[-1].partition("logits differ by ")[2].partition("%")[0]) / 100
    assert told == pytest.approx(off(plain(tmp_path / "merged"), together(model, nf4=True)), rel=0.5)


def test_an_adapter_from_elsewhere_goes_on_the_weights_as_they_are(
    adapted: Any, tmp_path: Path, together: Compute, plain: Compute
) -> None:
    model = adapted("none")
    (Path(str(model.adapter)) / MANIFEST).unlink()
    notes = merged(model, tmp_path / "merged")
    assert "held in a way that the adapter does not tell" in notes[0]
    assert off(plain(tmp_path / "merged"), together(model, nf4=False)) < 2e-6


def test_an_adapter_that_does_nothing_is_merged_too(adapted: Any, tmp_path: Path) -> None:
    notes = merged(adapted(scale=0.0), tmp_path / "merged")
    assert "changes logits by up to 0)" in notes[1]


def test_what_cannot_be_merged_is_refused(model: Weights, adapted: Any, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no adapter to merge"):
        merged(model, tmp_path / "merged")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("keep me")
    with pytest.raises(BadInput, match="is not empty"):
        merged(adapted(), tmp_path / "full")
    assert (tmp_path / "full" / "letter.txt").read_text() == "keep me"
    other = adapted()
    manifest = Path(str(other.adapter)) / MANIFEST
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "base": "0" * 64}))
    with pytest.raises(BadInput, match="trained on another base"):
        merged(other, tmp_path / "merged")
