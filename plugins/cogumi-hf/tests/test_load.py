"""Loading: what can be used and what is refused, adapters, and what closing gives back."""

from __future__ import annotations

import gc
import json
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch
from cogumi_hf import hf
from cogumi_hf.load import load
from cogumi_hf.options import gpu_possible

from cogumi.errors import BadInput
from cogumi.records import Request, Sampling, Weights
from cogumi.weights import MANIFEST, fingerprint

ASK = Request(id="r", messages=({"role": "user", "content": "Go"},), sampling=Sampling(temperature=0.7, max_tokens=8))
IDS = torch.tensor([[1, 40, 50, 60, 7, 9]])


def logits(network: Any) -> torch.Tensor:
    with torch.inference_mode():
        out: torch.Tensor = network(input_ids=IDS).logits
    return out


def adapter(
    model: Weights, folder: Path, manifest: dict[str, Any] | None = None, *, nf4: bool = False
) -> tuple[Weights, torch.Tensor]:
    """The model with a random LoRA adapter, and the logits of that pair as training sees them."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    options: dict[str, Any] = {}
    if nf4:
        options = {
            "quantization_config": BitsAndBytesConfig(  # type: ignore[no-untyped-call]
                load_in_4bit=True,
                bnb_4bit_quant_type="nf4",
                bnb_4bit_use_double_quant=True,
                bnb_4bit_compute_dtype=torch.float32,
            ),
            "device_map": {"": "cpu"},
        }
    torch.manual_seed(3)
    base: Any = AutoModelForCausalLM.from_pretrained(model.path, dtype=torch.float32, **options)
    for layer in base.modules():
        layer.support_avx512bf16_for_cpu = False  # or evaluation rounds to bfloat16, which training does not
    trained = get_peft_model(base, LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM"))
    trained.save_pretrained(str(folder))
    if manifest is not None:
        base = fingerprint(model)["weights"]
        (folder / MANIFEST).write_text(json.dumps({"base": base, "compute_dtype": "float32", **manifest}))
    return Weights(name="adapted", path=model.path, adapter=str(folder)), logits(trained.eval())


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
def test_an_adapter_is_added_to_what_it_was_trained_on(tiny: Weights, tmp_path: Path) -> None:
    plain, expected = adapter(tiny, tmp_path / "plain")
    assert torch.allclose(logits(load(plain, device="cpu", dtype="auto", base="as-trained")), expected, atol=1e-4)
    assert not torch.allclose(logits(load(tiny, device="cpu", dtype="auto", base="as-trained")), expected, atol=0.1)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
def test_a_base_trained_in_4_bits_is_rounded_the_same_way(tiny: Weights, tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    model, expected = adapter(tiny, tmp_path / "nf4", {"quantization": "nf4"}, nf4=True)
    rounded, original = (logits(load(model, device="cpu", dtype="auto", base=b)) for b in ("as-trained", "original"))
    off = (original - expected).norm() / expected.norm()
    assert off > 0.01
    assert (rounded - expected).norm() / expected.norm() < min(1e-3, float(off) / 10)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
def test_in_16_bits_an_adapter_stays_beside_the_weights(tiny: Weights, tmp_path: Path) -> None:
    model, expected = adapter(tiny, tmp_path / "plain")
    network = load(model, device="cpu", dtype="bfloat16", base="as-trained")
    assert any("lora" in name for name, _ in network.named_parameters())
    assert (logits(network) - expected).norm() / expected.norm() < 0.05
    sampler = hf(model, device="cpu", dtype="bfloat16")
    assert next(iter(sampler.sample([ASK]))).error is None
    sampler.close()


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
def test_an_adapter_of_another_shape_is_refused(tiny: Weights, save: Any, networks: Any, tmp_path: Path) -> None:
    for name, changes, told in (
        ("wide", {"hidden_size": 32}, "made for another base"),
        ("deep", {"intermediate_size": 64}, "does not fit this model"),
    ):
        other, _ = adapter(save(networks["llama"](**changes)), tmp_path / name)
        with pytest.raises(BadInput, match=told):
            load(Weights(name="x", path=tiny.path, adapter=other.adapter), device="cpu", dtype="auto", base="original")


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize(
    ("manifest", "told"),
    [
        ({"base": "0" * 64}, "trained on another base"),
        ({"quantization": "int3"}, "quantization"),
        ({"compute_dtype": "float8"}, "compute_dtype: 'float8' is unknown"),
        ({"format": 2}, "format: 2 is unknown"),
        ({"colour": "red"}, "colour: no such field"),
    ],
)
def test_a_manifest_that_cannot_be_obeyed_is_refused(
    tiny: Weights, tmp_path: Path, manifest: dict[str, Any], told: str
) -> None:
    model, _ = adapter(tiny, tmp_path / "adapter", manifest)
    with pytest.raises(BadInput, match=told):
        next(iter(hf(model, device="cpu").sample([ASK])))


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
def test_the_base_is_rounded_from_the_type_of_the_manifest(tiny: Weights, tmp_path: Path) -> None:
    """bfloat16 weights in 4 bits are others than float32 ones: what computes in float32 now has to know."""
    pytest.importorskip("bitsandbytes")
    model, _ = adapter(tiny, tmp_path / "adapter", {"quantization": "nf4", "compute_dtype": "bfloat16"})
    network = load(model, device="cpu", dtype="float32", base="as-trained")
    (Path(str(model.adapter)) / MANIFEST).write_text(json.dumps({"base": fingerprint(tiny)["weights"], "quantization": "nf4"}))
    other = load(model, device="cpu", dtype="float32", base="as-trained")
    assert network.dtype == other.dtype == torch.float32
    assert not torch.allclose(logits(network), logits(other), atol=1e-4)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"device": "gpu"}, "device: 'gpu'"),
        ({"device": "cuda:99"}, "device"),
        ({"dtype": "int8"}, "dtype: 'int8'"),
        ({"batch_size": -1}, "batch_size"),
        ({"base": "trained"}, "base: 'trained'"),
        ({"exact": "maybe"}, "exact: 'maybe'"),
    ],
)
def test_options_that_cannot_be_are_refused(tiny: Weights, options: dict[str, Any], told: str) -> None:
    sampler = hf(tiny, **options)
    with pytest.raises(BadInput, match=told):
        next(iter(sampler.sample([ASK])))
    if options != {"device": "cuda:99"} or not gpu_possible():
        with pytest.raises(BadInput, match=told):
            sampler.resolve()


def test_pickled_and_missing_weights_are_refused(tiny: Weights, networks: Any, tmp_path: Path) -> None:
    for path in Path(tiny.path).iterdir():
        if path.suffix != ".safetensors":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    torch.save(networks["llama"]().state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(BadInput, match="pickled weights"):
        hf(Weights(name="x", path=str(tmp_path)), device="cpu").load()


def test_closing_gives_the_model_back(tiny: Weights) -> None:
    sampler = hf(tiny, device="cpu")
    list(sampler.sample([ASK]))
    network = weakref.ref(sampler.load().engine.model)
    sampler.close()
    gc.collect()
    assert network() is None
    sampler.close()
