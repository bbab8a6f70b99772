"""A small random model, and adapters of random weights that were trained on it, as far as their manifests say."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from cogumi_peft.bases import DTYPES, as_trained

from cogumi.records import AdapterManifest, Weights
from cogumi.testing import random_model
from cogumi.weights import fingerprint, write_manifest

sys.path.insert(0, str(Path(__file__).parent))  # the tests' own helper module

Make = Callable[..., Weights]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return random_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="session")
def cpu() -> torch.device:
    return torch.device("cpu")


@pytest.fixture
def adapted(model: Weights, tmp_path: Path, cpu: torch.device) -> Make:
    """`adapted(quantization, compute_dtype, scale=)`: the model with an adapter whose weights are `scale` times normal."""

    def make(quantization: Any = "nf4", compute_dtype: str = "float32", *, scale: float = 0.05) -> Weights:
        manifest = AdapterManifest(base=fingerprint(model)["weights"], quantization=quantization, compute_dtype=compute_dtype)
        folder = tmp_path / f"adapter-{compute_dtype}"
        save_adapter(as_trained(model, manifest, cpu), folder, scale)
        write_manifest(folder, manifest)
        return replace(model, adapter=str(folder))

    return make


def save_adapter(network: Any, folder: Path, scale: float) -> None:
    from peft import LoraConfig, get_peft_model

    adapted = get_peft_model(network, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    generator = torch.Generator().manual_seed(1)
    for name, parameter in adapted.named_parameters():
        if "lora_" in name:
            parameter.data = torch.randn(parameter.shape, generator=generator) * scale
    adapted.save_pretrained(str(folder))


def logits(network: Any) -> torch.Tensor:
    ids = torch.tensor([[1, 40, 50, 60, 7, 9, 70, 71, 3, 100]])
    with torch.no_grad():
        out: torch.Tensor = network.eval()(input_ids=ids).logits
    return out


@pytest.fixture
def together() -> Callable[..., torch.Tensor]:
    """`together(model, nf4=, dtype=)`: logits of base and adapter by transformers, bitsandbytes and peft alone."""

    def compute(model: Weights, *, nf4: bool, dtype: str = "float32") -> torch.Tensor:
        from peft import PeftModel
        from transformers import AutoModelForCausalLM, BitsAndBytesConfig

        options: dict[str, Any] = {}
        if nf4:
            options["quantization_config"] = BitsAndBytesConfig(  # type: ignore[no-untyped-call]
                load_in_4bit=True,
                bnb_4bit_quant_type="nf4",
                bnb_4bit_use_double_quant=True,
                bnb_4bit_compute_dtype=DTYPES[dtype],
            )
        base = AutoModelForCausalLM.from_pretrained(model.path, dtype=DTYPES[dtype], **options)
        return logits(PeftModel.from_pretrained(base.dequantize() if nf4 else base, str(model.adapter)))

    return compute


@pytest.fixture
def plain() -> Callable[..., torch.Tensor]:
    """`plain(folder)`: logits of a model folder by transformers alone."""

    def compute(folder: Path) -> torch.Tensor:
        from transformers import AutoModelForCausalLM

        return logits(AutoModelForCausalLM.from_pretrained(folder))

    return compute


TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SHAPES = {
    "attn_norm": (64,), "attn_q": (64, 64), "attn_k": (32, 64), "attn_v": (32, 64), "attn_output": (64, 64),
    "ffn_norm": (64,), "ffn_gate": (96, 64), "ffn_up": (96, 64), "ffn_down": (64, 96),
}  # fmt: skip
"""The tensors of a layer of a Llama of width 64, by their names in a GGUF file."""


def write_gguf(path: Path, *, held: str = "Q8_0", layers: int = 2, rule: str = "smollm", **changes: Any) -> dict[str, Any]:
    """A Llama of random weights as a GGUF file; gives the numbers that its tensors stand for, by name.

    `changes`: `architecture`, `extra` (tensors beside its own), `without` (names of tensors to leave out), `poison` (a tensor
    whose first number is none), `norms` (the type of vectors), `pieces` (it says that it is one of as many).
    """
    import gguf
    import numpy as np
    from tokenizers import pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *letters, "ĠĠ", "ĊĊ"]
    architecture = changes.get("architecture", "llama")
    writer = gguf.GGUFWriter(str(path), architecture)
    writer.add_context_length(128)
    writer.add_embedding_length(64)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(96)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_rope_dimension_count(16)
    writer.add_rope_freq_base(10_000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(rule)
    writer.add_token_list(tokens)
    writer.add_token_types([3, 3, 3, *[1] * (len(tokens) - 3)])
    writer.add_token_merges(["Ġ Ġ", "Ċ Ċ"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(2)
    writer.add_chat_template(TEMPLATE)
    if "pieces" in changes:
        writer.add_uint16("split.count", changes["pieces"])
    rng = np.random.default_rng(0)
    shapes = {"token_embd": (len(tokens), 64), "output_norm": (64,), **changes.get("extra", {})}
    shapes |= {f"blk.{layer}.{name}": shape for layer in range(layers) for name, shape in SHAPES.items()}
    numbers = {}
    for name, shape in shapes.items():
        if name in changes.get("without", ()):
            continue
        values = (rng.standard_normal(shape) * 0.1).astype(np.float32)
        if name == changes.get("poison"):
            values.reshape(-1)[0] = np.nan
        kind = gguf.GGMLQuantizationType[held if len(shape) > 1 else changes.get("norms", "F32")]
        raw = gguf.quants.quantize(values, kind)
        numbers[name] = torch.from_numpy(gguf.quants.dequantize(raw, kind).copy())
        writer.add_tensor(f"{name}.weight", raw, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return numbers


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own for each test."""
    monkeypatch.setenv("COGUMI_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def gguf_file() -> Callable[..., dict[str, Any]]:
    """`gguf_file(path, ...)`: see `write_gguf`."""
    pytest.importorskip("gguf")
    return write_gguf
