"""How a check says that a promise was broken, and whose."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")

NAME = r"[a-z0-9][a-z0-9._-]*"
"""What people can type as a name."""


def require(kept: bool, promise: str) -> None:
    """Raise `AssertionError(promise)` unless it was kept. Unlike `assert` it also works under `python -O`."""
    if not kept:
        broken(promise)


def broken(promise: str) -> NoReturn:
    """Raise `AssertionError(promise)`."""
    raise AssertionError(promise)


@contextlib.contextmanager
def never_raises(what: str) -> Iterator[None]:
    """Whatever is raised inside becomes an `AssertionError` that says what must not raise."""
    try:
        yield
    except AssertionError:
        raise
    except Exception as error:
        raise AssertionError(f"{what} must not raise, and raised {type(error).__name__}: {error}") from error


def made_by(thing: Any, kind: type[T] | tuple[type[T], ...]) -> Callable[[], T]:
    """A function that makes the thing to be checked: the factory that was given, or one that repeats the object."""
    kinds = kind if isinstance(kind, tuple) else (kind,)
    named = " or ".join(one.__name__ for one in kinds)
    if isinstance(thing, kinds) and not isinstance(thing, type):  # a class has the methods too
        return lambda: thing
    if not callable(thing):
        broken(f"a {type(thing).__name__} is neither a {named} nor a factory of one")
    factory: Callable[[], object] = thing

    def make() -> T:
        made = factory()
        if not isinstance(made, kinds):
            broken(f"the factory must make a {named}, and made a {type(made).__name__}")
        return made

    return make


def short(text: object, width: int = 60) -> str:
    """The text's repr, cut to a width that fits into a sentence."""
    shown = repr(text)
    return shown if len(shown) <= width else shown[: width - 3] + "..."
