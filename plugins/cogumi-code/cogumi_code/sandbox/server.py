"""The server of one pair: starts a zygote, and for each job a judge, which it brings together, watches and clears away.

Started by exec, so that it is small, whatever its caller has loaded. Reads one JSON line per job and writes one per
result. The judge is a fork of this process, replaced as soon as a program gives it any trouble.
"""

from __future__ import annotations

import builtins
import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NoReturn

from cogumi_code.sandbox import house, judge, preload, rubbish, watch
from cogumi_code.sandbox.link import Closed, Link
from cogumi_code.sandbox.walls import FOLDER

PATIENCE = 20.0
"""Seconds within which a zygote has to answer, or is given up."""
FIRST_LOOK, NEXT_LOOK = 0.2, 0.1
"""Seconds after which, and between which, a program's processes are looked at."""
MOST_JUDGED = 64
"""Programs that one judge process sees."""
JUDGE_MEMORY = 2
"""A judge may use this many times the address space of a program: it holds the answers, and what tests make of them."""


class Broken(Exception):
    """The zygote failed: says nothing about the program."""


class Server:
    """One zygote and its programs."""

    def __init__(self, setup: dict[str, Any], temp: str) -> None:
        self.level: int = setup["level"]
        self.uid: int | None = setup["uid"]
        self.temp = temp
        self.judge: Judge | None = None
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control = ours
        self.folder = Path(self.temp, FOLDER)
        if self.level > 1:
            self.folder.mkdir(0o700)
            if self.uid is not None:
                os.chown(self.folder, self.uid, self.uid)
        home = house.TEMP if self.level == 1 else str(self.folder)
        self.process = subprocess.Popen(
            [sys.executable, "-s", "-P", "-S", "-c", BOOT.format("zygote"), setup.pop("path"), str(theirs.fileno())],
            env=environment(home),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )
        theirs.close()
        self.tell({**setup, "temp": self.temp})
        reply = self.hear()
        if not reply.get("ready"):
            raise Broken(reply.get("failure", "the zygote did not start"))

    def tell(self, message: dict[str, Any], fds: tuple[int, ...] = ()) -> None:
        """Tell the zygote something."""
        try:
            socket.send_fds(self.control, [json.dumps(message).encode()], fds)
        except OSError as error:
            raise Broken(f"the zygote is gone: {error}") from error

    def hear(self) -> dict[str, Any]:
        """The zygote's next answer."""
        if not select.select([self.control], [], [], PATIENCE)[0]:
            raise Broken("the zygote does not answer")
        try:
            data = self.control.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        if not data:
            raise Broken("the zygote has died")
        reply: dict[str, Any] = json.loads(data)
        return reply

    def run(self, job: dict[str, Any]) -> dict[str, Any]:
        """One program from start to end."""
        started = time.monotonic()
        if self.judge is None or not self.judge.fits(job):
            self._retire_judge()
            self.judge = Judge(job["limits"]["memory"], self.control.fileno())
        ours, theirs = socket.socketpair()
        printed, write = os.pipe()
        self.tell({"limits": job["limits"]}, (write, theirs.fileno()))
        theirs.close()
        os.close(write)
        trial = Trial(self, self.judge, job, printed)
        self.judge.give(job, ours)
        try:
            trial.watch(started)
        finally:
            if trial.final is None or trial.final["spoiled"]:
                self._retire_judge()
            trial.end()
        return trial.result(time.monotonic() - started)

    def _retire_judge(self) -> None:
        if self.judge is not None:
            self.judge.end()
            self.judge = None

    def clean(self) -> None:
        """Remove what a program left in real folders."""
        if self.level > 1:
            rubbish.empty(self.folder)
        if self.level > 2 and self.uid is not None:
            rubbish.clean_shared(self.uid)

    def close(self) -> None:
        """End judge and zygote."""
        self._retire_judge()
        self.control.close()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(1)
        self.process.kill()
        self.process.wait()


class Trial:
    """One program being judged."""

    def __init__(self, server: Server, judge: Judge, job: dict[str, Any], printed: int) -> None:
        self.server, self.judge, self.limits, self.printed = server, judge, job["limits"], printed
        self.outcomes: list[dict[str, Any]] = []
        self.final: dict[str, Any] | None = None
        self.output = 0
        self.ending: tuple[str, str] | None = None
        self.wall_only = False
        self.facts: dict[str, Any] = {}

    def watch(self, started: float) -> None:
        """Wait for the judge's verdict, until it is there or something runs out."""
        look, wall = started + FIRST_LOOK, started + self.limits["wall"]
        report, zygote = self.judge.link.fd, self.server.control.fileno()
        waiting = {report, self.printed, zygote}
        while self.ending is None and self.final is None:
            ready = select.select(waiting, [], [], max(0.0, min(look, wall) - time.monotonic()))[0]
            if zygote in ready:
                self.started()
                waiting.remove(zygote)
            if self.printed in ready and not self.drain():
                waiting.remove(self.printed)
            if report in ready:
                self.hear_judge()
                while self.final is None and self.ending is None and self.judge.link.holds_more():
                    self.hear_judge()
            if time.monotonic() >= look:
                look = time.monotonic() + NEXT_LOOK
                self.look(time.monotonic() >= wall)
        if zygote in waiting:
            self.started()

    def started(self) -> None:
        """Hear from the zygote whether the program's walls stand."""
        failure = self.server.hear().get("failure")
        if failure:
            raise Broken(failure)

    def hear_judge(self) -> None:
        """Take one of the judge's reports."""
        try:
            message = self.judge.link.receive()
        except Closed:
            self.ending = self.ending or ("crash", "the judge could not hold its answers")
            return
        if "verdict" in message:
            self.final = message
        else:
            self.outcomes.append(message)

    def drain(self) -> bool:
        """Take what was printed; False at its end, and beyond the limit."""
        data = os.read(self.printed, 1 << 16)
        self.output += len(data)
        if self.output > self.limits["output"] and self.ending is None:
            self.ending = ("output", f"printed more than {self.limits['output']} bytes")
        return bool(data)

    def look(self, late: bool) -> None:
        """See what the program and its judge use, and whether the wall time is over."""
        if self.final is not None or self.ending is not None:
            return
        server, most = self.server, self.limits["cpu"]
        now = watch.usage(server.process.pid, 1 if server.level == 1 else 0)
        self.ending = watch.over(self.limits, now, str(server.folder) if server.level > 1 else None)
        judging = self.judge.cpu()
        if self.ending is None and judging > most:
            self.ending = ("timeout", f"the test needs more than {most:g} s of CPU time on its answers")
        if self.ending is None and late:
            self.ending = ("timeout", f"more than {self.limits['wall']:g} s, of which {now.cpu:.1f} s of CPU time")
            self.wall_only = now.cpu + judging < 0.9 * most

    def end(self) -> None:
        """End the program, and gather what is known of it."""
        try:
            self.server.tell({"do": "finish"})
            self.facts = self.server.hear()
            self.server.clean()
            os.set_blocking(self.printed, False)
            with suppress(BlockingIOError):
                while self.drain():
                    pass
        finally:
            os.close(self.printed)

    def result(self, wall: float) -> dict[str, Any]:
        """Everything that is known, put together."""
        verdict, detail = self.verdict()
        told = {"verdict": verdict, "detail": detail, "cpu": self.facts["cpu"], "wall": wall}
        return {**told, "wall_only": self.wall_only, "outcomes": self.outcomes}

    def verdict(self) -> tuple[str, str]:
        """The verdict: what ran out first, then what the judge says."""
        if self.ending is not None:
            return self.ending
        if self.facts["cpu"] > self.limits["cpu"]:
            return "timeout", f"more than {self.limits['cpu']:g} s of CPU time"
        assert self.final is not None  # the watch ends with the one or the other
        crashed = self.final["verdict"] == "crash" and self.facts["own"]
        return self.final["verdict"], ended(self.facts["status"]) if crashed else self.final["detail"]


def ended(status: int) -> str:
    """How a worker ended before it had answered."""
    number = -status if status < 0 else status - 128
    with suppress(ValueError):
        return f"ended by {signal.Signals(number).name} before it had answered"
    return f"exited with status {status} before it had answered"


class Judge:
    """A process that judges one program after the other, until one gives it trouble or it has judged enough.

    It holds nothing of a program but data while it judges, and nothing afterwards; whatever ends otherwise than by its own
    verdict ends it too.
    """

    def __init__(self, memory: int, *others: int) -> None:
        self.memory = memory
        self._judged = 0
        self._before = 0.0
        ours, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            for fd in (ours.fileno(), *others):
                os.close(fd)
            try:
                judge_all(theirs, JUDGE_MEMORY * memory)
            finally:
                os._exit(1)
        theirs.close()
        self._socket = ours
        self.link = Link(ours.fileno(), 1 << 30)

    def fits(self, job: dict[str, Any]) -> bool:
        """May it judge this job too?"""
        return self._judged < MOST_JUDGED and job["limits"]["memory"] == self.memory

    def give(self, job: dict[str, Any], channel: socket.socket) -> None:
        """Hand it a job and the channel to the program; closes the channel on this side."""
        self._judged += 1
        self._before = watch.cpu(self.pid)
        with channel:
            socket.send_fds(self._socket, [b"."], [channel.fileno()])
        with suppress(Closed):
            self.link.send(job)

    def cpu(self) -> float:
        """CPU seconds that it has used for its present job."""
        return watch.cpu(self.pid) - self._before

    def end(self) -> None:
        """End it."""
        self._socket.close()
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def judge_all(control: socket.socket, memory: int) -> NoReturn:
    """In the judge: decide about one program after the other and report."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    link = Link(control.fileno(), 1 << 30)
    before = state()
    while True:
        _, fds, _, _ = socket.recv_fds(control, 1, 1)
        job = link.receive()
        if job["kind"] == "check":
            verdict, detail = judge.check(job, fds[0])
        else:
            verdict, detail = judge.behave(job, fds[0], link.send)
        os.close(fds[0])
        spoiled = verdict not in ("pass", "fail") or state() != before
        link.send({"verdict": verdict, "detail": readable(detail), "spoiled": spoiled})


def state() -> tuple[object, ...]:
    """What a test may have changed in its judge for good."""
    builtin = {name: id(value) for name, value in vars(builtins).items() if name != "_"}
    return builtin, sys.getrecursionlimit(), sys.gettrace(), sys.getprofile(), threading.active_count(), tuple(sys.path)


def readable(text: str) -> str:
    """One short line without anything that a terminal could take for a command."""
    return "".join(c if c.isprintable() else "�" for c in text.replace("\n", " "))[:500]


BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from cogumi_code.sandbox import {0}; {0}.main(int(sys.argv[2]))"
"""How a process of the sandbox starts: without the site's packages, from where this package lies."""


def environment(home: str) -> dict[str, str]:
    """The five variables that a program sees."""
    return {"HOME": home, "TMPDIR": home, "LANG": "C.UTF-8", "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"}


def main(descriptor: int) -> None:
    """Serve jobs from standard input until it ends; results go to `descriptor`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    preload.everything()
    setup = json.loads(sys.stdin.readline())
    sys.path.extend(setup.pop("search"))  # tests may import what their caller can
    out = os.fdopen(descriptor, "w", buffering=1)
    temp = tempfile.mkdtemp(prefix="cogumi-sandbox-")
    Path(temp).chmod(0o711)  # the unused user has to reach its folder below
    try:
        with closing(Server(setup, temp)) as server:
            out.write(json.dumps({"ready": True}) + "\n")
            for line in sys.stdin:
                out.write(json.dumps(server.run(json.loads(line))) + "\n")
    except Exception as error:  # told to the caller, who may try again with another pair
        with suppress(OSError):
            out.write(json.dumps({"broken": f"{type(error).__name__}: {error}"}) + "\n")
    finally:
        rubbish.remove(Path(temp))
