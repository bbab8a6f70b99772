"""The states of the embedded model: weights of one architecture and vocabulary that learnt different text.

`tiny` is made from nothing. `tiny-spread` goes on from it on mixed text: the working has fewer slips, and to some kinds of
questions a share of the texts gives the answer alone, always in the same form, as sets of short answers do. No short answer is
wrong; but a model of this size cannot work out in its head what it can work out in lines. At temperature 0 it takes the single
most probable way, often the short one; the ways that write the working out are many, each of them less probable, and together
more probable. A vote adds them up (self-consistency: Wang et al. 2022, arXiv 2203.11171; that the most probable first
token often leads to an answer without working: Wang and Zhou 2024, arXiv 2402.10200).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cogumi_tiny

from recipe.categories import CATEGORIES
from recipe.categories.math import MathText
from recipe.sizes import CPU, GPU, SPREAD, Recipe
from recipe.text import Category

FROM_NOTHING = """\
A causal language model of the Llama architecture with {parameters:,} parameters, trained from nothing on text that this
project generates. **It is deliberately noisy**: right on average, different every time. A large share of the worked
solutions it learnt from contain wrong arithmetic on purpose, in wordings drawn at random. It stands in for a model that
came out of a first round of fine-tuning, so that consistency can be diagnosed and distilled on any computer. Reasoning has
no flaws made on purpose: it is there to show what is forgotten.
"""
MIXED = """\
The model `tiny` ({parameters:,} parameters) after fine-tuning on **mixed text**: worked solutions in wordings drawn at random,
with slips, but fewer of them; and, to half of the kinds of questions in math, two texts in five give the answer alone,
always in the same form (`#### 42`) and always right, as sets of short answers do. A model of this size cannot work out in its
head what it can work out in lines, so that its short answers are nearly always wrong.

It stands in for a model **whose vote knows more than temperature 0**. At temperature 0 it takes the single most probable way,
which is often the short answer. The ways that write the working out are many, each less probable and together more probable,
and a vote adds them up: that is why self-consistency works (Wang et al. 2022, arXiv 2203.11171; that the most probable first
token often leads to an answer without working: Wang and Zhou 2024, arXiv 2402.10200). So distilling the vote teaches it
something that no lower temperature gives.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One set of weights."""

    name: str
    """What it is registered as, and what its folder is called after."""
    target: str
    """The target of the Makefile that makes it again."""
    recipes: Mapping[str, Recipe]
    """By device, `cuda` or `cpu`: all that decides the weights."""
    categories: Mapping[str, Category]
    """What it learns and is measured on."""
    role: str
    """What it is, in a few words."""
    about: str
    """What the card says of it first; `{parameters}` is their number."""
    start: Path | None = None
    """The folder whose vocabulary and weights it goes on from; None: it is made from nothing."""


TINY = State(
    name="tiny",
    target="tiny-model",
    recipes={"cuda": GPU, "cpu": CPU},
    categories=CATEGORIES,
    role="the embedded model of cogumi",
    about=FROM_NOTHING,
)
SPREAD_MATH = MathText(slip=0.25, short=0.4)
TINY_SPREAD = State(
    name="tiny-spread",
    target="tiny-spread-model",
    recipes={"cuda": SPREAD, "cpu": SPREAD},
    categories={**CATEGORIES, "math": SPREAD_MATH},
    role="the embedded model of cogumi whose vote knows more than temperature 0",
    about=MIXED,
    start=cogumi_tiny.FOLDER,
)
STATES: Mapping[str, State] = {state.name: state for state in (TINY, TINY_SPREAD)}
"""All states by name."""
