"""Small tokenizers and chat templates in the shapes of well-known families; vocabularies of letters alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

HEADER = "{% for m in messages %}"
CLOSE = "{% endfor %}"
OPENING = "{% if add_generation_prompt %}OPEN{% endif %}"


def turns(before: str, opening: str, *, bos: bool) -> str:
    """A template whose turns all have one shape; `before` is what every turn is written as, without its loop."""
    first = "{{ bos_token }}" if bos else ""
    return first + HEADER + before + CLOSE + OPENING.replace("OPEN", opening)


CHATML = "{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A family's tokenizer and template."""

    template: str
    """With BOS or without."""
    special: tuple[str, ...]
    """Control tokens, the first of which are BOS and EOS."""
    ordinary: tuple[str, ...] = ()
    """Added tokens that are not called special: the family's turn markers, or runs of blanks."""
    pieces: str = "bytes"
    """bytes: byte-level; prefixed: blanks as a mark that the first word gets too; replaced: blanks as a mark."""
    strips: tuple[str, ...] = ()
    """Control tokens that take the blanks behind them."""
    writes_bos: bool = False
    """Whether the tokenizer itself adds a BOS to a text."""
    end: str = ""
    """What ends the assistant's turn."""
    options: dict[str, str] = field(default_factory=dict)
    """Further options of the tokenizer."""


SHAPES = {
    "llama-3": Shape(
        template=turns(
            "{{ '<|start_header_id|>' + m['role'] + '<|end_header_id|>\n\n' + m['content'] | trim + '<|eot_id|>' }}",
            "<|start_header_id|>assistant<|end_header_id|>\n\n",
            bos=True,
        ),
        special=("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
        writes_bos=True,
        end="<|eot_id|>",
    ),
    "gemma": Shape(
        template=turns(
            "{{ '<start_of_turn>' + ('model' if m['role'] == 'assistant' else m['role']) + '\n' + m['content'] | trim"
            " + '<end_of_turn>\n' }}",
            "<start_of_turn>model\n",
            bos=True,
        ),
        special=("<bos>", "<eos>"),
        ordinary=("<start_of_turn>", "<end_of_turn>", "\n\n", "\u2581\u2581"),
        pieces="replaced",
        writes_bos=True,
        end="<end_of_turn>",
    ),
    "qwen": Shape(
        template=turns(CHATML, "<|im_start|>assistant\n", bos=False),
        special=("<|endoftext|>", "<|im_end|>", "<|im_start|>"),
        ordinary=("<think>", "</think>"),
        end="<|im_end|>",
    ),
    "phi-3": Shape(
        template=turns("{{ '<|' + m['role'] + '|>\n' + m['content'] + '<|end|>\n' }}", "<|assistant|>\n", bos=False),
        special=("<s>", "<|endoftext|>", "<|end|>", "<|user|>", "<|assistant|>", "<|system|>"),
        pieces="prefixed",
        strips=("<|end|>", "<|user|>", "<|assistant|>", "<|system|>"),
        end="<|end|>",
    ),
    "mistral": Shape(
        template="{{ bos_token }}{% for m in messages %}{% if m['role'] == 'assistant' %}{{ ' ' + m['content'] + eos_token }}"
        "{% else %}{{ '[INST] ' + m['content'] + ' [/INST]' }}{% endif %}{% endfor %}",
        special=("<s>", "</s>", "[INST]", "[/INST]"),
        pieces="prefixed",
        writes_bos=True,
        end="</s>",
    ),
    "smollm2": Shape(
        template=turns(CHATML, "<|im_start|>assistant\n", bos=False),
        special=("<|im_start|>", "<|im_end|>"),
        end="<|im_end|>",
    ),
    "chatml": Shape(
        template=turns(CHATML, "<|im_start|>assistant\n", bos=False),
        special=("<s>", "</s>", "<|im_start|>", "<|im_end|>"),
        writes_bos=True,
        end="<|im_end|>",
    ),
}


def tokenizer(shape: Shape, template: str | None = None) -> Any:
    """The family's tokenizer."""
    from tokenizers import AddedToken, Tokenizer, models, processors
    from transformers import PreTrainedTokenizerFast

    bytelike = shape.pieces == "bytes"
    letters = _letters(bytelike)
    vocabulary = {token: i for i, token in enumerate([*shape.special[:2], *letters])}
    core = Tokenizer(models.BPE(vocab=vocabulary, merges=[], byte_fallback=not bytelike, ignore_merges=bytelike))
    _pieces(core, shape.pieces)
    core.add_tokens([AddedToken(t, normalized=False, rstrip=t in shape.strips, special=True) for t in shape.special])
    core.add_tokens([AddedToken(t, normalized=False, special=False) for t in shape.ordinary])
    if shape.writes_bos:
        bos = shape.special[0]
        core.post_processor = processors.TemplateProcessing(single=f"{bos} $A", special_tokens=[(bos, core.token_to_id(bos))])
    fast: Any = PreTrainedTokenizerFast
    made = fast(tokenizer_object=core, bos_token=shape.special[0], eos_token=shape.special[1], extra_special_tokens=[])
    made.chat_template = shape.template if template is None else template
    return made


def _letters(bytelike: bool) -> list[str]:
    from tokenizers import pre_tokenizers

    if bytelike:
        return sorted(pre_tokenizers.ByteLevel.alphabet())
    return ["<unk>", *(f"<0x{i:02X}>" for i in range(256)), "\u2581", *map(chr, range(33, 127))]


def _pieces(core: Any, pieces: str) -> None:
    from tokenizers import decoders, normalizers, pre_tokenizers

    if pieces == "bytes":
        core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        core.decoder = decoders.ByteLevel()
        return
    if pieces == "prefixed":
        core.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    else:
        core.normalizer = normalizers.Replace(" ", "\u2581")
    core.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()])
