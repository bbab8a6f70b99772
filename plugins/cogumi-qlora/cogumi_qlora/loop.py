"""transformers' training loop, fed with planned steps: one item of its data is one optimiser step.

The loop's own order, losses and checkpoints are replaced where they would not survive a kill to the same bytes: the order
is planned beforehand, the loss is normalised over the step's target tokens here, checkpoints are staged and renamed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainingArguments

from cogumi.errors import RunFailed
from cogumi_qlora import lora
from cogumi_qlora.checkpoints import Checkpoints
from cogumi_qlora.encode import Encoded
from cogumi_qlora.loss import Batch, total_loss
from cogumi_qlora.plan import Step
from cogumi_qlora.settings import Settings

LOSSES = "losses.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """All that the loop needs beside the model."""

    steps: Sequence[Step]
    """What to do, in order."""
    collate: Callable[[Sequence[Encoded]], Batch]
    """The layout of a forward pass."""
    keeps_logits: bool
    """Whether the model's forward pass takes `logits_to_keep`."""
    checkpoints: Checkpoints
    """Where to save."""
    rate: Callable[[int], float]
    """The share of the peak learning rate for a step, from 0."""
    turn: int | None
    """Examples up to this length and longer ones are rotated otherwise and share no forward pass; None: all alike."""
    on_step: Callable[[int, float], None]
    """Called after each optimiser step with its number, from 1, and its loss."""


class OneDevice(TrainingArguments):
    """Training arguments that never spread a step over several GPUs of a machine."""

    @property
    def n_gpu(self) -> int:
        """At most one."""
        return min(1, int(super().n_gpu))


class Loop(Trainer):
    """The loop. `losses` holds one value per optimiser step, in nats per target token."""

    def __init__(self, model: Any, args: TrainingArguments, job: Job) -> None:
        super().__init__(model=model, args=args)
        self.remove_callback(PrinterCallback)
        self.job = job
        self.losses: list[float] = []

    def get_train_dataloader(self) -> DataLoader[Any]:
        """The planned steps, in order. The generator keeps the loader from drawing on the global one."""
        items: Any = self.job.steps
        own = torch.Generator().manual_seed(0)
        return DataLoader(items, batch_size=1, collate_fn=_item, generator=own)

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """The planned learning rate."""
        if self.lr_scheduler is None:
            tuned: Any = optimizer or self.optimizer
            self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(tuned, self.job.rate)
            self._created_lr_scheduler = True
        return self.lr_scheduler

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> torch.Tensor:
        """Forward and backward passes of one optimiser step; the loss is its mean over the step's target tokens."""
        step: Step = inputs["step"]
        model.train()
        total = torch.zeros((), device=self.args.device)
        for part in (side for whole in step.parts for side in sides(whole, self.job.turn)):
            batch = self.job.collate(part).to(self.args.device)
            loss = total_loss(model, batch, keeps_logits=self.job.keeps_logits) / step.targets
            self.accelerator.backward(loss)
            total += loss.detach()
        self._note_loss(float(total))
        return total

    def _note_loss(self, loss: float) -> None:
        number = len(self.losses) + 1
        if not math.isfinite(loss):
            raise RunFailed(f"the loss of step {number} is {loss}: lower the learning rate, or train in float32")
        self.losses.append(loss)
        self.job.on_step(number, loss)

    def resume(self) -> None:
        """Train to the end, from the newest whole checkpoint if there is one."""
        place = self.job.checkpoints.latest()
        if place is not None:
            self.losses = json.loads((place / LOSSES).read_text(encoding="utf-8"))
        self.train(resume_from_checkpoint=None if place is None else str(place))

    def _get_output_dir(self, trial: Any) -> str:
        return str(self.job.checkpoints.staging)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
        self.job.checkpoints.commit(self.state.global_step)

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        folder = Path(str(output_dir))
        folder.mkdir(parents=True, exist_ok=True)
        lora.save_tensors(self.model, folder)
        (folder / LOSSES).write_text(json.dumps(self.losses), encoding="utf-8")

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        lora.restore(self.model, Path(resume_from_checkpoint))


def sides(part: Sequence[Encoded], turn: int | None) -> list[Sequence[Encoded]]:
    """The examples of a forward pass, those that may not share one apart (see `cogumi_peft.rope`)."""
    if turn is None:
        return [part]
    halves = [[e for e in part if (len(e.ids) > turn) is long] for long in (False, True)]
    return [half for half in halves if half]


def arguments(settings: Settings, folder: Path, steps: int, device: torch.device) -> TrainingArguments:
    """The loop's arguments: nothing is logged, evaluated, pushed or drawn; steps and order come from the plan."""
    return OneDevice(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=1,
        learning_rate=settings.learning_rate,
        max_grad_norm=settings.max_grad_norm,
        weight_decay=settings.weight_decay,
        optim="adamw_torch",
        save_strategy="steps",
        save_steps=settings.checkpoint_steps,
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        use_cpu=device.type == "cpu",
        seed=settings.seed,
    )


def _item(items: Sequence[Step]) -> dict[str, Any]:
    return {"step": items[0]}
