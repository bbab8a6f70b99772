"""From a forward pass's examples to its share of the step's loss, in nats per target token.

Hard labels (temperature 0): cross-entropy on the target ids. Soft labels (temperature T > 0): the Kullback-Leibler
divergence KL(q || p) with q = softmax(z_base / T), the frozen base's distribution on the same tokens sharpened by T, and
p = softmax(z), the trained model's. The base is the trained model with its adapter switched off, without dropout and
without gradient; there is no second copy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from cogumi_qlora.encode import Encoded

Tensor = torch.Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The examples of one forward pass as tensors; M is the number of their target tokens, in the order of the examples."""

    inputs: dict[str, Tensor]
    """What the model is called with: `input_ids` (rows, columns) and `attention_mask` or `position_ids`."""
    rows: Tensor
    """(M,) the row in which each target token is predicted."""
    columns: Tensor
    """(M,) the column in which it is predicted: one before its own."""
    labels: Tensor
    """(M,) the target ids."""
    temperatures: Tensor
    """(M,) float32; 0 is a hard label."""

    def to(self, device: torch.device) -> Batch:
        """The same on a device."""
        moved = {name: value.to(device) for name, value in self.inputs.items()}
        rest = (self.rows, self.columns, self.labels, self.temperatures)
        rows, columns, labels, temperatures = (value.to(device) for value in rest)
        return Batch(inputs=moved, rows=rows, columns=columns, labels=labels, temperatures=temperatures)


def padded(examples: Sequence[Encoded], pad_id: int) -> Batch:
    """One example per row, padded on the right."""
    width = max(len(e.ids) for e in examples)
    ids = torch.full((len(examples), width), pad_id)
    mask = torch.zeros_like(ids)
    for row, example in enumerate(examples):
        ids[row, : len(example.ids)] = torch.tensor(example.ids)
        mask[row, : len(example.ids)] = 1
    rows = [row for row, e in enumerate(examples) for _ in range(e.targets)]
    return _batch(examples, {"input_ids": ids, "attention_mask": mask}, rows, [0] * len(examples))


def packed(examples: Sequence[Encoded]) -> Batch:
    """All examples in one row, positions restarting at each: attention is block-diagonal, nothing is padded."""
    ids = torch.tensor([[i for e in examples for i in e.ids]])
    positions = torch.tensor([[i for e in examples for i in range(len(e.ids))]])
    offsets = [sum(len(e.ids) for e in examples[:i]) for i in range(len(examples))]
    rows = [0] * sum(e.targets for e in examples)
    return _batch(examples, {"input_ids": ids, "position_ids": positions}, rows, offsets)


def _batch(examples: Sequence[Encoded], inputs: dict[str, Tensor], rows: list[int], offsets: Sequence[int]) -> Batch:
    spans = list(zip(offsets, examples, strict=True))
    return Batch(
        inputs=inputs,
        rows=torch.tensor(rows),
        columns=torch.tensor([offset + i - 1 for offset, e in spans for i in range(e.start, len(e.ids))]),
        labels=torch.tensor([i for e in examples for i in e.ids[e.start :]]),
        temperatures=torch.tensor([e.temperature for e in examples for _ in range(e.targets)], dtype=torch.float32),
    )


def total_loss(model: Any, batch: Batch, *, keeps_logits: bool) -> Tensor:
    """The sum of the losses of the batch's target tokens, a scalar with gradient.

    `model` is a peft model; `keeps_logits` says whether its forward pass takes `logits_to_keep`.
    """
    soft = batch.temperatures > 0
    reference = _base_logits(model, batch, keeps_logits)[soft] if bool(soft.any()) else None
    logits = target_logits(model, batch, keeps_logits)
    loss = functional.cross_entropy(logits[~soft], batch.labels[~soft], reduction="sum")
    if reference is not None:
        loss = loss + soft_loss(logits[soft], reference, batch.temperatures[soft])
    return loss


def soft_loss(logits: Tensor, reference: Tensor, temperatures: Tensor) -> Tensor:
    """Sum over tokens of KL(softmax(reference / T) || softmax(logits)); logits (M, V), temperatures (M,)."""
    wanted = functional.log_softmax(reference / temperatures[:, None], dim=-1)
    given = functional.log_softmax(logits, dim=-1)
    return functional.kl_div(given, wanted, reduction="sum", log_target=True)


def target_logits(model: Any, batch: Batch, keeps_logits: bool) -> Tensor:
    """(M, V) float32: the logits that predict each target token. Only those columns are computed where possible."""
    if not keeps_logits:
        everything: Tensor = model(**batch.inputs, use_cache=False).logits
        return everything[batch.rows, batch.columns].float()
    kept, columns = torch.unique(batch.columns, return_inverse=True)
    logits: Tensor = model(**batch.inputs, use_cache=False, logits_to_keep=kept).logits
    return logits[batch.rows, columns].float()


def _base_logits(model: Any, batch: Batch, keeps_logits: bool) -> Tensor:
    with torch.no_grad(), _evaluating(model), model.disable_adapter():
        return target_logits(model, batch, keeps_logits)


@contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    """Every module as in evaluation, and each as it was again afterwards."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True
