"""Items, their order and ids; and what happens around them."""

import json
import subprocess
import sys

import pytest
from cogumi_lm_eval import plugin
from cogumi_lm_eval.plugin import lm_eval
from cogumi_lm_eval.settings import Settings

from cogumi.errors import BadInput
from cogumi.protocols import ExternalEvaluation
from cogumi.registry.options import check_options
from cogumi.testing import check_evaluation

PAIR = "group: pair\ntask: [mmlu_anatomy, mmlu_astronomy]\n"
ROLLING = """task: mine
output_type: loglikelihood_rolling
test_split: test
doc_to_text: ""
doc_to_target: "{{text}}"
"""
WRITING = """task: mine
output_type: generate_until
test_split: test
doc_to_text: "{{text}}"
doc_to_target: "{{text}}"
generation_kwargs: {until: ["\\n"], max_gen_toks: 4000}
"""


@pytest.fixture
def pair(mmlu, tmp_path):
    """Both subjects as a group."""
    (tmp_path / "pair.yaml").write_text(PAIR)
    return {"task": str(tmp_path / "pair.yaml"), "data": str(mmlu), "trust_task_code": True, "device": "cpu"}


def test_the_plugin_offers_it(mmlu):
    offered = {}
    plugin.register_benchmarks(offered.__setitem__)
    given = {"task": "mmlu_anatomy", "data": str(mmlu), "shots": "2", "batch_size": "4"}
    made = offered["lm-eval"](**check_options("benchmark 'lm-eval'", offered["lm-eval"], given))
    assert isinstance(made, ExternalEvaluation)
    assert (made.name, made.metric) == ("lm-eval:mmlu_anatomy", "acc")
    made.check()


def test_the_promises_of_an_evaluation(pair, embedded):
    check_evaluation(lambda: lm_eval(**pair), embedded, limit=5)


def test_a_limit_takes_the_first_of_each_task_in_turn(pair, embedded, silent):
    evaluation = lm_eval(**pair)
    evaluation.check()
    everything = list(evaluation.evaluate(embedded, None, silent))
    tasks = [item.id.partition("/")[0] for item in everything]
    assert tasks == ["mmlu_anatomy", "mmlu_astronomy"] * 3 + ["mmlu_anatomy"] * 3
    assert len({item.id for item in everything}) == 9
    assert all(set(item.metrics) == {"acc"} for item in everything)
    for limit in (1, 7, 100):
        assert list(lm_eval(**pair).evaluate(embedded, limit, silent)) == everything[:limit]


def test_ids_follow_the_document_and_a_repeated_one_is_numbered(rows, embedded, silent, tmp_path):
    made = [{"question": f"What is {n} + 1?", "choices": ["1", "2", "3", "4"], "answer": n % 4} for n in (1, 2, 3, 2)]
    first = rows(tmp_path / "a.jsonl", made)
    second = rows(tmp_path / "b.jsonl", made[::-1])
    one, other = (
        list(lm_eval(task="mmlu_anatomy", data=str(p), device="cpu").evaluate(embedded, None, silent)) for p in (first, second)
    )
    ids = [item.id for item in one]
    assert ids[3] == ids[1] + "-2"
    assert {item.id: item.metrics for item in one} == {item.id: item.metrics for item in other}


def test_progress_counts_requests_and_what_it_raises_comes_through(mmlu, embedded):
    seen = []
    evaluation = lm_eval(task="mmlu_astronomy", data=str(mmlu), device="cpu")
    list(evaluation.evaluate(embedded, None, lambda *report: seen.append(report)))
    assert seen == [(0, 0, "loading"), *((n, 12, "requests") for n in range(1, 13)), (12, 12, "")]

    def stop(done, total, note):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(evaluation.evaluate(embedded, None, stop))


def test_nothing_is_printed_and_all_loggers_and_bars_are_as_before(mmlu, embedded, silent, capfd):
    import logging

    from tqdm import tqdm

    before = vars(tqdm)["__init__"], logging.getLogger("lm_eval").level, logging.getLogger("lm_eval").handlers
    list(lm_eval(task="mmlu_astronomy", data=str(mmlu), device="cpu").evaluate(embedded, 1, silent))
    assert capfd.readouterr() == ("", "")
    assert before == (vars(tqdm)["__init__"], logging.getLogger("lm_eval").level, logging.getLogger("lm_eval").handlers)


def test_a_process_of_its_own_says_nothing_but_what_it_reports(mmlu, rows, embedded):
    found = [json.loads(line) for line in (mmlu / "test.jsonl").read_text().splitlines()]
    rows(mmlu / "test.jsonl", [{**row, "question": "apples and pears " * 1200} for row in found])
    code = (
        "from cogumi.records import Weights\nfrom cogumi_lm_eval.plugin import lm_eval\n"
        f"made = lm_eval(task='mmlu_anatomy', data={str(mmlu)!r}, device='cpu')\n"
        f"made.check()\nnotes = []\nmodel = Weights(name='m', path={embedded.path!r})\n"
        "list(made.evaluate(model, 1, lambda *report: notes.append(report)))\nprint(notes[-1])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    expected = "(4, 4, 'prompts over 2048 tokens were cut at their beginning')\n"
    assert (done.stdout, done.stderr) == (expected, "")


def test_out_of_memory_halves_the_batch(mmlu, embedded, silent, monkeypatch):
    import torch
    from lm_eval.models.huggingface import HFLM

    expected = list(lm_eval(task="mmlu_anatomy", data=str(mmlu), batch_size=2, device="cpu").evaluate(embedded, None, silent))
    call, sizes = HFLM._model_call, []

    def small(self, inputs, **options):
        sizes.append(len(inputs))
        if len(inputs) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return call(self, inputs, **options)

    monkeypatch.setattr(HFLM, "_model_call", small)
    assert list(lm_eval(task="mmlu_anatomy", data=str(mmlu), device="cpu").evaluate(embedded, None, silent)) == expected
    assert sizes[:3] == [8, 4, 2]
    assert max(sizes[2:]) == 2


def test_a_perplexity_comes_out_as_lm_eval_computes_it(rows, embedded, silent, tmp_path):
    import math

    texts = ["Two and two make four.", "There are 7 apples and 5 pears in a bag. How many fruits are there?"]
    data = rows(tmp_path / "test.jsonl", [{"text": text} for text in texts])
    (tmp_path / "mine.yaml").write_text(ROLLING)
    evaluation = lm_eval(task=str(tmp_path / "mine.yaml"), data=str(data), trust_task_code=True, device="cpu")
    evaluation.check()
    items = list(evaluation.evaluate(embedded, None, silent))
    assert evaluation.metric == "-log(word_perplexity)"
    for text, item in zip(texts, items, strict=True):
        figures = item.metrics
        assert set(figures) == {"-log(word_perplexity)", "-log(byte_perplexity)", "-bits_per_byte"}
        assert max(figures.values()) < 0
        in_all = figures["-log(byte_perplexity)"] * len(text)
        assert figures["-log(word_perplexity)"] == pytest.approx(in_all / len(text.split()))
        assert figures["-bits_per_byte"] == pytest.approx(figures["-log(byte_perplexity)"] / math.log(2))


def test_a_task_that_lets_write_more_than_the_model_takes_is_refused(rows, embedded, silent, tmp_path):
    data = rows(tmp_path / "test.jsonl", [{"text": "1 + 1 ="}])
    (tmp_path / "mine.yaml").write_text(WRITING)
    options = {"task": str(tmp_path / "mine.yaml"), "data": str(data), "trust_task_code": True, "device": "cpu"}
    with pytest.raises(BadInput, match="max_gen_toks: 'mine' lets a model write 4000 tokens, and this one takes 2048"):
        list(lm_eval(**options).evaluate(embedded, None, silent))
    (item,) = lm_eval(**options, max_gen_toks=8).evaluate(embedded, None, silent)
    assert set(item.metrics) == {"exact_match"}


def test_a_task_that_samples_gives_the_same_again(rows, embedded, silent, tmp_path, monkeypatch):
    from cogumi_lm_eval import run

    taken, samples = [], run._samples
    monkeypatch.setattr(run, "_samples", lambda *given: taken.append(samples(*given)) or taken[-1])
    data = rows(tmp_path / "test.jsonl", [{"text": f"What is {n} + 4?"} for n in range(4)])
    (tmp_path / "mine.yaml").write_text(WRITING.replace("4000", "24, do_sample: true, temperature: 1.0"))
    evaluation = lm_eval(task=str(tmp_path / "mine.yaml"), data=str(data), trust_task_code=True, device="cpu")
    once, again = list(evaluation.evaluate(embedded, None, silent)), list(evaluation.evaluate(embedded, None, silent))
    first, second = ([row["resps"] for row in rows["mine"]] for rows in taken)
    assert (once, first) == (again, second)
    assert len({str(texts) for texts in first}) > 1


def test_documents_that_a_task_shuffles_are_shuffled_once(rows, tmp_path):
    from cogumi_lm_eval.tasks import load

    answers = {"Correct Answer": "0"} | {f"Incorrect Answer {n}": str(n) for n in (1, 2, 3)}
    data = rows(tmp_path / "train.jsonl", [{"Question": f"Which is {n}?", **answers} for n in range(20)])
    settings = Settings(**{**lm_eval.__kwdefaults__, "task": "gpqa_main_zeroshot", "data": str(data)})
    (task,), (again,) = load(settings).values(), load(settings).values()
    shuffled = [doc["choice1"] for doc in task.eval_docs]
    assert len(set(shuffled)) == 4
    assert [doc["choice1"] for doc in task.eval_docs] == [doc["choice1"] for doc in again.eval_docs] == shuffled


def test_a_chat_template_changes_what_the_model_reads(mmlu, embedded, silent, monkeypatch):
    from cogumi_lm_eval import run

    taken, samples = [], run._samples
    monkeypatch.setattr(run, "_samples", lambda *given: taken.append(samples(*given)) or taken[-1])
    for chat in (False, True):
        options = {"shots": 1, "apply_chat_template": chat, "device": "cpu"}
        list(lm_eval(task="mmlu_astronomy", data=str(mmlu), **options).evaluate(embedded, 1, silent))
    plain, chat = (rows["mmlu_astronomy"][0]["arguments"][0][0] for rows in taken)
    question = "What is 100 + 2?\nA. 103\nB. 101\nC. 102\nD. 105\nAnswer:"
    assert plain.endswith(question)
    assert question in chat
    assert not chat.endswith(question)


@pytest.mark.parametrize(
    "layout", ["{split}.jsonl", "anatomy/{split}.jsonl", "data/{split}-00000-of-00001.parquet", "{split}.csv"]
)
def test_data_in_every_layout(mmlu, layout, tmp_path):
    import csv

    from cogumi_lm_eval.tasks import load
    from datasets import Dataset

    folder = tmp_path / "other"
    for split in ("test", "dev"):
        path = folder / layout.format(split=split)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = (mmlu / f"{split}.jsonl").read_text()
        found = [json.loads(line) for line in text.splitlines()]
        if path.suffix == ".parquet":
            Dataset.from_list(found).to_parquet(path)
        elif path.suffix == ".csv":
            with path.open("w", newline="") as file:
                writer = csv.DictWriter(file, fieldnames=list(found[0]))
                writer.writeheader()
                writer.writerows(found)
        else:
            path.write_text(text)
    settings = Settings(**{**lm_eval.__kwdefaults__, "task": "mmlu_anatomy", "data": str(folder)})
    (task,) = load(settings).values()
    assert [doc["answer"] for doc in task.eval_docs] == [(2, 0, 1)[n % 3 - 2] for n in range(6)]


def test_one_folder_serves_several_tasks(mmlu, rows, tmp_path):
    train = [{"question": f"What is {n} + 1?", "answer": f"It is {n + 1}.\n#### {n + 1}"} for n in range(6)]
    for split in ("train", "test"):
        rows(tmp_path / "gsm8k" / f"{split}.jsonl", train)
    for task in ("gsm8k", "mmlu_anatomy"):
        lm_eval(task=task, data=str(tmp_path)).check()


def test_the_plugin_is_light_to_import():
    code = (
        "import sys, cogumi_lm_eval.plugin as p\n"
        "assert p.lm_eval(task='gsm8k').metric\n"
        "assert not {'torch', 'numpy', 'transformers', 'datasets', 'lm_eval'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
