"""One side of the conversation between oracle and worker: calls, callbacks, iterators, exceptions, mutated arguments.

The two sides are alike and take turns: a request is answered by a reply, and while one waits it may be asked itself (a
callback). A request or reply carries values (see `codec`); objects that are no data are kept in a table of handles, and
the other side is given their numbers. What a side does when asked is its table of grants.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from cogumi_sandbox import codec, exceptions
from cogumi_sandbox.framing import Channel

Grant: TypeAlias = Callable[[Any, dict[str, Any], list[Any]], Any]
"""Serves one kind of request: given the object that it is about, the message and the decoded arguments."""


class Refused(Exception):
    """The other side asked for something that it was never given."""


class Unsendable(Exception):
    """An object of ours that is no data, and of a kind that the other side must not be given."""


class Handles:
    """Objects of ours that the other side may name by number; `kinds` are those that may be shared (see `kind_of`)."""

    def __init__(self, kinds: str) -> None:
        self._kinds = kinds
        self._objects: list[Any] = []
        self._numbers: dict[int, int] = {}

    def export(self, value: Any) -> list[Any]:
        """The node that stands for an object: its kind (function, iterator, other), number and type's name."""
        if kind_of(value) not in self._kinds:
            raise Unsendable(f"a {type(value).__name__} object cannot be handed to the program")
        number = self._numbers.setdefault(id(value), len(self._objects))
        if number == len(self._objects):
            self._objects.append(value)
        return ["h", kind_of(value), number, type(value).__name__[:100]]

    def __getitem__(self, number: Any) -> Any:
        if type(number) is not int or not 0 <= number < len(self._objects):
            raise Refused("a handle that was never given")
        return self._objects[number]


def kind_of(value: Any) -> str:
    """`i` for what can be iterated over once, `c` for what can be called, `o` for anything else."""
    kind = type(value)
    if hasattr(kind, "__next__") and hasattr(kind, "__iter__"):
        return "i"
    return "c" if callable(value) else "o"


class Peer:
    """One side. `stand_in(peer, node)` makes what represents a handle of the other side's; `grants` are the requests it
    serves, by name: each is given the object, the message and the decoded arguments, and returns the answer.
    """

    def __init__(
        self,
        channel: Channel,
        stand_in: Callable[[Peer, list[Any]], Any],
        grants: dict[str, Grant],
        budget: int,
        shares: str = "cio",
    ) -> None:
        self.channel = channel
        self.handles = Handles(shares)
        self.stand_ins: dict[int, int] = {}
        self._known: dict[int, Any] = {}
        self._stand_in = stand_in
        self._grants = grants
        self._budget = budget
        self._turn = threading.RLock()

    def request(self, what: str, handle: int | None, args: Sequence[Any] = (), **more: Any) -> dict[str, Any]:
        """Ask the other side, serve its callbacks meanwhile, and give back its reply with `value` decoded."""
        with self._turn:
            encoder = self._encoder()
            values = [encoder.add(arg) for arg in args]
            self.channel.send({"do": what, "of": handle, "args": values, "nodes": encoder.nodes, **more})
            while True:
                message = self.channel.receive()
                if "do" not in message:
                    return self._reply(message, encoder.objects)
                self.serve(message)

    def serve(self, message: dict[str, Any]) -> None:
        """Do what the other side asks for and reply."""
        decoder = self._decoder()
        decoder.add(message.get("nodes"))
        args = message.get("args")
        if type(args) is not list:
            raise codec.Malformed("arguments are not a list")
        grant = self._grants.get(str(message.get("do")))
        if grant is None:
            raise Refused("a request that is not granted")
        target = None if message.get("of") is None else self.handles[message["of"]]
        values = [decoder.value(arg) for arg in args]
        self.channel.send(self._answer(lambda: grant(target, message, values), decoder.objects, message["nodes"]))

    def _answer(self, act: Callable[[], Any], objects: list[Any], nodes: list[Any]) -> dict[str, Any]:
        try:
            value, failure = act(), None
        except StopIteration as stop:
            value, failure = stop.value, {"end": True}
        except Fatal:
            raise
        except BaseException as error:  # whatever the called code raises is its caller's business
            value, failure = exceptions.contents(error), exceptions.describe(error)
        try:
            reply = self._encoded(value, objects, nodes)
        except codec.TooLarge as error:
            return {"over": str(error)}
        except Unsendable as error:
            refusal = TypeError(str(error))
            return {**self._encoded(exceptions.contents(refusal), objects, []), **exceptions.describe(refusal)}
        return reply if failure is None else {**reply, **failure}

    def _encoded(self, value: Any, objects: list[Any], nodes: list[Any]) -> dict[str, Any]:
        encoder = self._encoder(objects)
        reply: dict[str, Any] = {"value": encoder.add(value)}
        changed = []
        for number, node in enumerate(nodes):
            if node[0] in codec.MUTABLE:
                now = encoder.describe(objects[number])
                if now != node:
                    changed.append([number, now])
        encoder.flush()
        return {**reply, "nodes": encoder.nodes, "changed": changed}

    def _reply(self, message: dict[str, Any], objects: list[Any]) -> dict[str, Any]:
        decoder = self._decoder(objects)
        decoder.add(message.get("nodes", []))
        changed = message.get("changed", [])
        if type(changed) is not list or any(type(change) is not list or len(change) != 2 for change in changed):
            raise codec.Malformed("changes are not a list of pairs")
        for number, node in changed:
            decoder.update(number, node)
        return {**message, "value": decoder.value(message.get("value"))}

    def _encoder(self, known: Sequence[Any] = ()) -> codec.Encoder:
        return codec.Encoder(self._export, known, self._budget)

    def _decoder(self, known: Sequence[Any] = ()) -> codec.Decoder:
        return codec.Decoder(self._proxy, known)

    def _export(self, value: Any) -> list[Any]:
        number = self.stand_ins.get(id(value))
        return self.handles.export(value) if number is None else ["H", number]

    def _proxy(self, node: list[Any]) -> Any:
        if node[0] == "H":
            return self.handles[node[1]]
        if node[0] != "h" or type(node[2]) is not int:
            raise codec.Malformed("an unknown tag")
        if node[2] not in self._known:  # the same object is the same object here
            value = self._known[node[2]] = self._stand_in(self, node)
            self.stand_ins[id(value)] = node[2]
        return self._known[node[2]]


def invoke(target: Any, message: dict[str, Any], args: list[Any]) -> Any:
    """Call a function as a request says: the last arguments are those that have names."""
    keywords = message.get("keywords", [])
    count = len(args) - len(keywords)
    return target(*args[:count], **dict(zip(keywords, args[count:], strict=True)))


class Fatal(BaseException):
    """Ends the conversation; never an answer to anything."""
