"""`python -m cogumi_peft.gguf.convert FILE FOLDER`: a GGUF file as safetensors, tokenizer and template, read back as written.

transformers reads the file and turns its numbers into float32. They are written in the narrowest type that holds every one of
them exactly, so that what was quantised is the same network as before, and 16-bit files stay as small as they are. Prints one
JSON object: `{"error": null}`, or a sentence that says why the file cannot be converted. Ends when its parent does: stdin is a
pipe that nobody writes to.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from cogumi.codec import to_json
from cogumi.errors import BadInput
from cogumi.files import file_digest, remembered_digest, sync, write_json
from cogumi.records import Origin
from cogumi.weights import ORIGIN
from cogumi_peft.bases import one_line
from cogumi_peft.gguf import header
from cogumi_peft.quiet import quiet

TYPES = (torch.bfloat16, torch.float16, torch.float32)
"""What numbers are written in: the first that loses nothing."""
FLOATS = {"F32", "F16", "BF16", "F64"}
"""Types of the file that are not quantised."""
SAMPLES = ("What is 17 + 25?\n\n1. Forty-two.", "def f(x):\n    return x  # 3.14\n", "Ünïcode, naïve: 日本語 \U0001f600")
OWN_RULE = "it splits words from numbers and spaces by the rule of GPT-2, since transformers does not know that of '{}'"
NOT_KEPT = ("quantization_config", "_name_or_path", "_model_name_or_path")
"""What transformers notes of the file in its configuration, and refuses to save or had better not."""
SPECIAL = {"bos_token": "bos", "eos_token": "eos", "unk_token": "unknown", "pad_token": "padding"}
"""Names of a tokenizer's special tokens, here and in a file's metadata."""
State = dict[str, torch.Tensor]
"""Weights by name, in float32; tied ones share their memory."""


class Unreadable(Exception):
    """Why the file cannot be converted, in a sentence."""


def convert(gguf: Path, folder: Path) -> None:
    """Write the model folder. Raises `Unreadable` for a file that transformers cannot make a model of."""
    about = header.read(gguf)
    tokenizer, notes = _tokenizer(gguf, about)
    network = _network(gguf, about)
    _check_complete(about, network)
    state: State = network.state_dict()
    dtype = _narrowest(state)
    with quiet():
        _plain(network, state, dtype).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    _check_written(folder, state)
    _check_tokenizer(folder, tokenizer)
    _sync(folder)
    held = header.held(about)
    versions = {package: metadata.version(package) for package in ("cogumi-peft", "transformers", "gguf", "torch")}
    said = (_said(gguf.name, held, _name(dtype)), *notes)
    origin = Origin(
        file=gguf.name,
        sha256=remembered_digest(gguf),
        held=held,
        dtype=_name(dtype),
        files={path.name: file_digest(path) for path in sorted(folder.iterdir())},
        versions=versions,
        notes=said,
    )
    write_json(folder / ORIGIN, to_json(origin))


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _said(name: str, held: Mapping[str, int], dtype: str) -> str:
    """What happened to the numbers, in a sentence."""
    total, kinds = sum(held.values()), {kind: count for kind, count in held.items() if kind not in FLOATS}
    if not kinds:
        return f"the weights are those of {name} ({', '.join(held)}) in {dtype}, every number as it was"
    shares = ", ".join(f"{kind} {count / total:.0%}" for kind, count in kinds.items())
    return f"the weights are dequantised from {name} ({shares}) to {dtype}: they are not those that it was quantised from"


def _tokenizer(gguf: Path, about: header.Header) -> tuple[Any, tuple[str, ...]]:
    """The tokenizer that the file describes, and what is not as the file has it."""
    from transformers import AutoTokenizer

    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name, local_files_only=True)
    except Exception as error:  # transformers raises nearly anything for metadata that it does not expect
        raise Unreadable(f"transformers makes no tokenizer of it: {one_line(error)}") from error
    _name_special(tokenizer, about)
    return tokenizer, _split(tokenizer, about)


def _name_special(tokenizer: Any, about: header.Header) -> None:
    """The special tokens are those whose ids the file gives; transformers before 5.23 guesses some of them wrong."""
    for name, key in SPECIAL.items():
        place = about.metadata.get(f"tokenizer.ggml.{key}_token_id")
        if place is not None:
            setattr(tokenizer, name, tokenizer.convert_ids_to_tokens(int(place)))


def _split(tokenizer: Any, about: header.Header) -> tuple[str, ...]:
    """Have text cut into pieces as the vocabulary was learnt on; what transformers does not know is added or said."""
    from tokenizers import pre_tokenizers
    from transformers.integrations import gguf as known

    rule = str(about.metadata.get("tokenizer.ggml.pre", "default"))
    if about.metadata.get("tokenizer.ggml.model") != "gpt2" or rule in ("default", "gpt-2", "gpt2"):
        return ()
    if rule == "smollm":  # every digit by itself, then GPT-2's rule
        parts = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(parts)
        return ()
    splits = getattr(known.gguf_tokenizer_mapping, "GGUF_PRE_TOKENIZER_SPLITS", {})
    return () if rule in splits else (OWN_RULE.format(rule),)


def _network(gguf: Path, about: header.Header) -> Any:
    from transformers import AutoModelForCausalLM

    load: Any = AutoModelForCausalLM.from_pretrained  # typed there as if it never returned the second value
    options = {"gguf_file": gguf.name, "local_files_only": True, "output_loading_info": True}
    try:
        with quiet():
            network, info = load(str(gguf.parent), dtype=torch.float32, **options)
    except Exception as error:  # as above
        raise Unreadable(f"transformers makes no model of it: {one_line(error)}") from error
    for key, what in (("missing_keys", "lacks"), ("mismatched_keys", "has another shape of"), ("unexpected_keys", "has")):
        if info[key]:
            raise Unreadable(f"the file {what} {min(map(str, info[key]))}, as a {type(network).__name__} has its weights")
    return network


def _check_complete(about: header.Header, network: Any) -> None:
    """Refuse where numbers of the file found no place, or are no numbers: the network would be another one."""
    taken = sum(parameter.numel() for parameter in network.parameters())
    there = sum(tensor.elements for tensor in about.tensors)
    if taken != there:
        extra = [tensor.name for tensor in about.tensors if "rope" in tensor.name or tensor.name.startswith("mtp")]
        which = f", e.g. {extra[0]}" if extra else ""
        problem = f"it holds {there:,} numbers and transformers takes {taken:,} of them{which}: the model would be another one"
        raise Unreadable(problem)
    broken = [name for name, tensor in network.named_parameters() if not bool(torch.isfinite(tensor).all())]
    if broken:
        raise Unreadable(f"damaged: {broken[0]} holds what are no finite numbers; download it again")


def _narrowest(state: State) -> torch.dtype:
    """The narrowest type that holds every number exactly."""
    exact = (dtype for dtype in TYPES if all(torch.equal(tensor.to(dtype).float(), tensor) for tensor in state.values()))
    return next(exact)


def _plain(network: Any, state: State, dtype: torch.dtype) -> Any:
    """The same network without a word of quantisation, which transformers refuses to save."""
    from transformers import AutoModelForCausalLM

    kept = {name: value for name, value in network.config.to_dict().items() if name not in NOT_KEPT}
    config = type(network.config).from_dict({**kept, "dtype": _name(dtype)})
    with torch.device("meta"):
        make: Any = AutoModelForCausalLM.from_config  # untyped there
        plain = make(config, dtype=dtype)
    plain.load_state_dict({name: tensor.to(dtype) for name, tensor in state.items()}, assign=True)
    plain.tie_weights()
    plain.generation_config = network.generation_config
    return plain


def _check_written(folder: Path, state: State) -> None:
    """Read every number back and hold it against what it was made of; of tied weights one is written."""
    seen = set()
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as stored:
            for name in stored.keys():  # noqa: SIM118 (it is no mapping)
                if not torch.equal(stored.get_tensor(name).float(), state[name]):
                    raise RuntimeError(f"{name} in {path} is not what was written")
                seen.add(state[name].data_ptr())
    if lost := [name for name, tensor in state.items() if tensor.data_ptr() not in seen]:
        raise RuntimeError(f"{lost[0]} was not written")


def _check_tokenizer(folder: Path, tokenizer: Any) -> None:
    from transformers import AutoTokenizer

    with quiet():
        again = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    same = all(again(text)["input_ids"] == tokenizer(text)["input_ids"] for text in SAMPLES)
    special = again.special_tokens_map == tokenizer.special_tokens_map
    if not same or not special or again.chat_template != tokenizer.chat_template:
        raise RuntimeError("the tokenizer is another one when it is read back")


def _sync(folder: Path) -> None:
    for path in folder.iterdir():
        with path.open("rb") as stream:
            sync(stream)


def _end_with_parent() -> None:
    os.read(0, 1)
    os._exit(1)


def main(gguf: str, folder: str) -> None:
    """Convert, and say how it went."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    problem = None
    try:
        convert(Path(gguf), Path(folder))
    except (Unreadable, BadInput) as error:
        problem = str(error)
    sys.stdout.write(json.dumps({"error": problem}) + "\n")
    sys.stdout.flush()
    os._exit(0)  # the thread that waits for the parent holds nothing


if __name__ == "__main__":
    main(*sys.argv[1:])
