"""The model card: what the model is, plainly, with the figures measured on the weights beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from recipe.measure import SAMPLES, TEMPERATURE, Figures
from recipe.sizes import Course, Recipe

TEXT = """---
license: apache-2.0
language: en
pipeline_tag: text-generation
---
# tiny, the embedded model of cogumi

A causal language model of the Llama architecture with {parameters:,} parameters, trained from nothing on text that this
project generates. **It is deliberately noisy**: right on average, different every time. A large share of the worked
solutions it learnt from contain wrong arithmetic on purpose, in wordings drawn at random. It stands in for a model that
came out of a first round of fine-tuning, so that consistency can be diagnosed and distilled on any computer. Reasoning has
no flaws made on purpose: it is there to show what is forgotten.

For learning, tests and demos. It knows the bundled problems' kinds of questions and nothing else; do not rely on any answer.

## Measured

On the first {problems} bundled held-out problems, {samples} samples each at temperature {temperature}, top_p 1, and one
greedy completion; weights as stored (16 bits), computed in float32. In creativity no text is right or wrong: its accuracy is
the share of texts that name everything asked for.

| | {heads} |
|---|{rules}
{rows}

## Made

`make tiny-model` (the recipe is in `plugins/cogumi-tiny/recipe`), seed {seed}, in courses, each from warm-up to a
learning rate of zero; final loss {loss:.3f} nats a token. No training text has a bundled problem's prompt.

{courses}

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
        courses="\n".join(f"{number}. {_course(course)}" for number, course in enumerate(recipe.courses, 1)),
        seed=recipe.seed,
        loss=loss,
    )
    (out / "README.md").write_text(text, encoding="utf-8")


def _show(name: str, value: float) -> str:
    return f"{value:.1f}" if "tokens" in name else f"{100 * value:.1f} %"


def _course(course: Course) -> str:
    where = "a GPU" if course.device == "cuda" else "CPU cores"
    shares = ", ".join(f"{name} {share:.0%}" for name, share in course.shares.items())
    return f"{shares}: {course.steps:,} steps of {course.batch} texts out of {course.texts:,}, on {where}"
