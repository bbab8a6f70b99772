import json
import logging

import pytest
from cogumi_instruction.plugin import doctor, ifeval, instruction
from cogumi_instruction.task import Instructions

from cogumi.data import Source
from cogumi.errors import BadInput
from cogumi.protocols import ArtifactWriter
from cogumi.testing import check_benchmark, check_category

COMMA, TITLE, QUOTE = "punctuation:no_comma", "detectable_format:title", "startend:quotation"
ODD = ("", " \n\t", "\x00\x00", "\ud800 \udfff", "[" * 2000, "<<" * 2000, "*" * 2000, "p.s." * 500, '"', "𝟙½²³", "\u2028")


def test_the_promises_hold_for_the_bundled_problems():
    check_category(lambda: instruction(data="bundled"), benchmark=lambda: ifeval(data="bundled"))
    check_benchmark(lambda: ifeval(data="bundled"))


def test_the_promises_hold_for_the_real_ones(real):
    check_benchmark(lambda: ifeval(data=str(real)))
    check_category(lambda: instruction(data=str(real / "input_data.jsonl")))


def test_the_bundled_training_side_shares_nothing_with_the_real_prompts(real):
    check_category(lambda: instruction(data="bundled"), benchmark=lambda: ifeval(data=str(real)))


def test_ids_are_the_datasets_keys_and_the_prompt_is_asked_as_it_stands(real):
    task = ifeval(data=str(real)).task
    first = task.problems()[0]
    assert first.id == "ifeval-1000"
    assert first.prompt.startswith("Write a 300+ word summary")
    assert task.messages(first) == ({"role": "user", "content": first.prompt},)


def test_a_folder_holds_both_sides_and_a_file_is_the_side_itself(tmp_path, write, row):
    write(row(COMMA, {}), name="train.jsonl")
    file = write(row(COMMA, {}, key=2), row(TITLE, {}, key=3), name="test.jsonl")
    assert [p.id for p in instruction(data=str(tmp_path)).task.problems()] == ["instruction-1"]
    assert [p.id for p in ifeval(data=str(tmp_path)).task.problems()] == ["ifeval-2", "ifeval-3"]
    assert len(instruction(data=str(file)).task.problems()) == 2


def test_data_is_read_when_problems_are_asked_for(tmp_path):
    task = ifeval(data=str(tmp_path / "missing.jsonl")).task
    with pytest.raises(BadInput, match="no such file or folder"):
        task.problems()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"key": "2"}, r"rows.jsonl:2: key: a str, expected a int"),
        ({"key": 1}, r"rows.jsonl:2: key: the same as in line 1"),
        ({"prompt": " "}, r"rows.jsonl:2: prompt: empty"),
        ({"prompt": None}, r"rows.jsonl:2: prompt: a NoneType"),
        ({"instruction_id_list": []}, r"rows.jsonl:2: instruction_id_list: empty"),
        ({"instruction_id_list": [3]}, r"rows.jsonl:2: instruction_id_list: holds a int, expected texts"),
        (
            {"instruction_id_list": ["punctuation:no_coma"]},
            r"rows.jsonl:2: instruction_id_list: .*\(did you mean punctuation:no_",
        ),
        ({"kwargs": [{}, {}]}, r"rows.jsonl:2: kwargs: 2 for 1 instructions"),
        ({"kwargs": [None]}, r"rows.jsonl:2: kwargs: holds a NoneType, expected objects"),
        ({"kwargs": [{"letter": "a"}]}, r"rows.jsonl:2: kwargs: punctuation:no_comma: letter is none of its kwargs"),
        ({"kwargs": {}}, r"rows.jsonl:2: kwargs: a dict, expected a list"),
        ({"kwargs": "{}"}, r"rows.jsonl:2: kwargs: a text that holds a dict, expected a list"),
        ({"kwargs": "[{]"}, r"rows.jsonl:2: kwargs: a text that is not JSON"),
        ({"kwargs": "[" * 5_000 + "]" * 5_000}, r"rows.jsonl:2: kwargs: a text that is not JSON: nested more than 100 deep"),
        ({"kwargs": "[" + "9" * 5_000 + "]"}, r"rows.jsonl:2: kwargs: .* a whole number of more than 4,300 digits"),
        ({"kwargs": '[{"a": 1, "a": 2}]'}, r"rows.jsonl:2: kwargs: .* the key stands twice"),
    ],
)
def test_unusable_rows_are_named(write, row, change, expected):
    path = write(row(COMMA, {}), row(COMMA, {}, key=2) | change)
    with pytest.raises(BadInput, match=expected):
        instruction(data=str(path)).task.problems()


def test_rows_are_read_as_the_hub_serves_them(write, row, said):
    nulls = dict.fromkeys(["num_words", "relation", "keywords", "letter", "num_bullets"])
    served = row(COMMA, nulls, "length_constraints:number_words", nulls | {"num_words": 3, "relation": "less than"})
    as_text = served | {"key": 2, "kwargs": json.dumps(served["kwargs"])}
    task = ifeval(data=str(write(served, as_text))).task
    for problem in task.problems():
        assert problem.reference["kwargs"] == [{}, {"num_words": 3, "relation": "less than"}]
        assert task.answers(problem, said("two words", "now three words")) == ["met 1,2 of 2", "met 1 of 2"]


def test_a_lenient_side_leaves_out_what_cannot_be_used_and_says_so(write, row, caplog):
    bad = [row(COMMA, {"letter": "a"}, key=2), row(TITLE, {}, key=3) | {"kwargs": []}, row(TITLE, {}, key=1)]
    path = write(row(COMMA, {}), *bad, row(TITLE, {}, key=4))
    task = Instructions(str(path), Source(hub=("a/b", None, "train"), files=()), "instruction", lenient=True)
    with caplog.at_level(logging.WARNING):
        assert [p.id for p in task.problems()] == ["instruction-1", "instruction-4"]
    (record,) = caplog.records
    assert "3 of 5 rows left out, the first: " in record.getMessage()
    assert "rows.jsonl:2: kwargs" in record.getMessage()


def test_a_lenient_side_without_a_usable_row_is_an_error(write, row):
    path = write(row(COMMA, {"letter": "a"}))
    task = Instructions(str(path), Source(hub=("a/b", None, "train"), files=()), "instruction", lenient=True)
    with pytest.raises(BadInput, match="letter is none of its kwargs"):
        task.problems()


@pytest.mark.parametrize("lenient", [False, True])
def test_a_missing_sentence_model_is_an_error_that_says_what_to_do(write, row, monkeypatch, lenient):
    monkeypatch.setattr("cogumi_instruction.punkt.available", lambda: False)
    path = write(
        row(COMMA, {}), row("length_constraints:number_sentences", {"num_sentences": 2, "relation": "at least"}, key=2)
    )
    task = Instructions(str(path), Source(hub=("a/b", None, "train"), files=()), "instruction", lenient=lenient)
    with pytest.raises(BadInput, match=r"rows.jsonl:2: instruction_id_list: .*punkt_tab \(pip install"):
        task.problems()


def test_the_bundled_problems_do_not_need_the_sentence_model(monkeypatch):
    monkeypatch.setattr("cogumi_instruction.punkt.available", lambda: False)
    assert len(ifeval(data="bundled").task.problems()) >= 240
    assert len(instruction(data="bundled").task.problems()) >= 1000
    ((_, works, detail, fix),) = doctor()
    assert works is None
    assert "number_sentences" in detail
    assert "pip install" in fix


def test_only_the_hubs_training_side_is_lenient():
    assert instruction().task._lenient
    assert not ifeval().task._lenient
    assert not instruction(data="bundled").task._lenient


def test_the_answer_is_which_constraints_are_met(write, row, said):
    task = ifeval(data=str(write(row(COMMA, {}, TITLE, {}, QUOTE, {})))).task
    (problem,) = task.problems()
    texts = ['"<<Tea>> it is"', '"Tea"', "<<Tea>> it is", "Tea, it is", "", "<<Tea>>, it is", "Tea"]
    assert task.answers(problem, said(*texts)) == [
        "met 1,2,3 of 3", "met 1,3 of 3", "met 1,2 of 3", None, None, "met 2 of 3", "met 1 of 3",
    ]  # fmt: skip
    assert task.full(problem) == "met 1,2,3 of 3"
    assert task.answers(problem, said("", finish="error")) == [None]


def test_scores_are_strict_and_loose_by_prompt_and_by_instruction(write, row, said):
    task = ifeval(data=str(write(row(COMMA, {}, TITLE, {})))).task
    (problem,) = task.problems()
    right, introduced, half, none, cut = task.score(
        problem,
        [*said("<<Tea>> it is", "Sure, here it is:\n<<Tea>> it is", "Tea", "Tea, it is"), *said("<<Tea>>", finish="length")],
    )
    names = ("prompt_loose", "instruction_strict", "instruction_loose")
    assert (right.correct, right.metrics) == (True, dict.fromkeys(names, 1.0))
    assert (introduced.correct, introduced.metrics) == (False, dict(zip(names, (1.0, 0.5, 1.0), strict=True)))
    assert (half.correct, half.metrics) == (False, dict(zip(names, (0.0, 0.5, 0.5), strict=True)))
    assert (none.correct, none.metrics) == (False, dict.fromkeys(names, 0.0))
    assert cut.correct


def test_a_failed_sample_is_not_scored(said):
    task = ifeval(data="bundled").task
    (score,) = task.score(task.problems()[0], said("", finish="error"))
    assert (score.correct, dict(score.metrics), score.note) == (None, {}, "the engine died")


def test_no_text_that_a_model_may_write_raises(rows, real, said):
    task = ifeval(data=str(real)).task
    kinds = set()
    for problem in task.problems():
        new = set(problem.reference["instruction_id_list"]) - kinds
        if new:
            kinds |= new
            scores = task.score(problem, said(*ODD))
            assert all(score.correct is not None for score in scores)
    assert len(kinds) == 25


def test_the_export_weighs_every_constraint_alike(write, row, said):
    task = ifeval(data=str(write(row(COMMA, {}, TITLE, {}, QUOTE, {}), row(COMMA, {}, key=2)))).task
    assert isinstance(task, ArtifactWriter)
    three, one = task.problems()
    failed = said("", finish="error")
    drawn = [(three, [*said("Tea", "*Tea*, it is"), *failed]), (one, said("Tea", "Well,\nTea"))]
    files = task.export(drawn)
    assert set(files) == {"ifeval.json"}
    assert files == task.export(drawn)
    found = json.loads(files["ifeval.json"])
    assert found["responses"] == 4
    assert (found["prompt_level_strict_acc"], found["prompt_level_loose_acc"]) == (1 / 4, 2 / 4)
    assert (found["inst_level_strict_acc"], found["inst_level_loose_acc"]) == (2 / 8, 3 / 8)
    assert found["instructions"][COMMA] == {"count": 4, "strict": 2 / 4, "loose": 3 / 4}
    assert found["groups"]["detectable_format"] == {"count": 2, "strict": 0.0, "loose": 0.0}
    scores = [score for problem, completions in drawn for score in task.score(problem, completions)]
    mean = [score.metrics["instruction_strict"] for score in scores if score.correct is not None]
    assert sum(mean) / 4 == pytest.approx(1 / 3)  # every prompt alike: not the published figure


def test_the_export_of_nothing_has_no_figures():
    found = json.loads(ifeval(data="bundled").task.export([])["ifeval.json"])
    assert (found["responses"], found["prompt_level_strict_acc"], found["instructions"]) == (0, None, {})


def test_the_export_agrees_with_the_harness(rows, real, said):
    from lm_eval.tasks.ifeval import utils

    task = ifeval(data=str(real)).task
    pairs = [(p, r) for p, r in zip(task.problems(), rows, strict=True) if r["key"] not in (1122, 1129)][::9]
    drawn = [(problem, said(task.gold(problem) + ", well" * (place % 2))) for place, (problem, _) in enumerate(pairs)]
    there = [utils.process_results(row, [c[0].text]) for (_, row), (_, c) in zip(pairs, drawn, strict=True)]
    ours = json.loads(task.export(drawn)["ifeval.json"])
    for name in ("prompt_level_strict_acc", "prompt_level_loose_acc"):
        assert ours[name] == pytest.approx(sum(found[name] for found in there) / len(there))
    for name in ("inst_level_strict_acc", "inst_level_loose_acc"):
        assert ours[name] == pytest.approx(utils.agg_inst_level_acc([found[name] for found in there]))
        assert 0.5 < ours[name] < 1.0
