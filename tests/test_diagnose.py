from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from parts import Texts, diagnosed, drawn, evaluation, held_out_scores

from cogumi.diagnosis import diagnose
from cogumi.errors import PluginFailed, RunFailed
from cogumi.records import Completion, Problem, Request, Score, Vote
from cogumi.results import EvaluationResult
from cogumi.testing import FakeTask, make_problems

PROBLEMS = make_problems(2)  # What is 0 + 1? What is 1 + 2?


def table(use: Mapping[str, Sequence[str | None]], greedy: Mapping[str, str | None]) -> Texts:
    """Texts by problem id: the samples at the use temperature and the greedy one."""

    def text(request: Request, index: int) -> str | None:
        name, _, kind = request.id.partition("/")[2].partition("#")
        return use[name][index] if kind == "use" else greedy[name]

    return text


def one(texts: Sequence[str | None], greedy: str | None = "1", **more: Any) -> EvaluationResult:
    """The diagnosis of a single problem whose answer is 1."""
    return diagnosed(evaluation(PROBLEMS[:1], **more), table({"sum-0": texts}, {"sum-0": greedy}), len(texts))


def value(diagnosis: EvaluationResult, metric: str) -> float:
    return diagnosis.metrics[metric].value


def test_every_problem_is_asked_at_the_use_temperature_and_greedily() -> None:
    whole = evaluation(PROBLEMS, temperature=0.9)
    asked = diagnose.requests(whole, 4, None, baselines=True)
    assert [(r.id, r.indices, r.sampling.temperature) for r in asked] == [
        ("sums/sum-0#use", (0, 1, 2, 3), 0.9),
        ("sums/sum-0#greedy", (0,), 0.0),
        ("sums/sum-1#use", (0, 1, 2, 3), 0.9),
        ("sums/sum-1#greedy", (0,), 0.0),
    ]
    assert {r.sampling.seed for r in asked} == {11}
    assert {r.sampling.max_tokens for r in asked} == {whole.use.max_tokens}
    assert not any(r.sampling.logprobs for r in asked)


def test_a_voter_that_weighs_by_probability_gets_it() -> None:
    class Weighing:
        needs_logprobs = True

        def vote(self, problem: Problem, ballots: object) -> Any:
            raise NotImplementedError

    asked = diagnose.requests(evaluation(PROBLEMS, voter=Weighing()), 4, None, baselines=True)
    assert {r.id: r.sampling.logprobs for r in asked} == {
        "sums/sum-0#use": True,
        "sums/sum-0#greedy": False,
        "sums/sum-1#use": True,
        "sums/sum-1#greedy": False,
    }


def test_what_one_problem_says() -> None:
    diagnosis = one(["it is 1", "it is 1", "so 1", "maybe 7", "who knows"], greedy="7")
    (item,) = diagnosis.items
    assert item.id == "sum-0"
    assert item.response_consistency == 2 / 5
    assert item.answer_consistency == 3 / 5
    assert item.unique_responses == 4
    assert item.accuracy == 3 / 5
    assert item.no_answer == 1 / 5
    assert (item.tie, item.majority_correct, item.greedy_correct, item.consistent) == (False, True, False, True)
    assert diagnosis.metrics.keys() >= {
        "response_consistency", "answer_consistency", "unique_responses", "tie_rate",
        "accuracy", "majority_accuracy", "greedy_accuracy", "truncated", "no_answer",
    }  # fmt: skip


def test_ten_different_texts_are_ten_percent_consistent() -> None:
    diagnosis = one([f"{n} thoughts: 1" for n in range(10)])
    assert value(diagnosis, "response_consistency") == pytest.approx(0.1)
    assert value(diagnosis, "answer_consistency") == 1.0


def test_a_tie_is_wrong_even_when_half_of_it_is_right() -> None:
    (item,) = one(["1", "1", "2", "2"]).items
    assert (item.tie, item.majority_correct, item.consistent) == (True, False, False)


def test_an_answer_by_half_of_the_samples_is_no_consensus_yet() -> None:
    (item,) = one(["1", "1", "2", "3"]).items
    assert (item.tie, item.majority_correct, item.consistent) == (False, True, False)


def test_samples_without_an_answer_are_one_vote_each_for_nobody() -> None:
    (item,) = one(["hm", "hm", "hm", "1"]).items
    assert item.answer_consistency == 0.25
    assert item.response_consistency == 0.75
    assert (item.tie, item.majority_correct) == (False, True)


def test_no_answer_at_all_is_wrong_and_no_tie() -> None:
    (item,) = one(["hm", "well"]).items
    assert (item.tie, item.majority_correct, item.no_answer) == (False, False, 1.0)


def test_figures_are_means_over_problems_with_intervals() -> None:
    use = {"sum-0": ["1", "1", "1", "1"], "sum-1": ["9", "3", "8", "7"]}
    diagnosis = diagnosed(evaluation(PROBLEMS), table(use, {"sum-0": "1", "sum-1": "8"}), 4)
    assert value(diagnosis, "accuracy") == pytest.approx((1 + 1 / 4) / 2)
    assert value(diagnosis, "majority_accuracy") == 0.5
    assert value(diagnosis, "greedy_accuracy") == 0.5
    assert value(diagnosis, "tie_rate") == 0.5
    assert value(diagnosis, "unique_responses") == 2.5
    for metric in diagnosis.metrics.values():
        assert metric.n == 2
        assert metric.low <= metric.value <= metric.high


def test_every_scored_problem_is_in_one_cell_of_the_matrix() -> None:
    use = {
        "sum-0": ["1", "1", "1", "1"],
        "sum-1": ["9", "9", "9", "3"],
        "sum-2": ["5", "5", "1", "2"],
        "sum-3": ["1", "2", "3", "4"],
    }
    diagnosis = diagnosed(evaluation(make_problems(4)), table(use, dict.fromkeys(use, "1")), 4)
    assert diagnosis.matrix == {
        "consistent_correct": 1,
        "consistent_wrong": 1,
        "inconsistent_correct": 1,
        "inconsistent_wrong": 1,
    }


def test_failed_samples_are_counted_and_left_out() -> None:
    diagnosis = one(["1", None, "1", None], greedy=None)
    (item,) = diagnosis.items
    assert (item.errors, diagnosis.errors) == (3, 3)
    assert (item.accuracy, item.response_consistency, item.greedy_correct) == (1.0, 1.0, None)
    assert "greedy_accuracy" not in diagnosis.metrics


def test_a_problem_whose_every_sample_failed_is_left_out() -> None:
    use: dict[str, list[str | None]] = {"sum-0": [None] * 4, "sum-1": ["3"] * 4}
    diagnosis = diagnosed(evaluation(PROBLEMS), table(use, {"sum-0": "1", "sum-1": "3"}), 4)
    assert [item.id for item in diagnosis.items] == ["sum-1"]
    assert (diagnosis.problems, diagnosis.errors) == (1, 4)


def test_a_category_without_a_single_sample_fails_the_run() -> None:
    with pytest.raises(RunFailed, match=r"^sums: no held-out problem could be sampled \(3 errors; see the samples folder\)$"):
        one([None, None], greedy=None)


class Unsure(FakeTask):
    """Scores nothing that has no 7 in it, and has a metric of its own."""

    def score(self, problem: Problem, completions: Sequence[Completion]) -> Sequence[Score]:
        return [Score(correct=True if "7" in c.text else None, metrics={"length": float(len(c.text))}) for c in completions]


def test_what_could_not_be_scored_is_no_zero() -> None:
    diagnosis = one(["7", "8", "7"], greedy="8", task=Unsure())
    (item,) = diagnosis.items
    assert (item.accuracy, item.greedy_correct, item.unscored) == (1.0, None, 1)
    diagnosis = one(["8", "8"], greedy="8", task=Unsure())
    assert "accuracy" not in diagnosis.metrics
    assert "majority_accuracy" not in diagnosis.metrics
    assert sum(diagnosis.matrix.values()) == 0
    (tie,) = one(["8", "9"], greedy="8", task=Unsure()).items
    assert (tie.tie, tie.majority_correct) == (True, None)
    assert diagnosis.unscored == 2
    assert diagnosis.cause


def test_a_tasks_own_metrics_are_averaged_under_their_names() -> None:
    diagnosis = one(["7", "777"], greedy="7777777", task=Unsure())
    assert value(diagnosis, "length") == 2.0


@pytest.mark.parametrize(
    ("figures", "begin"),
    [
        ({"truncated": 0.2}, "Truncated: 20% of the answers hit the token limit"),
        ({"no_answer": 0.3}, "No answer format: 30% of the samples have no readable answer"),
        (
            {"answer_consistency": 0.3, "accuracy": 0.4, "majority_accuracy": 0.7},
            "Too random: a vote over the samples is right 30 points",
        ),
        ({"answer_consistency": 0.3, "accuracy": 0.4, "majority_accuracy": 0.4}, "Too random, and the vote is no better"),
        ({"accuracy": 0.2, "majority_accuracy": 0.2}, "Wrong but sure"),
        ({"accuracy": 0.9, "majority_accuracy": 0.9}, "Consistent"),
        ({"response_consistency": 0.1, "answer_consistency": 0.1}, "No text is right or wrong here"),
        ({"truncated": 0.9, "no_answer": 0.9, "answer_consistency": 0.1}, "Truncated"),
    ],
)
def test_the_likely_cause_is_one_plain_sentence(figures: dict[str, float], begin: str) -> None:
    sentence = diagnose.likely_cause({"truncated": 0.0, "no_answer": 0.0, "answer_consistency": 0.9, **figures})
    assert sentence.startswith(begin)


@pytest.mark.parametrize("broken", ["messages", "answers", "score", "vote"])
def test_a_plugin_that_raises_is_named(broken: str) -> None:
    def fail(*_: object) -> Any:
        raise LookupError("gone")

    task, whole = FakeTask(), evaluation(PROBLEMS[:1])
    if broken == "vote":
        voter = type("Broken", (), {"vote": fail})()
        whole = evaluation(PROBLEMS[:1], voter=voter)
    else:
        setattr(task, broken, fail)
        whole = evaluation(PROBLEMS[:1], task=task)
    kind = "voter" if broken == "vote" else "benchmark"
    with pytest.raises(PluginFailed, match=rf"^plugin 'sums' \(cogumi-sums 1\.2\): {kind} 'sums' failed: LookupError: gone$"):
        diagnosed(whole, lambda request, index: "1", 4)


def test_an_answer_too_many_is_the_tasks_fault() -> None:
    class Generous(FakeTask):
        def answers(self, problem: Problem, completions: Sequence[Completion]) -> Sequence[str | None]:
            return ["1"] * (len(completions) + 1)

    with pytest.raises(PluginFailed, match=r"benchmark 'sums' failed: ValueError"):
        one(["1", "2"], task=Generous())


def test_a_winner_that_nobody_voted_for_is_the_voters_fault() -> None:
    class Inventive:
        def vote(self, problem: Problem, ballots: object) -> Vote:
            return Vote(winner="invented", tie=False, support=1, total=1, counts={"invented": 1})

    with pytest.raises(PluginFailed, match=r"^plugin 'sums' \(cogumi-sums 1\.2\): voter 'sums' failed: .*invented"):
        one(["1", "2"], voter=Inventive())


def test_the_order_in_which_samples_were_drawn_does_not_matter() -> None:
    whole = evaluation(PROBLEMS)
    samples = drawn(diagnose.requests(whole, 4, None, baselines=True), lambda request, index: str(index % 3))
    scores = held_out_scores(whole, samples, 4)
    backwards, marks = dict(reversed(samples.items())), dict(reversed(scores.items()))
    assert diagnose.diagnose(whole, samples, scores, 4) == diagnose.diagnose(whole, backwards, marks, 4)


def test_lower_temperatures_are_measured_of_the_untouched_model_alone() -> None:
    whole = replace(evaluation(PROBLEMS[:1]), baseline_temperatures=(0.2, 0.5))
    asked = diagnose.requests(whole, 2, None, baselines=True)
    assert [(r.id.partition("#")[2], r.sampling.temperature) for r in asked] == [
        ("use", 0.7),
        ("greedy", 0.0),
        ("t0.2", 0.2),
        ("t0.5", 0.5),
    ]
    assert len(diagnose.requests(whole, 2, None, baselines=False)) == 2
    result = diagnosed(whole, lambda request, index: "1" if request.id.endswith("#t0.2") else "9", 2)
    assert {name: interval.value for name, interval in result.baselines.items()} == {"0.2": 1.0, "0.5": 0.0}
    assert result.items[0].baselines == {"0.2": 1.0, "0.5": 0.0}


def test_a_system_prompt_goes_before_the_tasks_own() -> None:
    class Polite(FakeTask):
        def messages(self, problem: Problem) -> Any:
            return ({"role": "system", "content": "Be brief."}, *super().messages(problem))

    plain, polite = (
        diagnose.requests(evaluation(PROBLEMS[:1], task=task), 1, "You add.", baselines=False)[0].messages
        for task in (FakeTask(), Polite())
    )
    assert [message["content"] for message in plain] == ["You add.", "What is 0 + 1?"]
    assert [message["content"] for message in polite] == ["You add.\n\nBe brief.", "What is 0 + 1?"]


def test_different_answers_of_a_problem_are_counted_with_their_marks() -> None:
    (item,) = one(["1", "so 1", "7", "hm"]).items
    assert [(answer.count, answer.correct) for answer in item.answers] == [(2, True), (1, False)]


def test_what_k_samples_can_do() -> None:
    result = one(["1", "2", "1", "3"])
    assert {name: len(curve) for name, curve in result.at_k.items()} == {"pass@k": 4, "maj@k": 4, "pass^k": 4}
    assert result.at_k["pass@k"][0].value == pytest.approx(0.5)
    assert result.at_k["pass@k"][3].value == 1.0
    assert result.at_k["pass^k"][3].value == 0.0


def test_an_accuracy_below_chance_is_said_first() -> None:
    guessed = replace(evaluation(PROBLEMS[:1]), chance=0.25)
    texts = ["1", "2", "3", "4", "5", "6"]
    found = diagnosed(guessed, table({"sum-0": texts}, {"sum-0": "1"}), 6)
    assert found.cause.startswith("Below chance: right on 16.7%")
    assert "guessing is right on 25.0%" in found.cause
    better = diagnosed(replace(guessed, chance=0.1), table({"sum-0": texts}, {"sum-0": "1"}), 6)
    assert "chance" not in better.cause
