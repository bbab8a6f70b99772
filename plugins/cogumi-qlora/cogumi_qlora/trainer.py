"""The trainer itself: check, plan, load, train, measure, write.

Final files, all without timestamps, the same bytes however often the training was killed on the way:

    adapter/adapter_model.safetensors  adapter/adapter_config.json   what peft loads
    adapter/cogumi_adapter.json                                      what it was trained on, for whoever serves it
    adapter/qlora.json                                               what came of the training, and of which arguments
    losses.jsonl                                                     one line per optimiser step

Where the base is on this machine stands in `adapter_config.json` alone; everything else is the same bytes anywhere.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cogumi.chat import Chat
from cogumi.errors import BadInput, RunFailed
from cogumi.protocols import Progress
from cogumi.records import JSON, AdapterManifest, Demonstration, Training, Weights
from cogumi.weights import fingerprint as fingerprint_of
from cogumi.weights import write_manifest
from cogumi_qlora.checkpoints import Checkpoints, sync
from cogumi_qlora.encode import Encoded, altered, encode_all
from cogumi_qlora.plan import plan, rate
from cogumi_qlora.settings import Into, Settings

if TYPE_CHECKING:
    from cogumi_qlora.base import Base
    from cogumi_qlora.loop import Loop

RECORD = "qlora.json"
LOSSES = "losses.jsonl"
SMALLER = "gradient_checkpointing=on, or lower batch_size and raise gradient_accumulation by the same factor"
NOT_MOVED = "the adapter did not move: the trained model is the base model; raise the learning rate or train longer"
NEUTRAL = ("checkpoint_steps",)
LIBRARIES = ("torch", "transformers", "peft", "bitsandbytes", "cogumi-qlora", "cogumi-peft")


@dataclass(frozen=True, slots=True)
class QLoRA:
    """A `cogumi.protocols.Trainer` and `Merger`."""

    settings: Settings
    """How to train."""
    merge_into: Into = "as-trained"
    """What `merge` adds the adapter to."""

    def train(self, examples: Sequence[Demonstration], model: Weights, folder: Path, progress: Progress) -> Training:
        """Train, or resume, or return what an earlier call with the same arguments finished.

        Raises `BadInput` for examples or a model folder that cannot be trained on, before any weights are loaded, and
        `RunFailed` when memory or the numbers run out on the way.
        """
        from cogumi_peft.quiet import silence_bitsandbytes

        from cogumi_qlora import base

        silence_bitsandbytes()
        config = base.check_folder(model)
        chat = Chat.load(model)
        encoded = encode_all(examples, chat, _limit(self.settings, config))
        fingerprint = _fingerprint(self.settings, encoded, model)
        if (done := _finished(folder, fingerprint)) is not None:
            return done
        checkpoints = Checkpoints(folder / "checkpoints", fingerprint)
        _open(checkpoints)
        total = len(plan(encoded, self.settings, group_by_length=False))
        progress(0, total, "loading the base model")
        with _memory():
            loaded = base.load(model, self.settings)
            for note in loaded.notes:
                progress(0, total, note)
            loop = self._loop(loaded, encoded, chat.pad_id, checkpoints, progress)
            loop.resume()
        notes = [*chat.notes, *_altered_note(altered(examples, encoded, chat))]
        training = _finish(loop, loaded, model, folder, fingerprint, notes)
        checkpoints.remove()
        progress(total, total, "the adapter is written")
        return training

    def merge(self, model: Weights, folder: Path, progress: Progress) -> Sequence[str]:
        """Write base and adapter as one model that needs neither to `folder`, and hold it against the two apart.

        Raises `BadInput` for an adapter that does not belong to the base, and `RunFailed` where the logits of the merged
        model differ from those of base and adapter by more than rounding, or memory runs out.
        """
        from cogumi_peft.merging import merge

        from cogumi_qlora.base import pick_device

        with _memory("device=cpu"):
            return merge(model, folder, progress, device=pick_device(self.settings), into=self.merge_into)

    def _loop(self, base: Base, examples: Sequence[Encoded], pad_id: int, checkpoints: Checkpoints, progress: Progress) -> Loop:
        """The training loop, ready to run: adapter attached, steps planned."""
        from cogumi_peft import rope

        from cogumi_qlora import layout, lora
        from cogumi_qlora.loop import Job, Loop, arguments
        from cogumi_qlora.memory import must_recompute

        rows = int(base.model.get_input_embeddings().weight.shape[0])
        pad_id = pad_id if pad_id < rows else 0  # masked: any id does, but it needs a row
        chosen = layout.choose(base, examples, self.settings, pad_id)
        steps = plan(examples, self.settings, group_by_length=not chosen.packs)
        adapted = lora.attach(base, self.settings)
        if must_recompute(base, steps, self.settings):
            lora.recompute_activations(adapted)
        job = Job(
            steps=steps,
            turn=rope.turning_point(base.model.config),
            collate=chosen.collate,
            keeps_logits=chosen.keeps_logits,
            checkpoints=checkpoints,
            rate=lambda step: rate(step, len(steps), self.settings),
            on_step=lambda number, loss: progress(number, len(steps), f"loss {loss:.4f}"),
        )
        return Loop(adapted, arguments(self.settings, checkpoints.staging, len(steps), base.device), job)


def _open(checkpoints: Checkpoints) -> None:
    try:
        checkpoints.open()
    except OSError as error:
        raise BadInput(f"cannot be written: {error.strerror}", file=checkpoints.all) from error


def _altered_note(ids: Sequence[str]) -> list[str]:
    return [f"the tokenizer changes the text of {len(ids)} targets, e.g. {ids[0]}"] if ids else []


@contextmanager
def _memory(fix: str = SMALLER) -> Iterator[None]:
    """Say what to do when the GPU's memory does not suffice."""
    import torch

    try:
        yield
    except torch.OutOfMemoryError as error:
        raise RunFailed(f"the GPU's memory does not suffice ({fix})") from error


def _finish(loop: Loop, base: Base, model: Weights, folder: Path, fingerprint: str, notes: Sequence[str]) -> Training:
    """Measure, and write the final files; the adapter's folder appears last and whole."""
    from cogumi_qlora import lora

    moved = lora.change(loop.model)
    record = {
        "fingerprint": fingerprint,
        "largest_change": {"layer": moved.layer, "weight_change": moved.largest},
        "notes": [*notes, *base.notes, *([] if moved.overall else [NOT_MOVED])],
        "steps": len(loop.losses),
        "weight_change": moved.overall,
    }
    _write_losses(folder / LOSSES, loop.losses)
    staged = folder / "adapter.partial"
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(parents=True)
    lora.save(loop.model, staged, Path(model.path).resolve())
    lora.write_json(staged / RECORD, record)
    write_manifest(staged, _manifest(base, model))
    _move_into_place(staged, folder / "adapter")
    return _training(record, loop.losses)


def _manifest(base: Base, model: Weights) -> AdapterManifest:
    return AdapterManifest(
        base=fingerprint_of(model)["weights"],
        quantization=base.quantization,
        double_quantization=base.quantization == "nf4",
        compute_dtype=str(base.dtype).removeprefix("torch."),
    )


def _move_into_place(staged: Path, final: Path) -> None:
    for path in [*staged.iterdir(), staged]:
        sync(path)
    shutil.rmtree(final, ignore_errors=True)
    staged.rename(final)
    sync(final.parent)


def _write_losses(path: Path, losses: Sequence[float]) -> None:
    lines = (json.dumps({"step": step, "loss": loss}) + "\n" for step, loss in enumerate(losses, 1))
    partial = path.with_suffix(".partial")
    partial.write_text("".join(lines), encoding="utf-8")
    sync(partial)
    partial.rename(path)


def _finished(folder: Path, fingerprint: str) -> Training | None:
    """What an earlier call finished, if its arguments were the same."""
    try:
        record = json.loads((folder / "adapter" / RECORD).read_text(encoding="utf-8"))
        losses = [json.loads(line)["loss"] for line in (folder / LOSSES).read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError):  # nothing finished here, or not by this trainer
        return None
    if record.get("fingerprint") != fingerprint or len(losses) != record["steps"]:
        return None
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    return _training(record, losses)


def _training(record: dict[str, JSON], losses: Sequence[float]) -> Training:
    return Training(
        steps=record["steps"],
        losses=tuple(losses),
        weight_change=record["weight_change"],
        notes=tuple(record["notes"]),
    )


def _limit(settings: Settings, config: dict[str, Any]) -> int:
    """Most tokens of an example: the model's context, or less where the user said so."""
    context = config.get("max_position_embeddings") or config.get("n_positions") or sys.maxsize
    return min(context, settings.max_length or context)


def _fingerprint(settings: Settings, examples: Sequence[Encoded], model: Weights) -> str:
    """A digest of everything that decides what comes out, but the machine; when checkpoints are written does not."""
    deciding = {name: value for name, value in asdict(settings).items() if name not in NEUTRAL}
    value = {
        "base": dict(fingerprint_of(model)),
        "examples": [asdict(example) for example in examples],
        "settings": deciding,
        "versions": {name: _version(name) for name in LIBRARIES},
    }
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:  # bitsandbytes is not there on every platform
        return None
