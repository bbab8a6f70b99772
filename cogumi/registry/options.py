"""A factory's keyword-only arguments, read as options that people set by name.

Understands `str`, `int`, `float`, `bool`, `Path`, `Literal[...]`, `X | None` and `Annotated[X, Neutral]`; text from the command
line is converted, values from TOML or Python are checked. Every refusal names the option and what it takes.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import re
import textwrap
import types
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cogumi.errors import BadInput, suggest
from cogumi.records import JSON, Options
from cogumi.records import Neutral as Neutral

REQUIRED: Any = inspect.Parameter.empty


BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option of a factory."""

    name: str
    """What people type."""
    kinds: tuple[Any, ...]
    """The types any value of which will do; empty when only the choices will."""
    choices: tuple[JSON, ...]
    """Single values that will do, from `Literal`."""
    default: JSON
    """The factory's default, or `REQUIRED`."""
    neutral: bool = False
    """Whether it cannot change an outcome."""
    help: str = ""
    """What it does, in a sentence."""

    @property
    def takes(self) -> str:
        """What it takes, for people: `int`, `auto|nf4|none`, ..."""
        types_ = ("none" if kind is type(None) else kind.__name__ for kind in self.kinds)
        return "|".join((*map(str, self.choices), *types_))

    def convert(self, value: JSON) -> JSON:
        """The value as the factory wants it. Raises ValueError when it does not fit."""
        for choice in self.choices:
            if _convert(value, type(choice)) == choice:
                return choice
        for kind in self.kinds:
            converted = _convert(value, kind)
            if converted is not REQUIRED:
                return converted
        raise ValueError(f"{value!r} does not fit: it takes {self.takes}")


def options_of(factory: Callable[..., object]) -> dict[str, Option]:
    """The options of a factory by name, in the order of its signature."""
    parameters = [p for p in inspect.signature(factory).parameters.values() if p.kind is p.KEYWORD_ONLY]
    hints, told = _hints(factory, parameters), _told(inspect.getdoc(factory) or "")
    return {p.name: _option(p.name, p.default, hints[p.name], told.get(p.name, "")) for p in parameters}


@functools.cache
def options_of_record(record: type) -> dict[str, Option]:
    """The fields of a frozen record as options, each with the line of documentation that stands under it."""
    hints, told = typing.get_type_hints(record, include_extras=True), field_docs(record)
    return {
        field.name: _option(field.name, _default(field), hints[field.name], told.get(field.name, ""))
        for field in dataclasses.fields(record)
    }


def field_docs(record: type) -> dict[str, str]:
    """The documentation of a record's fields, as it stands in the source."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(record))).body
    assert isinstance(tree, ast.ClassDef)
    told = {}
    for here, after in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(here, ast.AnnAssign) and isinstance(here.target, ast.Name) and isinstance(after, ast.Expr):
            told[here.target.id] = " ".join(str(ast.literal_eval(after.value)).split())
    return told


def _default(field: dataclasses.Field[Any]) -> JSON:
    if field.default is not dataclasses.MISSING:
        return field.default
    return REQUIRED if field.default_factory is dataclasses.MISSING else field.default_factory()


def _told(doc: str) -> dict[str, str]:
    """What a factory's docstring says of its options, in lines `name: sentence`."""
    return dict(re.findall(r"^(\w+): (.+)$", doc, re.MULTILINE))


def check_options(what: str, factory: Callable[..., object], given: Options) -> Options:
    """The given options converted to what `factory` takes; `what` names it in errors, e.g. `sampler 'hf'`."""
    known = options_of(factory)
    for name in given:
        if name not in known:
            raise BadInput(f"{what} has no such option", field=name, fix=suggest(name, known))
    missing = [name for name, option in known.items() if option.default is REQUIRED and name not in given]
    if missing:
        raise BadInput(f"{what} needs this option", field=missing[0], fix=f"it takes {known[missing[0]].takes}")
    try:
        return {(current := name): known[name].convert(value) for name, value in given.items()}
    except ValueError as error:
        raise BadInput(f"{what}: {error}", field=current) from error


def _hints(factory: Callable[..., object], parameters: Sequence[inspect.Parameter]) -> dict[str, Any]:
    """The parameters' types. The return type is left alone: it may name a class that is only imported when it is needed."""
    function: Any = factory.__init__ if isinstance(factory, type) else factory  # type: ignore[misc]
    function = inspect.unwrap(function if inspect.isroutine(function) else function.__call__)
    annotations = {p.name: str if p.annotation is p.empty else p.annotation for p in parameters}
    holder: Any = types.SimpleNamespace(__annotations__=annotations)
    return typing.get_type_hints(holder, globalns=function.__globals__, include_extras=True)


def _option(name: str, default: JSON, hint: Any, told: str) -> Option:
    neutral = typing.get_origin(hint) is Annotated and Neutral in hint.__metadata__
    if typing.get_origin(hint) is Annotated:
        hint = typing.get_args(hint)[0]
    members = typing.get_args(hint) if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union else (hint,)
    choices: list[JSON] = []
    kinds: list[Any] = []
    for member in members:
        if typing.get_origin(member) is Literal:
            choices += typing.get_args(member)
        else:
            kinds.append(member if isinstance(member, type) else str)
    return Option(name=name, kinds=tuple(kinds), choices=tuple(choices), default=default, neutral=neutral, help=told)


def _convert(value: JSON, kind: Any) -> JSON:
    """`value` as `kind`, or REQUIRED where it is not one."""
    if kind is type(None):
        return None if value is None or value == "none" else REQUIRED
    if kind is bool:
        return BOOLEANS.get(str(value).lower(), REQUIRED)
    if kind is Path and isinstance(value, str | Path):
        return Path(value)
    if isinstance(value, str) and kind in (int, float):
        return _number(value, kind)
    if isinstance(value, int) and not isinstance(value, bool) and kind is float:
        return float(value)
    return value if isinstance(value, kind) and not (isinstance(value, bool) and kind is int) else REQUIRED


def _number(text: str, kind: Callable[[str], float]) -> JSON:
    try:
        return kind(text)
    except ValueError:
        return REQUIRED
