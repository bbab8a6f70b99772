"""`check_category` and `check_benchmark`: the promises of a task and of what is registered around it."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

from cogumi.protocols import Benchmark, Category, Task
from cogumi.records import Completion, Message, Problem, Score, Strategy
from cogumi.testing.fakes import make_completions
from cogumi.testing.promises import NAME, broken, made_by, never_raises, require, short

Gold = Callable[[Problem], str]
T = TypeVar("T")

ODD_TEXTS = ("", " \n\t", "\x00\x00", "\ud800 \udfff", "\\boxed{" * 50, "#### ", "```python\n", "𝟙½²³", "ha " * 34_000)
"""What models have written: nothing, NULs, lone surrogates, unclosed marks, look-alike digits, 100 kB of one word."""
LEAK = 12
"""Right answers shorter than this may stand in a question by chance; longer ones may not."""


def check_category(
    category: Category | Callable[[], Category],
    *,
    benchmark: Benchmark | Callable[[], Benchmark] | None = None,
    gold: Gold | None = None,
    open_ended: bool = False,
    limit: int = 10,
) -> None:
    """Check a category (or its factory). Given its benchmark too, the two sides must not share a problem.

    `gold(problem)` is a completion that deserves the full score; without it the task's own method `gold` is asked.
    `open_ended=True`: this task has no right answers. `limit` problems are answered and scored; all are looked at.
    """
    make = made_by(category, Category)
    made = make()
    require(
        _is_name(made.name), f"the category's name is what people type, lower case and without spaces, not {short(made.name)}"
    )
    require(_is_name(made.benchmark), f"the category names its benchmark, and {short(made.benchmark)} is no name")
    require(_is_name(made.voter), f"the category names its voter, and {short(made.voter)} is no name")
    _check_strategy(made.strategy)
    _check_task(made.task, make().task, None if open_ended else _gold_of(made.task, gold), limit)
    if benchmark is not None:
        _check_overlap(made.task, made_by(benchmark, Benchmark)().task)


def check_benchmark(
    benchmark: Benchmark | Callable[[], Benchmark],
    *,
    gold: Gold | None = None,
    open_ended: bool = False,
    limit: int = 10,
) -> None:
    """Check a benchmark (or its factory); the arguments are those of `check_category`."""
    make = made_by(benchmark, Benchmark)
    made = make()
    require(
        _is_name(made.name), f"the benchmark's name is what people type, lower case and without spaces, not {short(made.name)}"
    )
    require(made.max_tokens >= 1, f"max_tokens is at least 1, not {made.max_tokens}")
    _check_task(made.task, make().task, None if open_ended else _gold_of(made.task, gold), limit)


def _is_name(name: object) -> bool:
    return isinstance(name, str) and re.fullmatch(NAME, name) is not None


def _gold_of(task: Task, gold: Gold | None) -> Gold:
    found = gold or getattr(task, "gold", None)
    if found is None:
        broken(
            "a task shows what a right answer looks like: give it a method gold(problem), or pass gold=... or open_ended=True"
        )
    return found


def _check_strategy(strategy: Strategy) -> None:
    for name in ("generate_temperature", "train_temperature", "vote_temperature"):
        value = getattr(strategy, name)
        if value is not None:
            require(math.isfinite(value) and value >= 0, f"strategy.{name} is finite and at least 0, not {value}")
    require(strategy.vote_temperature != 0, "strategy.vote_temperature is above 0: at 0 all votes are one opinion")
    require(strategy.votes >= 2, f"strategy.votes is at least 2, not {strategy.votes}: one voter is no vote")
    agreement = strategy.min_agreement
    require(0 <= agreement <= 1, f"strategy.min_agreement is a share between 0 and 1, not {agreement}")
    require(strategy.max_tokens >= 1, f"strategy.max_tokens is at least 1, not {strategy.max_tokens}")
    target = strategy.target
    require(target in ("generated", "best-vote"), f"strategy.target is 'generated' or 'best-vote', not {short(target)}")
    require(bool(strategy.why.strip()), "strategy.why gives the reason for its temperatures")


def _check_task(task: Task, again: Task, gold: Gold | None, limit: int) -> None:
    require(isinstance(task, Task), "the task has problems(), messages(), answers() and score()")
    problems = _check_problems(task, again)
    for problem in problems:
        _check_messages(task, problem)
    chosen = problems[:: max(1, len(problems) // limit)][:limit]
    for problem in chosen:
        _check_reading(task, problem)
    if gold is not None:
        golds = {problem.id: gold(problem) for problem in problems}
        _check_leak(task, problems, golds)
        _check_gold(task, chosen, golds)


def _check_problems(task: Task, again: Task) -> Sequence[Problem]:
    with never_raises("problems()"):
        problems, repeated, new = task.problems(), task.problems(), again.problems()
    require(len(problems) > 0, "problems() gives at least one problem")
    require(all(isinstance(p, Problem) for p in problems), "problems() gives Problems")
    same = list(problems) == list(repeated) == list(new)
    require(same, "problems() gives the same problems in the same order each time it is called")
    for problem in problems:
        require(isinstance(problem.id, str) and bool(problem.id), f"a problem's id is a text, not {short(problem.id)}")
        require(bool(problem.prompt.strip()), f"a problem has a prompt, and '{problem.id}' has none")
        _check_json(problem)
    repeats = [name for name, times in Counter(p.id for p in problems).items() if times > 1]
    require(not repeats, f"ids are unique, and {short(repeats[:3])} are not")
    return problems


def _check_json(problem: Problem) -> None:
    for name in ("reference", "meta"):
        value = getattr(problem, name)
        value = dict(value) if name == "meta" else value
        try:
            back = json.loads(json.dumps(value))
        except (TypeError, ValueError) as error:
            broken(f"a problem's {name} is JSON, and that of '{problem.id}' is not: {error}")
        told = f"that of '{problem.id}' is {short(value)} and comes back as {short(back)}"
        require(back == value, f"a problem's {name} survives a trip through JSON: {told}")


def _check_messages(task: Task, problem: Problem) -> None:
    with never_raises(f"messages() of '{problem.id}'"):
        messages = task.messages(problem)
        repeated = task.messages(problem)
    which = f"(problem '{problem.id}')"
    require(len(messages) > 0, f"messages() gives at least one message {which}")
    for message in messages:
        fine = set(message) == {"role", "content"} and all(isinstance(value, str) for value in message.values())
        require(fine, f"a message holds the texts role and content and nothing else, not {short(message)} {which}")
        require(message["role"] in ("system", "user", "assistant"), f"{short(message['role'])} is no role {which}")
    require(messages[-1]["role"] == "user", f"messages end in a user turn, not in one of '{messages[-1]['role']}' {which}")
    require(list(messages) == list(repeated), f"messages() gives the same messages each time {which}")


def _check_leak(task: Task, problems: Sequence[Problem], golds: dict[str, str]) -> None:
    """Most right answers standing in their own prompts are a leak; in everybody's prompt they are part of the wording."""
    prompts = {p.id: _text(task.messages(p)) for p in problems}
    told = {p.id: golds[p.id].strip() for p in problems if len(golds[p.id].strip()) >= LEAK}
    leaks = [name for name, text in told.items() if text in prompts[name]]
    other = {p.id: problems[(place + 1) % len(problems)].id for place, p in enumerate(problems)}
    leaks = [name for name in leaks if told[name] not in prompts[other[name]] or len(problems) == 1]
    if leaks:
        require(2 * len(leaks) <= len(told), f"messages do not show the right answer, and those of '{leaks[0]}' do")


def _text(messages: Sequence[Message]) -> str:
    return "\n".join(message["content"] for message in messages)


def _check_reading(task: Task, problem: Problem) -> None:
    """Odd texts are read and scored without complaint, the same way each time and in any order."""
    completions = [*make_completions(ODD_TEXTS, request=problem.id), _failed(problem)]
    answers = _answers(task, problem, completions)
    scores = _scores(task, problem, completions)
    which = f"(problem '{problem.id}')"
    for place in (0, 1, -1):
        told = f"{short(completions[place].text)} was read as {short(answers[place])} {which}"
        require(answers[place] is None, f"an empty text has no answer, which is None: {told}")
        require(scores[place].correct is not True, f"an empty text is not correct {which}")
    _answers(task, problem, [])
    _scores(task, problem, [])
    require(_scores(task, problem, completions) == scores, f"score() gives the same scores each time {which}")
    _check_order(task, problem, completions, answers)


def _failed(problem: Problem) -> Completion:
    return Completion(request=problem.id, index=len(ODD_TEXTS), text="", finish="error", error="the engine died")


def _answers(task: Task, problem: Problem, completions: Sequence[Completion]) -> list[str | None]:
    with never_raises(f"answers() of '{problem.id}'"):
        answers = list(task.answers(problem, completions))
    told = f"{len(answers)} for {len(completions)} (problem '{problem.id}')"
    require(len(answers) == len(completions), f"answers() gives one answer per completion, not {told}")
    for answer in answers:
        require(answer is None or isinstance(answer, str), f"an answer is a text or None, not {short(answer)}")
    return answers


def _scores(task: Task, problem: Problem, completions: Sequence[Completion]) -> list[Score]:
    with never_raises(f"score() of '{problem.id}'"):
        scores = list(task.score(problem, completions))
    told = f"{len(scores)} for {len(completions)} (problem '{problem.id}')"
    require(len(scores) == len(completions), f"score() gives one Score per completion, not {told}")
    for score in scores:
        require(isinstance(score, Score), f"score() gives Scores, not {short(score)}")
        require(score.correct in (True, False, None), f"Score.correct is True, False or None, not {short(score.correct)}")
        require(all(math.isfinite(m) for m in score.metrics.values()), f"metrics are finite, not {short(dict(score.metrics))}")
    return scores


def _check_order(task: Task, problem: Problem, completions: Sequence[Completion], answers: Sequence[str | None]) -> None:
    """Which texts are equal must depend on the texts alone; what the shared answer is called may depend on the call."""
    repeated = _answers(task, problem, completions)
    require(repeated == list(answers), f"answers() gives the same answers each time (problem '{problem.id}')")
    backwards = _answers(task, problem, completions[::-1])[::-1]
    same = _groups(backwards) == _groups(answers)
    require(same, f"which answers are equal does not depend on the order of the completions (problem '{problem.id}')")


def _groups(values: Sequence[Hashable]) -> list[int | None]:
    """For each value the place of its first equal; None stays None."""
    return [None if value is None else values.index(value) for value in values]


def _check_gold(task: Task, problems: Sequence[Problem], golds: dict[str, str]) -> None:
    swapped, garbage = [], []
    for place, problem in enumerate(problems):
        other = problems[(place + 1) % len(problems)]
        texts = [golds[problem.id], golds[problem.id] + "\n", golds[other.id], "?!"]
        completions = make_completions(texts, request=problem.id)
        answers, scores = _answers(task, problem, completions), _scores(task, problem, completions)
        told = f"{short(texts[0])} scored {scores[0].correct} (problem '{problem.id}')"
        require(scores[0].correct is True, f"the right answer scores as correct: {told}")
        require(answers[0] is not None, f"the right answer has an answer: {short(texts[0])} was read as None")
        told = f"{short(texts[0])} was read as {short(answers[0])} and {short(answers[1])}"
        require(answers[0] == answers[1], f"equal answers are equal texts: {told}")
        _check_order(task, problem, completions, answers)
        swapped.append(scores[2].correct is True and golds[other.id] != golds[problem.id])
        garbage.append(scores[3].correct is True)
    require(not all(garbage), "garbage is not correct, and '?!' was, every time")
    require(len(problems) < 2 or not all(swapped), "the right answer of another problem is not correct, and it was, every time")


def _check_overlap(train: Task, test: Task) -> None:
    seen = {_normal(problem.prompt): problem.id for problem in train.problems()}
    for problem in test.problems():
        twin = seen.get(_normal(problem.prompt))
        told = f"'{problem.id}' of the benchmark is '{twin}' of the category"
        require(twin is None, f"training side and held-out side share no problem, and {told}")


def _normal(prompt: str) -> str:
    return " ".join(prompt.casefold().split())
