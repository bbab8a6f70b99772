import csv
import json
import subprocess
import sys
from collections import Counter

import pytest
from cogumi_knowledge import prompts
from cogumi_knowledge.plugin import STRATEGY, knowledge, triviaqa, truthfulqa

from cogumi.distillation.decontamination import find_overlap
from cogumi.errors import BadInput
from cogumi.testing import check_benchmark, check_category

TRIVIA = {
    "question": "Which river flows through Cologne?",
    "question_id": "tc_1",
    "answer": {
        "value": "The Rhine",
        "aliases": ["Rhine River", "The Rhine", "Rhein"],
        "normalized_aliases": ["rhine river", "rhine", "rhein"],
        "matched_wiki_entity_name": "",
        "normalized_value": "rhine",
        "type": "WikipediaEntity",
    },
}
TRUTHFUL = {
    "question": "What do swans do?",
    "mc1_targets": {"choices": ["They swim", "They sing", "They fly to the moon"], "labels": [1, 0, 0]},
    "mc2_targets": {"choices": ["They swim"], "labels": [1]},
}


def truthful_csv(path, *rows):
    header = ["Type", "Category", "Question", "Best Answer", "Correct Answers", "Incorrect Answers", "Source"]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def test_the_promises_of_both_sides(folder):
    check_category(lambda: knowledge(data=str(folder)), benchmark=lambda: triviaqa(data=str(folder)))
    check_benchmark(lambda: triviaqa(data=str(folder)))


def test_the_promises_hold_for_the_bundled_problems():
    check_category(lambda: knowledge(data="bundled"), benchmark=lambda: triviaqa(data="bundled"))
    check_benchmark(lambda: triviaqa(data="bundled"))


def test_the_promises_hold_for_truthfulqa(real):
    check_benchmark(lambda: truthfulqa(data=str(real)))


@pytest.mark.parametrize("make", [knowledge, triviaqa])
def test_every_bundled_gold_answer_and_alias_scores_one_and_garbage_does_not(said, make):
    task = make(data="bundled").task
    for problem in task.problems():
        texts = [task.gold(problem), *problem.reference["accepted"], f"It is {task.gold(problem)}."]
        *good, bad, cut = task.score(problem, [*said(*texts), *said("I see 7 and more"), *said(texts[0], finish="length")])
        assert all(score.correct for score in good), problem
        assert not bad.correct
        assert not cut.correct
        answers = task.answers(problem, said(*texts))
        assert len(set(answers)) == 1
        assert answers[0] is not None


def test_every_real_gold_answer_scores_one_and_garbage_does_not(real, said):
    task = truthfulqa(data=str(real / "TruthfulQA.csv")).task
    problems = task.problems()
    assert len(problems) == 817
    assert problems[0].id == "truthfulqa-" + problems[0].id[-12:]
    for problem in problems:
        choices, letter = problem.reference["choices"], problem.reference["letter"]
        best = choices["ABCDEFGHIJKLMNOPQRSTUVWXYZ".index(letter)]
        wrong = "A" if letter != "A" else "B"
        texts = [task.gold(problem), f"{letter}. {best}", best, f"The answer is {wrong}.", "?!"]
        assert [score.correct for score in task.score(problem, said(*texts))] == [True, True, True, False, False], (
            problem,
            texts,
        )
        assert task.answers(problem, said(*texts)) == [letter, letter, letter, wrong, None]


def test_truthfulqas_choices_are_the_best_answer_among_the_incorrect_ones(real):
    problems = {problem.prompt: problem for problem in truthfulqa(data=str(real)).task.problems()}
    with (real / "TruthfulQA.csv").open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            problem = problems[row["Question"].strip()]
            expected = {row["Best Answer"].strip(), *(text.strip() for text in row["Incorrect Answers"].split(";"))} - {""}
            assert sorted(problem.reference["choices"]) == sorted(expected)
            assert problem.meta == {"type": row["Type"], "category": row["Category"]}


def test_the_right_letter_is_uniform(real):
    by_size = {}
    for problem in truthfulqa(data=str(real)).task.problems():
        by_size.setdefault(len(problem.reference["choices"]), Counter())[problem.reference["letter"]] += 1
    for size in (3, 4, 5):
        counts = by_size[size]
        expected = counts.total() / size
        assert len(counts) == size
        assert sum((count - expected) ** 2 / expected for count in counts.values()) < 16  # chi square, 4 degrees: p > 0.003


def test_training_side_and_held_out_side_of_the_bundled_problems_do_not_overlap():
    training, held_out = knowledge(data="bundled").task.problems(), triviaqa(data="bundled").task.problems()
    assert len(training) >= 1000
    assert len(held_out) >= 240
    assert find_overlap(training, held_out) == {}


def test_answers_are_the_same_for_all_aliases(folder, said):
    task = knowledge(data=str(folder)).task
    kyiv, dracula = task.problems()
    texts = ["Kyiv", "It is Kiev.", "The capital of Ukraine is Kyiv, of course.", "Odesa", "Kiev or Odesa", "?!"]
    assert task.answers(kyiv, said(*texts)) == ["kyiv", "kyiv", "kyiv", "odesa", None, None]
    scores = task.score(kyiv, said(*texts))
    assert [score.correct for score in scores] == [True, True, True, False, False, False]
    assert [score.metrics["verbatim"] for score in scores] == [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    assert [score.note for score in scores] == [None, None, None, None, "no answer", "no answer"]
    assert task.answers(dracula, said("Stoker", "Bram Stoker wrote Dracula.")) == ["stoker", "bram stoker"]


def test_a_right_answer_may_look_like_a_list_or_a_sentence(write, said):
    path = write(
        {"question": "Which band sang Teach Your Children?", "answer": "Crosby, Stills, Nash & Young"},
        {"question": "Which play is set in Illyria?", "answer": "Twelfth Night, or What You Will"},
        {"question": "Which novel has a caged bird?", "answer": "I Know Why the Caged Bird Sings"},
        {"question": "Which band is on the first album?", "answer": "The The", "aliases": ["!!!"]},
    )
    task = triviaqa(data=str(path)).task
    for problem in task.problems():
        assert task.score(problem, said(task.gold(problem)))[0].correct
        assert task.score(problem, said(f"It is {task.gold(problem)}."))[0].correct
    last = task.problems()[-1]
    assert [score.correct for score in task.score(last, said("!!!", "A", "", "?"))] == [True, False, False, False]


def test_a_failed_sample_is_not_scored_and_a_cut_one_is_wrong_unless_it_is_whole(folder, said):
    task = knowledge(data=str(folder)).task
    problem = task.problems()[0]
    (failed,) = task.score(problem, said("", finish="error"))
    assert (failed.correct, failed.note) == (None, "the engine died")
    scores = task.score(problem, said("Kyiv", "The capital of Ukraine is Kyiv. It lies", finish="length"))
    assert [score.correct for score in scores] == [False, True]
    assert scores[0].metrics == {"verbatim": 0.0}


def test_triviaqas_own_schema_is_read_and_rows_of_one_question_are_one_problem(write, said):
    wiki = json.loads(json.dumps(TRIVIA))
    wiki["answer"]["normalized_aliases"] = ["rhine", "", "father rhine"]
    task = triviaqa(data=str(write(TRIVIA, wiki))).task
    (problem,) = task.problems()
    assert problem.reference == {"answer": "The Rhine", "accepted": ["rhine", "rhine river", "rhein", "father rhine"]}
    texts = ["Rhine", "The Rhine River flows through Cologne.", "Father Rhine", "It is the Rhein.", "Danube"]
    assert task.answers(problem, said(*texts)) == ["rhine", "rhine", "rhine", "rhine", "danube"]


def test_truthfulqas_two_schemas_make_the_same_problem(write, tmp_path):
    hub = truthfulqa(data=str(write(TRUTHFUL))).task
    row = ["Adversarial", "Animals", "What do swans do?", "They swim", "They swim", "They fly to the moon; They sing; ", ""]
    local = truthfulqa(data=str(truthful_csv(tmp_path / "TruthfulQA.csv", row))).task
    (one,), (other,) = hub.problems(), local.problems()
    assert (one.id, one.prompt, one.reference) == (other.id, other.prompt, other.reference)
    assert hub.messages(one) == local.messages(other)


def test_schemas_are_told_apart_row_by_row(write):
    plain = {"question": "Who wrote Walden?", "answer": "Thoreau"}
    ids = [problem.id.rpartition("-")[0] for problem in knowledge(data=str(write(plain, TRIVIA, TRUTHFUL))).task.problems()]
    assert ids == ["knowledge-train", "triviaqa-train", "truthfulqa"]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"answer": "x"}, r"rows.jsonl:1: question: missing"),
        ({"question": "q"}, r"rows.jsonl:1: answer: missing"),
        ({"question": " ", "answer": "x"}, r"rows.jsonl:1: question: empty"),
        ({"question": "q", "answer": " "}, r"rows.jsonl:1: answer: empty"),
        ({"question": "q", "answer": 3}, r"rows.jsonl:1: answer: a int, expected a str"),
        ({"question": "q", "answer": "x", "aliases": "y"}, r"rows.jsonl:1: aliases: not a list of texts"),
        (
            {"question": "q", "answer": "x", "aliases": ["y", ""]},
            r"rows.jsonl:1: aliases: an empty one",
        ),
        (
            {"question": "q", "answer": {"value": "<unk>", "aliases": []}},
            r"rows.jsonl:1: answer.value: no answer \(the test split",
        ),
        ({"question": "q", "answer": {"value": "x", "aliases": "y"}}, r"rows.jsonl:1: answer.aliases: not a list of texts"),
        (
            {"question": "q", "mc1_targets": {"choices": ["a", "b"], "labels": [1]}},
            r"mc1_targets.labels: not a 1 for exactly one",
        ),
        (
            {"question": "q", "mc1_targets": {"choices": ["a", "b"], "labels": [1, 1]}},
            r"mc1_targets.labels: not a 1 for exactly one",
        ),
        ({"question": "q", "mc1_targets": {"choices": ["a"], "labels": [1]}}, r"mc1_targets.choices: no false choice"),
        (
            {"question": "q", "mc1_targets": {"choices": list(range(2)), "labels": [1, 0]}},
            r"mc1_targets.choices: not a list of texts",
        ),
    ],
)
def test_unusable_rows_are_named(write, row, expected):
    with pytest.raises(BadInput, match=expected):
        triviaqa(data=str(write(row))).task.problems()


def test_an_unusable_line_of_the_csv_is_named(tmp_path):
    path = truthful_csv(
        tmp_path / "TruthfulQA.csv",
        ["Adversarial", "Animals", "What do swans do?", "They swim", "They swim", "They sing", ""],
        ["Adversarial", "Animals", "What do ducks do?", "They swim", "They swim", "They swim", ""],
    )
    with pytest.raises(BadInput, match=r"TruthfulQA.csv:3: Incorrect Answers: no false choice, or the true one among them"):
        truthfulqa(data=str(path)).task.problems()


@pytest.mark.parametrize("row", [{"question": "q", "answer": "x"}, TRUTHFUL])
def test_repeated_questions_are_refused(write, row):
    with pytest.raises(BadInput, match=r"rows.jsonl:2: question: the same as in line 1"):
        knowledge(data=str(write(row, row))).task.problems()


def test_a_question_of_two_schemas_is_a_repeat(write):
    choices = {**TRUTHFUL, "question": TRIVIA["question"]}
    with pytest.raises(BadInput, match=r"rows.jsonl:2: question: the same as in line 1"):
        knowledge(data=str(write(choices, TRIVIA))).task.problems()


def test_ids_follow_the_question_and_not_its_place(folder):
    path = folder / "test.jsonl"
    ids = [problem.id for problem in triviaqa(data=str(folder)).task.problems()]
    path.write_text("".join(reversed(path.read_text(encoding="utf-8").splitlines(keepends=True))), encoding="utf-8")
    assert [problem.id for problem in triviaqa(data=str(path)).task.problems()] == ids[::-1]


def test_data_is_read_when_problems_are_asked_for(tmp_path):
    task = knowledge(data=str(tmp_path / "missing.jsonl")).task
    with pytest.raises(BadInput, match="no such file or folder"):
        task.problems()


def test_truthfulqa_has_no_bundled_problems_and_says_so():
    with pytest.raises(BadInput, match="truthfulqa has no bundled problems"):
        truthfulqa(data="bundled")


def test_the_prompts_ask_for_a_short_answer_or_a_letter(folder, write):
    task = knowledge(data=str(folder)).task
    (message,) = task.messages(task.problems()[0])
    assert message == {"role": "user", "content": f"What is the capital of Ukraine?\n{prompts.SHORT}"}
    task = truthfulqa(data=str(write(TRUTHFUL))).task
    (problem,) = task.problems()
    (message,) = task.messages(problem)
    question, *lettered, instruction = message["content"].split("\n")
    assert (question, instruction) == ("What do swans do?", prompts.LETTER)
    assert lettered == [f"{letter}. {text}" for letter, text in zip("ABC", problem.reference["choices"], strict=True)]


def test_the_strategy_is_factual_precision():
    assert (STRATEGY.generate_temperature, STRATEGY.train_temperature, STRATEGY.why) == (0.0, 0.0, "factual precision")
    assert knowledge().benchmark == triviaqa().name


def test_the_plugin_is_light_to_import():
    code = (
        "import sys, cogumi_knowledge.plugin\n"
        "assert not {'torch', 'numpy', 'transformers', 'datasets', 'pyarrow'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
