"""Objects of the program's that are no data, as the test has them: stand-ins that ask the program.

What a program answers is data, which the oracle compares by itself; an object's own idea of `==` is never asked for, else one
that is equal to everything would pass any test. Only where the prompt declares the entry point as a class are its operators
what is to be tested: they are carried out by the program, comparisons only between two objects of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cogumi_sandbox.oracle import Session

VISIBLE = ("__name__", "__doc__")
"""Attributes with underscores that may be looked at."""
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
ARITHMETIC = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor")


class Remote:
    """An object of the program's. It can be handed back, looked at, indexed and iterated over."""

    __slots__ = ("__weakref__", "_handle", "_kind", "_session")

    def __init__(self, session: Session, handle: int, kind: str) -> None:
        self._session, self._handle, self._kind = session, handle, kind

    def _refuse(self, *others: object) -> Any:
        detail = f"answered with a {self._kind} object, which cannot be compared or taken for true or false"
        raise self._session.spoil("fail", detail)

    def _ask(self, name: str, *args: Any) -> Any:
        return self._session.answer("operate", self._handle, args, name=name)

    __reduce_ex__ = _refuse
    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        return bool(self._ask("bool") if self._session.operators else self._refuse())

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") and name not in VISIBLE:
            raise AttributeError(name)
        return self._session.answer("attribute", self._handle, name=name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            object.__setattr__(self, name, value)
        else:
            self._ask("setattr", name, value)

    def __repr__(self) -> str:
        return self._text("repr")

    def __str__(self) -> str:
        return self._text("str")

    def _text(self, name: str) -> str:
        if self._session.ending is not None:  # it is shown in a message about why
            return "<an object of the program's>"
        text: str = self._ask(name)
        return text

    def __len__(self) -> int:
        length: int = self._ask("len")
        return length

    def __iter__(self) -> Any:
        return self._ask("iter")

    def __getitem__(self, key: Any) -> Any:
        return self._ask("getitem", key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._ask("setitem", key, value)

    def __delitem__(self, key: Any) -> None:
        self._ask("delitem", key)

    def __enter__(self) -> Any:
        return self._ask("enter")

    def __exit__(self, *error: object) -> None:
        self._ask("exit")  # whatever it says: a failed assertion is not for it to swallow


class RemoteFunction(Remote):
    """A function or class of the program's, or another object that can be called."""

    __slots__ = ()

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """Call it in the worker; arguments that it changes are changed here too."""
        values = (*args, *keywords.values())
        return self._session.answer("call", self._handle, values, keywords=list(keywords))

    def __instancecheck__(self, value: object) -> bool:
        return type(value) in (Remote, RemoteFunction) and self._ask("isinstance", value) is True


def _comparison(name: str) -> Callable[[Remote, Any], Any]:
    def compare(self: Remote, other: Any) -> Any:
        if not self._session.operators:
            return self._refuse()
        if other is None:
            return NotImplemented
        return self._ask(name, other) if isinstance(other, Remote) else self._refuse()

    return compare


def _arithmetic(name: str) -> Callable[[Remote, Any], Any]:
    return lambda self, other: self._ask(name, other) if self._session.operators else NotImplemented


for _name in COMPARISONS:
    setattr(Remote, f"__{_name}__", _comparison(_name))
for _name in ARITHMETIC:
    setattr(Remote, f"__{_name}__", _arithmetic(_name))
    setattr(Remote, f"__r{_name}__", _arithmetic(f"r{_name}"))
