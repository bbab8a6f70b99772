"""Exceptions across the pipe: what a program raises, so that a test can catch it by the class that it expects.

Builtin exceptions cross as themselves. A class of the program's own crosses as the class of that name which the prompt
defines, one of the standard library as itself, and any other as its nearest builtin ancestor. What comes back holds data only.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Mapping
from typing import Any

from cogumi_sandbox import codec

BUILTIN = {
    name: value
    for name, value in vars(builtins).items()
    if isinstance(value, type) and issubclass(value, BaseException) and not issubclass(value, BaseExceptionGroup)
}
"""Exceptions that cross as themselves."""
MOST_CLASSES, MOST_LETTERS = 10, 100
"""Classes of an exception that are named, and letters of a name."""


def describe(error: BaseException) -> dict[str, Any]:
    """An exception as part of a reply, without its contents: its nearest builtin class, and those that derive from it."""
    mro = type(error).__mro__
    place = next((i for i, kind in enumerate(mro) if BUILTIN.get(kind.__name__) is kind), len(mro))
    own = [[str(kind.__module__)[:MOST_LETTERS], kind.__name__[:MOST_LETTERS]] for kind in mro[:place][:MOST_CLASSES]]
    return {"raised": mro[place].__name__ if place < len(mro) else "Exception", "own": own, "text": summary(error)}


def contents(error: BaseException) -> list[Any]:
    """An exception's arguments and, where its class is not builtin, its public attributes."""
    if BUILTIN.get(type(error).__name__) is type(error):
        return [error.args, {}]
    try:
        fields = {name: value for name, value in vars(error).items() if type(name) is str and name.isidentifier()}
    except BaseException:  # a class may do here what it likes
        fields = {}
    return [error.args, {name: value for name, value in fields.items() if not name.startswith("_")}]


def summary(error: BaseException) -> str:
    """An exception in one line."""
    try:
        text = str(error)
    except BaseException as second:  # a hostile __str__
        text = f"<unprintable: {type(second).__name__}>"
    return f"{type(error).__name__}: {text}"[:500] if text else type(error).__name__


def rebuilt(reply: Mapping[str, Any], names: Mapping[str, Any] | None = None) -> BaseException:
    """The exception that a reply tells of; raises `Malformed`.

    `names`: what the prompt defines; None where classes of its own and of the standard library are not wanted.
    """
    kind = BUILTIN.get(reply["raised"]) if type(reply.get("raised")) is str else None
    value = reply["value"]
    if kind is None or type(value) is not list or [type(part) for part in value] != [tuple, dict]:
        raise codec.Malformed("an unknown exception")
    args, fields = value
    own = None if names is None else _own(reply.get("own"), names)
    try:
        return _made(own, args, fields) if own is not None and issubclass(own, kind) else kind(*args)
    except (TypeError, ValueError):
        return RuntimeError(str(reply.get("text"))[:500])


def _own(found: Any, names: Mapping[str, Any]) -> type[BaseException] | None:
    """The first of the named classes that is known here; nothing is imported for it."""
    for entry in found if type(found) is list else ():
        if type(entry) is not list or [type(part) for part in entry] != [str, str]:
            raise codec.Malformed("an unknown exception")
        module, name = entry
        standard = module.partition(".")[0] in sys.stdlib_module_names and module in sys.modules
        kind = vars(sys.modules[module]).get(name) if standard else names.get(name)
        if isinstance(kind, type) and issubclass(kind, BaseException):
            return kind
    return None


def _made(kind: type[BaseException], args: tuple[Any, ...], fields: dict[Any, Any]) -> BaseException:
    """An exception with these contents, whatever its class wants when it is made the usual way."""
    error = kind.__new__(kind, *args)
    error.args = args
    for name, value in fields.items():
        if type(name) is str and name.isidentifier() and not name.startswith("_"):
            error.__dict__[name] = value
    return error
