"""The oracle: holds the test, calls the program through a pipe, and alone decides.

Runs in a process of its own, forked for one program from a server that has seen no other. Whatever comes through the pipe
is hostile: it is data, or a handle that may be called, iterated over or passed back, but neither compared nor taken for
true. Once the conversation is spoiled the verdict stands, whatever the test makes of it.
"""

from __future__ import annotations

import random
import sys
import time
import traceback
import types
from collections.abc import Callable, Generator
from typing import Any

from cogumi_sandbox import codec, exceptions, rpc
from cogumi_sandbox.canonical import canonical
from cogumi_sandbox.framing import Channel, Closed, Garbled, Oversized
from cogumi_sandbox.remote import Remote, RemoteFunction
from cogumi_sandbox.rpc import Fatal, Peer, Refused

MOST_ITEMS = 10_000
"""Items of an iterator that are looked at to describe a behaviour."""


class Spoiled(Fatal):
    """The verdict is settled: raised through the test, which may not swallow it for good."""


class Session:
    """The conversation with one program. `names`: what its prompt defines; None where only builtin exceptions matter."""

    operators = False
    """Whether the program's objects are what is to be tested, and their operators with them."""

    def __init__(self, fd: int, limits: dict[str, Any], names: dict[str, Any] | None = None) -> None:
        self.names = names
        grants = {"call": rpc.invoke, "next": lambda target, message, args: next(target)}
        self.peer = Peer(Channel(fd, limits["answer"]), self._stand_in, grants, budget=1 << 30, shares="ci")
        self.ending: tuple[str, str] | None = None

    def spoil(self, verdict: str, detail: str) -> Spoiled:
        """Settle the verdict, unless it is settled; gives the exception to raise."""
        if self.ending is None:
            self.ending = (verdict, detail)
        return Spoiled(detail)

    def load(self, job: dict[str, Any]) -> dict[str, int]:
        """Have the program loaded; gives the handles of the wanted names that it defines."""
        program = {key: job[key] for key in ("prompt", "completion", "entry_point")}
        wanted = [job["entry_point"], *job.get("exports", ())]
        reply = self.ask("load", None, wanted=wanted, **program)
        if "raised" in reply:
            raise self.spoil("memory" if reply["raised"] == "MemoryError" else "fail", f"loading: {reply.get('text')}")
        return dict(zip(wanted, reply["value"], strict=True))

    def ask(self, what: str, handle: int | None, args: Any = (), **more: Any) -> dict[str, Any]:
        """One request; whatever is wrong with the other side settles the verdict."""
        if self.ending is not None:
            raise Spoiled(self.ending[1])
        try:
            reply = self.peer.request(what, handle, args, **more)
        except Closed as error:
            raise self.spoil("crash", f"went silent instead of answering ({error})") from None
        except Oversized as error:
            raise self.spoil("output", str(error)) from None
        except (Garbled, codec.Malformed, Refused, RecursionError) as error:
            raise self.spoil("fail", f"answered with nonsense: {exceptions.summary(error)}") from None
        except MemoryError:
            raise self.spoil("memory", "an answer too large to hold") from None
        except rpc.Unsendable as error:
            raise self.spoil("sandbox_error", f"the test cannot be carried out here: {error}") from None
        if "over" in reply:
            raise self.spoil("output", "an answer too large to cross the pipe")
        return reply

    def answer(self, what: str, handle: int, args: Any = (), **more: Any) -> Any:
        """What the program answers, or the exception that it raises."""
        reply = self.ask(what, handle, args, **more)
        if "end" in reply:
            raise StopIteration(reply["value"])
        if "raised" not in reply:
            return reply["value"]
        try:
            error = exceptions.rebuilt(reply, self.names)
        except codec.Malformed as malformed:
            raise self.spoil("fail", str(malformed)) from None
        if isinstance(error, MemoryError):
            raise self.spoil("memory", str(reply.get("text")))
        if not isinstance(error, Exception):
            raise self.spoil("fail", f"raised {reply.get('text')}")
        raise error

    def items(self, handle: int) -> Generator[Any, Any, Any]:
        """A generator over an iterator of the program's; what is sent into it is handed on."""
        sent = None
        while True:
            try:
                item = self.answer("next", handle, (sent,))
            except StopIteration as stop:
                return stop.value
            sent = yield item

    def _stand_in(self, peer: Peer, node: list[Any]) -> Any:
        if node[1] == "i":
            return self.items(node[2])
        return (RemoteFunction if node[1] == "c" else Remote)(self, node[2], str(node[3]))


def namespace(prompt: str) -> dict[str, Any]:
    """What the prompt alone defines: imports and helper functions that tests may use."""
    module = types.ModuleType("prompt")
    sys.modules["prompt"] = module
    for text in (prompt, prompt + "\n    pass\n"):
        try:
            code = compile(text, "<prompt>", "exec", dont_inherit=True)
        except (SyntaxError, ValueError):
            continue
        exec(code, module.__dict__)
        break
    return module.__dict__


def check(job: dict[str, Any], fd: int, tell: Callable[[dict[str, Any]], None]) -> tuple[str, str]:
    """The verdict on a program and why, as far as its oracle can tell; tells its CPU seconds when the test is ready to run."""
    session = Session(fd, job["limits"])
    try:
        names = namespace(job["prompt"])
        session.names, session.operators = dict(names), isinstance(names.get(job["entry_point"]), type)
        names.update(session_names(session, job))
        function = defined(job["test"], names)
        tell({"warm": time.process_time()})
        function(names[job["entry_point"]])
    except BadTest as error:
        session.spoil("sandbox_error", str(error))
    except Spoiled:
        pass
    except MemoryError:
        session.spoil("memory", "the test ran out of memory on the program's answers")
    except ImportError as error:
        own = traceback.extract_tb(error.__traceback__)[-1].filename in ("<test>", "<prompt>")
        session.spoil("sandbox_error" if own else "fail", where(error, job["test"]))
    except BaseException as error:  # an assertion, or whatever else the test runs into
        session.spoil("fail", where(error, job["test"]))
    return session.ending or ("pass", "")


def session_names(session: Session, job: dict[str, Any]) -> dict[str, Any]:
    """The entry point and the exported names, as stand-ins."""
    return {name: RemoteFunction(session, handle, "function") for name, handle in session.load(job).items()}


class BadTest(Exception):
    """The test itself cannot be used."""


def defined(test: str, names: dict[str, Any]) -> types.FunctionType:
    """The function `check` as the test defines it among these names; raises `BadTest`."""
    random.seed(0)
    try:
        code = compile(test, "<test>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        raise BadTest(f"the test cannot be compiled: {error}") from None
    exec(code, names)
    function = names.get("check")
    if not isinstance(function, types.FunctionType):
        raise BadTest("the test does not define check(candidate)")
    return function


def where(error: BaseException, test: str) -> str:
    """An exception in one line, with the line of the test that it came from."""
    walked = traceback.walk_tb(error.__traceback__)  # unlike extract_tb it does not look for sources on the disk
    lines = [line for frame, line in walked if frame.f_code.co_filename == "<test>"]
    text = exceptions.summary(error)
    if not lines or not lines[-1]:
        return text
    line = test.splitlines()[lines[-1] - 1].strip() if lines[-1] <= len(test.splitlines()) else ""
    return f"{text} in {line!r}"


def behave(job: dict[str, Any], fd: int, tell: Callable[[dict[str, Any]], None]) -> tuple[str, str]:
    """Call the program on each input and tell each outcome as it comes; the verdict is on the run as a whole."""
    session = Session(fd, job["limits"])
    decoder = codec.Decoder(lambda node: (_ for _ in ()).throw(BadTest("an input is no data")))
    decoder.add(job["nodes"])
    inputs = [decoder.value(reference) for reference in job["inputs"]]
    try:
        candidate = session_names(session, job)[job["entry_point"]]
        tell({"warm": time.process_time()})
        for arguments in inputs:
            tell(outcome(candidate, arguments))
    except Spoiled:
        pass
    except MemoryError:
        session.spoil("memory", "the program's answers are too large to hold")
    return session.ending or ("pass", "")


def outcome(candidate: Any, arguments: tuple[Any, ...]) -> dict[str, Any]:
    """What one call came to: the text of its value and of the arguments that it changed, or why there is none."""
    before = [canonical(argument, MOST_ITEMS) for argument in arguments]
    try:
        text = canonical(candidate(*arguments), MOST_ITEMS)
        after = [canonical(argument, MOST_ITEMS) for argument in arguments]
    except Exception as error:
        return {"output": None, "error": exceptions.summary(error)}
    changes = [f"; argument {i} becomes {new}" for i, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
    return {"output": text + "".join(changes), "error": None}
