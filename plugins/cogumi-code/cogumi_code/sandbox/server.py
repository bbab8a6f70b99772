"""The server of one pair: starts a zygote, and for each job a judge, which it brings together, watches and clears away.

Started by exec, so that it is small, whatever its caller has loaded. Reads one JSON line per job and writes one per
result. The judge of a job is a fork of this process: it sees one test and one program, and is gone afterwards.
"""

from __future__ import annotations

import json
import os
import resource
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

from cogumi_code.sandbox import judge, preload, watch

PATIENCE = 10.0
"""Seconds within which a zygote has to answer, or is given up."""
FIRST_LOOK, NEXT_LOOK = 0.2, 0.1
"""Seconds after which, and between which, a program's processes are looked at."""
JUDGE_MEMORY = 2
"""A judge may use this many times the address space of a program: it holds the answers, and what tests make of them."""


class Broken(Exception):
    """The zygote failed: says nothing about the program."""


class Server:
    """One zygote and its programs."""

    def __init__(self, setup: dict[str, Any]) -> None:
        self.level: int = setup["level"]
        self.temp = tempfile.mkdtemp(prefix="cogumi-sandbox-")
        os.chmod(self.temp, 0o711)  # noqa: PTH101 - the unused user has to reach its folder below
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control = ours
        home = "/tmp" if self.level == 1 else os.path.join(self.temp, "program")  # noqa: PTH118
        self.process = subprocess.Popen(
            [sys.executable, "-s", "-P", "-S", "-c", BOOT.format("zygote"), setup.pop("path"), str(theirs.fileno())],
            env=environment(home),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=None,
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
        ours, theirs = socket.socketpair()
        printed, write = os.pipe()
        self.tell({"limits": job["limits"]}, (write, theirs.fileno()))
        theirs.close()
        os.close(write)
        trial = Trial(self, job, printed, *hold(job, ours.fileno(), (self.control.fileno(), printed)))
        ours.close()
        try:
            trial.watch(started)
        finally:
            trial.end()
        return trial.result(time.monotonic() - started)

    def close(self) -> None:
        """End the zygote and remove the folder."""
        self.control.close()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(1)
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.temp, ignore_errors=True)


class Trial:
    """One program being judged."""

    def __init__(self, server: Server, job: dict[str, Any], printed: int, pid: int, report: int) -> None:
        self.server, self.job, self.limits = server, job, job["limits"]
        self.printed, self.pid, self.report = printed, pid, report
        self.told = b""
        self.output = 0
        self.ending: tuple[str, str] | None = None
        self.wall_only = False
        self.facts: dict[str, Any] = {}
        self.judge_cpu = 0.0

    def watch(self, started: float) -> None:
        """Wait for the judge's report, until it is there or something runs out."""
        failure = ""
        look = started + FIRST_LOOK
        wall = started + self.limits["wall"]
        waiting = {self.report, self.printed, self.server.control.fileno()}
        while self.ending is None:
            now = time.monotonic()
            ready = select.select(waiting, [], [], max(0.0, min(look, wall) - now))[0]
            if self.server.control.fileno() in ready:
                failure = self.server.hear().get("failure", "")
                waiting.remove(self.server.control.fileno())
                if failure:
                    raise Broken(failure)
            if self.printed in ready and not self.drain():
                waiting.remove(self.printed)
            if self.report in ready:
                data = os.read(self.report, 1 << 16)
                self.told += data
                if not data:
                    break
            if time.monotonic() >= look:
                look = time.monotonic() + NEXT_LOOK
                self.look(time.monotonic() >= wall)
        if self.server.control.fileno() in waiting:
            failure = self.server.hear().get("failure", "")
            if failure:
                raise Broken(failure)

    def drain(self) -> bool:
        """Take what was printed; False at its end, and beyond the limit."""
        data = os.read(self.printed, 1 << 16)
        self.output += len(data)
        if self.output > self.limits["output"] and self.ending is None:
            self.ending = ("output", f"printed more than {self.limits['output']} bytes")
        return bool(data)

    def look(self, late: bool) -> None:
        """See what the program uses, and whether its wall time is over."""
        server = self.server
        now = watch.usage(server.process.pid, 1 if server.level == 1 else 0)
        self.ending = watch.over(self.limits, now, server.temp if server.level > 1 else None)
        if self.ending is None and late:
            self.ending = ("timeout", f"more than {self.limits['wall']:g} s, of which {now.cpu:.1f} s of CPU time")
            self.wall_only = now.cpu < 0.9 * self.limits["cpu"]

    def end(self) -> None:
        """End judge and program, and gather what is known of both."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        used = os.wait4(self.pid, 0)
        self.judge_status = os.waitstatus_to_exitcode(used[1])
        self.judge_cpu = used[2].ru_utime + used[2].ru_stime
        os.close(self.report)
        try:
            self.server.tell({"do": "finish"})
            self.facts = self.server.hear()
            os.set_blocking(self.printed, False)
            with suppress(BlockingIOError):
                while self.drain():
                    pass
        finally:
            os.close(self.printed)

    def result(self, wall: float) -> dict[str, Any]:
        """Everything that is known, put together."""
        lines = [json.loads(line) for line in self.told.splitlines(keepends=True) if line.endswith(b"\n")]
        final = next((line for line in lines if "verdict" in line), None)
        verdict, detail = self.verdict(final)
        outcomes = [line for line in lines if "output" in line]
        cpu = self.facts["cpu"]
        told = {"verdict": verdict, "detail": detail, "cpu": cpu, "wall": wall, "wall_only": self.wall_only}
        told["judge_cpu"] = self.judge_cpu
        return {**told, "outcomes": outcomes}

    def verdict(self, final: dict[str, Any] | None) -> tuple[str, str]:
        """The verdict: what ran out first, then what the judge says, then how the judge ended."""
        most = self.limits["cpu"]
        if self.ending is not None:
            return self.ending
        if self.facts["cpu"] > most:
            return "timeout", f"more than {most:g} s of CPU time"
        if final is not None:
            crashed = final["verdict"] == "crash" and self.facts["own"]
            return final["verdict"], ended(self.facts["status"]) if crashed else final["detail"]
        if self.judge_cpu >= most or self.judge_status == -signal.SIGXCPU:
            return "timeout", f"the test needs more than {most:g} s of CPU time on its answers"
        return "crash", "the judge could not hold its answers"


def ended(status: int) -> str:
    """How a worker ended before it had answered."""
    number = -status if status < 0 else status - 128
    with suppress(ValueError):
        return f"ended by {signal.Signals(number).name} before it had answered"
    return f"exited with status {status} before it had answered"


def hold(job: dict[str, Any], channel: int, others: tuple[int, ...]) -> tuple[int, int]:
    """Fork a judge for the job on this channel: its pid, and where it reports."""
    report, tell = os.pipe()
    pid = os.fork()
    if pid:
        os.close(tell)
        return pid, report
    for fd in (report, *others):
        os.close(fd)
    try:
        judge_one(job, channel, tell)
    finally:
        os._exit(1)


def judge_one(job: dict[str, Any], channel: int, tell: int) -> NoReturn:
    """In the judge: decide and report."""
    own = job["limits"]
    most = int(own["cpu"]) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (most, most + 1))
    resource.setrlimit(resource.RLIMIT_AS, (JUDGE_MEMORY * own["memory"],) * 2)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)

    def report(line: dict[str, Any]) -> None:
        data = json.dumps(line).encode() + b"\n"
        while data:
            data = data[os.write(tell, data) :]

    verdict, detail = judge.check(job, channel) if job["kind"] == "check" else judge.behave(job, channel, report)
    report({"verdict": verdict, "detail": readable(detail)})
    os._exit(0)


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
    out = os.fdopen(descriptor, "w", buffering=1)
    server: Server | None = None
    try:
        server = Server(json.loads(sys.stdin.readline()))
        out.write(json.dumps({"ready": True}) + "\n")
        for line in sys.stdin:
            out.write(json.dumps(server.run(json.loads(line))) + "\n")
    except Exception as error:  # told to the caller, who may try again with another pair
        out.write(json.dumps({"broken": f"{type(error).__name__}: {error}"}) + "\n")
    finally:
        if server is not None:
            server.close()


_Report = Callable[[dict[str, Any]], None]
