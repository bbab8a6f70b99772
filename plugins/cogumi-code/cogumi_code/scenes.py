"""How the behaviour of a class is looked at: small scenes, each a function that uses the class and gives what it saw.

    >>> s = Stack()              def scene_0():
    >>> s.push(3)                    seen = []
    >>> s.top()                      s = Stack(); seen.append(s.push(3)); seen.append(s.top())
    3                                return seen

Contract: scenes come from what the model is shown, a docstring's examples or MBPP's tests, and hold no expected result: of
`assert s.top() == 3` the left side alone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from cogumi.records import Problem
from cogumi_code.syntax import parsed

CHOOSE = "choose_scene"
"""The function that plays one of several scenes."""


def is_class(problem: Problem) -> bool:
    """Whether what is to be written is a class."""
    reference = problem.reference
    trees = (parsed(text) for text in (reference["prompt"] + "        pass\n", reference["prompt"], reference["solution"]))
    nodes = [node for tree in trees if isinstance(tree, ast.Module) for node in tree.body]
    return any(isinstance(node, ast.ClassDef) and node.name == reference["entry_point"] for node in nodes)


def scenes_of(problem: Problem) -> list[str]:
    """The functions `scene_0`, `scene_1`, ... as Python; none where the model is shown no example."""
    tests = problem.meta.get("tests")
    parts = [_of_test(test) for test in tests] if tests else [_of_examples(problem.reference["prompt"])]
    return [_function(place, lines) for place, lines in enumerate(lines for lines in parts if lines)]


def chooser(scenes: Sequence[str]) -> str:
    """The scenes, and `CHOOSE`, whose argument is the number of one."""
    names = ", ".join(f"scene_{place}" for place in range(len(scenes)))
    return "\n\n" + "\n\n".join(scenes) + f"\n\ndef {CHOOSE}(place):\n    return [{names}][place]()\n"


def _function(place: int, lines: Sequence[str]) -> str:
    body = "\n".join(f"    {line}" for text in lines for line in text.split("\n"))
    return f"def scene_{place}():\n    seen = []\n{body}\n    return seen"


def _of_test(test: str) -> list[str]:
    tree = parsed(test)
    return [line for node in getattr(tree, "body", ()) for line in _played(node)]


def _of_examples(text: str) -> list[str]:
    import doctest  # a heavy import, for it brings a debugger along

    try:
        examples = doctest.DocTestParser().get_examples(text)
    except ValueError:  # an example that is not indented as its first line
        return []
    return [line for example in examples for line in _of_test(example.source)]


def _played(node: ast.stmt) -> Iterator[str]:
    """A statement as it is played: what it claims or says is seen, and nothing is claimed."""
    if isinstance(node, ast.Assert):
        sides = [node.test.left, *node.test.comparators] if isinstance(node.test, ast.Compare) else [node.test]
        made = [side for side in sides if any(isinstance(leaf, ast.Name | ast.Call) for leaf in ast.walk(side))]
        yield f"seen.append({ast.unparse((made or sides)[0])})"
    elif isinstance(node, ast.Expr):
        yield f"seen.append({ast.unparse(node.value)})"
    else:
        yield ast.unparse(node)
