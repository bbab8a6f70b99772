"""What the embedded model can do: one module a category, each with an object that satisfies `Category`.

A new category (reasoning, knowledge, instruction, creativity) is a module here and a line in `CATEGORIES`.
"""

from __future__ import annotations

from collections.abc import Mapping

from recipe.categories.code import CodeText
from recipe.categories.math import MathText
from recipe.text import Category

CATEGORIES: Mapping[str, Category] = {"math": MathText(), "code": CodeText()}
"""All categories by name; the text is drawn from each in equal parts."""
