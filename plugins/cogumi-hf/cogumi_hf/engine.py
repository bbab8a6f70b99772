"""A transformers model behind the three forward passes that sampling needs: prefill, step, and one row alone.

Nothing of the model is reimplemented; position ids and masks are always given, so left padding changes nothing.
"""

from __future__ import annotations

import gc
import inspect
from collections.abc import Sequence
from typing import Any

import torch
from transformers.cache_utils import Cache

from cogumi_hf import cache as caches

CACHED_LAYERS = {"full_attention", "sliding_attention"}
"""Layer types that keep one key and one value per token, all of which the cache can hold."""


class Engine:
    """The forward passes of one model. `pad_id` fills the left of shorter rows and is masked."""

    def __init__(self, model: Any, pad_id: int) -> None:
        self.model: Any = model.eval()
        self.pad_id = pad_id
        self.device: torch.device = model.device
        config = model.config.get_text_config(decoder=True)
        self.context: int | None = getattr(config, "max_position_embeddings", None)
        self.vocabulary: int = config.vocab_size
        self.cached = set(getattr(config, "layer_types", None) or CACHED_LAYERS) <= CACHED_LAYERS
        self._takes = set(inspect.signature(model.forward).parameters)

    def prefill(self, prompts: Sequence[Sequence[int]]) -> tuple[Cache, torch.Tensor]:
        """The cache of some prompts, aligned right, and the logits after each: `[prompts, vocabulary]`."""
        width = max(map(len, prompts))
        ids = torch.tensor([[self.pad_id] * (width - len(p)) + list(p) for p in prompts], device=self.device)
        lengths = torch.tensor([[len(p)] for p in prompts], device=self.device)
        columns = torch.arange(width, device=self.device)[None]
        positions = columns - (width - lengths)
        cache = caches.fresh()
        return cache, self._forward(ids, cache, (positions >= 0).long(), positions.clamp(min=0))

    def step(self, ids: torch.Tensor, cache: Cache, mask: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """Append one token per row; `[rows, vocabulary]` logits. `mask` covers the cache and the new column."""
        return self._forward(ids[:, None], cache, mask, positions[:, None])

    def alone(self, ids: Sequence[int], last: int = 1) -> torch.Tensor:
        """Logits at the last positions of one row, `[last, vocabulary]`, computed from its ids and nothing else.

        No batch, no padding, no cache: the same numbers whatever else is being drawn.
        """
        options = {"logits_to_keep": last} if "logits_to_keep" in self._takes else {}
        output = self.model(input_ids=torch.tensor([list(ids)], device=self.device), use_cache=False, **options)
        logits: torch.Tensor = output.logits[0, -last:].float()
        return logits

    def close(self) -> None:
        """Drop the model and give its memory back."""
        self.model = None
        self.free()

    def free(self) -> None:
        """Give memory that nothing refers to back to the device."""
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _forward(self, ids: torch.Tensor, cache: Cache, mask: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        known = {"position_ids": positions, "logits_to_keep": 1}
        options = {name: value for name, value in known.items() if name in self._takes}
        output = self.model(input_ids=ids, attention_mask=mask, past_key_values=cache, use_cache=True, **options)
        logits: torch.Tensor = output.logits[:, -1].float()
        return logits


def out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory, of the device or of the machine, ran out."""
    if isinstance(error, torch.cuda.OutOfMemoryError | MemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and (
        "allocate memory" in text or "not enough memory" in text or "out of memory" in text
    )
