"""A LoRA adapter put on the network it belongs on: whole, or refused.

peft drops tensors that fit nowhere and leaves at zero what the file does not have; either way the result is a model that
nobody trained. Here every tensor of the file has to find its place, and every place its tensor.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from cogumi.errors import BadInput
from cogumi_peft.bases import UNREADABLE, one_line
from cogumi_peft.quiet import quiet

OWN = "use the base that it was trained on"
NAME = "default"
"""peft's name for the one adapter there is."""


def attach(network: Any, adapter: str | Path, *, dry: bool = False) -> Any:
    """A peft model: the network with the adapter beside its weights, evaluating. Raises `BadInput` where it does not fit.

    `dry`: the network is on torch's `meta` device, and nothing is to be computed.
    """
    with quiet():
        from peft import PeftModel

        try:
            adapted = PeftModel.from_pretrained(network, str(adapter), low_cpu_mem_usage=dry).eval()
        except (*UNREADABLE, RuntimeError) as error:
            if dry and "meta" in str(error).lower():  # not the adapter's fault
                raise
            reason = f"it has no {error}" if isinstance(error, KeyError) else one_line(error)
            raise BadInput(f"the adapter does not fit this model: {reason}", file=adapter, fix=OWN) from error
        _landed(adapted, adapter, dry=dry)
    return adapted


def fold(adapted: Any) -> Any:
    """The network with the adapter's update added to its weights, in their type; nothing of peft is left.

    A weight that several modules share (an output layer tied to the embedding) is shared no longer where the adapter changes
    one of them: peft's update is on that one alone. Raises `BadInput` for an adapter that `foldable` says no to.
    """
    if not foldable(adapted):
        raise BadInput("the adapter cannot be merged: it has biases (lora_bias) for layers that have none", field="adapter")
    _part(adapted)
    network = adapted.merge_and_unload()
    _say_what_is_tied(network)
    return network


def foldable(adapted: Any) -> bool:
    """Whether the adapter's update is one of weights that the network has."""
    return not any(
        any(module.lora_bias.values()) and getattr(module.get_base_layer(), "bias", None) is None
        for module in _updates(adapted)
    )


def _landed(adapted: Any, adapter: str | Path, *, dry: bool) -> None:
    """Load once more, now looking at what peft says of it."""
    from peft import get_peft_model_state_dict, set_peft_model_state_dict
    from peft.utils.save_and_load import load_peft_weights

    mapping = getattr(adapted.get_base_model(), "_checkpoint_conversion_mapping", {})
    tensors = load_peft_weights(str(adapter), device="cpu", key_mapping=mapping)
    said: Any = set_peft_model_state_dict(adapted, tensors, low_cpu_mem_usage=dry)
    if said.unexpected_keys:
        problem = f"{len(said.unexpected_keys)} of its tensors have no place in it, e.g. {min(said.unexpected_keys)}"
        raise BadInput(f"the adapter does not fit this model: {problem}", file=adapter, fix=OWN)
    missing = [name for name in said.missing_keys if NAME in name.split(".") and not _borrowed(adapted, name)]
    if adapted.peft_config[NAME].bias != "none":
        wanted = get_peft_model_state_dict(adapted, save_embedding_layers=False)
        missing += [name for name in wanted if name.endswith(".bias") and name not in tensors]
    if missing:
        problem = f"it has nothing for {len(missing)} places, e.g. {min(missing).replace(f'.{NAME}', '')}"
        raise BadInput(f"the adapter does not fit this model: {problem}", file=adapter, fix=OWN)


def _borrowed(adapted: Any, name: str) -> bool:
    """Whether what is missing belongs to another module, which has it from the file: tokens trained in a tied embedding."""
    parts = name.split(".")
    owners = (adapted.get_submodule(".".join(parts[:end])) for end in range(1, len(parts)) if _is_module(adapted, parts[:end]))
    return any(getattr(owner, "tied_adapter", None) is not None for owner in owners)


def _is_module(adapted: Any, parts: list[str]) -> bool:
    try:
        return isinstance(adapted.get_submodule(".".join(parts)), torch.nn.Module)
    except AttributeError:  # a parameter, or nothing
        return False


def _updates(adapted: Any) -> Iterator[Any]:
    """The modules that LoRA updates."""
    return (module for module in adapted.modules() if hasattr(module, "lora_A") and hasattr(module, "get_base_layer"))


def _part(adapted: Any) -> None:
    """Give every module that LoRA updates weights of its own."""
    changed = [module.get_base_layer() for module in _updates(adapted)]
    owners: dict[int, list[tuple[Any, str]]] = {}
    for module in adapted.modules():
        for name, parameter in module.named_parameters(recurse=False):
            owners.setdefault(id(parameter), []).append((module, name))
    for module in changed:
        for name, parameter in list(module.named_parameters(recurse=False)):
            if len(owners.get(id(parameter), ())) > 1:
                setattr(module, name, torch.nn.Parameter(parameter.detach().clone(), requires_grad=False))


def _say_what_is_tied(network: Any) -> None:
    """The configuration of a network whose output layer is not its embedding any more."""
    first, last = network.get_input_embeddings(), network.get_output_embeddings()
    if first is None or last is None or first.weight is last.weight:
        return
    for config in {id(c): c for c in (network.config, network.config.get_text_config(decoder=True))}.values():
        if getattr(config, "tie_word_embeddings", False):
            config.tie_word_embeddings = False
