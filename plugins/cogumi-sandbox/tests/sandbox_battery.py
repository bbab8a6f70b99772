"""The battery of programs, the tests they are put to, and what they must not reach."""

from __future__ import annotations

import os
import socket
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from cogumi_sandbox import Limits, Program

HERE = Path(__file__).parent

TESTS = {
    "square": "assert candidate(3) == 9\n assert candidate(-7) == 49\n assert candidate(0) == 0",
    "upper": "assert candidate('aßé🤖') == 'ASSÉ🤖'\n assert candidate('') == ''",
    "half": "assert abs(candidate(5) - 2.5) < 1e-9\n assert abs(candidate(-1.0) + 0.5) < 1e-9",
    "even": "assert candidate(4)\n assert not candidate(5)\n assert candidate(4) == True",
    "unique": "assert candidate([3, 1, 3]) == {1, 3}\n assert candidate([]) == set()",
    "count": "assert candidate('abca') == {'a': 2, 'b': 1, 'c': 1}\n assert candidate('') == {}",
    "pair": "assert candidate([3, 1, 2]) == (1, 3)\n small, large = candidate([5, 9])\n assert small + large == 14",
    "numbers": "assert list(candidate(5)) == [0, 1, 2, 3, 4]\n assert sum(candidate(3)) == 3",
    "total": "items = [1, 2, 3]\n assert candidate(items) == sum([1, 2, 3])\n assert items == [1, 2, 3]",
    "arrange": "items = [3, 1, 2]\n alias = items\n assert candidate(items) is None\n assert alias == [1, 2, 3]",
    "same": "items = [7]\n assert candidate(items) is items\n assert items == [7, 1]",
    "nested": """data = {'rows': [[1, 2, 3]], 'old': 0}
 row = data['rows'][0]
 candidate(data)
 assert row == [1, 2, 3, 4] and data == {'rows': [row, row], 'new': {'set': {1, 2}}}
 assert data['rows'][1] is row""",
    "apply": "items, expected = [1, 2, 3], [2, 4, 6]\n assert candidate(lambda item: item * 2, items) == expected",
    "adder": "assert candidate(2)(3) == 5\n add = candidate(10)\n assert [add(1), add(2)] == [11, 12]",
    "raises": """assert candidate(4) == 4
 try:
  candidate(-1)
 except ValueError:
  return
 except:
  pass
 assert False, 'nothing was raised'""",
    "consume": "assert candidate(iter([1, 2, 3])) == 6\n assert candidate(n for n in range(5)) == 10",
    "nan": "a, b, c, d = candidate()\n assert a != a and b == float('inf') and c == -b and str(d) == '-0.0'",
    "nothing": "assert candidate(1) is None",
    "encode": "assert candidate('é') == b'\\xc3\\xa9'",
    "factorial": "import math\n assert candidate(2000) == math.factorial(2000)\n assert candidate(-0) == 1",
    "shape": "one = candidate(3)\n assert one.area() == 9\n assert one.grow(1) is not None\n assert one.area() == 16",
}
"""The bodies of the `check(candidate)` that the battery's programs are put to, by the name of what they define."""


@dataclass(frozen=True)
class Case:
    """One program of the battery."""

    name: str
    file: str
    completion: str
    verdicts: tuple[str, ...]
    task: str
    levels: tuple[int, ...]
    cpu: float
    heavy: bool

    @property
    def id(self) -> str:
        return f"{self.file}: {self.name}"


def read_battery() -> list[Case]:
    cases = []
    for path in sorted((HERE / "programs").glob("*.txt")):
        for part in path.read_text().split("#% ")[1:]:
            head, _, completion = part.partition("\n")
            name, _, rest = head.partition(": ")
            words = [word for word in rest.split() if word != "heavy"]
            options = dict(word.split("=") for word in words if "=" in word)
            cases.append(
                Case(
                    name=name,
                    file=path.stem,
                    completion=completion,
                    verdicts=tuple(word for word in words if "=" not in word),
                    task=options.get("task", "square"),
                    levels=tuple(map(int, options.get("levels", "1234"))),
                    cpu=float(options.get("cpu", "1")),
                    heavy="cpu" in options or "heavy" in rest.split(),
                )
            )
    return cases


BATTERY = read_battery()


def check_of(task: str) -> str:
    return f"def check(candidate):\n {TESTS[task]}\n"


@dataclass(frozen=True)
class Canary:
    """What programs must not reach: a file, its folder, a listening port."""

    secret: Path
    server: socket.socket

    def fill(self, text: str) -> str:
        values = {
            "@SECRET@": str(self.secret),
            "@FOLDER@": str(self.secret.parent),
            "@PORT@": str(self.server.getsockname()[1]),
            "@PROCESS@": str(os.getpid()),
            "@PACKAGES@": sysconfig.get_path("purelib"),
            "@ROOT@": str(os.geteuid() == 0),
            "@NUL@": "\0",
        }
        for name, value in values.items():
            text = text.replace(name, value)
        return text


def program_of(case: Case, canary: Canary) -> Program:
    return Program(
        prompt="",
        completion=canary.fill(case.completion),
        test=check_of(case.task),
        entry_point=case.task,
        limits=Limits(cpu=case.cpu),
    )
