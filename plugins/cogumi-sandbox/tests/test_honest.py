"""Right programs of kinds that a sandbox is apt to get wrong, and what must not pass because of them."""

import importlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cogumi_sandbox import Call, Level, Limits, Program, Sandbox
from cogumi_sandbox.rootfs import HIDDEN, UNNEEDED, Library


def program(completion: str, *asserts: str, prompt: str = "", entry_point: str = "f") -> Program:
    test = "def check(candidate):\n" + "".join(f"    {line}\n" for line in asserts)
    return Program(prompt=prompt, completion=completion, test=test, entry_point=entry_point, limits=Limits(cpu=1))


def verdicts(sandbox: Sandbox, *programs: Program) -> list[str]:
    return [result.verdict for result in sandbox.check(programs)]


@pytest.mark.parametrize("size", [66_000, 1_000_000])
def test_printing_much_does_not_decide(sandbox: Sandbox, size: int) -> None:
    talks = f"def f(x):\n    print('ab' * {size // 2})\n    return x * x\n"
    right, wrong = sandbox.check([program(talks, "assert candidate(3) == 9"), program(talks, "assert candidate(3) == 8")])
    assert (right.verdict, wrong.verdict) == ("pass", "fail")
    assert right.printed == "ab" * (Limits().output // 2)


def test_printing_without_end_does(sandbox: Sandbox) -> None:
    floods = "def f(x):\n    while True: print('ab' * 30000)\n"
    (result,) = sandbox.check([program(floods, "candidate(3)")])
    assert (result.verdict, result.printed) == ("output", ("ab" * 30000 + "\n" + "ab" * 30000)[: Limits().output])


def test_what_was_printed_is_safe_to_show(sandbox: Sandbox) -> None:
    says = r"""def f(x):
    print("one\ttwo\x1b[31m")
    import os; os.write(2, b"\xff\n")
    return x
"""
    (result,) = sandbox.check([program(says, "assert candidate(3) == 3")])
    (behaviour,) = sandbox.run([Call(prompt="", completion=says, entry_point="f", inputs=[(1,)])])
    shown = sorted(result.printed.splitlines())
    assert shown == ["one\ttwo�[31m", "�"]
    assert sorted(behaviour.printed.splitlines()) == shown


ERRORS = """
class MyError(ValueError):
    def __init__(self, code, *, where):
        super().__init__(f"code {code}")
        self.code, self.where = code, [where]

class Other(Exception):
    pass

"""
CAUGHT = (
    "try:",
    "    candidate(-1)",
    "except MyError as error:",
    "    assert (error.code, error.where, str(error)) == (-1, ['here'], 'code -1')",
    "else:",
    "    assert False",
)


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        ("raise MyError(x, where='here')", "pass"),
        ("raise MyError(x, where='there')", "fail"),
        ("raise type('Deeper', (MyError,), {})(x, where='here')", "pass"),
        ("raise ValueError('code -1')", "fail"),
        ("raise Other(x)", "fail"),
        ("raise type('Strange', (Exception,), {})(x)", "fail"),
        ("return None", "fail"),
    ],
)
def test_an_exception_of_the_prompts_is_caught_by_its_class(sandbox: Sandbox, body: str, verdict: str) -> None:
    item = program(f"    {body}\n", *CAUGHT, prompt=ERRORS + "def f(x):\n")
    assert verdicts(sandbox, item) == [verdict]


def test_an_exception_of_the_standard_library_is_caught_by_its_class(sandbox: Sandbox) -> None:
    lines = ("import json, statistics", "try:", "    candidate('{')", "except json.JSONDecodeError as error:")
    lines += ("    assert (error.pos, error.doc, error.lineno) == (1, '{', 1)", "else:", "    assert False")
    right = program("import json\ndef f(x): return json.loads(x)\n", *lines)
    wrong = program("import statistics\ndef f(x): return statistics.mean([])\n", *lines)
    assert verdicts(sandbox, right, wrong) == ["pass", "fail"]


def test_an_exception_of_the_programs_own_is_still_caught_by_its_ancestor(sandbox: Sandbox) -> None:
    text = "class Mine(KeyError): pass\ndef f(x): raise Mine('a', 2)\n"
    caught = ("try:", "    candidate(1)", "except KeyError as error:", "    assert error.args == ('a', 2)")
    assert verdicts(sandbox, program(text, *caught)) == ["pass"]


STACK = """    size = 3
    def __init__(self, items=()): self.items = list(items)
    def push(self, x): self.items.append(x); return self
    def pop(self): return self.items.pop()
    def __len__(self): return len(self.items)
    def __bool__(self): return bool(self.items)
    def __repr__(self): return f"Stack({self.items})"
    def __iter__(self): return iter(self.items)
    def __getitem__(self, i): return self.items[i]
    def __setitem__(self, i, value): self.items[i] = value
    def __delitem__(self, i): del self.items[i]
    def __add__(self, other): return Stack(self.items + list(other))
    def __radd__(self, other): return Stack(list(other) + self.items)
    def __eq__(self, other): return self.items == other.items
    def __lt__(self, other): return self.items < other.items
    def __enter__(self): return self
    def __exit__(self, *error): self.items.clear(); return True
"""
OF_A_STACK = [
    "s = candidate(); s.push(1); assert s.pop() == 1",
    "assert len(candidate([1, 2])) == 2 and len(candidate()) == 0",
    "assert str(candidate([1])) == repr(candidate([1])) == f'{candidate([1])}' == 'Stack([1])'",
    "assert list(candidate([1, 2])) == [1, 2] and 2 in candidate([1, 2]) and 3 not in candidate([1, 2])",
    "s = candidate([5, 6]); s[0] = 7; del s[1]; assert s[0] == 7 and s.items == [7]",
    "assert list(candidate([1]) + candidate([2])) == list(candidate([1]) + [2]) == [1, 2] == list([1] + candidate([2]))",
    "assert candidate([1]) == candidate([1]) and candidate([1]) != candidate([2]) and candidate([1]) < candidate([2])",
    "assert candidate([1]) and not candidate()",
    "s = candidate([1]); assert isinstance(s, candidate) and not isinstance(3, candidate) and s.pop() == 1",
    "s = candidate([1]); assert not isinstance(s.pop, candidate) and s.pop() == 1",
    "s = candidate(); assert s.push(1) is s and candidate.size == 3 and candidate.__name__ == 'Stack'",
    "s = candidate(); s.items = [9]; assert s.pop() == 9 and s is not None and s != None",
]


@pytest.mark.parametrize("line", OF_A_STACK)
def test_a_class_can_be_the_entry_point(sandbox: Sandbox, line: str) -> None:
    prompt = 'class Stack:\n    """A stack."""\n'
    wrong = STACK.replace("return", "return None and").replace("size = 3", "size = 4")
    items = [program(text, line, prompt=prompt, entry_point="Stack") for text in (STACK, wrong)]
    right, broken = verdicts(sandbox, *items)
    assert right == "pass"
    assert broken != "pass"


def test_a_context_manager_swallows_no_assertion(sandbox: Sandbox) -> None:
    prompt, lines = "class Stack:\n", ("with candidate([1]) as s:", "    assert s.pop() == 2")
    assert verdicts(sandbox, program(STACK, *lines, prompt=prompt, entry_point="Stack")) == ["fail"]


ANY = """
class Any:
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __contains__ = lambda self, other: True
    __sub__ = __rsub__ = __add__ = __radd__ = __truediv__ = __mod__ = lambda self, other: 0
    __bool__ = lambda self: True
    __abs__ = __int__ = __index__ = lambda self: 0
    __exit__ = lambda self, *error: True
    __enter__ = lambda self: self
    __hash__ = None
def f(*x): return Any()
"""
FOOLED = [
    "assert candidate(1) == 5",
    "assert candidate(1) == candidate(2)",
    "assert candidate(1)",
    "assert abs(candidate(1) - 5.0) < 1e-6",
    "assert abs(5.0 - candidate(1)) < 1e-6",
    "assert 5 in candidate(1)",
    "assert candidate(1) in [5]",
    "assert candidate(1) % 5 == 0",
    "assert max(candidate(1), 5) == 5",
]


@pytest.mark.parametrize("line", FOOLED)
def test_an_object_that_is_everything_passes_nothing(sandbox: Sandbox, line: str) -> None:
    assert verdicts(sandbox, program(ANY, line)) == ["fail"]


def test_nor_does_it_where_a_class_is_compared_with_data(sandbox: Sandbox) -> None:
    item = program(ANY.replace("Any", "Stack"), "assert candidate() == 5", prompt="class Stack: pass\n", entry_point="Stack")
    assert verdicts(sandbox, item) == ["fail"]


@pytest.fixture(scope="module")
def interpreter_in_tmp() -> Iterator[Path]:
    """A copy of this interpreter, with nothing installed, in a folder below /tmp."""
    base = Path(sys.base_prefix).resolve()
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    with tempfile.TemporaryDirectory(prefix="cogumi-python-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        ignore = shutil.ignore_patterns(*HIDDEN, *UNNEEDED, "__pycache__", "*.a")
        shutil.copytree(base / "lib" / version, Path(folder, "lib", version), ignore=ignore)
        for library in (base / "lib").glob("libpython*.so*"):
            shutil.copy(library, Path(folder, "lib"))
        Path(folder, "bin").mkdir()
        yield Path(shutil.copy(base / "bin" / version, Path(folder, "bin", version)))


IN_TMP = """
import json, sys
from cogumi_sandbox import Program, Sandbox
body = "    import colorsys, tempfile\\n    tempfile.TemporaryFile().write(b'a')\\n    return colorsys.__name__\\n"
item = Program(prompt="def f():\\n", completion=body, test="def check(f):\\n    assert f() == 'colorsys'\\n", entry_point="f")
with Sandbox(workers=1, level=1) as sandbox:
    (result,) = sandbox.check([item])
print(json.dumps([sys.base_prefix, result.verdict, result.detail]))
"""


def test_an_interpreter_below_tmp_keeps_its_library(interpreter_in_tmp: Path, found: dict[int, Level]) -> None:
    if not found[1].available:
        pytest.skip("level 1 is not available here")
    import cogumi_sandbox
    import pyseccomp

    paths = [str(Path(module.__file__ or "").parent) for module in (pyseccomp, cogumi_sandbox)]
    paths[1] = str(Path(paths[1]).parent)
    script = f"import sys; sys.path[:0] = {paths}\n{IN_TMP}"
    done = subprocess.run([interpreter_in_tmp, "-I", "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [str(interpreter_in_tmp.parents[1]), "pass", ""]


def test_walls_that_hide_the_library_do_not_count_as_holding(monkeypatch: pytest.MonkeyPatch) -> None:
    probing = importlib.import_module("cogumi_sandbox.probe")
    monkeypatch.setattr(probing, "INTRUDER", probing.INTRUDER.replace("colorsys", "no_such_module"))
    level = probing.try_level(4, Library())
    assert not level.available
    assert level.why.startswith("programs cannot be run: loading: ModuleNotFoundError")
