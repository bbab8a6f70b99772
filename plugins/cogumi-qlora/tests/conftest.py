"""A small random Llama with a byte-level tokenizer, made once per session, and examples to train it on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from cogumi.records import Demonstration, Message, Weights

TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}{{ eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def make_model(folder: Path) -> None:
    """A folder with config, float32 weights, tokenizer and chat template; layer sizes are multiples of 64."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = make_tokenizer()
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=256,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        initializer_range=0.2,
    )
    LlamaForCausalLM(config).save_pretrained(folder)


def make_tokenizer():
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    special = ["<pad>", "<bos>", "<eos>", "<|user|>", "<|assistant|>"]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {token: i for i, token in enumerate(special + alphabet)}
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<bos>",
        eos_token="<eos>",
        pad_token="<pad>",
        additional_special_tokens=special[3:],
    )
    fast.chat_template = TEMPLATE
    return fast


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    folder = tmp_path_factory.mktemp("model")
    make_model(folder)
    return Weights(name="byte-llama", path=str(folder))


def example(name: str, question: str, answer: str, temperature: float = 0.0) -> Demonstration:
    messages = (Message(role="user", content=question), Message(role="assistant", content=answer))
    return Demonstration(id=name, messages=messages, train_temperature=temperature)


@pytest.fixture
def examples() -> Sequence[Demonstration]:
    """Ten sums of different lengths, every third with soft labels."""
    texts = [(f"What is {i} + {i}?" + " Think." * (i % 4), f"It is {2 * i}." + " Yes." * (i % 3)) for i in range(10)]
    return [example(f"math/{i}", *pair, 0.5 * (i % 3 == 0)) for i, pair in enumerate(texts)]
