import importlib
import json
import threading

import pytest
from code_tests import said
from cogumi_code.plugin import code, doctor, humaneval
from cogumi_sandbox import Result

from cogumi.errors import BadInput
from cogumi.records import Score
from cogumi.testing import check_benchmark, check_category, need_data

ROW = {"task_id": 604, "text": "Write a function to reverse words.", "test_setup_code": "", "challenge_test_list": []}
REVERSE = {
    **ROW,
    "code": "def reverse_words(s):\r\n\treturn ' '.join(reversed(s.split()))",
    "test_list": [
        'assert reverse_words("python program") == "program python"',
        'assert reverse_words("java language") == "language java"',
    ],
}
CHECK = "def check(candidate):\n    assert candidate(0, 1) == 1\n"
ADD = {
    "task_id": "mine/1",
    "prompt": 'def add(x, y):\n    """Add.\n\n    >>> add(2, 3)\n    5\n    """\n',
    "canonical_solution": "    return x + y\n",
    "test": CHECK,
    "entry_point": "add",
}


def write(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def adder(tmp_path_factory):
    task = humaneval(data=write(tmp_path_factory.mktemp("add") / "rows.jsonl", ADD), workers=2).task
    return task, task.problems()[0]


def test_the_promises_of_both_sides_on_the_bundled_problems():
    check_category(lambda: code(data="bundled"), benchmark=lambda: humaneval(data="bundled"), limit=2)
    check_benchmark(lambda: humaneval(data="bundled"), limit=2)


def test_the_promises_hold_for_real_problems():
    folder = str(need_data("mbpp").parent)
    check_category(lambda: code(data=folder), benchmark=lambda: humaneval(data=folder), limit=2)


def test_of_mbpp_only_the_training_split_is_used():
    ids = [problem.id for problem in code(data=str(need_data("mbpp"))).task.problems()]
    assert (ids[0], ids[-1], len(ids)) == ("mbpp-601", "mbpp-974", 374)
    ids = [problem.id for problem in code(data=str(need_data("mbpp")), validation=True).task.problems()]
    assert (ids[0], len(ids)) == ("mbpp-511", 464)


def test_mbpps_test_split_alone_is_refused(tmp_path):
    path = write(tmp_path / "rows.jsonl", {**REVERSE, "task_id": 11}, {**REVERSE, "task_id": 510})
    with pytest.raises(BadInput, match=r"rows.jsonl: task_id: all rows have numbers of MBPP's test split"):
        code(data=path).task.problems()


def test_own_problems_in_mbpps_schema_have_texts_for_ids(tmp_path):
    path = write(tmp_path / "rows.jsonl", {**REVERSE, "task_id": "words"})
    assert [problem.id for problem in code(data=path).task.problems()] == ["mbpp-words"]


def test_humaneval_is_never_trained_on(tmp_path):
    with pytest.raises(BadInput, match=r"task_id: HumanEval is held out and never trained on"):
        code(data=str(need_data("humaneval") / "HumanEval.jsonl.gz")).task.problems()
    with pytest.raises(BadInput, match=r"rows.jsonl:2: task_id: HumanEval is held out"):
        code(data=write(tmp_path / "rows.jsonl", ADD, {**ADD, "task_id": "HumanEval/3"})).task.problems()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"text": " "}, "text: empty"),
        ({"text": 3}, "text: a int, expected a str"),
        ({"code": None}, "code: a NoneType, expected a str"),
        ({"code": "def f(:"}, "code: no Python"),
        ({"test_list": []}, "test_list: empty"),
        ({"test_list": "assert f(1)"}, "test_list: a str, expected a list"),
        ({"test_list": [1]}, "test_list: holds a int, expected texts"),
        ({"test_list": ["f(1)"]}, "test_list: no assert"),
        ({"test_list": ["assert ("]}, "test_list: no assert"),
        ({"test_list": ["assert 1 == 1"]}, "test_list: calls no function"),
        ({"test_setup_code": "def"}, "test_setup_code: no Python"),
        ({"task_id": 7.5}, "task_id: a float, expected a int"),
        ({"task_id": True}, "task_id: a bool, expected a int"),
    ],
)
def test_unusable_rows_in_mbpps_schema_are_named(tmp_path, changes, expected):
    with pytest.raises(BadInput, match=f"rows.jsonl:1: {expected}"):
        code(data=write(tmp_path / "rows.jsonl", {**REVERSE, **changes})).task.problems()


@pytest.mark.parametrize("missing", ["code", "test_list", "task_id"])
def test_missing_fields_in_mbpps_schema_are_named(tmp_path, missing):
    row = {key: value for key, value in REVERSE.items() if key != missing}
    with pytest.raises(BadInput, match=rf"rows.jsonl:1: {missing}: missing"):
        code(data=write(tmp_path / "rows.jsonl", row)).task.problems()


def test_the_prompt_names_the_function_and_shows_one_test(tmp_path):
    path = write(tmp_path / "rows.jsonl", REVERSE)
    task = code(data=path).task
    (message,) = task.messages(task.problems()[0])
    assert "`reverse_words`" in message["content"]
    assert REVERSE["test_list"][0] in message["content"]
    assert REVERSE["test_list"][1] not in message["content"]
    task = code(data=path, style="completion").task
    (message,) = task.messages(task.problems()[0])
    assert message["content"].startswith('"""\nWrite a function')
    assert message["content"].endswith('\n"""\n')


def test_a_setup_and_further_names_are_the_tests_to_use(tmp_path):
    row = {
        "task_id": 700,
        "text": "Give the sum of a box.",
        "code": "class Box:\n    def __init__(self, a):\n        self.a = a\n\ndef total(b):\n    return sum(b.a) + START\n",
        "test_setup_code": "START = 2",
        "test_list": ["assert total(Box([1, 2])) == 5", "assert len([total(Box([]))]) == START - 1"],
    }
    task = code(data=write(tmp_path / "rows.jsonl", row)).task
    (problem,) = task.problems()
    assert problem.reference["exports"] == ["Box"]
    assert "START = 2" in task.messages(problem)[0]["content"]
    good, bad = task.score(problem, said(task.gold(problem), "def total(box):\n    return 5\n"))
    assert (good.correct, bad.correct) == (True, False)


@pytest.mark.slow
def test_mbpps_own_solutions_pass_but_for_three():
    task = code(data=str(need_data("mbpp"))).task
    failed = [p.id for p in task.problems() if not task.score(p, said(task.gold(p)))[0].correct]
    assert failed == ["mbpp-899", "mbpp-927", "mbpp-967"]  # their own asserts do not hold, or take objects for equal


def test_votes_are_votes_on_behaviour(adder):
    task, problem = adder
    same = ["    return x + y\n", "return sum([x, y])", "```python\ndef add(a, b):\n    return -(-a - b)\n```"]
    other, crash, nothing = "    return x * y\n", "    raise KeyError(x)\n", "I do not know."
    found = task.answers(problem, said(*same, other, crash, nothing))
    assert len(set(found[:3])) == 1
    assert found[0] is not None
    assert found[3] not in (None, found[0])
    assert found[4:] == [None, None]


def test_a_program_that_sometimes_raises_differs_from_one_that_does_not(adder):
    task, problem = adder
    careful = "    if x > y:\n        raise ValueError\n    return x + y\n"
    found = task.answers(problem, said("    return x + y\n", careful))
    assert found[0] != found[1] is not None


def test_scores_name_the_sandboxs_verdict(adder):
    task, problem = adder
    texts = ["    return x + y\n", "    return 7\n", "    while True: pass\n", "    import os\n    os._exit(0)\n", "no idea"]
    found = [(score.correct, score.note) for score in task.score(problem, said(*texts))]
    assert found == [(True, "pass"), (False, "fail"), (False, "timeout"), (False, "crash"), (False, "no code")]


def test_failed_samples_are_not_scored(adder):
    task, problem = adder
    assert task.score(problem, said("", finish="error")) == [Score(correct=None, note="the engine died")]
    assert task.answers(problem, said("", finish="error")) == [None]


def test_what_the_sandbox_failed_at_is_not_scored_and_asked_again(adder, monkeypatch):
    task, problem = adder
    runner = task._runner
    broken = Result(verdict="sandbox_error", detail="out of processes", level=1)

    class Broken:
        def check(self, programs):
            return iter([broken] * len(programs))

    monkeypatch.setattr(runner, "_sandbox", Broken)
    assert task.score(problem, said("    return x + y + 0\n")) == [Score(correct=None, note="sandbox_error")]
    monkeypatch.undo()
    assert task.score(problem, said("    return x + y + 0\n")) == [Score(correct=True, note="pass")]


def test_equal_programs_are_run_once(adder, monkeypatch):
    task, problem = adder
    asked = []
    sandbox = task._runner._sandbox()

    class Counting:
        def check(self, programs):
            asked.extend(programs)
            return sandbox.check(programs)

    monkeypatch.setattr(task._runner, "_sandbox", Counting)
    texts = ["    return y + x\n", "    # easy\n    return y + x\n", "    return (y + x)\n", "    return y + x + 0\n"]
    for _ in range(2):
        assert [score.correct for score in task.score(problem, said(*texts))] == [True] * 4
    assert len(asked) == 2


def test_several_threads_may_ask(tmp_path):
    task = humaneval(data=write(tmp_path / "rows.jsonl", ADD), workers=1).task
    problem = task.problems()[0]
    found = {}

    def ask(number):
        found[number] = [s.correct for s in task.score(problem, said(f"    return x + y + {number}\n"))]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {0: [True], 1: [False], 2: [False], 3: [False]}


def test_without_walls_each_record_says_so(tmp_path):
    path = write(tmp_path / "rows.jsonl", ADD)
    with pytest.raises(BadInput, match="level: level 4 is limits alone"):
        humaneval(data=path, level=4)
    task = humaneval(data=path, level=4, accept_unsandboxed=True).task
    notes = [score.note for score in task.score(task.problems()[0], said("    return x + y\n", "    return 8\n"))]
    assert notes == ["pass, unsandboxed", "fail, unsandboxed"]


def test_no_sandbox_is_an_error_that_says_what_to_do(tmp_path, monkeypatch):
    probing = importlib.import_module("cogumi_sandbox.probe")  # the package has a function of that name
    monkeypatch.setattr(probing, "setup", lambda *args: (_ for _ in ()).throw(OSError("not here")))
    task = humaneval(data=write(tmp_path / "rows.jsonl", ADD)).task
    with pytest.raises(BadInput, match=r"level: .*not here.*accept-unsandboxed"):
        task.score(task.problems()[0], said("    return x + y\n"))


def test_options_are_checked():
    with pytest.raises(BadInput, match="workers: 0 workers do no work"):
        code(workers=0)


def test_the_doctor_names_the_walls_that_are_used_and_why_others_are_not(monkeypatch):
    import cogumi_sandbox
    from cogumi_sandbox import Level

    names = ("namespaces", "Landlock", "unused user", "limits alone")

    def found(*available):
        levels = [Level(number=n, name=names[n - 1], available=n in available, why=f"why {n}") for n in (1, 2, 3, 4)]
        monkeypatch.setattr(cogumi_sandbox, "probe", lambda: levels)
        return list(doctor())

    lines = found(2, 3, 4)
    assert [ok for _, ok, _, _ in lines] == [None, True, None, None]
    assert lines[0][:3] == ("sandbox level 1, namespaces", None, "why 1")
    *_, last = found(4)
    assert last[1] is False
    assert "accept-unsandboxed" in last[3]
