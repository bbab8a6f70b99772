"""A busy machine never changes a verdict: what only the machine did is tried again, and then not scored."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cogumi_sandbox import Call, Limits, Program, Sandbox
from cogumi_sandbox.clock import MOST_HELD, Clock
from cogumi_sandbox.limits import cpu_seconds
from cogumi_sandbox.trial import Trial, out_of_time
from cogumi_sandbox.usage import of_descendants, wants

HOG = "import os, time\nos.setsid()\nend = time.time() + 300\nwhile time.time() < end: pass"
"""A process that wants a processor all the time, in a session of its own as a stranger's would be."""
LOOPS = {
    "in a call": "def f(x):\n  while True:\n    x += 1\n",
    "at import": "while True: pass\n",
    "that catches everything": "def f(x):\n  while True:\n    try:\n      while True: pass\n    except BaseException: pass\n",
    "in one instruction": "def f(x):\n  return sum(i for i in iter(int, 1))\n",
    "with the signal ignored": (
        "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\ndef f(x):\n  while True: pass\n"
    ),
}
WORKS = "def f(x):\n  import time\n  while time.process_time() < {cpu}: pass\n  return x\n"
"""Right, and slow: in seconds of its own."""


@contextmanager
def busy(hogs: int) -> Iterator[None]:
    processes = [subprocess.Popen([sys.executable, "-c", HOG]) for _ in range(hogs)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def program(completion: str, cpu: float = 0.1, test: str = "assert candidate(1) == 1") -> Program:
    return Program(
        prompt="", completion=completion, test=f"def check(candidate):\n  {test}\n", entry_point="f", limits=Limits(cpu=cpu)
    )


def test_on_a_busy_machine_verdicts_are_what_they_are_on_an_idle_one() -> None:
    programs = [program(LOOPS["in a call"]), program(WORKS.format(cpu=0.3), cpu=1), program("def f(x): return x + 1")]
    with busy(4), Sandbox(workers=2) as sandbox:
        assert [result.verdict for result in sandbox.check(programs)] == ["timeout", "pass", "fail"]


@pytest.mark.slow
def test_verdicts_under_heavy_load() -> None:
    hogs = 8 * len(os.sched_getaffinity(0))
    loops = [program(text, cpu) for cpu in (0.05, 0.1, 0.5) for text in LOOPS.values()]
    works = [program(WORKS.format(cpu=0.6 * cpu), cpu) for cpu in (0.2, 0.5, 1.0)] * 3
    with busy(hogs), Sandbox(workers=4) as sandbox:
        assert [result.verdict for result in sandbox.check(loops)] == ["timeout"] * len(loops)
        assert [result.verdict for result in sandbox.check(works)] == ["pass"] * len(works)


@pytest.mark.parametrize("name", LOOPS)
def test_whatever_limit_ends_a_loop_it_is_a_timeout(name: str) -> None:
    with Sandbox(workers=1) as sandbox:
        (result,) = sandbox.check([program(LOOPS[name])])
    assert result.verdict == "timeout", result


def clock(wall: float = 2.0) -> Clock:
    return Clock(wall, seen=0.0)


def test_a_program_that_does_nothing_runs_out_of_time() -> None:
    idle = clock()
    for look in range(1, 22):
        idle.look(look / 10, 0.1, 0.0, wants=False)
    assert out_of_time(idle) == ("timeout", "more than 2 s, of which 0.0 s of CPU time")


def test_a_program_that_is_not_let_does_not() -> None:
    starved = clock()
    for look in range(1, 101):
        starved.look(look / 10, 0.1, look / 200, wants=True)
    assert starved.held == pytest.approx(9.5)
    assert out_of_time(starved) is None
    assert starved.contended


def test_a_watcher_that_is_late_does_not_count_against_the_program() -> None:
    late = clock()
    late.look(30.0, 0.1, 0.0, wants=False)
    assert (late.idle, late.held) == (pytest.approx(0.1), pytest.approx(29.9))


def test_a_program_that_is_never_let_is_not_scored() -> None:
    starved = clock()
    starved.look(2.0 * MOST_HELD + 0.2, 0.1, 0.0, wants=True)
    ending = out_of_time(starved)
    assert ending is not None
    assert ending[0] == "sandbox_error"
    assert "too busy" in ending[1]


def test_a_program_that_computes_all_the_time_is_not_held_up() -> None:
    running = clock()
    for look in range(1, 11):
        running.look(look / 10, 0.1, look / 10, wants=True)
    assert (running.held, running.contended) == (pytest.approx(0.0), False)


def ended(verdict: str, status: int, cpu: float, own: bool = True, killed: int = 0, held: float = 0.0) -> tuple[str, bool]:
    """The verdict of a trial of which the oracle says this and the zygote that, and whether it is to be tried again."""
    trial = Trial.__new__(Trial)
    trial.limits, trial.ending, trial.again = {"cpu": 1.0}, None, False
    trial.clock = Clock(2.0, seen=0.0, held=held, used=1.0)
    trial.final = {"verdict": verdict, "detail": "went silent", "spoiled": True}
    trial.facts = {"status": status, "cpu": cpu, "own": own}
    trial._killed_before = _oom_kills() - killed
    return trial.verdict()[0], trial.again


def _oom_kills() -> int:
    lines = dict(line.split() for line in Path("/proc/vmstat").read_text().splitlines())
    return int(lines.get("oom_kill", 0))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"status": -signal.SIGXCPU, "cpu": 0.5}, ("timeout", False)),
        ({"status": -signal.SIGKILL, "cpu": 3.0}, ("timeout", False)),
        ({"status": -signal.SIGKILL, "cpu": 3.0, "held": 5.0}, ("timeout", True)),
        ({"status": -signal.SIGKILL, "cpu": 0.5}, ("crash", True)),
        ({"status": -signal.SIGKILL, "cpu": 0.5, "own": False}, ("crash", True)),
        ({"status": -signal.SIGKILL, "cpu": 0.5, "killed": 1}, ("sandbox_error", False)),
        ({"status": -signal.SIGSEGV, "cpu": 0.5}, ("crash", False)),
        ({"status": 0, "cpu": 0.5}, ("crash", False)),
    ],
)
def test_how_a_silent_program_ended_decides(facts: dict[str, Any], expected: tuple[str, bool]) -> None:
    assert ended("crash", **facts) == expected


def test_a_right_answer_that_took_too_long_in_a_crowd_is_tried_again() -> None:
    assert ended("pass", -signal.SIGKILL, cpu=1.1) == ("timeout", False)
    assert ended("pass", -signal.SIGKILL, cpu=1.1, held=5.0) == ("timeout", True)
    assert ended("pass", -signal.SIGKILL, cpu=0.9, held=5.0) == ("pass", False)


def test_the_kernel_steps_in_later_than_the_watcher() -> None:
    assert [cpu_seconds(limit) for limit in (0.1, 1, 3.0, 3.5)] == [3, 3, 7, 9]


def kill_once(seconds: float) -> list[int]:
    """Kill the first program that this process's sandbox starts, once it sleeps; gives the processes that were killed."""
    end, killed = time.monotonic() + seconds, list[int]()
    while time.monotonic() < end and not killed:
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                name = stat.with_name("comm").read_text().strip()
            except OSError:
                continue
            if name == "victim":
                os.kill(int(stat.parent.name), signal.SIGKILL)
                killed.append(int(stat.parent.name))
        time.sleep(0.01)
    return killed


NAMED = """
def f(x):
    import ctypes, time
    ctypes.CDLL(None).prctl(15, b"victim", 0, 0, 0)
    time.sleep(0.5)
    return x
"""


def test_a_program_that_the_machine_kills_is_tried_again() -> None:
    with Sandbox(workers=1) as sandbox:
        killed: list[int] = []
        thread = threading.Thread(target=lambda: killed.extend(kill_once(20)))
        thread.start()
        (result,) = sandbox.check([program(NAMED, cpu=1)])
        thread.join()
    assert len(killed) == 1
    assert result.verdict == "pass", result


def test_what_a_test_imports_is_not_the_programs_time() -> None:
    item = program("import time\ndef f(x): time.sleep(0.5); return x", cpu=0.3)
    slow = "import time\nwhile time.process_time() < {cpu}: pass\n"
    with Sandbox(workers=1) as sandbox:
        tests = [slow.format(cpu=1.0) + item.test, slow.format(cpu=60) + item.test]
        results = list(sandbox.check([replace(item, test=test) for test in tests]))
    assert [(result.verdict, result.passed) for result in results] == [("pass", True), ("sandbox_error", None)]


def test_an_oracle_that_the_machine_kills_is_not_the_programs_fault() -> None:
    killed = program("def f(x): return x", test="import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    ended = program("def f(x): return x", test="import os; os._exit(3)")
    with Sandbox(workers=1) as sandbox:
        assert [result.verdict for result in sandbox.check([killed, ended])] == ["sandbox_error", "crash"]


DIES_EARLY = """
import os
from cogumi_sandbox import zygote

class Isolation:
    def fork(self, disk):
        return os.fork()

zygote.become = lambda *args: os._exit(0)
fds = list(os.pipe())
started = zygote.start(Isolation(), {"disk": 1}, fds)
print(started.failure)
"""


def test_a_program_that_the_machine_kills_before_it_runs_has_not_run() -> None:
    done = subprocess.run([sys.executable, "-c", DIES_EARLY], capture_output=True, text=True, check=True)
    assert done.stdout == "its first process ended before its walls stood\n"


def test_behaviours_are_the_same_on_a_busy_machine() -> None:
    call = Call(prompt="", completion=WORKS.format(cpu=0.2), entry_point="f", inputs=[(1,), (2,)], limits=Limits(cpu=0.5))
    with busy(4), Sandbox(workers=1) as sandbox:
        (behaviour,) = sandbox.run([call])
    assert (behaviour.outputs, behaviour.verdict) == (("1", "2"), "pass")


def test_who_wants_a_processor_is_seen() -> None:
    with busy(1):
        deadline = time.monotonic() + 20
        while not of_descendants(os.getpid(), 0).wants and time.monotonic() < deadline:
            time.sleep(0.01)
        assert of_descendants(os.getpid(), 0).wants
    thread = "import threading, time\nt = threading.Thread(target=lambda: [0 for _ in iter(int, 1)], daemon=True)\n"
    with subprocess.Popen([sys.executable, "-c", thread + "t.start(); t.join(60)"]) as process:
        deadline, states = time.monotonic() + 20, set[bytes]()
        while time.monotonic() < deadline and not (b"S" in states and wants(process.pid)):
            states = {Path(f"/proc/{process.pid}/stat").read_bytes().rpartition(b")")[2].split()[0]}
            time.sleep(0.01)
        process.kill()
    assert time.monotonic() < deadline
    sleeper = subprocess.Popen(["sleep", "60"])
    while sleeper.poll() is None and wants(sleeper.pid):
        time.sleep(0.01)
    assert not wants(sleeper.pid)
    sleeper.kill()
    sleeper.wait()
    assert not wants(sleeper.pid)
