"""Small random networks of several families, their folders, and adapters on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from cogumi.records import Weights

TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}{{ '[' + m['role'] + ']' + m['content'] + eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '[assistant]' }}{% endif %}"
)
SIZES = {
    "vocab_size": 99, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 256, "initializer_range": 0.15,
    "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
}  # fmt: skip
IDS = torch.tensor([[1, 40, 50, 60, 7, 9]])


def tokenizer() -> Any:
    """One token per ASCII character, and `<s>`, `</s>`, `<pad>`."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    names = ["<pad>", "<s>", "</s>", *map(chr, range(32, 127)), "\n"]
    core = Tokenizer(models.WordLevel({name: i for i, name in enumerate(names)}, unk_token="<pad>"))
    core.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    core.decoder = decoders.Fuse()
    fast: Any = PreTrainedTokenizerFast
    made = fast(tokenizer_object=core, bos_token="<s>", eos_token="</s>", pad_token="<pad>")
    made.chat_template = TEMPLATE
    return made


def network(family: str = "llama", **changes: Any) -> Any:
    """A random network of two layers."""
    import transformers

    configs = {"llama": "Llama", "gemma": "Gemma", "qwen2": "Qwen2", "phi3": "Phi3", "mistral": "Mistral"}
    name = configs[family]
    torch.manual_seed(0)
    config = getattr(transformers, f"{name}Config")(**{**SIZES, **changes})
    return getattr(transformers, f"{name}ForCausalLM")(config)


def folder(path: Path, made: Any, words: Any = None) -> Weights:
    """Its folder, with a tokenizer."""
    made.save_pretrained(path)
    (tokenizer() if words is None else words).save_pretrained(path)
    return Weights(name=path.name, path=str(path))


def adapter(base: Weights, path: Path, **options: Any) -> str:
    """An adapter of random numbers that peft made for this base and saved."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(3)
    config = LoraConfig(**{"r": 4, "lora_alpha": 8, "target_modules": "all-linear", "task_type": "CAUSAL_LM", **options})
    adapted = get_peft_model(AutoModelForCausalLM.from_pretrained(base.path), config)
    for name, parameter in adapted.named_parameters():
        if parameter.requires_grad or "lora_" in name:
            parameter.data = parameter.data + torch.randn_like(parameter) * 0.1
    adapted.save_pretrained(str(path))
    return str(path)


def by_peft(base: Weights, adapter: str) -> torch.Tensor:
    """The logits that plain transformers and peft compute."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    return logits(PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base.path), adapter))


def logits(network: Any) -> torch.Tensor:
    """`[1, tokens, vocabulary]`."""
    with torch.inference_mode():
        out: torch.Tensor = network.eval()(input_ids=IDS).logits
    return out
