"""The recipe, readable top to bottom: vocabulary, text, training, folder, figures, model card."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

from recipe.card import write_card
from recipe.categories import CATEGORIES
from recipe.folder import configuration, write_folder
from recipe.learn import Schedule, learn
from recipe.measure import Figures, measure
from recipe.sizes import CPU, GPU, Recipe
from recipe.text import Category, encode, pairs
from recipe.vocabulary import learn_vocabulary

SAMPLE = 20_000
"""Texts the vocabulary is learnt from."""


def main(arguments: list[str] | None = None) -> int:
    """Make the embedded model from nothing: on a GPU in minutes, on two CPU cores within two hours."""
    given = _arguments(arguments)
    recipe = GPU if given.device == "cuda" else CPU
    changes = {
        name: value for name in ("steps", "batch", "texts", "problems", "seed") if (value := getattr(given, name)) is not None
    }
    cook(Recipe(**{**_fields(recipe), **changes}), given.out, CATEGORIES, partial(print, flush=True))
    return 0


def cook(recipe: Recipe, out: Path, categories: Mapping[str, Category], say: Callable[[str], None]) -> dict[str, Figures]:
    """Follow the recipe into the folder `out`; the figures of each category."""
    started = time.monotonic()
    _settle(recipe.seed)
    found = pairs(categories, recipe.texts, recipe.seed, _processes(recipe.texts))
    vocabulary = learn_vocabulary(text for pair in found[:: max(1, len(found) // SAMPLE)] for text in pair)
    ids, labels = encode(found, vocabulary)
    say(f"{len(found):,} texts of at most {ids.shape[1]} tokens after {time.monotonic() - started:.0f} s")
    model = LlamaForCausalLM(configuration(vocabulary))
    _move(model, recipe.device)
    schedule = Schedule(steps=recipe.steps, batch=recipe.batch, peak=recipe.peak, seed=recipe.seed)
    loss = learn(model, ids, labels, schedule, say)
    write_folder(out, model, vocabulary)
    figures = taste(out, vocabulary, categories, recipe, say)
    write_card(out, recipe, model.num_parameters(), loss, figures)
    say(f"done after {time.monotonic() - started:.0f} s")
    return figures


def taste(
    folder: Path, vocabulary: Tokenizer, categories: Mapping[str, Category], recipe: Recipe, say: Callable[[str], None]
) -> dict[str, Figures]:
    """The figures of what was written, category by category."""
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
    _move(model, recipe.device)
    batch = 2048 if recipe.device == "cuda" else 128
    figures = {}
    for name, category in categories.items():
        figures[name] = measure(model, vocabulary, category, recipe.problems, recipe.seed, batch)
        say(f"{name}: {figures[name]}")
    return figures


def _move(model: torch.nn.Module, device: str) -> None:
    model.to(device).train(False)


def _settle(seed: int) -> None:
    """Make the run repeatable, as far as the device allows."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)


def _processes(texts: int) -> int:
    return 1 if texts <= 20_000 else min(16, os.cpu_count() or 1)


def _fields(recipe: Recipe) -> dict[str, object]:
    return {name: getattr(recipe, name) for name in Recipe.__dataclass_fields__}


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="train.py", description=main.__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the model folder to write")
    best = "cuda" if torch.cuda.is_available() else "cpu"
    parser.add_argument("--device", choices=("cuda", "cpu"), default=best, help=f"here: {best}")
    for name in ("steps", "batch", "texts", "problems", "seed"):
        parser.add_argument(f"--{name}", type=int, help="instead of the device's own")
    return parser.parse_args(arguments)
