"""On which inputs the behaviour of programs is compared: those of the problem's examples, and others of their type and shape.

Contract: the inputs of a problem are a function of the problem alone. They come from what the model is shown (a docstring's
examples, MBPP's asserts) and never hold an expected result. Generated ones keep to what the examples suggest: numbers keep
their sign, lists the kind of their items and what they have in common, texts their alphabet. So programs that agree on
what the problem means agree on them too.
"""

from __future__ import annotations

import ast
import builtins
import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from cogumi.records import Problem
from cogumi_code.syntax import parsed

WANTED = 20
"""Inputs of a problem, as far as so many different ones are found."""
TRIES = 200
LONGEST = 4_000
"""Characters behind a function's name in which its arguments are looked for."""
OTHER_NAME = rf"(?!(?:{'|'.join(name for name in dir(builtins) if name.isidentifier())})\b)[A-Za-z_]\w+"
"""Any function but a builtin: some docstrings call their own function by another name."""


def inputs_of(problem: Problem) -> tuple[tuple[Any, ...], ...]:
    """The arguments of each call; empty where the problem has no function to call."""
    reference = problem.reference
    seeds = _seeds(problem.meta.get("tests") or [reference["prompt"]], reference["prompt"], reference["entry_point"])
    if not seeds:
        return ()
    draw = random.Random(problem.id)
    made = (_varied(seeds, draw) for _ in range(TRIES))
    return tuple(_distinct([*seeds, *_edges(seeds)], made, max(WANTED, len(seeds))))


def example_calls(text: str, name: str) -> Iterator[tuple[Any, ...]]:
    """The arguments of every call in a text that holds literals only; `name`: of what, as a regular expression."""
    for match in re.finditer(rf"\b{name}\(", text):
        arguments = _arguments(text[match.end() - 1 : match.end() + LONGEST])
        if arguments is not None:
            yield arguments


def spelled_calls(problem: Problem) -> list[str]:
    """The calls in the tests the model is shown, as Python, where their arguments are no literals but need the program."""
    name = problem.reference["entry_point"]
    trees = [tree for text in problem.meta.get("tests", ()) if isinstance(tree := parsed(text), ast.Module)]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [ast.unparse(call) for call in calls if isinstance(call.func, ast.Name) and call.func.id == name]


def _seeds(texts: Sequence[str], prompt: str, name: str) -> list[tuple[Any, ...]]:
    """Arguments to start from: those of the examples, however they are written, else simple values of the right types."""
    found = _distinct(call for text in texts for call in example_calls(text, re.escape(name)))
    if found or not (parameters := _parameters(prompt, name)):
        return found
    names = [parameter.arg for parameter in parameters]
    calls = (call for call in example_calls(prompt, OTHER_NAME) if len(call) == len(names))
    return _distinct(_assigned(prompt, names)) or _distinct(calls) or _by_type(parameters)


def _parameters(prompt: str, name: str) -> list[ast.arg]:
    trees = (parsed(prompt), parsed(prompt + "    pass\n"))
    heads = [n for tree in trees for n in getattr(tree, "body", []) if isinstance(n, ast.FunctionDef) and n.name == name]
    return heads[-1].args.args if heads else []


def _assigned(text: str, names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Examples in the form `x = 3, y = [1, 2]` or `x: 3`."""
    starts = [re.finditer(rf"\b{name}\s*[=:]\s*(?=[\[(\"'{{\d-])", text) for name in names]
    columns = [[value for match in found for value in _literal(text[match.end() :])] for found in starts]
    return zip(*columns, strict=False)


def _literal(text: str) -> list[Any]:
    """The literal that a text begins with, if any."""
    text = text[:LONGEST].replace("\n", " ")
    for end in (match.end() for match in re.finditer(r"[\])}\"']|\d(?![\d.])", text)):
        try:
            return [ast.literal_eval(text[:end])]
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            continue
    return []


def _arguments(text: str) -> tuple[Any, ...] | None:
    """The literals in the parentheses that a text begins with."""
    for end in (match.end() for match in re.finditer(r"\)", text)):
        tree = parsed("f" + text[:end].replace("\n", " "))
        if isinstance(tree, ast.Module):
            return _literals(tree.body[0])
    return None


def _literals(node: ast.stmt) -> tuple[Any, ...] | None:
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call) or node.value.keywords:
        return None
    try:
        return tuple(ast.literal_eval(argument) for argument in node.value.args)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def _distinct(
    calls: Iterable[tuple[Any, ...]], more: Iterable[tuple[Any, ...]] = (), most: int | None = None
) -> list[tuple[Any, ...]]:
    """Each call once, in order; `more` of them until there are `most`."""
    found = {repr(call): call for call in calls}
    for call in more:
        if most is not None and len(found) >= most:
            break
        found.setdefault(repr(call), call)
    return list(found.values())


def _edges(seeds: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The first example with one of its lists or texts emptied, and with only its first item."""
    first = seeds[0]
    found = []
    for place, value in enumerate(first):
        if isinstance(value, list | str | tuple):
            found += [(*first[:place], value[:size], *first[place + 1 :]) for size in (0, 1)]
    return found


def _varied(seeds: Sequence[tuple[Any, ...]], draw: random.Random) -> tuple[Any, ...]:
    """An example changed in one or more of its arguments, each among what stands in the same place of the others."""
    seed = draw.choice(seeds)
    columns = [[other[place] for other in seeds if len(other) > place] for place in range(len(seed))]
    changed = draw.randrange(len(seed)) if seed else 0
    return tuple(
        vary(value, column, draw) if place == changed or draw.random() < 0.5 else draw.choice(column)
        for place, (value, column) in enumerate(zip(seed, columns, strict=True))
    )


def vary(value: Any, column: Sequence[Any], draw: random.Random) -> Any:
    """Another value of the same type and shape; `column`: values of the same meaning."""
    if isinstance(value, bool):
        return draw.random() < 0.5
    if isinstance(value, int):
        return _integer(value, [v for v in column if isinstance(v, int)], draw)
    if isinstance(value, float):
        return round(value * draw.choice((0.5, 1.5, 2.0)) + draw.choice((0.0, 0.25, 1.0)), 4)
    if isinstance(value, str):
        return _text(value, [v for v in column if isinstance(v, str)], draw)
    if isinstance(value, list | tuple):
        return type(value)(_items(list(value), column, draw))
    if isinstance(value, dict):
        return {key: vary(item, list(value.values()), draw) for key, item in value.items() if draw.random() < 0.8}
    if isinstance(value, set):
        return set(_items(sorted(value, key=repr), [list(v) for v in column if isinstance(v, set)], draw))
    return value


def _integer(value: int, column: Sequence[int], draw: random.Random) -> int:
    """A number not much larger than the examples': a slow but right program must not run out of time."""
    low, high = min(column), max(column)
    most = max(abs(low), abs(high))
    most += max(9, most // 2)
    new = draw.choice((value + 1, value - 1, value + 2, value - 2, value + draw.randint(3, 9), value * 2, value // 2, high + 1))
    least = 1 if low >= 1 else 0 if low >= 0 else -most
    return max(least, min(most, new))


def _text(value: str, column: Sequence[str], draw: random.Random) -> str:
    letters = "".join(column) or "ab"
    way = draw.randrange(6)
    if way == 0 or not value:
        return "".join(draw.choice(letters) for _ in range(draw.randint(1, max(2, min(20, len(value) + 2)))))
    place = draw.randrange(len(value))
    if way == 1:
        return value[:place] + value[place + 1 :]
    if way == 2:
        return value[:place] + draw.choice(letters) + value[place:]
    if way == 3:
        return value[:place] + draw.choice(letters) + value[place + 1 :]
    if way == 4:
        return value[place:] + value[:place]
    return value[: place + 1] + value


def _items(value: list[Any], column: Sequence[Any], draw: random.Random) -> list[Any]:
    """Items changed, left out, doubled, added or in another order."""
    column = [other for other in column if isinstance(other, list | tuple)] or [value]
    pool = [item for other in [*column, value] for item in other]
    alike = len({len(other) for other in column}) == 1 and len(column) > 2 and len(value) <= 3
    ordered = all(_sorted(list(other)) for other in column)
    new = list(value)
    if not alike:  # examples that all have three items mean points, or the like, and not lists of any length
        for _ in range(draw.randint(0, 2)):
            if new and draw.random() < 0.4:
                new.pop(draw.randrange(len(new)))
            elif pool:
                new.insert(draw.randint(0, len(new)), draw.choice(pool))
    new = [vary(item, pool, draw) if draw.random() < 0.4 else item for item in new]
    if not alike and draw.random() < 0.2:
        draw.shuffle(new)
    return sorted(new) if ordered and _sortable(new) else new


def _sorted(value: list[Any]) -> bool:
    return len(value) > 1 and _sortable(value) and value == sorted(value)


def _sortable(value: list[Any]) -> bool:
    return all(isinstance(item, int | float) for item in value) or all(isinstance(item, str) for item in value)


SIMPLE: Mapping[str, Sequence[Any]] = {
    "int": (3, 7, 12),
    "float": (1.5, 2.0, 7.25),
    "str": ("abc", "Hello World", "a1 b2"),
    "bool": (True, False, True),
    "list": ([3, 1, 2], [5, 4, 4, 9], [1, 2, 3, 4]),
}
"""Values for parameters of which at most the type is known."""


def _by_type(parameters: Sequence[ast.arg]) -> list[tuple[Any, ...]]:
    """Arguments by the parameters' annotations; where one has none, a few values of every type."""
    columns = [_values(parameter.annotation) for parameter in parameters]
    if all(columns):
        return list(zip(*columns, strict=True))
    rows = range(3)
    if len(parameters) == 1:
        return [(SIMPLE[kind][row],) for kind in ("int", "str", "list") for row in rows]
    pairs = product(("list", "str", "int"), repeat=2)  # the second kind is that of all parameters but the first
    return [tuple(SIMPLE[pair[i > 0]][row] for i in range(len(parameters))) for pair in pairs for row in rows]


def _values(annotation: ast.expr | None) -> Sequence[Any]:
    if isinstance(annotation, ast.Name):
        return SIMPLE.get(annotation.id.lower(), ())
    if not isinstance(annotation, ast.Subscript) or ast.unparse(annotation.value) not in ("list", "List"):
        return ()
    items = _values(annotation.slice)
    return [[*items], [*items[1:], *items], [*items, *items[:1]]] if items else ()
