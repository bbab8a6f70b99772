"""The worker: the process in which the program really runs, behind all walls. It never learns the test.

Serves requests: load the program, call a function of it, take an iterator's next item, look at an attribute. Nothing that
happens here decides anything; a program that takes this process over can answer what it likes, and answering is all.
"""

from __future__ import annotations

import contextlib
import operator
import os
import random
import sys
import tempfile
import types
from collections.abc import Callable, Iterator
from typing import Any

from cogumi_sandbox import exceptions, rpc
from cogumi_sandbox.framing import Channel, Closed
from cogumi_sandbox.remote import ARITHMETIC, COMPARISONS
from cogumi_sandbox.rpc import Peer

NAME = "program"
"""The module name that the program sees; not `__main__`, so that a script's last lines do not run."""


def serve(fd: int, budget: int) -> None:
    """Answer requests until the oracle hangs up; never returns."""
    tempfile.tempdir = None  # a zygote's cached folder is not this program's
    random.seed(0)
    program = Program()
    grants: dict[str, rpc.Grant] = {
        "load": program.load,
        "call": call,
        "next": advance,
        "attribute": attribute,
        "operate": operate,
    }
    peer = program.peer = Peer(Channel(fd, 1 << 30), stand_in, grants, budget)
    try:
        while True:
            peer.serve(peer.channel.receive())
    except Closed:
        os._exit(0)
    except BaseException:  # the program broke this very loop: silence is an answer too
        os._exit(1)


class Program:
    """The loaded program."""

    peer: Peer
    """The conversation in which its functions are handed out."""

    def load(self, target: Any, message: dict[str, Any], args: list[Any]) -> list[int]:
        """Execute prompt and completion as one module; gives the handles of the names that are wanted of it."""
        module = types.ModuleType(NAME)
        sys.modules[NAME] = module
        try:
            code = compile(message["prompt"] + message["completion"], "<program>", "exec", dont_inherit=True)
            exec(code, module.__dict__)
        finally:
            flush()
        for name in message["wanted"]:
            if name not in module.__dict__:
                raise NameError(f"the program does not define {name}")
        return [self.peer.handles.export(module.__dict__[name])[2] for name in message["wanted"]]


def call(target: Any, message: dict[str, Any], args: list[Any]) -> Any:
    """Call a function of the program's."""
    try:
        return rpc.invoke(target, message, args)
    finally:
        flush()


def advance(target: Any, message: dict[str, Any], args: list[Any]) -> Any:
    """The next item of an iterator of the program's; what was sent into a generator is sent on."""
    try:
        return next(target) if args[0] is None else target.send(args[0])
    finally:
        flush()


def attribute(target: Any, message: dict[str, Any], args: list[Any]) -> Any:
    """A public attribute of an object of the program's."""
    return getattr(target, message["name"])


def _swapped(act: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda target, other: act(other, target)


OPERATIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(operator, f"__{name}__") for name in (*COMPARISONS, *ARITHMETIC, "getitem", "setitem", "delitem")},
    **{f"r{name}": _swapped(getattr(operator, f"__{name}__")) for name in ARITHMETIC},
    "len": len,
    "iter": iter,
    "str": str,
    "repr": repr,
    "bool": bool,
    "setattr": setattr,
    "isinstance": lambda target, value: isinstance(value, target),
    "enter": lambda target: type(target).__enter__(target),
    "exit": lambda target: type(target).__exit__(target, None, None, None),
}
"""What may be done with an object, by the name of the operation."""


def operate(target: Any, message: dict[str, Any], args: list[Any]) -> Any:
    """An operation on an object of the program's."""
    try:
        return OPERATIONS[message["name"]](target, *args)
    finally:
        flush()


def flush(_flushers: tuple[Any, ...] = (sys.stdout, sys.stderr)) -> None:
    """Put out what was printed, so that it counts however the process ends."""
    for stream in _flushers:
        with contextlib.suppress(Exception):  # the program may have closed or broken it
            stream.flush()


def stand_in(peer: Peer, node: list[Any]) -> Any:
    """What the program is given for a function or an iterator of the test's."""
    number = node[2]

    def function(*args: Any, **keywords: Any) -> Any:
        return answer(peer.request("call", number, (*args, *keywords.values()), keywords=list(keywords)))

    def items() -> Iterator[Any]:
        with contextlib.suppress(StopIteration):
            while True:
                yield answer(peer.request("next", number))

    return items() if node[1] == "i" else function


def answer(reply: dict[str, Any]) -> Any:
    """What a reply of the oracle's means to the program."""
    if "end" in reply:
        raise StopIteration(reply["value"])
    if "raised" in reply:
        raise exceptions.rebuilt(reply)
    return reply["value"]
