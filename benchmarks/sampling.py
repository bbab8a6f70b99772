"""Samples per second: cogumi's sampler `hf` against lm-eval's `HFLM` at its best batch size, in one run.

Both sides draw the same number of samples for the same prompts (the bundled held-out math problems) from the same model
at the same temperature, with nothing cut (top_k and top_p off). The model ends its samples itself, so both sides draw
from one distribution of lengths; the mean lengths are printed beside the rates. The sides alternate; every round's
figures are printed, then the ratio to HFLM's best batch size: by every side's best round (the least disturbed one), by the
median round, and by processor time. A ratio above 1 means that cogumi is faster.

    python benchmarks/sampling.py
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cogumi.chat import Chat
from cogumi.records import Message, Request, Sampling, Weights

OURS = "cogumi hf"


@dataclass(frozen=True)
class Run:
    """One timed pass over all prompts."""

    samples: int
    tokens: int
    wall: float
    """Seconds."""
    cpu: float
    """Seconds of processor time, all threads: steadier than `wall` on a busy machine."""

    def __str__(self) -> str:
        rate = f"{self.samples / self.wall:7.1f} samples/s {self.tokens / self.wall:8.0f} tokens/s"
        return f"{rate}  {self.tokens / self.samples:6.1f} tokens a sample  {self.wall:6.2f} s wall {self.cpu:6.2f} s cpu"


def timed(draw: Callable[[], list[int]]) -> Run:
    """Time a function that gives the samples' lengths."""
    wall, cpu = time.perf_counter(), time.process_time()
    lengths = draw()
    return Run(len(lengths), sum(lengths), time.perf_counter() - wall, time.process_time() - cpu)


def cogumi_side(model: Weights, prompts: Sequence[tuple[Message, ...]], args: argparse.Namespace) -> Callable[[], list[int]]:
    """Draw with the sampler `hf`."""
    from cogumi_hf import hf

    sampler = hf(model, device=args.device)
    sampling = Sampling(temperature=args.temperature, max_tokens=args.max_tokens)
    indices = tuple(range(args.samples))
    requests = [Request(id=str(i), messages=m, sampling=sampling, indices=indices) for i, m in enumerate(prompts)]

    def draw() -> list[int]:
        out = list(sampler.sample(requests))
        assert not any(c.error for c in out), next(c.error for c in out if c.error)
        return [c.tokens for c in out]

    return draw


def hflm_side(
    model: Weights, prompts: Sequence[tuple[Message, ...]], args: argparse.Namespace
) -> Callable[[int], Callable[[], list[int]]]:
    """Draw with lm-eval's `HFLM`: `side(batch size)()`."""
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    lm: Any = HFLM(pretrained=model.path, device=args.device, dtype="float32", batch_size=1, max_length=None)
    chat = Chat.load(model)
    settings = {"until": [], "max_gen_toks": args.max_tokens, "do_sample": True, "temperature": args.temperature}
    settings |= {"top_k": 0, "top_p": 1.0}
    contexts = [
        chat.tokenizer.apply_chat_template([dict(t) for t in m], tokenize=False, add_generation_prompt=True) for m in prompts
    ]
    assert all(lm.tok_encode(c) == chat.prompt_ids(m) for c, m in zip(contexts, prompts, strict=True)), "prompts differ"
    requests = [
        Instance(request_type="generate_until", doc={}, arguments=(c, dict(settings)), idx=0)
        for c in contexts
        for _ in range(args.samples)
    ]
    lengths: list[int] = []
    generate = lm._model_generate

    def counting(context: Any, *rest: Any, **options: Any) -> Any:
        out = generate(context, *rest, **options)
        lengths.extend(_length(row, chat) for row in out[:, context.shape[1] :].tolist())
        return out

    lm._model_generate = counting

    def side(batch_size: int) -> Callable[[], list[int]]:
        def draw() -> list[int]:
            lm.batch_size_per_gpu = batch_size
            lengths.clear()
            lm.generate_until(requests, disable_tqdm=True)
            return list(lengths)

        return draw

    return side


def _length(ids: list[int], chat: Chat) -> int:
    return next((i + 1 for i, token in enumerate(ids) if token in chat.end_ids), len(ids))


def math_prompts(count: int) -> list[tuple[Message, ...]]:
    """The prompts of the first bundled held-out math problems."""
    from cogumi_math.plugin import gsm8k

    task = gsm8k(data="bundled").task
    return [tuple(task.messages(problem)) for problem in task.problems()[:count]]


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a model folder; default: the embedded model")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--problems", type=int, default=50)
    parser.add_argument("--samples", type=int, default=10, help="samples per problem")
    parser.add_argument("--temperature", type=float, default=0.7)
    parser.add_argument("--max-tokens", type=int, default=400)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[32, 64, 96, 128], help="of HFLM")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    model = _model(args.model)
    compare(model, args)


def compare(model: Weights, args: argparse.Namespace) -> None:
    """Alternate the sides and print what each did."""
    prompts = math_prompts(args.problems)
    ours, theirs = cogumi_side(model, prompts, args), hflm_side(model, prompts, args)
    sides = {OURS: ours} | {f"HFLM batch {n}": theirs(n) for n in args.batch_sizes}
    runs: dict[str, list[Run]] = {name: [] for name in sides}
    for number in range(args.rounds):
        for name, draw in sides.items():
            runs[name].append(timed(draw))
            print(f"round {number + 1}  {name:15} {runs[name][-1]}", flush=True)
    conclude("best round", {name: max(r.samples / r.wall for r in side) for name, side in runs.items()})
    conclude("median round", {name: statistics.median(r.samples / r.wall for r in side) for name, side in runs.items()})
    conclude("processor time", {name: max(r.samples / r.cpu for r in side) for name, side in runs.items()})


def conclude(what: str, rates: dict[str, float]) -> None:
    """Print both sides' rates, the best batch size of HFLM's, and their ratio."""
    ours = rates.pop(OURS)
    best = max(rates, key=lambda name: rates[name])
    print(f"{what:15} {OURS} {ours:6.1f} samples/s, {best} {rates[best]:6.1f} samples/s, ratio {ours / rates[best]:.2f}")


def _model(folder: str | None) -> Weights:
    if folder is not None:
        return Weights(name=folder, path=folder)
    from cogumi_tiny import tiny

    return tiny()


if __name__ == "__main__":
    main()
