"""The shape of the core: which room may import which, what the core may know by name, and how large its parts are."""

from __future__ import annotations

import ast
import statistics
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = ROOT / "cogumi"
ORDER = (
    "errors",
    "records",
    "phases",
    "protocols",
    "hookspecs",
    "codec",
    "files",
    "stats",
    "results",
    "toml_text",
    "thoughts",
    "retractions",
    "weights",
    "data",
    "chat",
    "voting",
    "registry",
    "roles",
    "sampling",
    "workers",
    "planning",
    "diagnosis",
    "distillation",
    "runs",
    "comparison",
    "decision",
    "report",
    "doctor",
    "pipeline",
    "scaffold",
    "testing",
    "cli",
    "cogumi",
)
"""The rooms from ground to roof: each may import those before it, and itself."""
PACKAGE = {"__init__": "cogumi", "__main__": "cogumi"}
SURFACE = {
    "errors",
    "records",
    "phases",
    "protocols",
    "hookspecs",
    "codec",
    "files",
    "results",
    "toml_text",
    "thoughts",
    "retractions",
    "weights",
    "data",
    "chat",
    "voting",
    "runs",
    "stats",
    "stats_flips",
    "stats_power",
    "stats_samples",
    "stats_spread",
}
"""The modules at the top: what a plugin may import."""


@cache
def tree(path: Path) -> ast.Module:
    """A module's source, parsed."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


@cache
def modules() -> tuple[Path, ...]:
    """The core's modules; what a scaffold writes is not the core's."""
    return tuple(sorted(CORE.rglob("*.py")))


@cache
def names() -> frozenset[str]:
    """Their names."""
    return frozenset(map(name_of, modules()))


def name_of(path: Path) -> str:
    """`cogumi/workers/jobs.py` -> `cogumi.workers.jobs`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    """`cogumi.workers.jobs` -> `workers`; `cogumi` alone is the facade."""
    parts = module.split(".")
    if len(parts) == 1 or parts[1] in PACKAGE:
        return "cogumi"
    return "stats" if parts[1].startswith("stats") else parts[1]


def _for_types_alone(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """All that runs, functions included; what is only there for a type checker is left out."""
    for child in ast.iter_child_nodes(node):
        if not _for_types_alone(child):
            yield child
            yield from walk(child)


def imported(path: Path) -> Iterator[str]:
    """The modules of the core that a module imports, at its top or in a function."""
    for node in walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "cogumi")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "cogumi":
            module = str(node.module)
            inner = {f"{module}.{alias.name}" for alias in node.names}
            yield from inner & names()
            if not inner <= names():
                yield module


# --- rooms ------------------------------------------------------------------------------------------------------------

CONSTANTS = {"__version__"}
"""What the facade itself holds, beside what it hands on."""


def facade_names(path: Path) -> set[str]:
    """What a module takes from `cogumi` itself."""
    found = [n for n in walk(tree(path)) if isinstance(n, ast.ImportFrom) and n.module == "cogumi"]
    return {alias.name for node in found for alias in node.names if f"cogumi.{alias.name}" not in names()}


def test_every_room_has_its_place_in_the_order() -> None:
    assert {room_of(name_of(path)) for path in modules()} == set(ORDER)


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_an_import_goes_down_and_never_up(path: Path) -> None:
    here = ORDER.index(room_of(name_of(path)))
    takes_constants = facade_names(path) <= CONSTANTS
    up = [m for m in imported(path) if ORDER.index(room_of(m)) > here and not (m == "cogumi" and takes_constants)]
    assert not up, f"{name_of(path)} imports {up}, which stand above it"


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {name_of(path): {m for m in imported(path) if m != "cogumi"} for path in modules()}
    while leaves := {name for name, needs in graph.items() if not needs & graph.keys()}:
        graph = {name: needs for name, needs in graph.items() if name not in leaves}
    assert not graph, f"a circle goes through {sorted(graph)}"


def test_the_top_level_is_the_public_surface() -> None:
    packages = {path.name for path in CORE.iterdir() if (path / "__init__.py").is_file()}
    assert {path.stem for path in CORE.glob("*.py")} - PACKAGE.keys() == SURFACE - packages


# --- names ------------------------------------------------------------------------------------------------------------

DEFAULTS = CORE / "planning" / "defaults.py"
CATEGORIES = {"math", "code", "reasoning", "knowledge", "instruction", "creativity"}
BENCHMARKS = {"gsm8k", "humaneval", "mmlu", "mbpp", "bbh", "ifeval", "lm-eval"}
ENGINES = {"hf", "qlora", "tiny", "vllm", "openai", "ray", "pairs", "peft", "phases", "minimal", "full", "smollm2"}
DISTS = {f"cogumi_{name}" for name in (*CATEGORIES, "hf", "qlora", "tiny", "phases", "sandbox", "lm_eval", "peft")}
NAMES = CATEGORIES | BENCHMARKS | ENGINES | DISTS | {name.replace("_", "-") for name in DISTS}
LIBRARIES = {"torch", "bitsandbytes", "transformers", "peft", "numpy", "safetensors", "lm_eval", "vllm", "openai", *DISTS}
ALLOWED_LIBRARIES = {
    "cogumi.chat": {"transformers"},  # a chat template is rendered by the tokenizer that brings it
    "cogumi.testing.fakes": {"numpy", "safetensors"},  # an adapter of zeros
    "cogumi.testing.tiny": {"torch", "transformers", "tokenizers"},  # a random model, for whoever has these
}
ALLOWED_NAMES = {
    "cogumi.testing.trainers": {"full"},  # a folder
}


def documentation(module: ast.Module) -> set[int]:
    """The string constants that stand alone: docstrings and the lines under fields."""
    alone = (node.value for node in ast.walk(module) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    return {id(constant) for constant in alone}


def literals(path: Path) -> Iterator[str]:
    """The string literals of a module that are more than text for people."""
    told = documentation(tree(path))
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.value


@pytest.mark.parametrize("path", [path for path in modules() if path != DEFAULTS], ids=name_of)
def test_the_core_knows_nobody_by_name(path: Path) -> None:
    """A literal that is one of these names is knowledge of it; a sentence with an example in it is not."""
    known = set(literals(path)) & NAMES - ALLOWED_NAMES.get(name_of(path), set())
    assert not known, f"{name_of(path)} names {sorted(known)}"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_the_core_imports_no_plugin_and_no_engine(path: Path) -> None:
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module).split(".")[0])
    heavy = found & LIBRARIES - ALLOWED_LIBRARIES.get(name_of(path), set())
    assert not heavy, f"{name_of(path)} imports {sorted(heavy)}"


# --- sizes ------------------------------------------------------------------------------------------------------------

Function = ast.FunctionDef | ast.AsyncFunctionDef
PLUGINS = sorted(p for p in (ROOT / "plugins").glob("*/cogumi_*/**/*.py"))


def functions(path: Path) -> Iterator[Function]:
    """All functions of a module."""
    return (node for node in ast.walk(tree(path)) if isinstance(node, Function))


def lines(function: Function) -> int:
    """From `def` to the last line, its docstring left out."""
    assert function.end_lineno is not None
    first = function.body[0]
    told = 0 if ast.get_docstring(function) is None else (first.end_lineno or first.lineno) - first.lineno + 1
    return function.end_lineno - function.lineno + 1 - told


def parameters(function: Function) -> int:
    """How many parameters it has, `self` and `cls` left out."""
    all_of_them = (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
    return sum(parameter.arg not in ("self", "cls") for parameter in all_of_them)


def registered(path: Path) -> set[str]:
    """The functions that a module hands to `register(name, factory)`, and click's commands: their parameters are options."""
    calls = [node for node in ast.walk(tree(path)) if isinstance(node, ast.Call) and len(node.args) == 2]
    handed = {call.args[1] for call in calls if isinstance(call.func, ast.Name) and call.func.id == "register"}
    names = {arg.id for arg in handed if isinstance(arg, ast.Name)}
    return names | {arg.attr for arg in handed if isinstance(arg, ast.Attribute)}


@cache
def factories() -> set[str]:
    """The names of all registered factories, of the core and of the plugins."""
    return {name for path in (*modules(), *PLUGINS) for name in registered(path)}


def is_command(function: Function) -> bool:
    """Whether click fills its parameters from the command line."""
    return any(isinstance(d, ast.Call) and ast.unparse(d.func) == "click.command" for d in function.decorator_list)


def test_functions_are_short() -> None:
    lengths = [lines(function) for path in modules() for function in functions(path)]
    assert statistics.median(lengths) <= 8


@pytest.mark.parametrize("path", [*modules(), *PLUGINS], ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_function_is_longer_than_a_screen(path: Path) -> None:
    assert not {function.name: lines(function) for function in functions(path) if lines(function) > 60}


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_no_module_is_longer_than_400_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("path", [*modules(), *PLUGINS], ids=lambda path: path.relative_to(ROOT).as_posix())
def test_only_factories_have_more_than_eight_parameters(path: Path) -> None:
    free = factories()
    many = {f.name: parameters(f) for f in functions(path) if parameters(f) > 8 and f.name not in free and not is_command(f)}
    assert not many


# --- types ------------------------------------------------------------------------------------------------------------

UNTYPED = {
    "cogumi.records": 4,  # Options, Identity, Meta, Raw: what they are is said there
    "cogumi.toml_text": 1,  # TomlTable
    "cogumi.codec": 1,  # the values it makes of a mapping
    "cogumi.chat": 1,  # copies of a tokenizer, which is a library's own
    "cogumi.registry.options": 1,  # a factory's types by parameter
}
"""Where a mapping of anything is what it is. Everywhere else a known key is a field of a record."""
ALIASES = {"Raw": 16, "TomlTable": 7, "Meta": 3}
"""How often these names may stand for one in the core: they are for the moment between reading and decoding."""


def is_untyped(node: ast.AST) -> bool:
    """Whether it is `dict[str, Any]` by any of its spellings."""
    if not isinstance(node, ast.Subscript) or not isinstance(node.slice, ast.Tuple) or len(node.slice.elts) != 2:
        return False
    kind, key, value = (ast.unparse(part).rpartition(".")[2] for part in (node.value, *node.slice.elts))
    return kind in ("dict", "Dict", "Mapping", "MutableMapping") and key == "str" and value in ("Any", "JSON", "object")


def test_a_mapping_of_anything_is_the_exception() -> None:
    found = Counter(name_of(path) for path in modules() for node in ast.walk(tree(path)) if is_untyped(node))
    assert found == UNTYPED, "make a record of it, through cogumi.codec"


@pytest.mark.parametrize("alias", ALIASES)
def test_an_alias_is_no_way_around_a_record(alias: str) -> None:
    used = [n for path in modules() for n in ast.walk(tree(path)) if isinstance(n, ast.Name) and n.id == alias]
    assert 0 < len(used) <= ALIASES[alias]


@pytest.mark.parametrize(
    "text", ["dict[str, Any]", "typing.Mapping[str, typing.Any]", "dict[str, JSON]", "Mapping[str, object]"]
)
def test_a_mapping_of_anything_is_seen_by_any_spelling(text: str) -> None:
    assert any(map(is_untyped, ast.walk(ast.parse(f"def work(x: list[{text}] | None) -> None: ..."))))
    assert not any(map(is_untyped, ast.walk(ast.parse("x: dict[str, int] | dict[int, Any] | list[Any]"))))


# --- the tests themselves ---------------------------------------------------------------------------------------------

SAMPLE = '''
"""A module that names math in its docstring."""
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cogumi.cli import main

def work(a, b):
    """Import in a function."""
    from cogumi.report import page
    return a + b + "gsm8k"
'''


def test_what_stands_in_functions_is_seen_and_what_is_for_types_is_not(tmp_path: Path) -> None:
    path = tmp_path / "sample.py"
    path.write_text(SAMPLE)
    assert list(imported(path)) == ["cogumi.report.page"]
    assert list(literals(path)) == ["gsm8k"]
    (work,) = functions(path)
    assert (lines(work), parameters(work)) == (3, 2)
