import math

import pytest
from cogumi_lm_eval.metrics import figure, figures, primary
from cogumi_lm_eval.plugin import lm_eval


@pytest.mark.parametrize(
    ("metric", "aggregation", "higher", "said", "name", "value"),
    [
        ("acc", "mean", True, 1, "acc", 1),
        ("error_rate", "mean", False, 0.25, "-error_rate", -0.25),
        ("perplexity", "perplexity", False, -2.5, "-log(perplexity)", -2.5),
        ("word_perplexity", "weighted_perplexity", False, (-13.8, 4), "-log(word_perplexity)", -3.45),
        ("bits_per_byte", "bits_per_byte", False, (-math.log(16), 2), "-bits_per_byte", -2),
        ("score", "some_function", True, 3.0, "score", 3.0),
    ],
)
def test_higher_is_better_for_every_figure(metric, aggregation, higher, said, name, value):
    made = figure(metric, aggregation, higher)
    assert (made.name, made.value(said)) == (name, pytest.approx(value))


@pytest.mark.parametrize(
    ("metric", "aggregation", "higher"),
    [("mcc", "matthews_corrcoef", True), ("bleu", "bleu", True), ("ter", "ter", False), ("bias", "some_function", False)],
)
def test_what_no_single_item_has_is_left_out(metric, aggregation, higher):
    assert figure(metric, aggregation, higher) is None


class Scored:
    """What `figures` asks of a task: how lm-eval aggregates its metrics."""

    def aggregation(self):
        from lm_eval.api.metrics import mean, weighted_perplexity

        return {"acc": mean, "pairs": mean, "wrong": mean, "word_perplexity": weighted_perplexity, "nothing": mean}

    def higher_is_better(self):
        return {"acc": True, "wrong": False, "word_perplexity": False}


def test_figures_are_called_as_in_lm_evals_tables():
    said = {"acc": True, "wrong": 1, "pairs": (1, [2]), "word_perplexity": (-6.0, 3), "nothing": float("nan")}
    row = {**said, "metrics": list(said), "filter": "none"}
    assert figures(Scored(), row) == {"acc": 1.0, "-wrong": -1.0, "-log(word_perplexity)": -2.0}
    row["filter"] = "strict"
    assert figures(Scored(), row) == {"acc,strict": 1.0, "-wrong,strict": -1.0, "-log(word_perplexity),strict": -2.0}


def test_a_text_without_words_has_no_perplexity():
    row = {"word_perplexity": (-6.0, 0), "metrics": ["word_perplexity"], "filter": "none"}
    assert figures(Scored(), row) == {}


@pytest.mark.parametrize(
    ("task", "metric"),
    [
        ("arc_easy", "acc_norm"),
        ("mmlu", "acc"),
        ("gsm8k", "exact_match,strict-match"),
        ("lambada_openai", "acc"),
        ("wikitext", "-log(word_perplexity)"),
        ("ifeval", "prompt_level_strict_acc"),
        ("truthfulqa_mc2", "acc"),
    ],
)
def test_the_metric_that_counts(task, metric):
    assert lm_eval(task=task).metric == metric


def test_a_metric_is_meant_by_its_own_name_or_lm_evals():
    names = ["exact_match,strict-match", "exact_match,flexible-extract", "-log(perplexity)"]
    assert primary("exact_match,flexible-extract", names) == "exact_match,flexible-extract"
    assert primary("exact_match", names) == "exact_match,strict-match"
    assert primary("perplexity", names) == "-log(perplexity)"
    assert primary("acc", names) is None
    assert lm_eval(task="arc_easy", metric="acc").metric == "acc"
    assert lm_eval(task="wikitext", metric="bits_per_byte").metric == "-bits_per_byte"


def test_a_group_counts_what_all_its_tasks_have(tmp_path):
    (tmp_path / "pair.yaml").write_text("group: pair\ntask: [arc_easy, mmlu_anatomy]\n")
    assert lm_eval(task=str(tmp_path / "pair.yaml")).metric == "acc"
    (tmp_path / "pair.yaml").write_text("group: pair\ntask: [arc_easy, hellaswag]\n")
    assert lm_eval(task=str(tmp_path / "pair.yaml")).metric == "acc_norm"
