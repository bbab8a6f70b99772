"""Whatever can be found wrong before a model is loaded."""

import json
import os
import subprocess
import sys

import pytest
from cogumi_lm_eval.plugin import lm_eval

from cogumi.errors import BadInput


def refusal(**options):
    with pytest.raises(BadInput) as caught:
        lm_eval(**options).check()
    return str(caught.value)


def test_good_settings_pass(mmlu):
    lm_eval(task="mmlu_anatomy", data=str(mmlu)).check()
    lm_eval(task="mmlu_anatomy", data=str(mmlu), shots=5, metric="acc").check()
    lm_eval(task="mmlu_anatomy", data=str(mmlu), shots=2, apply_chat_template=True).check()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"metric": "accuracy"}, "metric: the items of 'mmlu_anatomy' have no metric called 'accuracy' (did you mean acc?)"),
        ({"shots": -1}, "shots: -1 is not possible"),
        ({"shots": 6}, "exceeds the 5 that are available"),
        ({"batch_size": 0}, "batch_size: 0 is not possible"),
        ({"max_gen_toks": 0}, "max_gen_toks: 0 is not possible"),
        ({"data": "bundled"}, "data: lm-eval's tasks come without data (--data lm-eval=hub, or --data lm-eval=PATH)"),
        ({"data": "nowhere"}, "nowhere: data: no such file or folder"),
    ],
)
def test_unusable_settings_are_named(mmlu, options, expected):
    assert expected in refusal(**{"task": "mmlu_anatomy", "data": str(mmlu), **options})


def test_examples_that_a_task_would_leave_out_are_refused(mmlu):
    assert "'ifeval' is defined without worked examples" in refusal(task="ifeval", data=str(mmlu), shots=2)


def test_a_metric_of_all_items_together_is_none(rows, tmp_path):
    data = rows(tmp_path / "validation.jsonl", [{"sentence": "Birds sings.", "label": 0, "idx": 0}])
    assert "task: 'cola' has no metric of single items, only of all together" in refusal(task="cola", data=str(data))


@pytest.mark.parametrize("task", ["humaneval", "mbpp", "humaneval_infilling"])
def test_tasks_that_execute_what_the_model_wrote_are_refused_whatever_is_trusted(task):
    for trusted in (False, True):
        problem = refusal(task=task, trust_task_code=trusted)
        assert "executes what the model wrote, without a sandbox (use the benchmark humaneval of cogumi-code" in problem


def test_a_metric_whose_code_is_on_the_hub_is_refused():
    assert "executes the code of the metric 'f1' on the hub" in refusal(task="polemo2_in")
    assert "executes the code of the metric 'wer' on the hub" in refusal(task="wmt-ro-en-t5-prompt")


def test_a_task_written_in_python_takes_no_local_data(mmlu):
    assert "'squadv2' is written in Python and reads the hub alone" in refusal(task="squadv2", data=str(mmlu))


OWN = (
    "task: mine\noutput_type: multiple_choice\ntest_split: test\ndoc_to_text: !function hidden.prompt\ndoc_to_choice: choices\n"
)


def test_a_file_of_ones_own_executes_nothing_unasked(mmlu, tmp_path):
    (tmp_path / "mine.yaml").write_text(OWN + "doc_to_target: answer\n")
    (tmp_path / "hidden.py").write_text(
        "from pathlib import Path\nPath(__file__).with_name('ran').touch()\ndef prompt(doc): return 'x'\n"
    )
    options = {"task": str(tmp_path / "mine.yaml"), "data": str(mmlu / "test.jsonl")}
    assert "mine.yaml: task: a task file of one's own may execute any code" in refusal(**options)
    assert not (tmp_path / "ran").exists()
    lm_eval(**options, trust_task_code=True).check()
    assert (tmp_path / "ran").exists()


def test_a_file_that_is_no_task_is_refused(tmp_path):
    (tmp_path / "list.yaml").write_text("- 1\n")
    assert "mine.yaml: no such file" in refusal(task=str(tmp_path / "mine.yaml"))
    assert "list.yaml: not a task of lm-eval" in refusal(task=str(tmp_path / "list.yaml"))


def test_the_splits_a_task_reads_must_be_there(mmlu, rows):
    (mmlu / "dev.jsonl").unlink()
    lm_eval(task="mmlu_anatomy", data=str(mmlu)).check()
    assert "no file of the split dev, which 3 worked examples come from" in refusal(
        task="mmlu_anatomy", data=str(mmlu), shots=3
    )
    assert "no file of the split dev" in refusal(task="mmlu_anatomy", data=str(mmlu / "test.jsonl"), shots=1)
    (mmlu / "test.jsonl").rename(mmlu / "held_out.jsonl")
    assert "data: no file of the split test (call it test.jsonl)" in refusal(task="mmlu_anatomy", data=str(mmlu))


def test_a_subject_that_is_not_there_is_named(mmlu):
    assert "test.jsonl: subject: no row is of the subject 'virology'" in refusal(task="mmlu_virology", data=str(mmlu))
    assert "no row is of the subject" in refusal(task="mmlu_stem", data=str(mmlu))


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        ('{"question": "q", "choices": ["1", "2", "3", "4"]}', "test.jsonl:2: answer: missing"),
        ('{"question": "q", "choices": "1234", "answer": 1}', "test.jsonl:2: choices: a str, expected a list"),
        ('{"question": "q", "choices": ["1", "2", "3", "4"], "answer": "1"}', "test.jsonl:2: answer: a str, expected a number"),
        ("[]", "test.jsonl:2: not a JSON object"),
        ('{"question": "q", "ch', "test.jsonl:2: torn line"),
    ],
)
def test_unusable_rows_are_named(tmp_path, bad, expected):
    good = json.dumps({"question": "q", "choices": ["1", "2", "3", "4"], "answer": 1})
    (tmp_path / "test.jsonl").write_text(f"{good}\n{bad}" + "\n" * (not bad.endswith("ch")))
    assert expected in refusal(task="mmlu_anatomy", data=str(tmp_path))


def test_rows_of_another_schema_are_refused_in_the_tasks_own_words(rows, tmp_path):
    data = rows(tmp_path / "test.jsonl", [{"question": "q", "solution": "4"}])
    assert f"{data}: data: 'mmlu_anatomy' cannot use these rows" in refusal(task="mmlu_anatomy", data=str(data))
    (tmp_path / "empty.jsonl").write_text("")
    assert "empty.jsonl: no rows" in refusal(task="mmlu_anatomy", data=str(tmp_path / "empty.jsonl"))


@pytest.mark.parametrize("task", ["mmlu", "squadv2"])
def test_without_the_hub_the_task_is_refused_and_nothing_is_tried_again(task, tmp_path):
    code = f"from cogumi_lm_eval.plugin import lm_eval\nlm_eval(task={task!r}).check()"
    environment = {**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    last = done.stderr.strip().splitlines()[-1]
    assert "BadInput" in last
    assert "cannot be loaded from the hub" in last
    assert "(connect, or give local data: --data lm-eval=PATH)" in last
    assert "Retrying" not in done.stderr


@pytest.mark.parametrize(
    ("text", "whole"), [("7", True), ("9" * 18, True), ("9" * 19, False), ("9" * 5_000, False), ("-", False)]
)
def test_only_numbers_that_a_table_holds_are_numbers(text, whole):
    from cogumi_lm_eval.local import _typed

    from cogumi.data import Row

    (row,) = _typed([Row(value={"n": text}, file="x.csv", line=2)])
    assert row.value["n"] == (int(text) if whole else text)
