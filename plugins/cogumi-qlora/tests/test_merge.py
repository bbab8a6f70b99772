"""A trained adapter becomes a model of its own, and the doctor hears whether 4 bits work."""

from __future__ import annotations

import typing
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cogumi_peft import adapters, probing
from cogumi_qlora import checks, qlora, register_checks

from cogumi.errors import BadInput, RunFailed
from cogumi.protocols import Merger, Trainer
from cogumi.records import Demonstration, Weights
from cogumi.registry.options import Neutral, check_options
from cogumi.weights import check_model

OPTIONS = {"learning_rate": 1e-2, "lora_r": 4, "epochs": 2, "device": "cpu"}
pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")


def nothing(done: int, total: int, note: str) -> None:
    """Nobody watches."""


@pytest.fixture
def adapted(model: Weights, examples: Sequence[Demonstration], tmp_path: Path) -> Weights:
    qlora(**OPTIONS).train(examples, model, tmp_path / "training", nothing)
    return replace(model, adapter=str(tmp_path / "training" / "adapter"))


def apart(model: Weights, ids: Any) -> Any:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    config = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=torch.float32
    )
    base = AutoModelForCausalLM.from_pretrained(model.path, dtype=torch.float32, quantization_config=config)
    with torch.no_grad():
        return PeftModel.from_pretrained(base.dequantize(), model.adapter).eval()(input_ids=ids).logits


def test_plain_transformers_loads_the_merged_model(adapted: Weights, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    trainer = qlora(**OPTIONS)
    assert isinstance(trainer, Trainer)
    assert isinstance(trainer, Merger)
    notes = trainer.merge(adapted, tmp_path / "merged", nothing)
    ids = torch.tensor([[1, 3, 40, 50, 60, 4]])
    with torch.no_grad():
        merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged").eval()(input_ids=ids).logits
    torch.testing.assert_close(merged, apart(adapted, ids), rtol=1e-4, atol=1e-4)
    assert "held in NF4" in notes[0]
    check_model(Weights(name="merged", path=str(tmp_path / "merged")))


def test_the_choice_of_the_base_is_an_option_that_training_does_not_see(adapted: Weights, tmp_path: Path) -> None:
    options = check_options("trainer 'qlora'", qlora, {**OPTIONS, "merge_into": "original"})
    trainer = qlora(**options)
    assert trainer.settings == qlora(**OPTIONS).settings
    notes = trainer.merge(adapted, tmp_path / "merged", nothing)
    assert "into the original weights" in notes[0]
    with pytest.raises(BadInput, match="merge_into"):
        check_options("trainer 'qlora'", qlora, {"merge_into": "both"})


def test_what_cannot_change_the_adapter_is_marked() -> None:
    hints = typing.get_type_hints(qlora, include_extras=True)
    marked = {name for name, hint in hints.items() if Neutral in getattr(hint, "__metadata__", ())}
    assert marked == {"checkpoint_steps", "merge_into"}


def test_an_adapter_at_half_strength_is_caught(adapted: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(network: Any) -> Any:
        for module in network.modules():
            if hasattr(module, "lora_A"):
                module.scaling["default"] /= 2
        return network.merge_and_unload()

    monkeypatch.setattr(adapters, "fold", half)
    with pytest.raises(RunFailed, match="not base and adapter together"):
        qlora(**OPTIONS).merge(adapted, tmp_path / "merged", nothing)
    assert list((tmp_path / "merged").iterdir()) == []


def test_running_out_of_memory_says_what_to_do(adapted: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    def full(network: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(adapters, "fold", full)
    with pytest.raises(RunFailed, match="device=cpu"):
        qlora(**OPTIONS).merge(adapted, tmp_path / "merged", nothing)


def test_the_doctor_tries_4_bits() -> None:
    offered: dict[str, Any] = {}
    register_checks(offered.__setitem__)
    assert list(offered) == ["4-bit"]
    (found,) = offered["4-bit"]()
    assert (found.name, found.ok) == ("4-bit", True), found


@pytest.mark.parametrize("answer", [{"error": "torch is broken"}, {"nf4": "no kernel"}])
def test_what_is_wrong_with_4_bits_is_a_finding(answer: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "ask", lambda module: answer)
    (found,) = checks.four_bit()
    assert found.ok is False
    assert found.detail in answer.values()
    assert "pip install bitsandbytes" in found.fix
