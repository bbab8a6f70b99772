"""A transformers model behind the three forward passes that sampling needs: prefill, step, and one row alone.

Nothing of the model is reimplemented. How its rows are remembered is chosen by trying: the fastest way whose results agree
with those of rows computed alone is taken, so an architecture that a way does not suit is slower and never wrong.
"""

from __future__ import annotations

import gc
import inspect
from collections.abc import Sequence
from typing import Any, TypeAlias

import torch
from cogumi_peft import rope
from transformers.cache_utils import Cache, DynamicCache

from cogumi_hf import attention
from cogumi_hf.cache import Columns, Memory, Prefill, RowMemory, SharedMemory

Remember: TypeAlias = type[SharedMemory] | type[RowMemory] | None
"""How rows are remembered; None: not at all, every token is computed from all of its row's ids."""

TRIAL = ((5, 7, 3, 11), (4, 6))
"""Token ids that exist in any vocabulary; two lengths, so that padding is tried too."""


class Engine:
    """The forward passes of one model. `pad_id` fills the left of shorter rows and is masked."""

    def __init__(self, model: Any, pad_id: int) -> None:
        self.model: Any = model.eval()
        rows = int(model.get_input_embeddings().weight.shape[0])
        self.pad_id = pad_id if pad_id < rows else 0  # masked: any id does, but it needs a row
        self.device: torch.device = model.device
        config = model.config.get_text_config(decoder=True)
        self.context: int | None = getattr(config, "max_position_embeddings", None)
        """Most positions; None where the model has no such bound."""
        self.vocabulary: int = config.vocab_size
        self.turn = rope.turning_point(model.config)
        """Longer texts are rotated otherwise, and are never computed beside others; None where all are rotated alike."""
        self.starts_anew = rope.starts_anew(model)
        """Whether a text that grows over `turn` is computed anew there."""
        self._takes = set(inspect.signature(model.forward).parameters)
        self.token_bytes = 0
        """Memory that one token of one row takes in the cache."""
        with torch.inference_mode():
            self.remember = self._best()

    def prefill(self, prompts: Sequence[Sequence[int]], sizes: list[int]) -> tuple[Prefill, torch.Tensor]:
        """Some prompts, of which `sizes` samples will be drawn, and the logits after each: `[prompts, vocabulary]`."""
        cache = DynamicCache()  # every layer keeps all columns; sliding windows are left to the mask
        logits, padding = self._padded(prompts, 1, cache)
        return Prefill(Columns.of(cache, padding), sizes), logits[:, -1].float()

    def read(self, texts: Sequence[Sequence[int]], last: int) -> torch.Tensor:
        """Logits after each of the last ids of some texts: float32 `[texts, last, vocabulary]`."""
        return self._padded(texts, last, None)[0][:, -last:].float()

    def step(self, ids: torch.Tensor, memory: Memory, positions: torch.Tensor) -> torch.Tensor:
        """Append one token per row, `ids` at `positions` (both `[rows]`); logits `[rows, vocabulary]`."""
        return self._forward(ids[:, None], positions[:, None], 1, memory.mask(), memory.cache)[:, -1].float()

    def alone(self, ids: Sequence[int], last: int = 1, *, prompt: int = 0) -> torch.Tensor:
        """Logits at the last positions of one row, `[last, vocabulary]`, computed from its ids and nothing else.

        No batch, no padding, no cache: the same numbers whatever else is being drawn. The first `prompt` ids were there
        before anything was drawn; it matters where the row grew over the turning point since.
        """
        turn = self.turn
        if turn is None or not 0 < prompt <= turn < len(ids):
            return self.read([ids], last)[0]
        behind = len(ids) - turn
        parts = [self.read([ids[:turn]], last - behind)[0]] if last > behind else []
        parts.append(self.read([ids], min(last, behind))[0] if self.starts_anew else self._gone_on(ids, min(last, behind)))
        return torch.cat(parts)

    def _gone_on(self, ids: Sequence[int], last: int) -> torch.Tensor:
        """Logits of a row that remembers its short side as it was."""
        assert self.turn is not None, "asked for by alone() only where there is a turning point"
        cache = DynamicCache()
        self._padded([ids[: self.turn]], 1, cache)
        places = torch.arange(self.turn, len(ids), device=self.device)[None]
        rest = torch.tensor([list(ids[self.turn :])], device=self.device)
        return self._forward(rest, places, last, None, cache)[0, -last:].float()

    def bound(self, length: int) -> int | None:
        """The greatest length that a row of this length may have in the same batch; None where there is none."""
        return self.turn if self.turn is not None and length <= self.turn else self.context

    def free(self) -> None:
        """Give memory that nothing refers to back to the device."""
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def close(self) -> None:
        """Drop the model and give its memory back."""
        self.model = None
        self.free()

    def _padded(self, texts: Sequence[Sequence[int]], last: int, cache: Cache | None) -> tuple[torch.Tensor, list[int]]:
        """A forward pass over texts of different lengths; logits at the last ids, and every text's padding on the left."""
        width = max(map(len, texts))
        padding = [width - len(text) for text in texts]
        ids = [[self.pad_id] * empty + list(text) for empty, text in zip(padding, texts, strict=True)]
        positions = torch.arange(width, device=self.device) - torch.tensor(padding, device=self.device)[:, None]
        mask = (positions >= 0).long() if any(padding) else None
        return self._forward(torch.tensor(ids, device=self.device), positions.clamp(min=0), last, mask, cache), padding

    def _forward(
        self, ids: torch.Tensor, positions: torch.Tensor, last: int, mask: torch.Tensor | None, cache: Cache | None
    ) -> torch.Tensor:
        known = {"position_ids": positions, "logits_to_keep": last, "attention_mask": mask, "past_key_values": cache}
        options = {name: value for name, value in known.items() if name in self._takes and value is not None}
        logits: torch.Tensor = self.model(input_ids=ids, use_cache=cache is not None, **options).logits
        return logits

    def _best(self) -> Remember:
        """The fastest way of remembering that is right for this model."""
        config = self.model.config
        kinds = set(getattr(config.get_text_config(decoder=True), "layer_types", None) or ["full_attention"])
        window = getattr(config.get_text_config(decoder=True), "sliding_window", None)  # too wide for a trial to notice
        usual, able = config._attn_implementation, getattr(self.model, "_supports_attention_backend", False)
        if usual == "sdpa" and kinds == {"full_attention"} and not window and able:
            attention.register()
            self.model.set_attn_implementation(attention.NAME)
            if self._agrees(SharedMemory):
                return SharedMemory
            self.model.set_attn_implementation(usual)
        return RowMemory if self._agrees(RowMemory) else None

    def _agrees(self, remember: type[SharedMemory] | type[RowMemory]) -> bool:
        """Whether two steps of a small batch give what the same rows give alone."""
        try:
            prefill, _ = self.prefill(TRIAL, [2, 1])
            self.token_bytes = sum(side[0, :, 0].nbytes for layer in prefill.columns.layers for side in layer)
            memory: Memory = remember.of(prefill)
            rows = [[*TRIAL[owner], 8 + i] for i, owner in enumerate(prefill.owners)]
            for _ in range(2):
                ids, places = (torch.tensor(x, device=self.device) for x in ([r[-1] for r in rows], [len(r) - 1 for r in rows]))
                stepped = self.step(ids, memory, places)
                if not all(self._same(stepped[i], self.alone(row)[0]) for i, row in enumerate(rows)):
                    return False
                rows = [[*row, 13] for row in rows]
        except Exception as error:  # a model that was never meant to be used like this may fail in any way
            if out_of_memory(error):
                raise
            return False
        return True

    def _same(self, one: torch.Tensor, other: torch.Tensor) -> bool:
        one, other = one - one.mean(), other - other.mean()
        tolerance = 1e-3 if self.model.dtype == torch.float32 else 0.1
        return bool((one - other).norm() <= tolerance * other.norm())


def out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory, of the device or of the machine, ran out."""
    if isinstance(error, torch.cuda.OutOfMemoryError | MemoryError):
        return True
    signs = ("allocate memory", "not enough memory", "out of memory")
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in signs)
