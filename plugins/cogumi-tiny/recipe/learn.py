"""The training loop: plain PyTorch on a transformers Llama.

Contract: bf16 autocast on a GPU and on a CPU that multiplies in bf16, float32 on others; batches hold texts of like length,
unless `Schedule.pool` says otherwise; the learning rate warms up and falls to zero along a cosine. The same text, seed, device
and software give the same weights.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import torch
from transformers import LlamaForCausalLM

from recipe.text import IGNORED

POOL = 32
"""Batches among which texts are sorted by length, unless a course says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How long and how fast to learn."""

    steps: int
    """Optimiser steps."""
    batch: int
    """Texts a step."""
    peak: float
    """Highest learning rate."""
    warmup: int = 100
    """Steps until then."""
    decay: float = 0.05
    """Weight decay (AdamW)."""
    seed: int = 0
    """Order of the texts."""
    pool: int = POOL
    """Batches among which texts are sorted by length; 1: they are not."""

    def rate(self, step: int) -> float:
        """The learning rate of a step: linear warm-up, then a cosine to zero."""
        warmup = min(self.warmup, self.steps // 10)
        if step < warmup:
            return self.peak * (step + 1) / warmup
        return self.peak * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (self.steps - warmup)))


def learn(
    model: LlamaForCausalLM, ids: torch.Tensor, labels: torch.Tensor, schedule: Schedule, say: Callable[[str], None]
) -> float:
    """Train in place; the mean loss of the last tenth of the steps, in nats per learnt token."""
    device = model.device
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=schedule.peak, betas=(0.9, 0.98), weight_decay=schedule.decay, fused=True
    )
    model.train()
    losses: list[torch.Tensor] = []
    started = time.monotonic()
    for step, (inputs, targets) in zip(range(schedule.steps), batches(ids, labels, schedule), strict=False):
        for group in optimiser.param_groups:
            group["lr"] = schedule.rate(step)
        losses.append(_update(model, optimiser, inputs.to(device), targets.to(device)))
        if step % 250 == 0 or step + 1 == schedule.steps:
            say(f"step {step + 1}/{schedule.steps} loss {losses[-1].item():.4f} {time.monotonic() - started:.0f} s")
    model.train(False)
    return float(torch.stack(losses[-max(1, schedule.steps // 10) :]).mean())


def batches(ids: torch.Tensor, labels: torch.Tensor, schedule: Schedule) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Endless batches (batch, longest in it) of int64 ids and labels; each pass has a new order."""
    lengths = (labels != IGNORED).long().mul(torch.arange(1, labels.shape[1] + 1)).amax(1)
    passes = 0
    while True:
        order = torch.randperm(len(ids), generator=torch.Generator().manual_seed(schedule.seed * 1000 + passes))
        draw = random.Random(f"{schedule.seed}/{passes}")
        for pool in torch.split(order, schedule.batch * schedule.pool):
            chunks = list(torch.split(pool[lengths[pool].argsort(stable=True)], schedule.batch))
            draw.shuffle(chunks)
            for rows in chunks:
                longest = int(lengths[rows].max())
                yield ids[rows, :longest].long(), labels[rows, :longest].long()
        passes += 1


def _update(
    model: LlamaForCausalLM, optimiser: torch.optim.Optimizer, inputs: torch.Tensor, targets: torch.Tensor
) -> torch.Tensor:
    with torch.autocast(inputs.device.type, torch.bfloat16, enabled=inputs.is_cuda or multiplies_bf16()):
        logits = model(input_ids=inputs, use_cache=False).logits
    scores, wanted = logits[:, :-1], targets[:, 1:]
    learnt = wanted != IGNORED
    loss = torch.nn.functional.cross_entropy(scores[learnt].float(), wanted[learnt])
    optimiser.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    return loss.detach()


@lru_cache
def multiplies_bf16() -> bool:
    """Whether this CPU has instructions for bf16; without them it is a hundred times slower than float32, with them faster."""
    return bool(torch.cpu._is_avx512_bf16_supported())
