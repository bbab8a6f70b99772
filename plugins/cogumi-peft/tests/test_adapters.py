"""An adapter lands whole, and computes what peft computes, merged or beside the weights; or it is refused."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from cogumi_peft.adapters import attach, fold, foldable
from cogumi_peft.bases import whole
from cogumi_peft.fit import fit
from cogumi_peft.merging import merge
from small_networks import adapter, by_peft, folder, logits, network

from cogumi.errors import BadInput
from cogumi.records import Weights
from cogumi.weights import resolve

CPU = torch.device("cpu")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Weights]:
    """A base whose output layer is its embedding, and one with an output layer of its own."""
    top = tmp_path_factory.mktemp("bases")
    return {name: folder(top / name, network(tie_word_embeddings=name == "tied")) for name in ("tied", "apart")}


KINDS: dict[str, dict[str, Any]] = {
    "embedding": {"target_modules": ["embed_tokens"]},
    "embedding and layers": {"target_modules": ["embed_tokens", "q_proj", "down_proj"]},
    "output layer": {"target_modules": ["lm_head"]},
    "both": {"target_modules": ["embed_tokens", "lm_head"]},
    "both, tied on purpose": {"target_modules": ["embed_tokens"], "ensure_weight_tying": True},
    "dora on the embedding": {"target_modules": ["embed_tokens"], "use_dora": True},
    "saved embedding": {"target_modules": ["q_proj"], "modules_to_save": ["embed_tokens"]},
    "saved output layer": {"target_modules": ["q_proj"], "modules_to_save": ["lm_head"]},
    "single tokens": {"target_modules": ["q_proj"], "trainable_token_indices": [3, 4]},
    "dora": {"use_dora": True},
    "rslora": {"use_rslora": True},
    "bias": {"target_modules": ["q_proj"], "bias": "all"},
    "lora's bias": {"target_modules": ["q_proj"], "lora_bias": True},
    "patterns": {"rank_pattern": {"q_proj": 2}, "alpha_pattern": {"up_proj": 32}},
    "one layer": {"target_modules": ["q_proj"], "layers_to_transform": [1], "layers_pattern": "layers"},
    "layers twice": {"target_modules": ["q_proj"], "layer_replication": [[0, 2], [1, 2]]},
    "parameters": {"target_modules": ["q_proj"], "target_parameters": ["mlp.up_proj.weight"]},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("base", ["tied", "apart"])
def test_it_computes_what_peft_computes(bases: dict[str, Weights], tmp_path: Path, kind: str, base: str) -> None:
    place = adapter(bases[base], tmp_path / "adapter", **KINDS[kind])
    wanted = by_peft(bases[base], place)
    adapted = attach(whole(bases[base], torch.float32, CPU), place)
    beside = logits(adapted)
    assert (beside - logits(whole(bases[base], torch.float32, CPU))).abs().max() > 0.01
    assert torch.equal(beside, wanted)
    assert foldable(adapted) is (kind != "lora's bias")
    if foldable(adapted):
        assert torch.allclose(logits(fold(adapted)), wanted, atol=1e-5)
    else:
        with pytest.raises(BadInput, match="cannot be merged"):
            fold(adapted)


@pytest.mark.parametrize("kind", ["embedding", "both", "saved embedding", "dora", "single tokens"])
def test_what_was_tied_is_written_apart(bases: dict[str, Weights], tmp_path: Path, kind: str) -> None:
    from transformers import AutoModelForCausalLM

    place = adapter(bases["tied"], tmp_path / "adapter", **KINDS[kind])
    merge(replace(bases["tied"], adapter=place), tmp_path / "merged", lambda *_: None, device=CPU)
    read = AutoModelForCausalLM.from_pretrained(tmp_path / "merged")
    assert torch.allclose(logits(read), by_peft(bases["tied"], place), atol=1e-5)
    assert read.config.tie_word_embeddings is (kind in ("dora", "single tokens"))


def refusals(model: Weights) -> list[str]:
    """What is said before anything is loaded, and what is said on loading."""
    out = []
    for ask in (lambda: fit(model), lambda: attach(whole(model, torch.float32, CPU), str(model.adapter))):
        with pytest.raises(BadInput) as caught:
            ask()
        out.append(str(caught.value))
    return out


OTHERS: dict[str, tuple[str, dict[str, Any], str]] = {
    "fewer layers": ("llama", {"num_hidden_layers": 1}, "it has nothing for 8 places, e.g. base_model.model.model.layers.1"),
    "more layers": ("llama", {"num_hidden_layers": 3}, "8 of its tensors have no place in it, e.g. .*layers.2"),
    "a wider inside": ("llama", {"intermediate_size": 96}, "size mismatch"),
    "one tensor in front": ("phi3", {}, "Target modules .*not found|no place in it, e.g. .*gate_up_proj"),
}


@pytest.mark.parametrize("other", OTHERS)
def test_one_of_another_base_is_refused(bases: dict[str, Weights], tmp_path: Path, other: str) -> None:
    family, changes, told = OTHERS[other]
    names = ["gate_up_proj", "o_proj"] if family == "phi3" else ["gate_proj", "q_proj", "v_proj", "up_proj"]
    place = adapter(folder(tmp_path / "other", network(family, **changes)), tmp_path / "adapter", target_modules=names)
    for message in refusals(replace(bases["apart"], adapter=place)):
        assert message.startswith(f"{place}: the adapter does not fit this model: ")
        assert re.search(told, message)


def test_one_of_another_family_with_the_same_names_and_shapes(bases: dict[str, Weights], tmp_path: Path) -> None:
    """Nothing in the tensors tells; the base that the adapter names does where it is here, and is told where it is not."""
    place = adapter(folder(tmp_path / "gemma", network("gemma", head_dim=16)), tmp_path / "adapter")
    model = replace(bases["apart"], adapter=place)
    with pytest.raises(BadInput, match=r"made for another base: .*gemma has model_type gemma, this has llama"):
        resolve(model)
    settings(place, base_model_name_or_path="google/gemma")
    assert "made for 'google/gemma'" in resolve(model).notes[0]


def test_one_for_all_layers_of_a_shallower_base_is_refused(bases: dict[str, Weights], tmp_path: Path) -> None:
    """peft writes the names of so few layers out, and they are all there in a deeper base."""
    place = adapter(folder(tmp_path / "shallow", network(num_hidden_layers=1)), tmp_path / "adapter")
    model = replace(bases["apart"], adapter=place)
    with pytest.raises(BadInput, match="has num_hidden_layers 1, this has 2"):
        resolve(model)
    settings(place, base_model_name_or_path="some/where")
    with pytest.raises(BadInput, match=r"target_modules: .*it lists 1 layers, the first of 2"):
        resolve(model)
    settings(place, base_model_name_or_path=model.path)  # then it is meant
    assert resolve(model).notes == ()


def alter(place: str, change: Any) -> None:
    from safetensors.torch import load_file, save_file

    path = Path(place) / "adapter_model.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)


FIRST = "base_model.model.model.layers.0."
DAMAGE: dict[str, tuple[dict[str, Any], Any, str]] = {
    "a tensor less": (
        {},
        lambda t: t.pop(FIRST + "self_attn.q_proj.lora_B.weight"),
        "nothing for 1 places.*q_proj.lora_B.weight",
    ),
    "a tensor more": (
        {},
        lambda t: t.update({FIRST + "mlp.odd.lora_A.weight": torch.ones(4, 64)}),
        "1 of its tensors.*mlp.odd",
    ),
    "a magnitude less": (
        {"use_dora": True},
        lambda t: t.pop(FIRST + "self_attn.q_proj.lora_magnitude_vector"),
        "nothing for 1 places.*lora_magnitude_vector",
    ),
    "a saved module less": (
        {"target_modules": ["q_proj"], "modules_to_save": ["lm_head"]},
        lambda t: t.pop("base_model.model.lm_head.weight"),
        "it has no 'base_model.model.lm_head.weight'",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_file_that_is_not_whole_is_refused(bases: dict[str, Weights], tmp_path: Path, damage: str) -> None:
    options, change, told = DAMAGE[damage]
    place = adapter(bases["apart"], tmp_path / "adapter", **options)
    alter(place, change)
    for message in refusals(replace(bases["apart"], adapter=place)):
        assert re.search(told, message)


def test_a_bias_that_is_missing_is_refused(tmp_path: Path) -> None:
    base = folder(tmp_path / "base", network("qwen2"))  # whose projections have biases
    place = adapter(base, tmp_path / "adapter", target_modules=["q_proj"], bias="lora_only")
    assert fit(replace(base, adapter=place)) == fit(base)
    alter(place, lambda t: t.pop(min(name for name in t if name.endswith("bias"))))
    assert all("nothing for 1 places" in message for message in refusals(replace(base, adapter=place)))


def settings(place: str, **changes: Any) -> None:
    path = Path(place) / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_targets_that_match_nothing_are_refused(bases: dict[str, Weights], tmp_path: Path) -> None:
    place = adapter(bases["apart"], tmp_path / "adapter")
    settings(place, target_modules=["c_attn", "c_proj"])
    assert all(
        "Target modules" in message and "not found" in message for message in refusals(replace(bases["apart"], adapter=place))
    )


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"peft_type": "PROMPT_TUNING"}, "peft_type: 'PROMPT_TUNING' is not supported"),
        ({"peft_type": "IA3"}, "peft_type: 'IA3' is not supported"),
        ({"alora_invocation_tokens": [3, 4]}, "alora_invocation_tokens: such an adapter is not supported"),
    ],
)
def test_what_is_no_plain_lora_is_refused_by_its_name(
    bases: dict[str, Weights], tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    place = adapter(bases["apart"], tmp_path / "adapter")
    settings(place, **changes)
    with pytest.raises(BadInput, match=told):
        resolve(replace(bases["apart"], adapter=place))


def test_a_base_of_another_name_is_told(bases: dict[str, Weights], tmp_path: Path) -> None:
    place = adapter(bases["apart"], tmp_path / "adapter")
    model = replace(bases["apart"], adapter=place)
    assert resolve(model).notes == ()  # its own path stands in it
    told = "the adapter says that it was made for '{}', and is put on 'apart': make sure that it belongs there"
    for name in ("some/other", bases["tied"].path):
        settings(place, base_model_name_or_path=name)
        assert resolve(model).notes == (told.format(name),)
    for name in ("their/apart", None, ""):
        settings(place, base_model_name_or_path=name)
        assert resolve(model).notes == ()
