"""A class as what is to be written: read, run in the sandbox, and voted on by what it does."""

import json

import pytest
from code_tests import said
from cogumi_code.plugin import code, humaneval
from cogumi_code.scenes import is_class, scenes_of

PROMPT = """class Stack:
    \'\'\'A stack.

    >>> s = Stack()
    >>> s.push(3)
    >>> s.top()
    3
    \'\'\'

    def __init__(self):
        self.items = []

    def push(self, x):
        self.items.append(x)

    def top(self):
"""
ROW = {
    "task_id": "mine/1",
    "prompt": PROMPT,
    "canonical_solution": "        return self.items[-1]\n",
    "test": "def check(candidate):\n    s = candidate()\n    s.push(1)\n    s.push(2)\n    assert s.top() == 2\n",
    "entry_point": "Stack",
}
WHOLE = (
    "class Stack:\n    def __init__(self):\n        self.items = []\n\n    def push(self, x):\n        self.items.append(x)\n"
)
WHOLE += "\n    def top(self):\n        return self.items[-1]\n"
MBPP = {
    "task_id": "mine-1",
    "text": "Write a class Stack with push and top.",
    "code": WHOLE,
    "test_list": ["s = Stack()\ns.push(3)\nassert s.top() == 3", "assert [] == Stack().items"],
    "test_setup_code": "",
}


def written(tmp_path, name, row):
    path = tmp_path / name
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    return str(path)


@pytest.fixture
def opened(tmp_path):
    return humaneval(data=written(tmp_path, "test.jsonl", ROW), workers=1).task


@pytest.fixture
def described(tmp_path):
    return code(data=written(tmp_path, "train.jsonl", MBPP), workers=1).task


def test_a_prompt_may_open_a_class(opened):
    (problem,) = opened.problems()
    completions = said(opened.gold(problem), "return self.items[-1]", WHOLE, "        return self.items[0]\n", "I cannot.")
    scores = opened.score(problem, completions)
    assert [score.correct for score in scores] == [True, True, True, False, False]
    answers = opened.answers(problem, said(opened.gold(problem), WHOLE, "        return 7\n", "I cannot."))
    assert answers[0] == answers[1] != answers[2]
    assert answers[0] is not None
    assert answers[3] is None


def test_tests_may_be_of_a_class(described):
    (problem,) = described.problems()
    assert problem.reference["entry_point"] == "Stack"
    assert "Call the class `Stack`" in described.messages(problem)[0]["content"]
    wrong = WHOLE.replace("[-1]", "[-1] + 1")
    scores = described.score(problem, said(WHOLE, f"```python\n{WHOLE}```", wrong))
    assert [score.correct for score in scores] == [True, True, False]
    first, second, third = described.answers(problem, said(WHOLE, f"```python\n{WHOLE}```", wrong))
    assert first == second != third


def test_scenes_hold_no_expected_result(opened, described):
    for task in (opened, described):
        (problem,) = task.problems()
        assert is_class(problem)
        text = "\n".join(scenes_of(problem))
        assert "s.top()" in text
        assert "==" not in text
    assert "Stack().items" in text
