"""The loss and its gradients against a plain computation, one example at a time, written down from the definition."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from cogumi_qlora import base, layout, lora, qlora
from cogumi_qlora.encode import Encoded, encode_all
from cogumi_qlora.loss import packed, padded, total_loss

from cogumi.chat import Chat
from cogumi.records import Demonstration, Weights


@pytest.fixture(scope="module")
def adapted(model: Weights):
    """A peft model whose adapter is not zero any more, with dropout on."""
    settings = qlora(quantize="none", lora_dropout=0.1).settings
    peft_model = lora.attach(base.load(model, settings), settings)
    generator = torch.Generator().manual_seed(1)
    for name, parameter in peft_model.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(std=0.05, generator=generator)
    return peft_model


@pytest.fixture
def encoded(model: Weights, examples: list[Demonstration]) -> list[Encoded]:
    return encode_all(examples[:5], Chat.load(model), 256)


def without_dropout(model):
    model.train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.eval()
    return model


def reference(model, examples: list[Encoded]) -> torch.Tensor:
    total = torch.zeros(())
    for example in examples:
        ids = torch.tensor([example.ids])
        logits = model(input_ids=ids).logits[0]
        with torch.no_grad(), model.disable_adapter():
            frozen = model(input_ids=ids).logits[0]
        for position in range(example.start, len(example.ids)):
            log_p = torch.log_softmax(logits[position - 1], -1)
            if example.temperature == 0.0:
                total = total - log_p[example.ids[position]]
            else:
                q = torch.softmax(frozen[position - 1] / example.temperature, -1)
                total = total + (q * (q.log() - log_p)).sum()
    return total


def gradients(model) -> dict[str, torch.Tensor]:
    found = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    return found


@pytest.mark.parametrize("keeps_logits", [True, False])
@pytest.mark.parametrize("collate", ["padded", "packed"])
def test_mixed_hard_and_soft_labels_are_exact(adapted, encoded: list[Encoded], collate: str, keeps_logits: bool) -> None:
    assert {e.temperature for e in encoded} == {0.0, 0.5}
    model = without_dropout(adapted)
    reference(model, encoded).backward()
    wanted = gradients(model)
    batch = packed(encoded) if collate == "packed" else padded(encoded, pad_id=0)
    loss = total_loss(model, batch, keeps_logits=keeps_logits)
    loss.backward()
    loss = loss.detach()
    given = gradients(model)
    assert float(loss) == pytest.approx(float(reference(model, encoded).detach()), rel=1e-5)
    assert all("lora_" in name for name in given)
    assert given.keys() == wanted.keys()
    for name, gradient in wanted.items():
        torch.testing.assert_close(given[name], gradient, rtol=1e-3, atol=1e-4 * float(gradient.abs().max()))


def test_the_prompt_and_the_padding_are_not_learned(adapted, encoded: list[Encoded]) -> None:
    batch = padded(encoded, pad_id=0)
    assert len(batch.labels) == sum(e.targets for e in encoded)
    assert batch.labels.tolist() == [i for e in encoded for i in e.ids[e.start :]]
    assert batch.columns.tolist() == [i - 1 for e in encoded for i in range(e.start, len(e.ids))]


def test_the_base_is_asked_without_dropout_and_without_adapter(adapted, encoded: list[Encoded]) -> None:
    """Where the adapter is zero and T is 1, student and base are one: the divergence is 0 despite dropout."""
    soft = [Encoded(id=e.id, ids=e.ids, start=e.start, temperature=1.0) for e in encoded]
    saved = {n: p.data.clone() for n, p in adapted.named_parameters() if "lora_B" in n}
    adapted.train()
    for name, parameter in adapted.named_parameters():
        if name in saved:
            parameter.data.zero_()
    zero = float(total_loss(adapted, padded(soft, 0), keeps_logits=True).detach())
    for name, parameter in adapted.named_parameters():
        if name in saved:
            parameter.data.copy_(saved[name])
    moved = float(total_loss(adapted, padded(soft, 0), keeps_logits=True).detach())
    assert abs(zero) < 1e-3 < moved
    assert adapted.training
    assert all(p.requires_grad for n, p in adapted.named_parameters() if "lora_" in n)


class Leaky(torch.nn.Module):
    """A model whose positions see everything before them, whatever the position ids say."""

    def forward(self, input_ids, attention_mask=None, position_ids=None, use_cache=False):
        seen = torch.nn.functional.one_hot(input_ids, 300).float().cumsum(1)
        return type("Output", (), {"logits": seen})


def test_packing_is_refused_where_examples_see_one_another(model: Weights, encoded: list[Encoded]) -> None:
    settings = qlora(quantize="none").settings
    llama = base.load(model, settings)
    assert layout.packing_is_exact(llama, encoded, keeps_logits=True)
    leaky = base.Base(model=Leaky(), quantization="none", device=llama.device, dtype=llama.dtype)
    assert not layout.packing_is_exact(leaky, encoded, keeps_logits=False)
    with pytest.raises(base.BadInput, match="packing"):
        layout.choose(leaky, encoded, qlora(packing="on").settings, 0)
    assert not layout.choose(llama, encoded, settings, 0).packs  # on a CPU padding is faster
    assert layout.choose(llama, encoded, qlora(packing="on").settings, 0).packs


def test_the_change_is_the_norm_of_the_update(model: Weights, tmp_path: Path) -> None:
    for quantize in ("none", "nf4"):
        settings = qlora(quantize=quantize, lora_r=4, lora_alpha=12).settings
        peft_model = lora.attach(base.load(model, settings), settings)
        assert lora.change(peft_model).overall == 0.0
        for name, parameter in peft_model.named_parameters():
            if "lora_B" in name:
                parameter.data.normal_(std=0.01)
        wanted, largest = dense_change(peft_model)
        change = lora.change(peft_model)
        assert change.overall == pytest.approx(wanted, rel=1e-4)
        assert change.largest == pytest.approx(largest[0], rel=1e-4)
        assert change.layer == largest[1]


def dense_change(peft_model) -> tuple[float, tuple[float, str]]:
    """The same from whole matrices."""
    updates, weights, shares = 0.0, 0.0, []
    for name, module in peft_model.named_modules():
        if not hasattr(module, "get_delta_weight"):
            continue
        layer = module.get_base_layer()
        # A layer's answers to unit vectors are its weights, however they are held.
        weight = layer(torch.eye(layer.in_features)).detach().double().norm()
        update = (module.lora_B["default"].weight @ module.lora_A["default"].weight).detach().double().norm() * 3.0
        updates, weights = updates + float(update) ** 2, weights + float(weight) ** 2
        shares.append((float(update / weight), name.removeprefix("base_model.model.")))
    return (updates / weights) ** 0.5, max(shares)


def test_short_and_long_examples_share_no_forward_pass_where_rotations_differ() -> None:
    """Beside a longer one a short example would be rotated as long ones are, which is not how it was sampled."""
    from cogumi_peft.rope import turning_point
    from cogumi_qlora.loop import sides
    from transformers import Phi3Config, Phi3ForCausalLM

    scaling = {"rope_type": "longrope", "short_factor": [1.0] * 8, "long_factor": [4.0] * 8, "rope_theta": 10000.0}
    config = Phi3Config(
        vocab_size=99, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4, pad_token_id=0,
        max_position_embeddings=256, initializer_range=0.15, original_max_position_embeddings=16,
        rope_parameters=scaling | {"original_max_position_embeddings": 16},
    )  # fmt: skip
    torch.manual_seed(0)
    network = Phi3ForCausalLM(config).eval()
    part = [Encoded(id=str(n), ids=tuple(range(5, 5 + n)), start=n // 2, temperature=0.0) for n in (10, 16, 17, 40)]
    assert turning_point(config) == 16
    assert [[len(e.ids) for e in side] for side in sides(part, 16)] == [[10, 16], [17, 40]]
    assert sides(part, None) == [part]
    assert sides(part[:2], 16) == [part[:2]]

    def loss(examples: Sequence[Encoded]) -> float:
        with torch.no_grad():
            return float(total_loss(network, padded(examples, 0), keeps_logits=True))

    alone = sum(loss([example]) for example in part)
    assert sum(map(loss, sides(part, 16))) == pytest.approx(alone, abs=1e-2)
    assert abs(loss(part) - alone) > 0.1
