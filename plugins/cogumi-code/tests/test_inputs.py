import pytest
from cogumi_code.behaviour import answers
from cogumi_code.inputs import WANTED, inputs_of, spelled_calls
from cogumi_code.plugin import code, humaneval
from cogumi_sandbox import Behaviour, canonical

from cogumi.records import Problem
from cogumi.testing import need_data


def problem(prompt, name="f", tests=None):
    meta = {"schema": "mbpp", "tests": tests} if tests else {"schema": "humaneval"}
    return Problem(id="p", prompt=prompt, reference={"prompt": prompt, "entry_point": name}, meta=meta)


def told(docstring, head="def f(x):"):
    return problem(f'{head}\n    """{docstring}"""\n')


def test_examples_come_first_and_expected_results_never():
    found = inputs_of(told("Twice.\n\n    >>> f([31, 42])\n    [62, 84]\n    >>> f([5])\n    [10]\n    "))
    assert found[:2] == (([31, 42],), ([5],))
    assert len(found) == WANTED
    assert ([62, 84],) not in found[:4]


@pytest.mark.parametrize(
    ("docstring", "head", "first"),
    [
        ('f("a)b", 3) => 7', "def f(s, n):", ("a)b", 3)),
        ("f([1,\n 2]) ➞ 3", "def f(x):", ([1, 2],)),
        ('For s = "abc", c = "de", the result is 3', "def f(s, c):", ("abc", "de")),
        ("Input: grid : [[1, 2], [3, 4]], k = 3", "def f(grid, k):", ([[1, 2], [3, 4]], 3)),
        ("other_name([4.0, 3]) ==> 2", "def f(x):", ([4.0, 3],)),
        ("No example at all, but len(3) is mentioned.", "def f(x: int):", (3,)),
        ("Nothing.", "def f(x: List[int]):", ([3, 7, 12],)),
        ("Nothing.", "def f(x):", (3,)),
    ],
)
def test_examples_are_found_however_they_are_written(docstring, head, first):
    assert inputs_of(told(docstring, head))[0] == first


def test_inputs_are_a_function_of_the_problem():
    one, other = told("f(3) is 4"), told("f(3) is 4")
    assert inputs_of(one) == inputs_of(other)


def test_generated_inputs_keep_to_what_the_examples_suggest():
    found = inputs_of(problem("", tests=["assert f(5, 'abc') == 1", "assert f(9, 'ca') == 2"]))
    assert all(type(n) is int and 1 <= n <= 18 and set(s) <= set("abc") for n, s in found)
    found = inputs_of(problem("", tests=["assert f([1, 4, 9], (1, 2)) == 1", "assert f([2, 3], (3, 4)) == 2"]))
    assert all(numbers == sorted(numbers) and type(point) is tuple for numbers, point in found)


def test_every_real_problem_has_inputs_that_are_data():
    tasks = (humaneval(data=str(need_data("humaneval"))).task, code(data=str(need_data("mbpp"))).task)
    problems = [problem for task in tasks for problem in task.problems()]
    assert all(canonical(call) for problem in problems for call in inputs_of(problem))
    spelled = {problem.id: spelled_calls(problem) for problem in problems if not inputs_of(problem)}
    assert set(spelled) == {"mbpp-601", "mbpp-927"}  # their inputs are objects of classes of the program or the setup
    assert spelled["mbpp-927"] == ["max_height(root)", "max_height(root1)", "max_height(root2)"]


def behaved(*outputs, verdict="pass"):
    errors = tuple("ValueError: no" if output is None else None for output in outputs)
    return Behaviour(outputs=outputs, errors=errors, verdict=verdict, detail="", level=1)


def test_equal_outputs_are_equal_answers():
    a, b, c = answers([behaved("1", "2"), behaved("1", "2"), behaved("1", "3")])
    assert a == b != c
    assert a.startswith("1; 2 #")


def test_an_exception_is_an_output_and_nothing_but_exceptions_is_no_answer():
    a, b, c, d = answers([behaved("1", None), behaved("1", None), behaved("1", "2"), behaved("2", "2")])
    assert a == b
    assert len({a, c, d}) == 3
    assert answers([behaved(None, None), behaved("1", "2")])[0] is None


def test_an_input_that_most_programs_refuse_does_not_count():
    a, b, c, d = answers([behaved("1", None), behaved("1", None), behaved("1", "0"), behaved("2", None)])
    assert a == b == c != d
    *_, e = answers([behaved("1", None), behaved("1", None), behaved("1", None), behaved(None, "5")])
    assert e is None


def test_what_the_sandbox_failed_at_has_no_answer():
    a, b, c = answers([behaved("1"), behaved("1", verdict="sandbox_error"), None])
    assert a is not None
    assert (b, c) == (None, None)


def test_changed_arguments_count_only_where_nothing_is_returned():
    a, b = answers([behaved("[1]; argument 0 becomes [1]"), behaved("[1]")])
    assert a == b
    a, b = answers([behaved("None; argument 0 becomes [1]"), behaved("None; argument 0 becomes [2]")])
    assert a != b


def test_answers_do_not_depend_on_the_order():
    found = [behaved("1", None), behaved("1", "2"), behaved(None, "2"), behaved("4", "5")]
    assert answers(found[::-1])[::-1] == answers(found)
