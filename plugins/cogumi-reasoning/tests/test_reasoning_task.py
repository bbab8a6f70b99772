import json
import re
import subprocess
import sys

import pytest
from cogumi_reasoning.breakdown import DOMAINS, by_subject
from cogumi_reasoning.plugin import mmlu, reasoning
from cogumi_reasoning.prompts import INSTRUCTION, LETTERS

from cogumi.errors import BadInput
from cogumi.protocols import ArtifactWriter
from cogumi.testing import check_benchmark, check_category


def test_the_promises_of_both_sides(folder):
    check_category(lambda: reasoning(data=str(folder)), benchmark=lambda: mmlu(data=str(folder)))
    check_benchmark(lambda: mmlu(data=str(folder), shots=5))


@pytest.mark.parametrize("shots", [0, 5])
def test_the_promises_hold_for_the_bundled_problems(shots):
    benchmark = lambda: mmlu(data="bundled", shots=shots)  # noqa: E731
    check_category(lambda: reasoning(data="bundled", shots=shots), benchmark=benchmark)
    check_benchmark(benchmark)


@pytest.mark.parametrize("shots", [0, 5])
def test_every_real_gold_answer_scores_one_and_garbage_does_not(real, said, shots):
    task = mmlu(data=str(real), shots=shots).task
    problems = task.problems()
    assert len({problem.id for problem in problems}) == len(problems) == 14_042
    assert len({problem.meta["subject"] for problem in problems}) == 57
    for problem in problems:
        good, bad, echo = task.score(
            problem, said(task.gold(problem), "I see no A here", task.messages(problem)[-1]["content"])
        )
        assert good.correct is True
        assert bad.correct is False
        assert echo.correct is False or "**" in problem.prompt


def test_every_worked_example_of_mmlu_is_a_problem_too(real, said):
    task = mmlu(data=str(real / "dev.jsonl")).task
    assert len(task.problems()) == 285
    for problem in task.problems():
        assert task.score(problem, said(task.gold(problem)))[0].correct is True


def test_real_choices_are_known_by_their_words(real, said):
    task = mmlu(data=str(real)).task
    asked = [problem for problem in task.problems() if len(set(problem.meta["choices"])) == 4]
    read = [task.score(p, said(f"The answer is {p.meta['choices'][LETTERS.index(p.reference)]}."))[0].correct for p in asked]
    assert sum(read) / len(read) > 0.999


@pytest.mark.parametrize("make", [reasoning, mmlu])
def test_every_bundled_gold_answer_scores_one(said, make):
    task = make(data="bundled").task
    for problem in task.problems():
        right = LETTERS.index(problem.reference)
        others = [f"The answer is {letter}." for letter in LETTERS if letter != problem.reference]
        words = f"The answer is {problem.meta['choices'][right]}."
        assert [s.correct for s in task.score(problem, said(task.gold(problem), words, *others))] == [True, True] + [False] * 3


def test_ids_are_of_subject_question_and_choices_and_repeats_have_a_number(folder):
    ids = [problem.id for problem in mmlu(data=str(folder)).task.problems()]
    assert len(set(ids)) == 4
    assert ids[3] == ids[1] + "-2"
    assert all(re.fullmatch(r"mmlu-test-[0-9a-f]{12}(-2)?", name) for name in ids)
    path = folder / "test.jsonl"
    path.write_text("".join(reversed(path.read_text(encoding="utf-8").splitlines(keepends=True))), encoding="utf-8")
    assert {problem.id for problem in mmlu(data=str(path)).task.problems()} == set(ids)


def test_rows_of_the_hubs_training_side_are_within_a_field(tmp_path, folder):
    path = tmp_path / "nested.jsonl"
    lines = (folder / "train.jsonl").read_text(encoding="utf-8").splitlines()
    path.write_text("".join(json.dumps({"train": json.loads(line)}) + "\n" for line in lines))
    assert reasoning(data=str(path)).task.problems() == reasoning(data=str(folder)).task.problems()


def test_parquet_in_the_hubs_own_layout_is_read(folder, tmp_path):
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    for side, place, nested in (
        ("train", "auxiliary_train/train", True),
        ("test", "all/test", False),
        ("dev", "all/dev", False),
    ):
        rows = [json.loads(line) for line in (folder / f"{side}.jsonl").read_text(encoding="utf-8").splitlines()]
        rows = [row | {"answer": "ABCD".find(str(row["answer"])) if row["answer"] == "D" else row["answer"]} for row in rows]
        path = tmp_path / "hub" / f"{place}-00000-of-00001.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        parquet.write_table(pyarrow.Table.from_pylist([{"train": row} for row in rows] if nested else rows), path)
    hub = str(tmp_path / "hub")
    assert reasoning(data=hub).task.problems() == reasoning(data=str(folder)).task.problems()
    assert mmlu(data=hub, shots=5).task.problems() == mmlu(data=str(folder), shots=5).task.problems()


def test_the_hub_is_asked_for_the_right_sides(monkeypatch, folder):
    from cogumi import data

    asked = []

    def rows(*address):
        asked.append(address)
        return iter(data.read_rows(folder / {"train": "train.jsonl"}.get(address[2], f"{address[2]}.jsonl")))

    monkeypatch.setattr(data, "_hub_rows", rows)
    assert len(reasoning().task.problems()) == 2
    assert len(mmlu(shots=5).task.problems()) == 4
    assert asked == [("cais/mmlu", "auxiliary_train", "train"), ("cais/mmlu", "all", "test"), ("cais/mmlu", "all", "dev")]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"question": None}, r"rows.jsonl:1: question: a NoneType, expected a str"),
        ({"question": " "}, r"rows.jsonl:1: question: empty"),
        ({"subject": 3}, r"rows.jsonl:1: subject: a int, expected a str"),
        ({"choices": "a, b, c, d"}, r"rows.jsonl:1: choices: a str, expected a list"),
        ({"choices": ["a", "b", "c"]}, r"rows.jsonl:1: choices: not four texts"),
        ({"choices": ["a", "b", "c", 4]}, r"rows.jsonl:1: choices: not four texts"),
        ({"answer": 4}, r"rows.jsonl:1: answer: neither 0 to 3 nor A to D"),
        ({"answer": True}, r"rows.jsonl:1: answer: neither 0 to 3 nor A to D"),
        ({"answer": "E"}, r"rows.jsonl:1: answer: neither 0 to 3 nor A to D"),
        ({"answer": ""}, r"rows.jsonl:1: answer: neither 0 to 3 nor A to D"),
    ],
)
def test_unusable_rows_are_named(tmp_path, change, expected):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"question": "q", "subject": "s", "choices": ["a", "b", "c", "d"], "answer": 1} | change) + "\n")
    with pytest.raises(BadInput, match=expected):
        mmlu(data=str(path)).task.problems()


def test_a_row_needs_no_subject(tmp_path, said):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"question": "q", "choices": ["a", "b", "c", "d"], "answer": "C"}) + "\n")
    task = mmlu(data=str(path)).task
    (problem,) = task.problems()
    assert problem.meta["subject"] == ""
    assert task.gold(problem) == "The answer is C."


def test_data_is_read_when_problems_are_asked_for(tmp_path):
    task = reasoning(data=str(tmp_path / "missing.jsonl")).task
    with pytest.raises(BadInput, match="no such file or folder"):
        task.problems()


def test_the_zero_shot_prompt_has_each_letter_right_before_its_choice(folder):
    task = mmlu(data=str(folder)).task
    (message,) = task.messages(task.problems()[0])
    assert message == {
        "role": "user",
        "content": 'Which is larger than 20?\nA. 12\nB. 19\nC. 7\nD. 21\nEnd with "The answer is" and its letter.',
    }


def test_the_five_shot_prompt_shows_five_examples_of_the_subject(folder):
    task = mmlu(data=str(folder), shots=5).task
    messages = task.messages(task.problems()[1])
    assert [m["role"] for m in messages] == ["user", "assistant"] * 5 + ["user"]
    first, *rest = [m["content"] for m in messages[::2]]
    assert first.startswith(
        "The following are multiple choice questions (with answers) about words.\n\nWhich one is 0?\nA. 0\n"
    )
    assert [text.partition("?")[0].split()[-1] for text in rest] == ["1", "2", "3", "4", "tool"]
    assert all(text.endswith("\nAnswer:") and INSTRUCTION not in text for text in [first, *rest])
    assert {m["content"] for m in messages[1::2]} == {"A"}


def test_a_problem_without_a_subject_is_shown_examples_of_several(folder):
    names = ("one", "two", "three", "four", "five", "six")
    rows = [
        {"question": f"Of {n}?", "subject": n, "choices": ["a", "b", "c", "d"], "answer": 0} for n in names for _ in range(5)
    ]
    (folder / "dev.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "train.jsonl").write_text(json.dumps(rows[0] | {"subject": "", "question": "And now?"}) + "\n")
    task = reasoning(data=str(folder / "train.jsonl"), shots=5).task
    messages = task.messages(task.problems()[0])
    assert messages[0]["content"].startswith("The following are multiple choice questions (with answers).\n\nOf one?")
    assert [m["content"].partition("?")[0].split()[-1] for m in messages[:-1:2]] == list(names[:5])


def test_five_shots_without_examples_are_refused_before_anything_is_asked(folder):
    (folder / "dev.jsonl").write_text((folder / "dev.jsonl").read_text().replace('"words"', '"other"'))
    with pytest.raises(BadInput, match="shots: fewer than 5 worked examples of the subject 'words'"):
        mmlu(data=str(folder), shots=5).task.problems()
    (folder / "dev.jsonl").unlink()
    with pytest.raises(BadInput, match=r"shots: the dev side, which has the worked examples: .*no dataset file in this folder"):
        mmlu(data=str(folder), shots=5).task.problems()
    assert mmlu(data=str(folder)).task.problems()


def test_only_zero_and_five_shots_are_offered():
    with pytest.raises(BadInput, match="shots: 8 shots are not offered"):
        reasoning(shots=8)


def test_the_strategy_is_the_one_of_the_table():
    strategy = reasoning().strategy
    assert (strategy.generate_temperature, strategy.train_temperature) == (0.1, 0.0)
    assert strategy.why == "slight diversity, deterministic training"
    assert strategy.min_agreement == 0.6
    assert strategy.max_tokens == mmlu().max_tokens == 256


def test_answers_and_scores_say_the_same(folder, said):
    task = mmlu(data=str(folder)).task
    saw = task.problems()[1]
    texts = said("The answer is A.", "(A)", "A saw", "The answer is B.", "A sock", "hm", "A sow")
    assert list(task.answers(saw, texts)) == ["A", "A", "A", "B", "B", None, None]
    assert [s.correct for s in task.score(saw, texts)] == [True, True, True, False, False, False, False]
    assert [s.note for s in task.score(saw, texts)][-2:] == ["no answer", "no answer"]
    assert list(task.answers(saw, said("The answer is A", finish="length"))) == [None]


def test_a_failed_sample_is_not_scored(folder, said):
    task = mmlu(data=str(folder)).task
    (score,) = task.score(task.problems()[0], said("", finish="error"))
    assert (score.correct, dict(score.metrics), score.note) == (None, {}, "the engine died")


def test_the_export_is_the_accuracy_of_each_subject_and_both_means(folder, said):
    task = mmlu(data=str(folder)).task
    assert isinstance(task, ArtifactWriter)
    number, first, second, third = task.problems()
    drawn = [
        (number, said("The answer is D.", "The answer is A.")),
        (first, said("The answer is A.", "A")),
        (second, said("The answer is C.", "nothing")),
        (third, said("", finish="error")),
    ]
    texts = task.export(drawn)
    assert texts == task.export(drawn)
    assert json.loads(texts["subjects.json"]) == {
        "macro_accuracy": 0.625,
        "micro_accuracy": pytest.approx(2 / 3),
        "problems": 3,
        "subjects": {"numbers": {"accuracy": 0.5, "n": 1}, "words": {"accuracy": 0.75, "n": 2}},
        "domains": {},
    }
    assert json.loads(task.export([])["subjects.json"])["macro_accuracy"] is None


def test_the_export_does_not_depend_on_the_order_of_problems():
    known = [("virology", 0.1), ("anatomy", 0.7), ("virology", 0.2), ("anatomy", 0.3), ("sociology", 1.0)]
    assert json.dumps(by_subject(known)) == json.dumps(by_subject(known[::-1]))
    assert by_subject(known)["domains"]["STEM"] == {"accuracy": 0.5, "n": 2}


def test_every_real_subject_has_a_domain(real):
    problems = mmlu(data=str(real)).task.problems()
    assert {problem.meta["subject"] for problem in problems} == set(DOMAINS)
    assert len(set(DOMAINS.values())) == 4


def test_domains_are_those_of_lm_eval():
    lm_eval = pytest.importorskip("lm_eval")
    from pathlib import Path

    found = {}
    for path in (Path(lm_eval.__file__).parent / "tasks" / "mmlu" / "default").glob("mmlu_*.yaml"):
        tag = re.search(r'"tag": "mmlu_(\w+?)_tasks"', path.read_text())
        if tag:
            found[path.stem.removeprefix("mmlu_")] = tag[1].replace("_", " ")
    assert {name: domain.lower() for name, domain in DOMAINS.items()} == {name: tag.lower() for name, tag in found.items()}


def test_the_plugin_is_light_to_import():
    code = (
        "import sys, cogumi_reasoning.plugin\n"
        "assert not {'torch', 'numpy', 'transformers', 'datasets', 'lm_eval'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
