"""Tiny random models with a character tokenizer, built in a temporary folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from cogumi.records import Weights

TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}{{ '[' + m['role'] + ']' + m['content'] + eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '[assistant]' }}{% endif %}"
)
LETTERS = [chr(c) for c in range(32, 127)] + ["\n"]


def tokenizer(*, template: bool = True, pad: bool = True) -> Any:
    """One token per ASCII character, and `<s>`, `</s>`, `<pad>`."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    names = ["<pad>", "<s>", "</s>", *LETTERS]
    core = Tokenizer(models.WordLevel({name: i for i, name in enumerate(names)}, unk_token="<pad>"))
    core.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    core.decoder = decoders.Fuse()
    options = {"pad_token": "<pad>"} if pad else {}
    fast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=core, bos_token="<s>", eos_token="</s>", **options
    )
    fast.chat_template = TEMPLATE if template else None
    return fast


def llama(**changes: Any) -> Any:
    """A random Llama of two layers; large weights, so that it is sure of some tokens and torn on others."""
    from transformers import LlamaConfig, LlamaForCausalLM

    options = {
        "vocab_size": 99, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "max_position_embeddings": 256, "initializer_range": 0.15,
        "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
    }  # fmt: skip
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(**{**options, **changes}))


def gpt2() -> Any:
    """A random GPT-2 of two layers: learned absolute positions, which left padding would spoil."""
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=99, n_embd=64, n_layer=2, n_head=4, n_positions=256, initializer_range=0.15, bos_token_id=1, eos_token_id=2
    )
    return GPT2LMHeadModel(config)


NETWORKS: dict[str, Callable[..., Any]] = {"llama": llama, "gpt2": gpt2}


@pytest.fixture(scope="session")
def networks() -> dict[str, Callable[..., Any]]:
    """Builders of random networks, by architecture."""
    return NETWORKS


@pytest.fixture(scope="session")
def save(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Weights]:
    """`save(network, **tokenizer options)`: write a model folder and name it."""

    def write(network: Any, **options: bool) -> Weights:
        folder: Path = tmp_path_factory.mktemp("model")
        network.save_pretrained(folder)
        tokenizer(**options).save_pretrained(folder)
        return Weights(name=folder.name, path=str(folder))

    return write


@pytest.fixture(scope="session")
def tiny(save: Callable[..., Weights]) -> Weights:
    """The random Llama."""
    return save(llama())
