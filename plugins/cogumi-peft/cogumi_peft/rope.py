"""Rotations that depend on how long a text is: longrope (Ding et al. 2024, "LongRoPE"), which Phi-3 and its like use.

Up to a length that the configuration names, positions are rotated by short factors, beyond it all of them by long ones. A
batch has one set of factors, that of its longest row, so rows of the two sides are never computed together; and a row that
grows over the length starts again on the other side. How it starts again is the model's own way in `generate()`: Phi-3
computes everything anew; others go on from what they remember of the short side.

Dynamic NTK depends on the length only beyond the model's context, which no row exceeds here; llama3, yarn and linear scaling
do not depend on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from transformers import GenerationMixin


def turning_point(config: Any) -> int | None:
    """The greatest length of the short side; None where no text gets longer, or rotations are the same for all."""
    text = config.get_text_config(decoder=True)
    lengths = [
        each.get("original_max_position_embeddings") for each in _parameters(text) if each.get("rope_type") == "longrope"
    ]
    turn = min((int(length) for length in lengths if length), default=None)
    most = getattr(text, "max_position_embeddings", None)
    return None if turn is None or (most is not None and turn >= most) else turn


def starts_anew(model: Any) -> bool:
    """Whether `generate()` computes a text anew when it gets longer than the turning point: such models say so themselves."""
    own = type(model).prepare_inputs_for_generation is not GenerationMixin.prepare_inputs_for_generation
    return own and hasattr(model.config, "original_max_position_embeddings")


def _parameters(config: Any) -> Iterator[Mapping[str, Any]]:
    """The rotations' parameters: one set, or one for each kind of layer."""
    found = getattr(config, "rope_parameters", None) or {}
    yield from (found,) if "rope_type" in found else (each for each in found.values() if isinstance(each, Mapping))
