import ast
import warnings

import pytest
from cogumi_code.extract import program
from cogumi_code.plugin import humaneval

from cogumi.testing import need_data

PROMPT = 'import math\n\n\ndef area(r):\n    """The area of a circle.\n\n    >>> area(0)\n    0.0\n    """\n'
BARE = "def area(r):\n"
WHOLE = "def area(r):\n    return math.pi * r * r\n"
BODY = "    return math.pi * r * r\n"
TWICE = "def area(r):\n    return half(r) * 2\n"
HALF = "def half(r):\n    return math.pi * r * r / 2\n"

READ = {
    "body": BODY,
    "body without indentation": "return math.pi * r * r",
    "body that lost its first indentation": "x = r * r\n    return math.pi * x",
    "body without indentation, two lines": "x = r * r\nreturn math.pi * x",
    "body with tabs": "\tx = r * r\n\treturn math.pi * x\n",
    "body in a fence": f"```python\n{BODY}```",
    "flat body in a fence": "```\nx = r * r\nreturn math.pi * x\n```",
    "whole function": WHOLE,
    "whole function in a fence": f"Sure!\n\n```python\n{WHOLE}```\nIt multiplies.",
    "upper case language": f"```Python\n{WHOLE}```",
    "py": f"```py\n{WHOLE}```",
    "tildes": f"~~~python\n{WHOLE}~~~",
    "fence that never ends": f"Here:\n```python\n{WHOLE}",
    "fence behind words": f"Here it is: ```python\n{WHOLE}```",
    "fence in a list": "1. Do:\n\n   ```python\n   def area(r):\n       return math.pi * r * r\n   ```\n",
    "closing fence alone": f"{BODY}```\nThis works.",
    "windows line ends": WHOLE.replace("\n", "\r\n"),
    "prompt repeated": PROMPT + BODY,
    "prompt repeated in a fence": f"```python\n{PROMPT}{BODY}```",
    "prose before and after": f"I would write\n\n{WHOLE}\nExplanation: it's simple, isn't it?",
    "prose before a body": f"The answer is:\n{BODY}",
    "import": "from math import pi\n\ndef area(r):\n    return pi * r * r\n",
    "helper before": HALF + "\n\n" + TWICE,
    "helper after": TWICE + "\n\n" + HALF,
    "helper in an earlier fence": f"First a helper:\n```python\n{HALF}```\nThen:\n```python\n{TWICE}```",
    "helper in an earlier fence, body last": f"```python\n{HALF}```\nand\n```python\n    return half(r) * 2\n```",
    "constant after": "def area(r):\n    return PI * r * r\n\nPI = math.pi\n",
    "example of use in the last fence": f"```python\n{WHOLE}```\nUse it:\n```python\nprint(area(2))\n```",
    "shell in the last fence": f"```python\n{WHOLE}```\n```bash\npython area.py\n```",
    "output in the last fence": f"```python\n{WHOLE}```\nIt gives\n```\n12.566\n```",
    "corrected": "```python\ndef area(r):\n    return 0\n```\nWait, that is wrong:\n```python\n" + WHOLE + "```",
    "decorated": "import functools\n\n@functools.lru_cache\ndef area(r):\n    return math.pi * r * r\n",
    "lambda": "area = lambda r: math.pi * r * r\n",
    "dubious escape": 'def area(r):\n    "\\d"\n    return math.pi * r * r\n',
    "docstring repeated": '    """The area."""\n    return math.pi * r * r\n',
    "main block": WHOLE + '\nif __name__ == "__main__":\n    print(area(int(input())))\n',
    "tests after": WHOLE + "\n\ndef test_area():\n    assert area(1) == 3\n\n\ntest_area()\n",
    "next problem": BODY + "\n\ndef volume(r):\n    raise SystemExit\n\nprint(volume(3))\n",
    "comment and prints after": BODY + "\n# Test\nprint(area(3))\n",
    "unfinished line after": WHOLE + "\n\ndef test_area(:\n    assert ar",
    "NUL after": WHOLE + "\n\0\0",
    "half a surrogate after": WHOLE + "\n\ud800",
    "class": "class Circle:\n    def __init__(self, r): self.r = r\n\ndef area(r):\n    return math.pi * Circle(r).r ** 2\n",
    "marker": f"[PYTHON]\n{WHOLE}[/PYTHON]",
    "marker in a fence": f"```\n[PYTHON]\n{WHOLE}[/PYTHON]\n```",
    "marker around a body": f"[PYTHON]\n{BODY}[/PYTHON]",
    "tag": f"<code>\n{WHOLE}</code>",
    "language as a line": f"python\n{WHOLE}",
    "language as a line in a fence": f"```\npython3\n{WHOLE}```",
    "heading": f"Solution\n{WHOLE}",
    "heading with a colon": f"Solution:\n{WHOLE}",
    "file name": f"solution.py\n{WHOLE}",
    "names that nothing binds": f"answer = Python\n{WHOLE}",
    "marker behind an import": f"import os\npython\n{WHOLE}",
    "call of nothing known": f"solve(x)\n{WHOLE}",
    "question before": f"import the math module? Let me see.\nclass of problems: geometry.\n\n{WHOLE}",
}


@pytest.mark.parametrize("prompt", [PROMPT, "import math\n" + BARE], ids=["docstring", "bare"])
@pytest.mark.parametrize("text", READ.values(), ids=READ.keys())
def test_the_program_is_found(text, prompt):
    code = program(text, prompt, "area")
    assert code is not None
    names = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(prompt + code, "<program>", "exec"), names)
    assert names["area"](2) == pytest.approx(12.566370614359172)
    assert not {"volume", "test_area"} & set(names)


NOTHING = {
    "empty": "",
    "blank": " \n\t",
    "prose": "I am sorry, I cannot help with that.",
    "another function": "def volume(r):\n    return r\n",
    "only the head": 'def area(r):\n    """The area."""\n',
    "example of use": "```python\nprint(area(3))\n```",
    "NULs": "\0\0\0",
    "fences": "```" * 5000,
    "deep": "(" * 60_000,
    "signs": "-" * 60_000 + "1",
    "one word": "ha " * 34_000,
}


@pytest.mark.parametrize("continued", [False, True], ids=["chat", "continued"])
@pytest.mark.parametrize("text", NOTHING.values(), ids=NOTHING.keys())
def test_where_there_is_no_program_none_is_found(text, continued):
    assert program(text, PROMPT, "area", continued=continued) is None


def test_a_continuation_is_taken_for_what_it_is_first():
    text = BODY + "\n\n```python\ndef area(r):\n    return 0\n```\n"
    assert program(text, PROMPT, "area", continued=True).strip("\n") == BODY.strip("\n")
    assert "return 0" in program(text, PROMPT, "area")


def test_the_first_of_several_definitions_counts_in_a_continuation():
    text = BODY + "\n\ndef area(r):\n    return 0\n"
    assert program(text, PROMPT, "area", continued=True).strip("\n") == BODY.strip("\n")


def test_a_continuation_may_go_on_within_the_last_line():
    assert program(" 2 * r\n\nprint(3)\n", "def twice(r):\n    return", "twice", continued=True).strip("\n") == " 2 * r"


def test_a_cut_last_line_is_dropped_and_the_rest_kept():
    code = program("    x = r * r\n    return math.pi * x\n    # and now I\n    y = [x for x in", PROMPT, "area")
    assert code.startswith("    x = r * r\n    return math.pi * x\n")
    ast.parse(PROMPT + code)


def test_a_line_that_goes_on_in_one_that_is_not_needed_does_no_harm():
    code = program(WHOLE + "\\\nprint(3)\n", PROMPT, "area")
    ast.parse(PROMPT + code)


def test_reading_is_the_same_whatever_the_process_makes_of_warnings():
    text = READ["dubious escape"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quiet = program(text, PROMPT, "area")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert program(text, PROMPT, "area") == quiet is not None


@pytest.mark.parametrize("mark", ["<think>", "</think>"])
def test_a_program_that_writes_about_thoughts_keeps_them(mark):
    code = program(f'def area(r):\n    return "{mark}" * r\n', PROMPT, "area")
    assert f'return "{mark}" * r' in code


def test_canonical_solutions_come_back_as_they_are():
    for problem in humaneval(data=str(need_data("humaneval"))).task.problems():
        prompt, name, solution = (problem.reference[key] for key in ("prompt", "entry_point", "solution"))
        assert program(solution, prompt, name) == solution
        babble = solution + "\n\ndef test_it():\n    assert False\n\nprint(3)\n"
        assert program(babble, prompt, name, continued=True).rstrip() == solution.rstrip()


def test_statements_before_the_definition_that_do_something_stay():
    code = program(f"import random\nrandom.seed(0)\nPI = 3\n{WHOLE}", BARE, "area")
    assert "random.seed(0)" in code
    assert "PI = 3" in code


STACK = """class Stack:
    def __init__(self):
        self.items = []

    def push(self, x):
"""
LAST = "        self.items.append(x)\n"
METHOD = f"    def push(self, x):\n{LAST}"
METHODS = {
    "body": LAST,
    "body without indentation": "self.items.append(x)",
    "body with a function's indentation": "    self.items.append(x)",
    "body in a fence": f"```python\n{LAST}```",
    "method": METHOD,
    "method at the margin": "def push(self, x):\n    self.items.append(x)\n",
    "method in a fence": "```python\ndef push(self, x):\n    self.items.append(x)\n```",
    "whole class": STACK + LAST,
    "whole class in a fence": f"Sure:\n```python\n{STACK}{LAST}```\nIt appends.",
    "more methods": f"{LAST}\n    def pop(self):\n        return self.items.pop()\n",
    "example of use": f"{LAST}\n\nstack = Stack()\nprint(stack.items)\n",
}


@pytest.mark.parametrize("continued", [False, True], ids=["chat", "continued"])
@pytest.mark.parametrize("prompt", [STACK, STACK + '        """Put x on top."""\n'], ids=["bare", "docstring"])
@pytest.mark.parametrize("text", METHODS.values(), ids=METHODS.keys())
def test_the_last_method_of_a_class_is_found(text, prompt, continued):
    code = program(text, prompt, "Stack", continued=continued)
    assert code is not None
    names = {}
    exec(compile(prompt + code, "<program>", "exec"), names)
    stack = names["Stack"]()
    stack.push(3)
    assert stack.items == [3]
    assert "stack" not in names


@pytest.mark.parametrize("text", ["", "pass", "Hello", "I cannot.", "class Other:\n    pass\n", STACK + "        ...\n"])
def test_a_class_whose_last_method_is_missing_is_none(text):
    assert program(text, STACK + '        """Put x on top."""\n', "Stack") is None


def test_a_class_is_found_where_there_is_no_prompt():
    assert program(f"```python\n{STACK}{LAST}```", "", "Stack") == STACK + LAST
