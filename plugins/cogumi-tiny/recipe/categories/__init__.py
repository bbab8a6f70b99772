"""What the embedded model can do: one module a category, each with an object that satisfies `Category`.

A new category is a module here, a line in `CATEGORIES`, and a share in `recipe/sizes.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

from recipe.categories.code import CodeText
from recipe.categories.creativity import CreativityText
from recipe.categories.instruction import InstructionText
from recipe.categories.knowledge import KnowledgeText
from recipe.categories.math import MathText
from recipe.categories.reasoning import ReasoningText
from recipe.text import Category

CATEGORIES: Mapping[str, Category] = {
    "math": MathText(),
    "code": CodeText(),
    "reasoning": ReasoningText(),
    "knowledge": KnowledgeText(),
    "instruction": InstructionText(),
    "creativity": CreativityText(),
}
"""All categories by name."""
