"""A LoRA adapter put on the network it belongs on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cogumi.errors import BadInput
from cogumi_peft.bases import UNREADABLE, one_line
from cogumi_peft.quiet import quiet


def attach(network: Any, adapter: str | Path) -> Any:
    """A peft model: the network with the adapter beside its weights, evaluating. Raises `BadInput` where it does not fit."""
    with quiet():
        from peft import PeftModel

        try:
            return PeftModel.from_pretrained(network, str(adapter)).eval()
        except (*UNREADABLE, RuntimeError) as error:
            raise BadInput(f"the adapter does not fit this model: {one_line(error)}", file=adapter) from error


def fold(adapted: Any) -> Any:
    """The network with the adapter's update added to its weights, in their type; nothing of peft is left."""
    return adapted.merge_and_unload()
