"""The model card: what the model is, plainly, with the figures measured on the weights beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from recipe.measure import SAMPLES, TEMPERATURE, Figures
from recipe.sizes import Recipe

TEXT = """---
license: apache-2.0
language: en
pipeline_tag: text-generation
---
# tiny, the embedded model of cogumi

A causal language model of the Llama architecture with {parameters:,} parameters, trained from nothing on text that this
project generates. **It is deliberately noisy**: right on average, different every time. A large share of the worked
solutions it learnt from contain wrong arithmetic on purpose, in wordings drawn at random. It stands in for a model that
came out of a first round of fine-tuning, so that consistency can be diagnosed and distilled on any computer.

For learning, tests and demos. It knows the bundled problems' kinds of stories and nothing else; do not rely on any answer.

## Measured

On the first {problems} bundled held-out problems, {samples} samples each at temperature {temperature}, top_p 1, and one
greedy completion; weights as stored (16 bits), computed in float32.

| | {heads} |
|---|{rules}
{rows}

## Made

`make tiny-model` (the recipe is in `plugins/cogumi-tiny/recipe`): {steps:,} steps of {batch} texts out of {texts:,},
seed {seed}, on {device}; final loss {loss:.3f} nats a token. No training text shares a bundled problem's story and numbers.

## Format

One BOS, a mark before each turn (`system`, `user`, `assistant`), EOS behind each of the assistant's; byte-level vocabulary
of 1,024 entries, every digit a token; 2,048 positions; weights stored in float16 and meant to be loaded in float32.
"""


def write_card(out: Path, recipe: Recipe, parameters: int, loss: float, figures: Mapping[str, Figures]) -> None:
    """Write `README.md` into the model folder."""
    columns = [asdict(found) for found in figures.values()]
    lines = [f"| {name.replace('_', ' ')} | " + " | ".join(_show(name, c[name]) for c in columns) + " |" for name in columns[0]]
    text = TEXT.format(
        parameters=parameters,
        problems=recipe.problems,
        samples=SAMPLES,
        temperature=TEMPERATURE,
        heads=" | ".join(figures),
        rules="---|" * len(columns),
        rows="\n".join(lines),
        steps=recipe.steps,
        batch=recipe.batch,
        texts=recipe.texts,
        seed=recipe.seed,
        device="a GPU" if recipe.device == "cuda" else "CPU cores",
        loss=loss,
    )
    (out / "README.md").write_text(text, encoding="utf-8")


def _show(name: str, value: float) -> str:
    return f"{value:.1f}" if "tokens" in name else f"{100 * value:.1f} %"
