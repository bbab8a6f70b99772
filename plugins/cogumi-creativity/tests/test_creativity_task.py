import json
import subprocess
import sys

import pytest
from cogumi_creativity.medoid import medoid
from cogumi_creativity.plugin import creativity, writing
from cogumi_creativity.prompts import INSTRUCTION

from cogumi.errors import BadInput
from cogumi.protocols import Judged, ProblemMetrics
from cogumi.records import Ballot
from cogumi.testing import check_benchmark, check_category


def test_the_promises_of_both_sides(folder):
    check_category(lambda: creativity(data=str(folder)), benchmark=lambda: writing(data=str(folder)), open_ended=True)
    check_benchmark(lambda: writing(data=str(folder)), open_ended=True)


def test_the_promises_hold_for_the_bundled_prompts():
    check_category(lambda: creativity(data="bundled"), benchmark=lambda: writing(data="bundled"), open_ended=True)
    check_benchmark(lambda: writing(data="bundled"), open_ended=True)


def test_the_strategy_learns_several_texts_of_the_voters_by_soft_labels():
    category = creativity(data="bundled")
    strategy = category.strategy
    assert (strategy.generate_temperature, strategy.train_temperature, strategy.vote_temperature) == (0.7, 0.3, None)
    assert (strategy.target, strategy.targets, strategy.votes) == ("best-vote", 3, 10)
    assert (category.voter, category.benchmark) == ("medoid", "writing")


def test_the_task_measures_diversity_and_can_be_judged():
    task = writing(data="bundled").task
    assert isinstance(task, ProblemMetrics)
    assert isinstance(task, Judged)


def test_a_folder_holds_both_sides_and_a_file_is_the_side_itself(folder):
    assert [p.id for p in creativity(data=str(folder)).task.problems()] == ["writing-train-a7e3a5c5d152", "writing-train-snow"]
    assert [p.prompt for p in writing(data=str(folder)).task.problems()] == [
        "[ WP ] A clock runs backwards.",
        "Write a farewell.",
    ]
    assert [p.id for p in writing(data=str(folder / "train.jsonl")).task.problems()][1] == "writing-test-snow"


def test_a_prompt_with_several_stories_is_one_problem(tmp_path):
    path = tmp_path / "rows.jsonl"
    rows = [{"prompt": "Rain.", "story": "a"}, {"prompt": "Snow.", "story": "b"}, {"prompt": " rain. ", "story": "c"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [p.prompt for p in creativity(data=str(path)).task.problems()] == ["Rain.", "Snow."]


def test_data_is_read_when_problems_are_asked_for(tmp_path):
    task = creativity(data=str(tmp_path / "missing.jsonl")).task
    with pytest.raises(BadInput, match="no such file or folder"):
        task.problems()


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([{"story": "s"}], r"rows.jsonl:1: prompt: missing"),
        ([{"prompt": "p"}, {"prompt": 3}], r"rows.jsonl:2: prompt: a int, expected a str"),
        ([{"prompt": " "}], r"rows.jsonl:1: prompt: empty"),
        ([{"prompt": "p", "id": 3}], r"rows.jsonl:1: id: a int, expected a str"),
        ([{"prompt": "p", "id": "x"}, {"prompt": "q", "id": "x"}], r"rows.jsonl:2: id: the same as in line 1"),
    ],
)
def test_unusable_rows_are_named(tmp_path, rows, expected):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(BadInput, match=expected):
        writing(data=str(path)).task.problems()


def test_the_message_is_the_prompt_and_the_instruction(folder):
    task = writing(data=str(folder)).task
    (message,) = task.messages(task.problems()[1])
    assert message == {"role": "user", "content": f"Write a farewell.\n{INSTRUCTION}"}


def test_answers_are_texts_without_differences_of_case_and_blanks(folder, said):
    task = writing(data=str(folder)).task
    problem = task.problems()[0]
    texts = ["The Kite\n waits. ", "the kite waits.", "the kite waits", "Cafe\u0301", "caf\u00e9", "", " \n", "...", "\ud800 a"]
    found = task.answers(problem, said(*texts))
    assert found == ["the kite waits."] * 2 + ["the kite waits"] + ["caf\u00e9"] * 2 + [None] * 3 + ["\ud800 a"]
    assert task.answers(problem, [*said("Once upon a", finish="length"), *said("", finish="error")]) == [None, None]


def test_nothing_is_right_or_wrong(folder, said):
    task = writing(data=str(folder)).task
    scores = task.score(task.problems()[0], [*said("a text", ""), *said("", finish="error")])
    assert [score.correct for score in scores] == [None, None, None]
    assert [score.note for score in scores] == [None, None, "the engine died"]


def test_figures_of_a_problem_leave_out_what_is_no_text_and_keep_what_was_cut(folder, said):
    task = writing(data=str(folder)).task
    problem = task.problems()[0]
    drawn = [*said("The kite waits", ""), *said("the kite sleeps", finish="length"), *said("", finish="error")]
    figures = task.problem_metrics(problem, drawn, task.score(problem, drawn))
    assert (figures["distinct_1"], figures["distinct_2"]) == (4 / 6, 3 / 6)
    assert set(figures) == {"consensus", "distinct_1", "distinct_2", "self_bleu"}
    assert task.problem_metrics(problem, said("", " "), task.score(problem, said("", " "))) == {"consensus": 0.0}


def test_the_consensus_figure_is_the_medoids_agreement(folder, said):
    task = writing(data=str(folder)).task
    problem = task.problems()[0]
    drawn = [*said("The kite waits here", "the kite  waits there", "the kites wait there"), *said("cut", finish="length")]
    vote = medoid().vote(problem, [Ballot(answer=answer) for answer in task.answers(problem, drawn)])
    assert vote.winner == "the kite waits there"
    assert task.problem_metrics(problem, drawn, task.score(problem, drawn))["consensus"] == vote.agreement > 0.5


def test_the_plugin_is_light_to_import():
    code = (
        "import sys, cogumi_creativity.plugin\n"
        "assert not {'torch', 'numpy', 'transformers', 'datasets', 'sacrebleu', 'rapidfuzz', 'nltk'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
