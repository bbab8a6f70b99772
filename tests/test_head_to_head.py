"""Wins, losses and ties between two diagnoses, and between texts that a judge compares."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from math import comb
from typing import Any, Literal

import pytest
from decision_tables import evaluation, problem
from hypothesis import given
from hypothesis import strategies as st

from cogumi.codec import to_json
from cogumi.comparison.head_to_head import Pair, Samples, judge_outcomes, judge_requests, on_scores
from cogumi.comparison.pairing import text_pairs
from cogumi.errors import BadInput
from cogumi.protocols import Judged
from cogumi.records import Completion, Message, Problem, Request, Sampling, Score
from cogumi.results import EvaluationResult, ExternalItem, ExternalResult
from cogumi.stats import mcnemar

GREEDY = Sampling(temperature=0.0, max_tokens=8)
FIGURES = ("score", "low", "high", "p")
SCORES = st.dictionaries(st.sampled_from([f"p{n}" for n in range(12)]), st.none() | st.sampled_from([0.0, 0.3, 0.5, 1.0]))


def diagnosis(accuracies: Mapping[str, float | None]) -> EvaluationResult:
    return evaluation([problem(name, 0, False, False, accuracy=value) for name, value in accuracies.items()])


def on(mine: Mapping[str, float | None], theirs: Mapping[str, float | None]) -> Any:
    """The match's fields by name."""
    match = on_scores(diagnosis(mine), diagnosis(theirs))
    return None if match is None else asdict(match)


def test_each_item_is_won_lost_or_level_and_the_score_counts_ties_half() -> None:
    mine = {"a": 1.0, "b": 0.9, "c": 0.2, "d": 0.5, "mine": 1.0, "unscored": None}
    theirs = {"a": 0.0, "b": 0.8, "c": 0.3, "d": 0.5, "theirs": 0.0, "unscored": 1.0}
    outcome = on(mine, theirs)
    assert {key: outcome[key] for key in ("wins", "losses", "ties", "n", "left_out")} == {
        "wins": 2,
        "losses": 1,
        "ties": 1,
        "n": 4,
        "left_out": 3,
    }
    assert outcome["score"] == (2 + 1 / 2) / 4
    assert outcome["p"] == 1.0  # two against one, or more uneven, is sure to happen


def test_the_figures_of_two_hundred_problems() -> None:
    """The example that opens the module."""
    mine = {str(n): float(n < 30 or n >= 100) for n in range(200)}
    theirs = {str(n): float(30 <= n < 42 or n >= 100) for n in range(200)}
    outcome = on(mine, theirs)
    assert (outcome["wins"], outcome["losses"], outcome["ties"], outcome["score"]) == (30, 12, 158, 0.545)
    assert (round(outcome["low"], 3), round(outcome["high"], 3), round(outcome["p"], 3)) == (0.513, 0.576, 0.008)


@pytest.mark.parametrize(("wins", "losses"), [(5, 0), (0, 6), (9, 2), (7, 7)])
def test_the_p_value_is_the_exact_sign_tests(wins: int, losses: int) -> None:
    mine = {str(n): float(n < wins) for n in range(wins + losses + 3)}
    theirs = {str(n): float(wins <= n < wins + losses) for n in range(wins + losses + 3)}
    tail = sum(comb(wins + losses, k) for k in range(min(wins, losses) + 1)) / 2 ** (wins + losses)
    outcome = on(mine, theirs)
    assert outcome["p"] == pytest.approx(min(1.0, 2 * tail))
    assert outcome["p"] == mcnemar(list(theirs.values()), list(mine.values())).p


@given(SCORES, SCORES)
def test_swapping_the_sides_turns_wins_into_losses(mine: dict[str, float | None], theirs: dict[str, float | None]) -> None:
    if not mine.keys() & theirs.keys():
        return
    one, other = on(mine, theirs), on(theirs, mine)
    if one is None:
        assert other is None
        return
    assert (one["wins"], one["losses"], one["ties"]) == (other["losses"], other["wins"], other["ties"])
    assert (one["n"], one["left_out"], one["p"]) == (other["n"], other["left_out"], other["p"])
    assert one["score"] == pytest.approx(1 - other["score"])
    assert (one["low"], one["high"]) == pytest.approx((1 - other["high"], 1 - other["low"]))


@given(SCORES)
def test_a_side_against_itself_is_all_ties(side: dict[str, float | None]) -> None:
    scored = [value for value in side.values() if value is not None]
    if not scored:
        return
    outcome = on(side, side)
    assert (outcome["wins"], outcome["losses"], outcome["ties"]) == (0, 0, len(scored))
    assert (outcome["score"], outcome["p"]) == (0.5, 1.0)
    assert outcome["low"] < 0.5 < outcome["high"]


@given(SCORES, SCORES)
def test_nothing_is_lost_and_the_interval_holds_the_score(
    mine: dict[str, float | None], theirs: dict[str, float | None]
) -> None:
    if not mine.keys() & theirs.keys() or (outcome := on(mine, theirs)) is None:
        return
    assert outcome["wins"] + outcome["losses"] + outcome["ties"] == outcome["n"]
    assert outcome["n"] + outcome["left_out"] == len(mine.keys() | theirs.keys())
    assert 0 <= outcome["low"] <= outcome["score"] <= outcome["high"] <= 1


def test_more_problems_make_the_interval_narrower() -> None:
    widths = []
    for n in (10, 100, 1000):
        outcome = on({str(i): float(i % 2) for i in range(n)}, {str(i): float(i % 5 == 0) for i in range(n)})
        widths.append(outcome["high"] - outcome["low"])
    assert widths == sorted(widths, reverse=True)


def test_the_metric_that_counts_decides_of_an_external_evaluation() -> None:
    def side(**values: float) -> ExternalResult:
        a = ExternalItem(id="a", metrics={"acc_norm": values["a"], "acc": 0.0})
        b = ExternalItem(id="b", metrics={"acc_norm": values["b"]} if "b" in values else {})
        return ExternalResult(metric="acc_norm", problems=2, metrics={}, items=(a, b))

    match = on_scores(side(a=1.0), side(a=0.0, b=1.0))
    assert match is not None
    assert (match.wins, match.n, match.left_out) == (1, 1, 1)


def test_sides_without_a_common_problem_are_refused() -> None:
    with pytest.raises(BadInput, match="items: no problem is on both sides"):
        on({"a": 1.0}, {"b": 1.0})


def test_problems_that_are_common_but_unscored_give_nothing() -> None:
    assert on({"a": None}, {"a": 1.0}) is None


class Longer:
    """A judge that prefers the longer text, told apart by nothing else; `A` and `B` are its words for the places."""

    def judge_messages(self, problem: Problem, first: str, second: str) -> Sequence[Message]:
        return [Message(role="user", content=f"{problem.prompt}\n{first}\n{second}")]

    def judge_verdict(self, text: str) -> Literal["first", "second"] | None:
        places: dict[str, Literal["first", "second"]] = {"A": "first", "B": "second"}
        return places.get(text)


def longer(request: Request) -> str:
    _, first, second = request.messages[-1]["content"].split("\n")
    return "?" if len(first) == len(second) else "A" if len(first) > len(second) else "B"


def pairs(*texts: tuple[str | None, str | None]) -> list[Pair]:
    return [Pair(problem=Problem(id=f"p{n}", prompt="Q"), mine=a, theirs=b) for n, (a, b) in enumerate(texts)]


def asked(shown: Sequence[Pair], judge: Callable[[Request], str | None] = longer) -> Any:
    """What comes of it when a judge answers all requests; None is a failed sample."""
    requests = judge_requests("poems", Longer(), shown)
    samples: Samples = {(request.id, 0): _said(request, judge(request)) for request in requests}
    return asdict(judge_outcomes("poems", Longer(), shown, samples))


def _said(request: Request, text: str | None) -> Completion:
    if text is None:
        return Completion(request=request.id, index=0, text="", finish="error", error="no luck")
    return Completion(request=request.id, index=0, text=text, finish="stop", tokens=1)


def test_a_judge_is_asked_in_both_orders_greedily() -> None:
    ab, ba = judge_requests("poems", Longer(), pairs(("mine", "theirs")), max_tokens=7, seed=3)
    assert (ab.id, ba.id) == ("poems/p0#judge-ab", "poems/p0#judge-ba")
    assert ab.messages[-1]["content"] == "Q\nmine\ntheirs"
    assert ba.messages[-1]["content"] == "Q\ntheirs\nmine"
    assert ab.sampling == ba.sampling
    assert (ab.sampling.temperature, ab.sampling.max_tokens, ab.sampling.seed) == (0.0, 7, 3)
    assert ab.indices == (0,)


def test_equal_and_failed_texts_are_not_asked_about() -> None:
    shown = pairs(("same", "same"), (None, "x"), ("x", None), (None, None), ("", ""))
    assert judge_requests("poems", Longer(), shown) == []
    outcome = asdict(judge_outcomes("poems", Longer(), shown, {}))
    assert outcome["items"] == {"p0": "tie", "p4": "tie"}
    assert (outcome["ties"], outcome["n"], outcome["left_out"]) == (2, 2, 3)
    assert (outcome["judged"], outcome["position_bias"], outcome["unreadable"]) == (0, None, 0)


def test_the_text_that_is_preferred_in_both_orders_wins() -> None:
    outcome = asked(pairs(("long one", "short"), ("tiny", "longer"), ("same", "same"), ("abc", "def")))
    assert outcome["items"] == {"p0": "win", "p1": "loss", "p2": "tie"}
    assert (outcome["score"], outcome["n"], outcome["left_out"]) == (0.5, 3, 1)
    assert (outcome["judged"], outcome["unreadable"], outcome["position_bias"]) == (3, 2, 0.0)


@pytest.mark.parametrize("word", ["A", "B"])
def test_a_judge_that_always_prefers_one_place_decides_nothing_and_is_found_out(word: str) -> None:
    outcome = asked(pairs(("a", "bb"), ("ccc", "d")), lambda request: word)
    assert (outcome["ties"], outcome["n"], outcome["score"], outcome["position_bias"]) == (2, 2, 0.5, 1.0)


def test_a_verdict_that_cannot_be_read_is_left_out_and_counted() -> None:
    shown = pairs(("long one", "short"), ("longer", "tiny"))
    outcome = asked(shown, lambda request: "?" if request.id == "poems/p0#judge-ba" else longer(request))
    assert outcome["items"] == {"p1": "win"}
    assert (outcome["unreadable"], outcome["n"], outcome["left_out"], outcome["judged"]) == (1, 1, 1, 2)
    assert (outcome["score"], outcome["position_bias"]) == (1.0, 0.0)


def test_a_judge_that_says_nothing_readable_decides_nothing() -> None:
    outcome = asked(pairs(("long one", "short")), lambda request: "?")
    assert [outcome[name] for name in FIGURES] == [None] * 4
    assert (outcome["unreadable"], outcome["n"], outcome["left_out"], outcome["position_bias"]) == (2, 0, 1, None)


@pytest.mark.parametrize("failing", ["ab", "ba"])
def test_a_judgement_that_failed_is_left_out_and_counted(failing: str) -> None:
    shown = pairs(("long one", "short"), ("tiny", "longer"))
    outcome = asked(shown, lambda request: None if request.id == f"poems/p0#judge-{failing}" else longer(request))
    assert outcome["items"] == {"p1": "loss"}
    assert (outcome["losses"], outcome["n"], outcome["left_out"], outcome["judged"]) == (1, 1, 1, 1)


def test_where_every_judgement_failed_there_are_no_figures() -> None:
    outcome = asked(pairs(("a", "bb")), lambda request: None)
    assert [outcome[name] for name in FIGURES] == [None] * 4
    assert (outcome["n"], outcome["left_out"], outcome["position_bias"]) == (0, 1, None)


def test_a_verdict_that_is_no_place_is_an_error_and_not_a_tie() -> None:
    class Shouting(Longer):
        def judge_verdict(self, text: str) -> Any:
            return "FIRST"

    shown = pairs(("a", "bb"))
    samples = {(request.id, 0): _said(request, "A") for request in judge_requests("poems", Shouting(), shown)}
    with pytest.raises(ValueError, match="judge_verdict gave 'FIRST'"):
        judge_outcomes("poems", Shouting(), shown, samples)


TEXTS = st.lists(st.tuples(st.none() | st.text("x", max_size=3), st.none() | st.text("xy", max_size=3)), max_size=8)
JUDGES = st.sampled_from([longer, lambda request: "A", lambda request: "?", lambda request: None])


@given(TEXTS, JUDGES)
def test_swapping_the_texts_turns_wins_into_losses(
    texts: list[tuple[str | None, str | None]], judge: Callable[[Request], str | None]
) -> None:
    one, other = asked(pairs(*texts), judge), asked(pairs(*((b, a) for a, b in texts)), judge)
    turned = {"win": "loss", "loss": "win", "tie": "tie"}
    assert one["items"] == {name: turned[outcome] for name, outcome in other["items"].items()}
    assert [one[key] for key in ("n", "left_out", "judged", "position_bias", "unreadable", "p")] == [
        other[key] for key in ("n", "left_out", "judged", "position_bias", "unreadable", "p")
    ]


@given(TEXTS, JUDGES)
def test_every_pair_is_counted_once(texts: list[tuple[str | None, str | None]], judge: Callable[[Request], str | None]) -> None:
    outcome = asked(pairs(*texts), judge)
    assert outcome["wins"] + outcome["losses"] + outcome["ties"] == outcome["n"] == len(outcome["items"])
    assert outcome["n"] + outcome["left_out"] == len(texts)
    assert json.loads(json.dumps(to_json(outcome))) == outcome


def test_scores_and_judgements_have_the_same_figures() -> None:
    judged, scored = asked(pairs(("a", "bb"))), on({"a": 0.0}, {"a": 1.0})
    names = ("wins", "losses", "ties", "n", "left_out", *FIGURES)
    assert [judged[name] for name in names] == [scored[name] for name in names]


def test_the_judge_of_the_tests_is_one() -> None:
    assert isinstance(Longer(), Judged)


def test_texts_are_paired_where_both_sides_were_asked_and_the_task_has_a_judge() -> None:
    class Poems(Longer):
        def problems(self) -> Sequence[Problem]:
            return [Problem(id=name, prompt="Q") for name in ("a", "b", "c")]

        def messages(self, problem: Problem) -> Sequence[Message]:
            return [Message(role="user", content=problem.prompt)]

        def answers(self, problem: Problem, completions: Sequence[Completion]) -> Sequence[str | None]:
            return [c.text for c in completions]

        def score(self, problem: Problem, completions: Sequence[Completion]) -> Sequence[Score]:
            return [Score(correct=None) for _ in completions]

    def said(**texts: str | None) -> Samples:
        requests = {name: Request(id=f"poems/{name}#use", messages=(), sampling=GREEDY) for name in texts}
        return {(request.id, 0): _said(request, texts[name]) for name, request in requests.items()}

    task = Poems()
    found = text_pairs("poems", task, task.problems(), said(a="mine", b=None, c="x"), said(a="theirs", b="theirs"))
    assert [(pair.problem.id, pair.mine, pair.theirs) for pair in found] == [("a", "mine", "theirs"), ("b", None, "theirs")]
