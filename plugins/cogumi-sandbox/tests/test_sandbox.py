"""The sandbox's interface: order, retries, behaviours, levels, what is refused, and that nothing leaks."""

import gc
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from cogumi_sandbox import Call, Limits, NoSandbox, Program, Sandbox, probe
from cogumi_sandbox.rootfs import readable_by_all
from cogumi_sandbox.sandbox import Room

ADD = Program(
    prompt="def add(a, b):\n",
    completion="    return a + b\n",
    test="def check(candidate):\n    assert candidate(1, 2) == 3\n",
    entry_point="add",
)


def variant(**changes: str) -> Program:
    fields = {"prompt": ADD.prompt, "completion": ADD.completion, "test": ADD.test, "entry_point": "add"}
    return Program(**{**fields, **changes})  # type: ignore[arg-type]


def call(completion: str, *inputs: tuple[object, ...], cpu: float = 1.0) -> Call:
    return Call(prompt="", completion=completion, entry_point="f", inputs=inputs, limits=Limits(cpu=cpu))


def test_results_come_in_the_order_of_the_programs(sandbox: Sandbox) -> None:
    programs = [variant(completion=f"    return a + b + {i % 2}\n") for i in range(10)]
    assert [result.passed for result in sandbox.check(programs)] == [True, False] * 5
    assert list(sandbox.check([])) == []


def test_the_result_says_which_assertion_failed(sandbox: Sandbox) -> None:
    (result,) = sandbox.check([variant(completion="    return a - b\n")])
    assert result.detail == "AssertionError in 'assert candidate(1, 2) == 3'"


def test_a_test_that_cannot_be_used_is_not_the_programs_fault(sandbox: Sandbox) -> None:
    results = list(sandbox.check([variant(test=""), variant(test="def check(:"), variant(test="check = 3")]))
    results += sandbox.check([variant(test="import no_such_module\n" + ADD.test)])
    results += sandbox.check([variant(test="def check(candidate):\n    import no_such_module\n")])
    assert [(result.verdict, result.passed) for result in results] == [("sandbox_error", None)] * 5


def test_a_program_that_imports_what_is_not_there_fails(sandbox: Sandbox) -> None:
    late = "    import no_such_module\n    return a + b\n"
    early = "    return a + b\n\nimport no_such_module\n"
    forged = "    raise ImportError('no')\n"
    results = sandbox.check([variant(completion=completion) for completion in (late, early, forged)])
    assert [result.verdict for result in results] == ["fail"] * 3


def test_an_object_that_cannot_be_handed_over_is_not_the_programs_fault(sandbox: Sandbox) -> None:
    test = "class Odd: pass\ndef check(candidate):\n    try:\n        candidate(Odd(), 1)\n    except: pass\n"
    (result,) = sandbox.check([variant(test=test)])
    assert result.verdict == "sandbox_error"


def test_the_test_sees_the_prompts_helpers_and_not_the_programs(sandbox: Sandbox) -> None:
    prompt = "import math\n\ndef helper(x):\n    return math.floor(x)\n\ndef add(a, b):\n"
    cheat = "    return 0\n\ndef helper(x):\n    return 0\n"
    test = "def check(candidate):\n    assert candidate(1, 2) == helper(3.5)\n"
    honest, hostile = sandbox.check([variant(prompt=prompt, test=test), variant(prompt=prompt, test=test, completion=cheat)])
    assert (honest.verdict, hostile.verdict) == ("pass", "fail")


def test_exports_are_taken_from_the_program(sandbox: Sandbox) -> None:
    completion = "    return a.n + b.n\n\nclass Box:\n    def __init__(self, n):\n        self.n = n\n"
    test = "def check(candidate):\n    assert candidate(Box(1), Box(2)) == 3\n"
    fields = {"prompt": ADD.prompt, "completion": completion, "test": test, "entry_point": "add"}
    with_export, without = sandbox.check([Program(**fields, exports=("Box",)), Program(**fields)])  # type: ignore[arg-type]
    assert (with_export.verdict, without.verdict) == ("pass", "fail")


def test_behaviours_are_equal_where_values_are(sandbox: Sandbox) -> None:
    inputs: tuple[tuple[object, ...], ...] = (([3, 1, 2],), ([],))
    calls = [
        call("f = sorted", *inputs),
        call("def f(x): return [float(i) for i in sorted(x)]", *inputs),
        call("def f(x): x.sort(); return x", *inputs),
        call("def f(x): return x[0]", *inputs),
        call("def f(x): raise SystemExit", *inputs),
    ]
    one, two, changing, partial, gone = sandbox.run(calls)
    assert one.outputs == two.outputs == ("[1, 2, 3]", "[]")
    assert changing.outputs == ("[1, 2, 3]; argument 0 becomes [1, 2, 3]", "[]")
    assert partial.outputs == ("3", None)
    assert partial.errors[1] is not None
    assert partial.errors[1].startswith("IndexError")
    assert (gone.outputs, gone.verdict) == ((None, None), "fail")


def test_behaviours_up_to_a_timeout_are_kept(sandbox: Sandbox) -> None:
    (result,) = sandbox.run([call("def f(x):\n  while x > 1: pass\n  return x", (1,), (2,), (1,), cpu=0.2)])
    assert result.outputs == ("1", None, None)
    assert result.verdict == "timeout"


def test_many_behaviours_arrive_whole(sandbox: Sandbox) -> None:
    calls = [call("def f(x): return x * 1000", *[("ab" * i,) for i in range(60)])] * 3
    for result in sandbox.run(calls):
        assert result.outputs == tuple(repr("ab" * i * 1000) for i in range(60))
        assert result.verdict == "pass"


def test_inputs_have_to_be_data() -> None:
    with Sandbox(workers=1) as sandbox, pytest.raises(TypeError, match="object, which is no data"):
        list(sandbox.run([call("def f(x): pass", (object(),))]))


@pytest.mark.parametrize("field", ["cpu", "memory", "output"])
def test_limits_are_positive(field: str) -> None:
    for value in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=field):
            Limits(**{field: value})  # type: ignore[arg-type]


def test_limits_alone_need_consent() -> None:
    with pytest.raises(NoSandbox, match="--accept-unsandboxed"), Sandbox(level=4):
        pass


def test_the_probe_tries_every_level() -> None:
    levels = probe()
    assert [level.number for level in levels] == [1, 2, 3, 4]
    assert all(level.why for level in levels)


@pytest.mark.parametrize("count", [100, pytest.param(3000, marks=pytest.mark.slow)])
def test_nothing_leaks(sandbox: Sandbox, count: int) -> None:
    programs = [ADD, variant(completion="    import os; os.fork(); return 3\n"), variant(completion="    return 4\n")]
    list(sandbox.check([ADD] * 8))
    before = resources()
    results = list(sandbox.check(programs[i % 3] for i in range(count)))
    after = resources()
    forked = "fail" if sandbox.level in (2, 4) else "pass"
    assert [result.verdict for result in results] == [("pass", forked, "fail")[i % 3] for i in range(count)]
    for what in ("processes", "descriptors", "mounts", "folders"):
        assert after[what] == before[what]
    assert after["memory"] < before["memory"] * 1.15 + 2e6


def resources() -> dict[str, float]:
    """What this process and everything below it hold: processes, descriptors, mounts, folders, resident bytes."""
    gc.collect()
    tree = {os.getpid()}
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        fields = stat.read_bytes().rpartition(b")")[2].split()
        parents[int(stat.parent.name)] = int(fields[1])
    for _ in range(10):
        tree |= {pid for pid, parent in parents.items() if parent in tree}
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in tree)
    return {
        "processes": len(tree),
        "descriptors": sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in tree),
        "mounts": len(Path("/proc/self/mounts").read_text().splitlines()),
        "folders": len(list(Path(tempfile.gettempdir()).iterdir())),
        "memory": pages * os.sysconf("SC_PAGE_SIZE"),
    }


def test_a_pair_that_dies_is_replaced() -> None:
    with Sandbox(workers=1) as sandbox:
        assert [result.verdict for result in sandbox.check([ADD])] == ["pass"]
        for stat in Path("/proc").glob("[0-9]*/stat"):
            own = int(stat.read_bytes().rpartition(b")")[2].split()[1]) == os.getpid()
            if own and b"cogumi_sandbox import server" in stat.with_name("cmdline").read_bytes():
                os.kill(int(stat.parent.name), signal.SIGKILL)
        assert [result.verdict for result in sandbox.check([ADD, ADD])] == ["pass", "pass"]


def test_every_program_finds_its_own_temporary_folder(sandbox: Sandbox) -> None:
    completion = "    import os, tempfile\n    assert tempfile.tempdir is None and len(os.environ) == 5\n"
    completion += "    assert tempfile.gettempdir() == os.environ['TMPDIR'] == os.getcwd()\n    return a + b\n"
    assert [result.verdict for result in sandbox.check([variant(completion=completion)] * 6)] == ["pass"] * 6


def test_being_alone_waits_for_others_and_they_for_it() -> None:
    room, order = Room(), list[str]()
    inside, leave = threading.Event(), threading.Event()

    def guest() -> None:
        with room.shared():
            inside.set()
            leave.wait(10)
            order.append("guest")

    def loner() -> None:
        with room.alone():
            order.append("alone")

    first, second = threading.Thread(target=guest), threading.Thread(target=loner)
    first.start()
    inside.wait(10)
    second.start()
    leave.set()
    first.join(10)
    second.join(10)
    assert order == ["guest", "alone"]


SELF_CHECK = """
import sys
from cogumi_sandbox import Program, Sandbox, probe
print([(level.number, level.why) for level in probe()], file=sys.stderr)
with Sandbox(workers=1) as sandbox:
    good = dict(prompt="def f(x):\\n", test="def check(candidate):\\n    assert candidate(2) == 4\\n", entry_point="f")
    bodies = ["return x * 2", "return x"]
    bodies += ["import os; os.listdir('/proc'); return 4", "import socket; socket.socket(); return 4"]
    results = list(sandbox.check(Program(completion="    " + body, **good) for body in bodies))
    print(sandbox.level, *[result.verdict for result in results])
"""


REACHABLE = """
set -e
base=$1; shift
keep=$(mktemp -d)
mount --bind "$base" "$keep"
mount -t tmpfs -o mode=755 none "/$(echo "$base" | cut -d/ -f2)"
mkdir -p "$base"
mount --bind "$keep" "$base"
rmdir "$keep" 2>/dev/null || true
exec "$@"
"""
"""Runs a command where an interpreter in a private home can be reached by everybody."""
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


def as_nobody() -> list[str]:
    """The start of a command that runs the rest of it as an unprivileged user."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to become somebody else")
    base = Path(sys.base_prefix).resolve()
    if readable_by_all(base):
        return NOBODY
    return ["unshare", "--mount", "sh", "-c", REACHABLE, "sh", str(base), *NOBODY]


def in_other_shoes(prefix: list[str]) -> str:
    """What a fresh interpreter says when it is started by this command."""
    command = [*prefix, sys.executable, "-c", SELF_CHECK]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_as_an_unprivileged_user() -> None:
    assert in_other_shoes(as_nobody()) == "1 pass fail fail fail"


@pytest.mark.parametrize("user", ["root", "nobody"])
def test_where_user_namespaces_are_denied(user: str) -> None:
    prefix = as_nobody() if user == "nobody" else []
    if subprocess.run(["unshare", "--user", "--map-root-user", "true"], capture_output=True).returncode:
        pytest.skip("user namespaces are denied here anyway")
    deny = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
    prefix = [*prefix, "unshare", "--user", "--map-root-user", "sh", "-c", deny, "sh"]
    assert in_other_shoes(prefix) == "2 pass fail fail fail"


GAPS = """
import os, subprocess, sys, tempfile
from pathlib import Path
from cogumi_sandbox import Call, Sandbox
with tempfile.TemporaryDirectory() as folder:
    secret = Path(folder, "secret")
    secret.write_text("hush")
    secret.chmod(0o600)
    other = subprocess.Popen(["/bin/sleep", "600"], env={"TOKEN": "hush"})
    places = {"file": secret, **{name: f"/proc/{other.pid}/{name}" for name in ("cmdline", "environ", "mem")}}
    body = f'''
def f(x):
    found = []
    for name, place in {[(name, str(place)) for name, place in places.items()]}:
        try:
            with open(place, "rb") as file:
                found.append(name if name == "mem" or file.read() else "")
        except OSError:
            pass
    return " ".join(found)
'''
    level = int(sys.argv[1])
    try:
        with Sandbox(workers=1, level=level, accept_unsandboxed=level == 4) as sandbox:
            (behaviour,) = sandbox.run([Call(prompt="", completion=body, entry_point="f", inputs=((1,),))])
    finally:
        other.kill()
        other.wait()
    print(level, *behaviour.outputs)
"""


@pytest.mark.parametrize(
    ("user", "level", "open_"),
    [
        ("root", 1, ""),
        ("root", 2, ""),
        ("root", 3, "cmdline"),
        ("root", 4, "cmdline"),
        ("nobody", 4, "file cmdline environ mem"),
    ],
)
def test_what_each_level_leaves_open_is_what_is_written_down(user: str, level: int, open_: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, for level 3 and to become somebody else")
    command = [*(as_nobody() if user == "nobody" else []), sys.executable, "-c", GAPS, str(level)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    assert (done.returncode, done.stdout.strip()) == (0, f"{level} '{open_}'"), done.stderr
