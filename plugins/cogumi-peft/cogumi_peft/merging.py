"""Base and adapter as one model folder, proved before it counts.

    rounded base + adapter  --logits-->  apart          (what was trained)
             | fold
    merged folder, read again by plain transformers  --logits-->  merged

The adapter is folded into the base it was trained on: for a base held in NF4 that is the dequantised one, never the 4-bit
layers (which would quantise again) and, unless it is asked for, not the original weights (which are another model). The two
logits may differ by rounding alone. In 16 bits a sum may round an update away altogether, since the base's weights stand on
the same grid; so it is also asked how much of what the adapter changes is still there, and where that is too little the
merged weights are float32.
"""

from __future__ import annotations

import gc
import math
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import torch

from cogumi.chat import Chat
from cogumi.errors import BadInput, RunFailed
from cogumi.protocols import Progress
from cogumi.records import AdapterManifest, Message, Weights
from cogumi.weights import check_model
from cogumi_peft import adapters
from cogumi_peft.bases import DTYPES, as_trained, manifest_of, own_dtype, whole
from cogumi_peft.quiet import quiet

Into: TypeAlias = Literal["as-trained", "original"]
Logits: TypeAlias = list[torch.Tensor]
"""Per prompt, float32 on the CPU: `[tokens, vocabulary]`."""

TOLERANCE = {torch.float32: 1e-4, torch.float16: 1e-2, torch.bfloat16: 5e-2}
"""Norm of a difference of logits, as a share of their norm, that rounding explains in a type."""
LOST = 0.1
"""Largest share of the adapter's effect that merged weights may lack, or have too much."""
NOTHING = 1e-5
"""An effect of this share of the logits' norm, or a smaller one, is not measured."""
PROMPTS = (
    "What is 17 + 25?",
    "Write one sentence about the sea.",
    "Write a Python function that reverses a list.",
    "Which is the largest planet?",
)
COPIED = (
    *("tokenizer*", "vocab.*", "merges.txt", "*.model", "*.tiktoken", "special_tokens_map.json", "added_tokens.json"),
    *("chat_template*", "generation_config.json", "LICENSE*", "NOTICE*", "USE_POLICY*"),
)
"""What goes with the weights as it is, by pattern."""
CODE = "*.py"
"""Goes too where the user lets the model run its own code."""
STEPS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be merged, and how."""

    model: Weights
    """The base, and the adapter that it names."""
    manifest: AdapterManifest
    """What the adapter was trained on."""
    into: Into
    """The base as it was held in training, or the weights it was made of."""
    device: torch.device
    """Where to do it."""

    @property
    def into_original(self) -> bool:
        """Whether the adapter goes where it was not trained."""
        return self.into == "original" and self.manifest.quantization != "none"

    @property
    def types(self) -> tuple[torch.dtype, ...]:
        """The types to write weights in: the first that is good enough."""
        first = own_dtype(self.model) if self.into_original else DTYPES[self.manifest.compute_dtype]
        return tuple(dict.fromkeys((first, torch.float32)))

    def base(self, dtype: torch.dtype) -> Any:
        """The network to merge into."""
        if self.into_original:
            return whole(self.model, own_dtype(self.model), self.device).to(dtype)
        return as_trained(self.model, self.manifest, self.device).to(dtype)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The written folder held against base and adapter."""

    dtype: torch.dtype
    """Of the written weights."""
    difference: float
    """Largest difference of a logit between the two."""
    relative: float
    """Norm of the difference of all logits, as a share of their norm."""
    effect: float
    """Largest change of a logit that the adapter makes to its base."""
    kept: float
    """How much of the adapter's effect the folder has: 1.0 is all of it, 0.5 half."""
    logits: Logits
    """Those of the written folder."""

    @property
    def whole(self) -> bool:
        """Whether the adapter's effect is there."""
        return abs(self.kept - 1) <= LOST


def merge(model: Weights, folder: Path, progress: Progress, *, device: torch.device, into: Into = "as-trained") -> list[str]:
    """Write the merged model to `folder`, which is empty or absent; gives sentences for the user.

    Raises `BadInput` for an adapter that does not belong to the base, and `RunFailed`, with nothing left in the folder,
    where the written model is not what base and adapter are together.
    """
    plan = Plan(model=model, manifest=_checked(model), into=into, device=device)
    with _all_or_nothing(folder):
        proofs = _proofs(plan, folder, progress)
    notes = [_held(plan, proofs[-1]), *(_lossy(proof) for proof in proofs[:-1]), _same(proofs[-1])]
    if plan.into_original:
        progress(STEPS - 1, STEPS, "comparing with the base it was trained on")
        trained = _logits(adapters.attach(as_trained(model, plan.manifest, device), str(model.adapter)), _prompts(model))
        notes.append(_elsewhere(_share(_norm(proofs[-1].logits, trained), _norm(trained))))
    progress(STEPS, STEPS, "the merged model is written")
    return notes


def _checked(model: Weights) -> AdapterManifest:
    """What the adapter was trained on; for one from elsewhere, the weights as they are."""
    if model.adapter is None:
        raise BadInput("there is no adapter to merge", file=model.path, field="adapter", fix="name the trained one")
    check_model(model)
    own = str(own_dtype(model)).removeprefix("torch.")
    return manifest_of(Path(model.adapter)) or AdapterManifest(base="", compute_dtype=own)


def _proofs(plan: Plan, folder: Path, progress: Progress) -> list[Proof]:
    """Write in one type after the other, until one has the adapter's effect; the last proof is that of what is there."""
    proofs: list[Proof] = []
    for dtype in plan.types:
        proof = _write(plan, folder, dtype, progress)
        proofs.append(proof)
        if not proof.relative <= TOLERANCE[dtype]:  # not true of NaN either
            break
        if proof.whole:
            return proofs
    problem = f"the merged model is not base and adapter together: logits differ by {proof.relative:.1%}"
    raise RunFailed(f"{plan.model.adapter}: {problem}, and it has {proof.kept:.0%} of the adapter's effect; it was removed")


def _write(plan: Plan, folder: Path, dtype: torch.dtype, progress: Progress) -> Proof:
    progress(0, STEPS, f"merging in {_name(dtype)}")
    prompts = _prompts(plan.model)
    apart = adapters.attach(plan.base(dtype), str(plan.model.adapter))
    together = _logits(apart, prompts)
    with apart.disable_adapter():
        bare = _logits(apart, prompts)
    progress(1, STEPS, "writing")
    _save(adapters.fold(apart), plan.model, folder)
    del apart
    gc.collect()
    progress(2, STEPS, "comparing with base and adapter")
    written = replace(plan.model, path=str(folder), adapter=None)
    if _prompts(written) != prompts:
        raise RunFailed(f"{plan.model.path}: the tokenizer is another one when it is copied; the merged model was removed")
    return _proof(dtype, bare, together, _logits(whole(written, dtype, plan.device), prompts))


def _save(network: Any, model: Weights, folder: Path) -> None:
    """Weights and configuration by transformers, everything else as the base has it."""
    from transformers import GenerationConfig

    _empty(folder)
    network.generation_config = GenerationConfig()  # type: ignore[no-untyped-call]
    with quiet():
        network.save_pretrained(folder, max_shard_size="5GB")
    (folder / "generation_config.json").unlink(missing_ok=True)
    for pattern in (*COPIED, *([CODE] if model.trust_remote_code else [])):
        for path in Path(model.path).glob(pattern):
            if path.is_file():
                shutil.copyfile(path, folder / path.name)
            else:
                shutil.copytree(path, folder / path.name)


def _prompts(model: Weights) -> list[list[int]]:
    chat = Chat.load(model)
    return [chat.prompt_ids([Message(role="user", content=text)]) for text in PROMPTS]


def _logits(network: Any, prompts: list[list[int]]) -> Logits:
    network.eval()
    with torch.inference_mode():
        rows = (torch.tensor([ids], device=network.device) for ids in prompts)
        return [network(input_ids=row, use_cache=False).logits[0].float().cpu() for row in rows]


def _proof(dtype: torch.dtype, bare: Logits, together: Logits, merged: Logits) -> Proof:
    """Compare; what is kept is the part of the folder's change that goes the adapter's way, for rounding goes any way."""
    effect = _norm(together, bare)
    along = sum(float(((m - b).double() * (t - b).double()).sum()) for m, b, t in zip(merged, bare, together, strict=True))
    return Proof(
        dtype=dtype,
        difference=_largest(merged, together),
        relative=_share(_norm(merged, together), _norm(together)),
        effect=_largest(together, bare),
        kept=along / effect**2 if effect > NOTHING * _norm(together) else 1.0,
        logits=merged,
    )


def _norm(one: Logits, other: Logits | None = None) -> float:
    parts = one if other is None else [a - b for a, b in zip(one, other, strict=True)]
    return math.hypot(*(float(torch.linalg.vector_norm(part, dtype=torch.float64)) for part in parts))


def _largest(one: Logits, other: Logits) -> float:
    return max(float((a - b).abs().max()) for a, b in zip(one, other, strict=True))


def _share(part: float, whole: float) -> float:
    return part / whole if whole else part


@contextmanager
def _all_or_nothing(folder: Path) -> Iterator[None]:
    """The folder, made where it is absent; empty again when the block raises."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise BadInput("is not empty", file=folder, fix="give another folder, or remove what is in it")
    try:
        yield
    except BaseException:
        _empty(folder)
        raise


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _held(plan: Plan, proof: Proof) -> str:
    manifest = plan.manifest
    nf4 = f"in NF4, computing in {manifest.compute_dtype}" if manifest.quantization == "nf4" else ""
    held = nf4 or f"whole, in {manifest.compute_dtype}" if manifest.base else "in a way that the adapter does not tell"
    where = "the original weights" if plan.into_original or not nf4 else "those rounded weights"
    return f"the base was held {held}; the adapter is merged into {where}, written in {_name(proof.dtype)}"


def _same(proof: Proof) -> str:
    moved = f"the adapter itself changes logits by up to {proof.effect:.2g}"
    return f"largest difference of a logit between the merged model and base with adapter: {proof.difference:.1e} ({moved})"


def _lossy(proof: Proof) -> str:
    kept = f"only {proof.kept:.0%} of what the adapter changes would be left"
    return f"in {_name(proof.dtype)} {kept} after rounding, so a type with more digits was taken"


def _elsewhere(share: float) -> str:
    return f"the adapter was not trained on the original weights: logits differ by {share:.1%} from the trained model's"
