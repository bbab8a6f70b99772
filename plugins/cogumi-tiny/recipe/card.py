"""The model card: what the model is, plainly, with the figures measured on the weights beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

from recipe.measure import SAMPLES, TEMPERATURE, Figures
from recipe.sizes import Course, Recipe
from recipe.states import State

TEXT = """---
license: apache-2.0
language: en
pipeline_tag: text-generation
---
# {name}, {role}

{about}
For learning, tests and demos. It knows the bundled problems' kinds of questions and nothing else; do not rely on any answer.

## Measured

On the first {problems} bundled held-out problems, {samples} samples each at temperature {temperature}, top_p 1, and one
greedy completion; weights as stored (16 bits), computed in float32. In creativity no text is right or wrong: its accuracy is
the share of texts that name everything asked for.

| | {heads} |
|---|{rules}
{rows}

## Made

`make {target}` (the recipe is in `plugins/cogumi-tiny/recipe`), seed {seed}, {begun}in courses, each from warm-up to a
learning rate of zero; final loss {loss:.3f} nats a token. No training text has a bundled problem's prompt.

{courses}

sha256 of `model.safetensors`: `{digest}`

## Format

One BOS, a mark before each turn (`system`, `user`, `assistant`), EOS behind each of the assistant's; byte-level vocabulary
of 1,024 entries, every digit a token; 2,048 positions; weights stored in float16 and meant to be loaded in float32.
"""


def write_card(out: Path, state: State, recipe: Recipe, parameters: int, loss: float, figures: Mapping[str, Figures]) -> None:
    """Write `README.md` into the model folder."""
    columns = [asdict(found) for found in figures.values()]
    lines = [f"| {name.replace('_', ' ')} | " + " | ".join(_show(name, c[name]) for c in columns) + " |" for name in columns[0]]
    text = TEXT.format(
        name=state.name,
        role=state.role,
        about=state.about.format(parameters=parameters),
        target=state.target,
        begun="" if state.start is None else "from the bundled `tiny`, ",
        problems=recipe.problems,
        samples=SAMPLES,
        temperature=TEMPERATURE,
        heads=" | ".join(figures),
        rules="---|" * len(columns),
        rows="\n".join(lines),
        courses="\n".join(f"{number}. {_course(course)}" for number, course in enumerate(recipe.courses, 1)),
        seed=recipe.seed,
        loss=loss,
        digest=sha256((out / "model.safetensors").read_bytes()).hexdigest(),
    )
    (out / "README.md").write_text(text, encoding="utf-8")


def read_card(folder: Path) -> dict[str, dict[str, float]]:
    """The table of a folder's card: by category, each figure by name as a number (shares from 0 to 1)."""
    lines = [line for line in (folder / "README.md").read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    head, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    columns: dict[str, dict[str, float]] = {name: {} for name in head[1:]}
    for label, *values in rows:
        for name, value in zip(head[1:], values, strict=True):
            number = float(value.removesuffix(" %"))
            columns[name][label.replace(" ", "_")] = number / 100 if value.endswith("%") else number
    return columns


def _show(name: str, value: float) -> str:
    return f"{value:.1f}" if "tokens" in name else f"{100 * value:.1f} %"


def _course(course: Course) -> str:
    where = "a GPU" if course.device == "cuda" else "CPU cores"
    shares = ", ".join(f"{name} {share:.0%}" for name, share in course.shares.items())
    return f"{shares}: {course.steps:,} steps of {course.batch} texts out of {course.texts:,}, on {where}"
