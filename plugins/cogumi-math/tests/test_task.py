import json
import os
import random
import re
import subprocess
import sys

import pytest
from cogumi_math import prompts
from cogumi_math.equivalence import Equivalence
from cogumi_math.extract import final_answer
from cogumi_math.plugin import gsm8k, math
from cogumi_math.symbolic import Formulas

from cogumi.errors import BadInput
from cogumi.testing import check_benchmark, check_category

FIRST = {"train": "gsm8k-train-73429d562982", "test": "gsm8k-test-2b2e3f9639f6"}


def test_the_promises_of_both_sides(folder):
    check_category(lambda: math(data=str(folder)), benchmark=lambda: gsm8k(data=str(folder)))
    check_benchmark(lambda: gsm8k(data=str(folder), shots=8))


def test_the_promises_hold_for_the_bundled_problems():
    check_category(lambda: math(data="bundled"), benchmark=lambda: gsm8k(data="bundled"))
    check_benchmark(lambda: gsm8k(data="bundled"))


@pytest.mark.parametrize(("make", "side", "count"), [(math, "train", 7473), (gsm8k, "test", 1319)])
def test_every_real_gold_answer_scores_one_and_garbage_does_not(real, said, make, side, count):
    task = make(data=str(real)).task
    problems = task.problems()
    assert len(problems) == count
    assert problems[0].id == FIRST[side]
    for problem in problems:
        good, bad = task.score(problem, said(problem.reference, "I see 7 and 0.123"))
        assert (good.correct, good.metrics) == (True, {"lm_eval_strict": 1.0, "lm_eval_flexible": 1.0})
        assert not bad.correct
        assert sum(bad.metrics.values()) == 0
    assert task._equivalence._formulas._worker is None


@pytest.mark.parametrize("make", [math, gsm8k])
def test_every_bundled_gold_answer_scores_one(said, make):
    task = make(data="bundled").task
    for problem in task.problems():
        (score,) = task.score(problem, said(problem.reference))
        assert (score.correct, score.metrics) == (True, {"lm_eval_strict": 1.0, "lm_eval_flexible": 1.0})


def test_ids_follow_the_question_and_not_its_place(folder):
    path = folder / "train.jsonl"
    ids = [p.id for p in math(data=str(folder)).task.problems()]
    path.write_text("".join(reversed(path.read_text(encoding="utf-8").splitlines(keepends=True))), encoding="utf-8")
    assert [p.id for p in math(data=str(path)).task.problems()] == ids[::-1]


def test_a_folder_holds_both_sides_and_a_file_is_the_side_itself(folder):
    assert len(math(data=str(folder)).task.problems()) == 2
    assert len(gsm8k(data=str(folder)).task.problems()) == 4
    assert len(math(data=str(folder / "test.jsonl")).task.problems()) == 4


def test_data_is_read_when_problems_are_asked_for(tmp_path):
    task = math(data=str(tmp_path / "missing.jsonl")).task
    with pytest.raises(BadInput, match="no such file or folder"):
        task.problems()


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"question": "q"}, r"rows.jsonl:1: answer: missing"),
        ({"question": 3, "answer": "#### 1"}, r"rows.jsonl:1: question: a int, expected a str"),
        ({"question": " ", "answer": "#### 1"}, r"rows.jsonl:1: question: empty"),
        ({"question": "q", "answer": "18"}, r"rows.jsonl:1: answer: no final answer"),
        ({"question": "q", "answer": "It is 18.\n#### "}, r"rows.jsonl:1: answer: no final answer"),
        ({"question": "q", "answer": "#### nobody can know"}, r"rows.jsonl:1: answer: no final answer"),
    ],
)
def test_unusable_rows_are_named(tmp_path, row, expected):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row) + "\n")
    with pytest.raises(BadInput, match=expected):
        gsm8k(data=str(path)).task.problems()


def test_repeated_questions_are_refused(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text((json.dumps({"question": "q", "answer": "#### 1"}) + "\n") * 2)
    with pytest.raises(BadInput, match="the same as in line 1"):
        math(data=str(path)).task.problems()


def test_only_zero_and_eight_shots_are_offered(folder):
    with pytest.raises(BadInput, match="shots: 5 shots are not offered"):
        gsm8k(data=str(folder), shots=5)


def test_the_zero_shot_prompt_is_the_question_and_the_instruction(folder):
    task = math(data=str(folder)).task
    problem = task.problems()[0]
    expected = 'How many are left?\nThink step by step and end with "#### N", N being the answer.'
    (message,) = task.messages(problem)
    assert message["role"] == "user"
    assert message["content"].endswith(expected)


def test_the_eight_shot_prompt_shows_eight_worked_answers_in_the_same_form(folder):
    task = gsm8k(data=str(folder), shots=8).task
    messages = task.messages(task.problems()[0])
    assert [m["role"] for m in messages] == ["user", "assistant"] * 8 + ["user"]
    assert all(m["content"].endswith(prompts.INSTRUCTION) for m in messages[::2])


def test_the_exemplars_calculate_right():
    for _, worked in prompts.EXEMPLARS:
        sums = [part for line in worked.splitlines() for part in equations(line)]
        assert sums
        assert final_answer(worked).text == worked.rpartition("#### ")[2]
        for left, right in sums:
            assert eval(left) == float(right), worked


def equations(line):
    return re.findall(r"((?:\d+ [-+*/] )+\d+) = \$?(\d+(?:\.\d+)?)", line)


def test_the_exemplars_are_in_no_dataset(real):
    for side in ("train", "test"):
        questions = (real / f"{side}.jsonl").read_text(encoding="utf-8")
        assert not [asked for asked, _ in prompts.EXEMPLARS if asked[:40] in questions]


def test_scores_and_answers_say_the_same(folder, said):
    task = gsm8k(data=str(folder)).task
    desk, half, root, share = task.problems()
    assert [s.correct for s in task.score(desk, said("#### $1,800.00", "\\boxed{1800}", "#### 18", "well"))] == [
        True,
        True,
        False,
        False,
    ]
    assert [s.correct for s in task.score(half, said("#### 1/14", "It is 2/28", "#### 0.07"))] == [True, True, False]
    assert [s.correct for s in task.score(root, said("#### \\sqrt{8}", "#### 2", "#### 2.83"))] == [True, False, False]
    assert [s.correct for s in task.score(share, said("#### 50%", "#### 1/2", "#### 50"))] == [True, True, False]
    assert task.answers(desk, said("#### $1,800.00", "\\boxed{1800}", "hm", "#### 18")) == ["1800", "1800", None, "18"]


def test_a_cut_completion_without_a_stated_answer_is_wrong_and_says_why(folder, said):
    task = gsm8k(data=str(folder)).task
    desk = task.problems()[0]
    (score,) = task.score(desk, said("2*900 = 1800", finish="length"))
    assert (score.correct, score.note) == (False, "no answer")
    assert score.metrics["lm_eval_flexible"] == 1.0
    assert task.answers(desk, said("2*900 = 1800", finish="length")) == [None]


def test_a_failed_sample_is_not_scored(folder, said):
    task = gsm8k(data=str(folder)).task
    (score,) = task.score(task.problems()[0], said("", finish="error"))
    assert (score.correct, dict(score.metrics), score.note) == (None, {}, "the engine died")


def test_what_could_not_be_compared_is_not_scored_and_says_why(folder, said):
    task = gsm8k(data=str(folder)).task
    desk, _, root, _ = task.problems()
    hostile = said("#### 10^{10^{9}}", "so #### x+1")
    task._equivalence = Equivalence(Formulas(seconds=0.5))
    assert [(s.correct, s.note) for s in task.score(root, hostile)] == [(None, "could not be compared in time"), (False, None)]
    assert [(s.correct, s.note) for s in task.score(desk, hostile)] == [(False, None), (False, None)]
    assert task.score(root, hostile)[0].metrics == {"lm_eval_strict": 0.0, "lm_eval_flexible": 0.0}


def test_a_random_order_of_completions_gives_the_same_answers(folder, said):
    task = gsm8k(data=str(folder)).task
    texts = ["#### \\sqrt{8}", "#### 2\\sqrt{2}", "#### 8", "#### x", "It is 2.83"]
    problem = task.problems()[2]
    expected = dict(zip(texts, task.answers(problem, said(*texts)), strict=True))
    random.Random(1).shuffle(texts)
    assert task.answers(problem, said(*texts)) == [expected[t] for t in texts]


def test_the_plugin_is_light_to_import_and_leaves_no_process():
    code = (
        "import sys, cogumi_math.plugin\n"
        "assert not {'torch', 'numpy', 'transformers', 'datasets', 'sympy', 'math_verify'} & set(sys.modules)\n"
        "from cogumi_math.symbolic import Formulas\n"
        "kept = Formulas()\n"
        "assert kept.equal('x+1', '1+x')\n"
        "print(kept._worker._process.pid)\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    with pytest.raises(ProcessLookupError):
        os.kill(int(done.stdout), 0)
