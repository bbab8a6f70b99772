"""The recipe, readable top to bottom: text, vocabulary, three courses of training, folder, figures, model card."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

from recipe.card import write_card
from recipe.folder import configuration, write_folder
from recipe.learn import Schedule, learn
from recipe.measure import Figures, measure
from recipe.sizes import GPU, Course, Recipe
from recipe.states import STATES, State
from recipe.text import Category, encode, pairs
from recipe.vocabulary import learn_vocabulary

SAMPLE = 20_000
"""Texts the vocabulary is learnt from."""
Say = Callable[[str], None]


def main(arguments: list[str] | None = None) -> int:
    """Make a state of the embedded model: `tiny` on a GPU in minutes, on two CPU cores in hours; `tiny-spread` in minutes."""
    given = _arguments(arguments)
    state = STATES[given.state]
    recipe = state.recipes[given.device]
    changes = {name: value for name in ("steps", "batch", "texts") if (value := getattr(given, name)) is not None}
    courses = tuple(replace(course, **changes) for course in recipe.courses)
    if given.start is not None and state.start is None:
        recipe, courses = replace(recipe, passed=1), (GPU.courses[0], *courses[1:])
    sizes = {name: value for name in ("problems", "seed") if (value := getattr(given, name)) is not None}
    cook(state, replace(recipe, courses=courses, **sizes), given.out, partial(print, flush=True), given.start or state.start)
    return 0


def cook(state: State, recipe: Recipe, out: Path, say: Say, start: Path | None = None) -> dict[str, Figures]:
    """Follow the recipe into the folder `out`; the figures of each category.

    `start` is a folder whose vocabulary and weights are gone on from, behind the courses that they have been through.
    """
    started = time.monotonic()
    _settle(recipe.seed)
    vocabulary, model = (None, None) if start is None else opened(start)
    loss = float("nan")
    for number, course in enumerate(recipe.courses, 1):
        if number <= recipe.passed:
            continue
        shares = {name: (state.categories[name], share) for name, share in course.shares.items()}
        found = pairs(shares, course.texts, recipe.seed + number - 1, _processes(course.texts))
        if vocabulary is None or model is None:
            vocabulary = learn_vocabulary(text for pair in found[:: max(1, len(found) // SAMPLE)] for text in pair)
            model = LlamaForCausalLM(configuration(vocabulary))
        loss = _go_through(course, found, vocabulary, model, recipe.seed, say)
        write_folder(out, model, vocabulary)
    assert vocabulary is not None
    assert model is not None
    figures = taste(out, vocabulary, state.categories, recipe, say)
    write_card(out, state, recipe, model.num_parameters(), loss, figures)
    say(f"done after {time.monotonic() - started:.0f} s")
    return figures


def opened(folder: Path) -> tuple[Tokenizer, LlamaForCausalLM]:
    """Vocabulary and model of a folder."""
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return Tokenizer.from_file(str(folder / "tokenizer.json")), model


def taste(
    folder: Path, vocabulary: Tokenizer, categories: Mapping[str, Category], recipe: Recipe, say: Say
) -> dict[str, Figures]:
    """The figures of what was written, category by category."""
    device = recipe.courses[-1].device
    _, model = opened(folder)
    _move(model, device)
    batch = 2048 if device == "cuda" else 128
    figures = {}
    for name, category in categories.items():
        figures[name] = measure(model, vocabulary, category, recipe.problems, recipe.seed, batch)
        say(f"{name}: {figures[name]}")
    return figures


def _go_through(
    course: Course, found: list[tuple[str, str]], vocabulary: Tokenizer, model: LlamaForCausalLM, seed: int, say: Say
) -> float:
    """One course; the loss at its end."""
    ids, labels = encode(found, vocabulary)
    say(f"{len(found):,} texts of at most {ids.shape[1]} tokens, {', '.join(course.shares)}")
    _move(model, course.device)
    schedule = Schedule(steps=course.steps, batch=course.batch, peak=course.peak, seed=seed, pool=course.pool)
    return learn(model, ids, labels, schedule, say)


def _move(model: torch.nn.Module, device: str) -> None:
    model.to(device).train(False)


def _settle(seed: int) -> None:
    """Make the run repeatable, as far as the device allows."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)


def _processes(texts: int) -> int:
    return 1 if texts <= 20_000 else min(16, os.cpu_count() or 1)


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="train.py", description=main.__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the model folder to write")
    best = "cuda" if torch.cuda.is_available() else "cpu"
    parser.add_argument("--device", choices=("cuda", "cpu"), default=best, help=f"here: {best}")
    parser.add_argument("--state", choices=tuple(STATES), default="tiny", help="which weights (default: tiny)")
    begun = (
        "go on from this folder: for tiny, what its first course left on a GPU; for tiny-spread, a tiny (default: the bundled)"
    )
    parser.add_argument("--start", type=Path, help=begun)
    for name in ("steps", "batch", "texts"):
        parser.add_argument(f"--{name}", type=int, help="of each course, instead of its own")
    for name in ("problems", "seed"):
        parser.add_argument(f"--{name}", type=int, help="instead of the recipe's own")
    return parser.parse_args(arguments)
