"""The model folder: what a Llama of this size is made of, and how it is written.

Contract: every layer size is a multiple of 64, so that 4-bit loading, adapters and inference engines take the folder as
it is; weights are stored in 16 bits to stay small, while the configuration says float32, so that loading gives float32.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import LlamaConfig, LlamaForCausalLM

from recipe.vocabulary import ASSISTANT, BOS, EOS, PAD, SYSTEM, USER, special

CONTEXT = 2048
"""Positions: room for eight worked examples before a question."""
KEPT = (
    "vocab_size hidden_size intermediate_size num_hidden_layers num_attention_heads num_key_value_heads head_dim "
    "hidden_act max_position_embeddings initializer_range rms_norm_eps tie_word_embeddings attention_bias mlp_bias "
    "attention_dropout bos_token_id eos_token_id pad_token_id"
)
"""Fields of the configuration that are written."""
END = "{% generation %}{{ m['content'] }}{{ eos_token }}{% endgeneration %}"
TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}"
    "{% if m['role'] == 'assistant' %}" + ASSISTANT + END + "{% elif m['role'] == 'system' %}" + SYSTEM + "{{ m['content'] }}"
    "{% else %}" + USER + "{{ m['content'] }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}" + ASSISTANT + "{% endif %}"
)
"""One BOS, a mark before each turn, EOS behind each of the assistant's."""


def configuration(vocabulary: Tokenizer, *, hidden: int = 256, layers: int = 4, inner: int = 512) -> LlamaConfig:
    """The architecture: `hidden`, `inner` and the vocabulary are multiples of 64; heads are 32 wide."""
    return LlamaConfig(
        vocab_size=vocabulary.get_vocab_size(),
        hidden_size=hidden,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=hidden // 32,
        num_key_value_heads=hidden // 32,
        head_dim=32,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=special(vocabulary, BOS),
        eos_token_id=special(vocabulary, EOS),
        pad_token_id=special(vocabulary, PAD),
        dtype="float32",
    )


def write_folder(folder: Path, model: LlamaForCausalLM, vocabulary: Tokenizer) -> None:
    """Write everything but the model card. The same model and vocabulary give the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    config = _config(model.config)
    _write_json(folder / "config.json", config)
    ends = {name: config[name] for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    _write_json(folder / "generation_config.json", ends)
    vocabulary.save(str(folder / "tokenizer.json"))
    _write_json(folder / "tokenizer_config.json", _tokenizer_config())
    weights = {name: _stored(value) for name, value in model.state_dict().items() if name != "lm_head.weight"}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)  # the library leaves it readable by its owner alone


def _config(config: LlamaConfig) -> dict[str, Any]:
    """What readers of any version need, without the defaults that differ between versions."""
    values = {name: getattr(config, name) for name in KEPT.split()}
    rope = {"rope_theta": 10000.0, "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"}}
    return {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "dtype": "float32", **rope, **values}


def _stored(value: torch.Tensor) -> torch.Tensor:
    return value.detach().to(device="cpu", dtype=torch.float16).contiguous()


def _tokenizer_config() -> dict[str, Any]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": BOS,
        "eos_token": EOS,
        "pad_token": PAD,
        "additional_special_tokens": [SYSTEM, USER, ASSISTANT],
        "chat_template": TEMPLATE,
        "clean_up_tokenization_spaces": False,
        "model_max_length": CONTEXT,
        "padding_side": "left",
    }


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")
