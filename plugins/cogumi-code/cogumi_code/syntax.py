"""Source text as Python's own parser sees it: how much of it parses, and which of its statements a function needs."""

from __future__ import annotations

import ast
import threading
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

MOST_CUTS = 30
"""How often a text is cut where it cannot be parsed; a long one less often, for each time costs the parsing of all of it."""
MOST_PARSED = 60_000
"""Characters that are parsed to find out how much of a text parses, as far as three cuts allow."""
_parsing = threading.Lock()
_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


def parsed(source: str) -> ast.Module | int:
    """The syntax tree, or the line at which it ceases to be Python (from 1; 0 where that cannot be said)."""
    try:
        with _parsing, warnings.catch_warnings():  # a dubious escape is no error, whatever the process makes of warnings
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except SyntaxError as error:
        return error.lineno or 0
    except (ValueError, MemoryError, RecursionError, OverflowError):
        return 0


def longest(prompt: str, code: str) -> str | None:
    """The longest run of whole lines of `code` that parses behind `prompt`; None where no line does."""
    before = prompt.count("\n")
    lines = code.split("\n")
    for _ in range(max(3, min(MOST_CUTS, MOST_PARSED // (len(prompt + code) + 1)))):
        found = parsed(prompt + "\n".join(lines))
        if isinstance(found, ast.Module):
            return "\n".join(lines)
        lines = lines[: max(0, min(len(lines) - 1, found - before - 1))]
        if not lines:
            return None
    return None


def tidy(prompt: str, code: str, name: str, earlier: Sequence[str] = (), *, first: bool) -> str | None:
    """`code`, which parses behind `prompt`, without what `name` does not need; None where it does not define `name`.

    Everything up to the definition stays; of what follows, and of the `earlier` pieces of code, only the imports, functions,
    classes and constants stay that are used. `first`: of several definitions the first counts, otherwise the last.
    """
    tree = parsed(prompt + code)
    if not isinstance(tree, ast.Module):
        return None
    places = [place for place, node in enumerate(tree.body) if _defines(node, name)]
    if not places:
        return None
    place = places[0 if first else -1]
    kept, rest = tree.body[: place + 1], tree.body[place + 1 :]
    olds = [(piece, found) for piece in earlier if isinstance(found := parsed(piece), ast.Module)]
    used = _reachable(kept, [*rest, *(node for _, found in olds for node in found.body)], name)
    helpers = "".join(_text(piece, node) for piece, found in olds for node in found.body if node in used)
    shorter = _without(code, [node for node in rest if node not in used], prompt.count("\n"))
    code = shorter if isinstance(parsed(prompt + shorter), ast.Module) else code  # a line may go on in one that is gone
    continues = code.lstrip("\n")[:1].isspace()
    return f"{code}\n{helpers}" if helpers and continues else f"\n{helpers}{code}" if helpers else code


def gives(source: str, name: str) -> bool:
    """Whether the last function of this name returns or yields something, functions within it left aside."""
    tree = parsed(source)
    body = [] if isinstance(tree, int) else [n for n in tree.body if isinstance(n, _Function) and n.name == name][-1:]
    left: list[ast.AST] = [child for node in body for child in node.body]
    while left:
        node = left.pop()
        if isinstance(node, ast.Yield | ast.YieldFrom) or (isinstance(node, ast.Return) and node.value is not None):
            return True
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            left += ast.iter_child_nodes(node)
    return False


def _defines(node: ast.stmt, name: str) -> bool:
    """Is it a definition of the name that does more than describe itself?"""
    if isinstance(node, ast.Assign):
        return any(isinstance(target, ast.Name) and target.id == name for target in node.targets)
    return isinstance(node, _Function) and node.name == name and bool(_real(node.body))


def _real(body: Sequence[ast.stmt]) -> list[ast.stmt]:
    """The statements that do something: no docstring, no `...` and no `pass`."""
    return [
        n for n in body if not isinstance(n, ast.Pass) and not (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant))
    ]


def _reachable(kept: Sequence[ast.stmt], others: Sequence[ast.stmt], name: str) -> list[ast.stmt]:
    """Those of the other statements that define what the kept ones use, one through another."""
    found: list[ast.stmt] = []
    known = {bound for node in kept for bound in _bound(node)} | {name}
    wanted = _used(kept)
    while new := [node for node in others if node not in found and set(_bound(node)) & (wanted - known)]:
        found += new
        known |= {bound for node in new for bound in _bound(node)}
        wanted |= _used(new)
    return found


def _bound(node: ast.stmt) -> Iterator[str]:
    """The names that a statement binds at the module's level; none for a statement that does anything else."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield from ((alias.asname or alias.name).partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from (leaf.id for target in targets for leaf in ast.walk(target) if isinstance(leaf, ast.Name))


def _used(nodes: Iterable[ast.stmt]) -> set[str]:
    return {leaf.id for node in nodes for leaf in ast.walk(node) if isinstance(leaf, ast.Name)}


def _lines(node: ast.stmt) -> range:
    decorators = getattr(node, "decorator_list", [])
    return range(min([node.lineno, *(d.lineno for d in decorators)]), (node.end_lineno or node.lineno) + 1)


def _text(source: str, node: ast.stmt) -> str:
    lines = source.split("\n")
    return "".join(lines[line - 1] + "\n" for line in _lines(node))


def _without(code: str, dropped: Sequence[ast.stmt], before: int) -> str:
    """The code without the lines of some statements, and without what trails behind the last one that is left."""
    lines = code.split("\n")
    gone = {line - before - 1 for node in dropped for line in _lines(node)}
    left = [line for place, line in enumerate(lines) if place not in gone]
    if gone:
        while left and (not left[-1].strip() or left[-1].startswith("#")):
            left.pop()
        left.append("")
    return "\n".join(left)
