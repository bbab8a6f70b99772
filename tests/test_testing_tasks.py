"""Every promise that a check makes of a category, benchmark or task, against one that breaks this promise and no other."""

from __future__ import annotations

import dataclasses
import itertools
import random
import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from cogumi.protocols import Category
from cogumi.records import Completion, Message, Problem, Score
from cogumi.testing import FakeTask, check_benchmark, check_category, fake_benchmark, fake_category, make_problems


class Task(FakeTask):
    """A good task any of whose methods can be replaced by a function that is handed the good result too."""

    def __init__(self, **changes: Callable[..., Any]) -> None:
        super().__init__()
        self.changes = changes

    def _changed(self, name: str, good: Any, *args: Any) -> Any:
        return self.changes[name](good, *args) if name in self.changes else good

    def problems(self) -> Any:
        return self._changed("problems", super().problems())

    def messages(self, problem: Problem) -> Any:
        return self._changed("messages", super().messages(problem), problem)

    def answers(self, problem: Problem, completions: Sequence[Completion]) -> Any:
        return self._changed("answers", super().answers(problem, completions), problem, completions)

    def score(self, problem: Problem, completions: Sequence[Completion]) -> Any:
        good = [Score(correct=a == problem.reference) for a in FakeTask().answers(problem, completions)]
        return self._changed("score", good, problem, completions)


def _each(problems: Sequence[Problem], **changes: Any) -> list[Problem]:
    return [dataclasses.replace(p, **changes) for p in problems]


COUNTER = itertools.count()


def _crash_on_odd(good: Any, problem: Problem, completions: Sequence[Completion]) -> Any:
    [c.text.encode() for c in completions]  # lone surrogates
    return good


def _by_position(good: Any, problem: Problem, completions: Sequence[Completion]) -> Any:
    return [answer and f"{answer}@{place}" for place, answer in enumerate(good)]


def _first_call_wins(good: list[str | None], problem: Problem, completions: Sequence[Completion]) -> Any:
    """Takes the neighbour's answer over: which answers are equal depends on their order."""
    return [good[place - 1] if place and a and good[place - 1] else a for place, a in enumerate(good)]


BROKEN_TASKS: list[tuple[dict[str, Callable[..., Any]], str]] = [
    ({"problems": lambda good: []}, "at least one problem"),
    ({"problems": lambda good: [p.prompt for p in good]}, "problems() gives Problems"),
    ({"problems": lambda good: random.Random(next(COUNTER)).sample(good, len(good))}, "the same problems in the same order"),
    ({"problems": lambda good: _each(good, id="same")}, "ids are unique"),
    ({"problems": lambda good: [dataclasses.replace(p, id=n) for n, p in enumerate(good)]}, "a problem's id is a text"),
    ({"problems": lambda good: _each(good, prompt=" ")}, "a problem has a prompt"),
    ({"problems": lambda good: _each(good, reference={1, 2})}, "a problem's reference is JSON"),
    ({"problems": lambda good: _each(good, reference=(1, 2))}, "reference survives a trip through JSON"),
    ({"problems": lambda good: _each(good, meta={1: "one"})}, "meta survives a trip through JSON"),
    ({"problems": lambda good: 1 // 0}, "problems() must not raise"),
    ({"messages": lambda good, p: []}, "at least one message"),
    ({"messages": lambda good, p: 1 // 0}, "must not raise, and raised ZeroDivisionError"),
    ({"messages": lambda good, p: [*good, Message(role="assistant", content="Well,")]}, "messages end in a user turn"),
    ({"messages": lambda good, p: [{"role": "human", "content": "?"}, *good]}, "'human' is no role"),
    ({"messages": lambda good, p: [{**good[0], "name": "me"}]}, "a message holds the texts role and content"),
    ({"messages": lambda good, p: [{"role": "user", "content": f"{p.prompt} {next(COUNTER)}"}]}, "the same messages each time"),
    (
        {"messages": lambda good, p: [{"role": "user", "content": f"{p.prompt} (The answer is {p.reference}.)"}]},
        "messages do not show the right answer",
    ),
    ({"answers": lambda good, p, c: good[:-1] if good else good}, "one answer per completion"),
    ({"answers": lambda good, p, c: [a and int(a) for a in good]}, "an answer is a text or None"),
    ({"answers": lambda good, p, c: [a or "" for a in good]}, "an empty text has no answer"),
    ({"answers": _crash_on_odd}, "answers() of 'sum-0' must not raise, and raised UnicodeEncodeError"),
    ({"answers": lambda good, p, c: [a and f"{a}{next(COUNTER)}" for a in good]}, "gives the same answers each time"),
    ({"answers": lambda good, p, c: [None for a in good]}, "the right answer has an answer"),
    ({"answers": _by_position}, "equal answers are equal texts"),
    ({"answers": _first_call_wins}, "does not depend on the order of the completions"),
    ({"answers": lambda good, p, c: [good[0], *good[1:]]}, "answers() of 'sum-0' must not raise, and raised IndexError"),
    ({"score": lambda good, p, c: [good[0], *good[1:]]}, "score() of 'sum-0' must not raise, and raised IndexError"),
    ({"score": lambda good, p, c: good[:-1] if good else good}, "one Score per completion"),
    ({"score": lambda good, p, c: [s.correct for s in good]}, "score() gives Scores"),
    ({"score": lambda good, p, c: [Score(correct=0.5) for s in good]}, "Score.correct is True, False or None"),  # type: ignore[arg-type]
    ({"score": lambda good, p, c: [Score(correct=s.correct, metrics={"m": float("nan")}) for s in good]}, "metrics are finite"),
    ({"score": lambda good, p, c: [Score(correct=True) for s in good]}, "an empty text is not correct"),
    ({"score": lambda good, p, c: [Score(correct=False) for s in good]}, "the right answer scores as correct"),
    ({"score": lambda good, p, c: [Score(correct=bool(x.text.strip("\0 \n\t"))) for x in c]}, "garbage is not correct"),
    ({"score": lambda good, p, c: [Score(correct="answer" in x.text) for x in c]}, "the right answer of another problem"),
    (
        {"score": lambda good, p, c: [Score(correct=s.correct, note=str(next(COUNTER))) for s in good]},
        "the same scores each time",
    ),
    ({"score": _crash_on_odd}, "score() of 'sum-0' must not raise, and raised UnicodeEncodeError"),
]


@pytest.mark.parametrize(("changes", "promise"), BROKEN_TASKS)
def test_a_broken_task_is_told_its_promise(changes: dict[str, Callable[..., Any]], promise: str) -> None:
    task = Task(**changes)
    with pytest.raises(AssertionError, match=re.escape(promise)):
        check_category(fake_category(task=task))
    with pytest.raises(AssertionError, match=re.escape(promise)):
        check_benchmark(fake_benchmark(task=task))


BROKEN_STRATEGIES: list[tuple[dict[str, Any], str]] = [
    ({"generate_temperature": -0.1}, "strategy.generate_temperature is finite and at least 0"),
    ({"train_temperature": float("nan")}, "strategy.train_temperature is finite and at least 0"),
    ({"vote_temperature": 0.0}, "strategy.vote_temperature is above 0"),
    ({"votes": 1}, "strategy.votes is at least 2"),
    ({"min_agreement": 50}, "strategy.min_agreement is a share between 0 and 1"),
    ({"max_tokens": 0}, "strategy.max_tokens is at least 1"),
    ({"target": "longest"}, "strategy.target is 'generated' or 'best-vote'"),
    ({"why": " "}, "strategy.why gives the reason"),
]


@pytest.mark.parametrize(("changes", "promise"), BROKEN_STRATEGIES)
def test_a_broken_strategy_is_told_its_promise(changes: dict[str, Any], promise: str) -> None:
    good = fake_category()
    with pytest.raises(AssertionError, match=re.escape(promise)):
        check_category(dataclasses.replace(good, strategy=dataclasses.replace(good.strategy, **changes)))


@pytest.mark.parametrize(
    ("changes", "promise"),
    [
        ({"name": "Word Sums"}, "the category's name is what people type"),
        ({"benchmark": ""}, "the category names its benchmark"),
        ({"voter": "Majority!"}, "the category names its voter"),
    ],
)
def test_a_broken_category_is_told_its_promise(changes: dict[str, Any], promise: str) -> None:
    with pytest.raises(AssertionError, match=re.escape(promise)):
        check_category(dataclasses.replace(fake_category(), **changes))


def test_a_broken_benchmark_is_told_its_promise() -> None:
    with pytest.raises(AssertionError, match="the benchmark's name is what people type"):
        check_benchmark(dataclasses.replace(fake_benchmark(), name="GSM 8K"))
    with pytest.raises(AssertionError, match="max_tokens is at least 1"):
        check_benchmark(dataclasses.replace(fake_benchmark(), max_tokens=0))


def test_sides_that_share_a_problem_are_found_whatever_the_spacing_and_case() -> None:
    shared = _each(make_problems(1), id="other", prompt="  what IS 0 +\n1? ")
    with pytest.raises(AssertionError, match="'other' of the benchmark is 'sum-0' of the category"):
        check_category(fake_category, benchmark=fake_benchmark(task=Task(problems=lambda good: shared)))


def test_two_instances_of_a_category_have_the_same_problems() -> None:
    def factory() -> Category:
        return fake_category(task=FakeTask(first=next(COUNTER)))

    with pytest.raises(AssertionError, match="the same problems in the same order"):
        check_category(factory)


def test_a_task_without_a_right_answer_says_so() -> None:
    class Open(FakeTask):
        gold = None  # type: ignore[assignment]

    with pytest.raises(AssertionError, match="give it a method gold"):
        check_category(fake_category(task=Open()))
    check_category(fake_category(task=Open()), open_ended=True)
    check_benchmark(fake_benchmark(task=Open()), gold=lambda problem: f"{problem.reference}")


def test_a_right_answer_that_is_in_every_prompt_is_wording_and_no_leak() -> None:
    def options(good: Any, problem: Problem) -> list[Message]:
        known = ", ".join(f"The answer is {p.reference}." for p in make_problems())
        return [Message(role="user", content=f"{problem.prompt} Choose: {known}")]

    check_category(fake_category(task=Task(messages=options)))


def test_good_tasks_pass() -> None:
    check_category(fake_category, benchmark=fake_benchmark)
    check_category(fake_category(), benchmark=fake_benchmark())
    check_benchmark(fake_benchmark)
    check_benchmark(fake_benchmark(task=FakeTask(1)))


def test_a_task_needs_all_four_methods() -> None:
    class Half:
        def problems(self) -> list[Problem]:
            return make_problems()

    with pytest.raises(AssertionError, match=r"the task has problems\(\), messages\(\), answers\(\) and score\(\)"):
        check_benchmark(dataclasses.replace(fake_benchmark(), task=Half()), open_ended=True)  # type: ignore[arg-type]
