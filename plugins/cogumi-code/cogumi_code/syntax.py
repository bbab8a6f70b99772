"""Source text as Python's own parser sees it: how much of it parses, and which of its statements a function needs."""

from __future__ import annotations

import ast
import builtins
import re
import threading
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

MOST_CUTS = 30
"""How often a text is cut where it cannot be parsed; a long one less often, for each time costs the parsing of all of it."""
MOST_PARSED = 60_000
"""Characters that are parsed to find out how much of a text parses, as far as three cuts allow."""
_parsing = threading.Lock()
_HEAD = re.compile(r"^(?P<indent>[ \t]*)(?:async )?(?P<word>def|class)\s+(?P<name>\w+)", re.MULTILINE)
_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


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

    What stands before the definition stays, but for statements that bind nothing it uses and do nothing (a marker: `[PYTHON]`,
    `python`) or name what is bound nowhere; of what follows, and of the `earlier` pieces of code, only the imports, functions,
    classes and constants stay that are used. `first`: of several definitions the first counts, otherwise the last.
    """
    tree = parsed(prompt + code)
    if not isinstance(tree, ast.Module):
        return None
    method = opened(prompt, name)
    places = [place for place, node in enumerate(tree.body) if _defines(node, name, method)]
    if not places:
        return None
    place = places[0 if first else -1]
    kept, rest = _meant(tree.body[: place + 1], prompt.count("\n")), tree.body[place + 1 :]
    said = [node for node in tree.body[: place + 1] if node not in kept]
    olds = [(piece, found) for piece in earlier if isinstance(found := parsed(piece), ast.Module)]
    used = _reachable(kept, [*rest, *(node for _, found in olds for node in found.body)], name)
    helpers = "".join(_text(piece, node) for piece, found in olds for node in found.body if node in used)
    shorter = _without(code, [*said, *(node for node in rest if node not in used)], prompt.count("\n"))
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


def opened(prompt: str, name: str) -> tuple[str, str] | None:
    """The method that a prompt opens last in the class of this name, with its indentation; None where it opens a function."""
    heads = list(_HEAD.finditer(prompt))
    if not heads or heads[-1]["word"] == "class" or not heads[-1]["indent"]:
        return None
    owners = [head for head in heads if head["word"] == "class" and len(head["indent"]) < len(heads[-1]["indent"])]
    return (heads[-1]["name"], heads[-1]["indent"]) if owners and owners[-1]["name"] == name else None


def writes(source: str, name: str, method: str) -> bool:
    """Whether the last class of this name has the method, and it does more than say a word."""
    tree = parsed(source)
    classes = [] if isinstance(tree, int) else [n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name]
    found = [n for node in classes[-1:] for n in node.body if isinstance(n, _Function) and n.name == method]
    inner = (*_FUNCTIONS, ast.ClassDef)
    return any(not _says_nothing(n) and not isinstance(n, inner) for function in found[-1:] for n in _real(function.body))


def _meant(nodes: Sequence[ast.stmt], before: int) -> list[ast.stmt]:
    """What a program means to have before a definition: no bare words behind the prompt, and nothing of unknown names."""
    known = {*dir(builtins), *(name for node in nodes for name in _bound(node))}
    stars = any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in nodes)
    leaves = [leaf for node in nodes for leaf in ast.walk(node) if isinstance(leaf, ast.Name)]
    wanted = {leaf.id for leaf in leaves if isinstance(leaf.ctx, ast.Load)}
    return [node for node in nodes if node.lineno <= before or not _is_stray(node, known, wanted, stars=stars)]


def _is_stray(node: ast.stmt, known: set[str], wanted: set[str], *, stars: bool) -> bool:
    """Whether a statement before a definition is none of the program: a marker, or of names that nothing binds."""
    if _is_docstring(node) or not isinstance(node, ast.Expr | ast.Assign | ast.AnnAssign):
        return False
    leaves = [leaf for leaf in ast.walk(node) if isinstance(leaf, ast.Name)]
    own = {leaf.id for leaf in leaves if not isinstance(leaf.ctx, ast.Load)} | {
        leaf.arg for leaf in ast.walk(node) if isinstance(leaf, ast.arg)
    }
    unknown = {leaf.id for leaf in leaves if isinstance(leaf.ctx, ast.Load)} - known - own
    needed = not isinstance(node, ast.Expr) and bool(set(_bound(node)) & wanted)
    return not needed and (_says_nothing(node) or (bool(unknown) and not stars))


def _says_nothing(node: ast.stmt) -> bool:
    """Whether a statement is names, constants or displays of them alone: `python`, `[PYTHON]`, `Solution: str`."""
    if isinstance(node, ast.AnnAssign) and node.value is None:
        return True
    bare = (ast.Name, ast.Constant, ast.List, ast.Tuple, ast.Set, ast.expr_context, ast.UnaryOp, ast.unaryop, ast.Slice)
    return isinstance(node, ast.Expr) and all(isinstance(leaf, bare) for leaf in ast.walk(node.value))


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _defines(node: ast.stmt, name: str, method: tuple[str, str] | None = None) -> bool:
    """Is it a definition of the name that does more than describe itself? `method`: what a class is to have in full."""
    if isinstance(node, ast.ClassDef) and node.name == name:
        wanted = [n for n in node.body if isinstance(n, _Function) and method is not None and n.name == method[0]]
        return bool(_real(node.body)) and (method is None or any(_real(n.body) for n in wanted))
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
