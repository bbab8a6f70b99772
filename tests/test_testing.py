"""Every promise that a check makes of a plugin's object, against an object that breaks this promise and no other."""

from __future__ import annotations

import dataclasses
import itertools
import json
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from cogumi.protocols import Benchmark, Category, Report
from cogumi.records import (
    Ballot,
    Completion,
    Example,
    Message,
    Model,
    Problem,
    Request,
    Sampling,
    Score,
    Training,
    Vote,
    sample_seed,
)
from cogumi.testing import (
    FakeSampler,
    FakeTask,
    FakeTrainer,
    check_benchmark,
    check_category,
    check_model,
    check_sampler,
    check_trainer,
    check_voter,
    fake_benchmark,
    fake_category,
    make_completions,
    make_examples,
    make_problems,
    make_requests,
)
from cogumi.testing.fakes import random_answer
from cogumi.vote import Majority, majority

# --- voters -----------------------------------------------------------------------------------------------------------


class Tampered:
    """The majority vote, changed by a function of the ballots and the honest vote."""

    def __init__(self, change: Callable[[Sequence[Ballot], Vote], Any]) -> None:
        self.change = change

    def vote(self, problem: Problem, ballots: Sequence[Ballot]) -> Any:
        return self.change(ballots, Majority().vote(problem, ballots))


def _first_seen(ballots: Sequence[Ballot], vote: Vote) -> Vote:
    """Breaks ties by the order of the ballots."""
    answers = [b.answer for b in ballots if b.answer in vote.counts]
    return dataclasses.replace(vote, winner=answers[0], tie=False) if vote.tie else vote


def _least_wins(ballots: Sequence[Ballot], vote: Vote) -> Vote:
    least = min(vote.counts, key=lambda answer: (vote.counts[answer], answer), default=None)
    return dataclasses.replace(vote, winner=least) if vote.winner is not None else vote


def _forgets_abstentions(ballots: Sequence[Ballot], vote: Vote) -> Vote:
    return dataclasses.replace(vote, total=sum(vote.counts.values()))


def _raises(ballots: Sequence[Ballot], vote: Vote) -> Vote:
    return dataclasses.replace(vote, total=1 / len(ballots) * len(ballots) ** 2)


NOBODY: Any = None


BROKEN_VOTERS: list[tuple[Callable[[Sequence[Ballot], Vote], Any], str]] = [
    (_raises, "must not raise, and raised ZeroDivisionError"),
    (lambda b, v: v.winner, "vote() must give a Vote"),
    (_first_seen, "in any order of its ballots"),
    (lambda b, v: dataclasses.replace(v, winner=sorted(v.counts)[0] if v.tie else v.winner), "a tie has no winner"),
    (lambda b, v: dataclasses.replace(v, winner=sorted(v.counts)[0], tie=False) if v.tie else v, "equal votes are a tie"),
    (lambda b, v: dataclasses.replace(v, tie=False), "equal votes are a tie"),
    (lambda b, v: dataclasses.replace(v, winner=v.winner and v.winner.upper()), "the winner is an answer that was given"),
    (_least_wins, "the winner has the highest of the counts"),
    (lambda b, v: dataclasses.replace(v, winner=None), "the answer that all agree on wins"),
    (lambda b, v: dataclasses.replace(v, counts={**v.counts, NOBODY: 1.0}) if b else v, "never None"),
    (lambda b, v: dataclasses.replace(v, total=v.total / 2), "support is part of total"),
    (lambda b, v: dataclasses.replace(v, total=v.support), "counts add up to no more than total"),
    (lambda b, v: dataclasses.replace(v, support=v.support / 2), "support is the count of the leading answer"),
    (lambda b, v: dataclasses.replace(v, total=float("inf")), "finite and not negative"),
    (lambda b, v: dataclasses.replace(v, winner="none") if not v.counts else v, "the winner is an answer that was given"),
    (_forgets_abstentions, "a ballot without an answer counts in total"),
]


@pytest.mark.parametrize(("change", "promise"), BROKEN_VOTERS)
def test_a_broken_voter_is_told_its_promise(change: Callable[..., Any], promise: str) -> None:
    with pytest.raises(AssertionError, match=_literally(promise)):
        check_voter(Tampered(change))


def test_a_voter_that_rolls_dice_is_found() -> None:
    dice = random.Random(1)

    def roll(ballots: Sequence[Ballot], vote: Vote) -> Vote:
        return dataclasses.replace(vote, total=vote.total + dice.choice((1, 2)))

    with pytest.raises(AssertionError, match="a vote is the same again"):
        check_voter(Tampered(roll))


def test_a_good_voter_passes_as_object_factory_and_class() -> None:
    check_voter(majority)
    check_voter(Majority())
    check_voter(Majority)


def test_something_else_is_no_voter() -> None:
    with pytest.raises(AssertionError, match="neither a Voter nor a factory"):
        check_voter(3)  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="the factory must make a Voter, and made a str"):
        check_voter(lambda: "majority")  # type: ignore[arg-type,return-value]


# --- tasks ------------------------------------------------------------------------------------------------------------


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
    with pytest.raises(AssertionError, match=_literally(promise)):
        check_category(fake_category(task=task))
    with pytest.raises(AssertionError, match=_literally(promise)):
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
    with pytest.raises(AssertionError, match=_literally(promise)):
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
    with pytest.raises(AssertionError, match=_literally(promise)):
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


# --- samplers ---------------------------------------------------------------------------------------------------------


class Sampler(FakeSampler):
    """A good sampler whose rows are passed through a function of the requests and the good rows."""

    def __init__(self, change: Callable[[list[Request], list[Completion]], Iterable[Any]]) -> None:
        super().__init__(random_answer)
        self.change = change

    def sample(self, requests: Iterable[Request]) -> Iterator[Any]:
        asked = list(requests)
        yield from self.change(asked, list(super().sample(asked)))


def _rows(**changes: Any) -> Callable[[list[Request], list[Completion]], list[Completion]]:
    return lambda asked, rows: [dataclasses.replace(row, **changes) for row in rows]


def _texts(change: Callable[[Request, Completion, int], str]) -> Callable[[list[Request], list[Completion]], list[Completion]]:
    def apply(asked: list[Request], rows: list[Completion]) -> list[Completion]:
        by_id = {request.id: request for request in asked}
        return [dataclasses.replace(r, text=change(by_id[r.request], r, place)) for place, r in enumerate(rows)]

    return apply


def _no_stop(asked: list[Request], rows: list[Completion]) -> list[Completion]:
    plain = [dataclasses.replace(r, sampling=dataclasses.replace(r.sampling, stop=())) for r in asked]
    return list(FakeSampler(random_answer).sample(plain))


def _stops_early(asked: list[Request], rows: list[Completion]) -> list[Completion]:
    stops = any(r.sampling.stop for r in asked)
    return [dataclasses.replace(row, text=row.text[:-1]) for row in rows] if stops else rows


def _seedless(request: Request, row: Completion, place: int) -> str:
    return "same" if request.sampling.temperature == 0 else f"sample {row.index}"


def _crowded(asked: list[Request], rows: list[Completion]) -> list[Completion]:
    """A batch of one is drawn differently."""
    return [dataclasses.replace(row, text="alone") for row in rows] if len(rows) == 1 else rows


def _warm_greedy(request: Request, row: Completion, place: int) -> str:
    return f"{row.index} {row.text}"


BROKEN_SAMPLERS: list[tuple[Callable[[list[Request], list[Completion]], Iterable[Any]], str]] = [
    (lambda asked, rows: [rows[len(rows)]], "must not raise, and raised IndexError"),
    (lambda asked, rows: [row.text for row in rows], "sample() yields Completions"),
    (lambda asked, rows: rows[1:], "every wanted sample is yielded, errors too: missing are test/sum-17[0]"),
    (lambda asked, rows: [*rows, *rows[:1]], "every wanted sample is yielded once and no others"),
    (lambda asked, rows: [*rows, *make_completions(["?"])], "every wanted sample is yielded once and no others"),
    (_rows(finish="eos"), "finish is stop, length or error"),
    (_rows(finish="error"), "an error row says in `error` what went wrong"),
    (_rows(finish="error", error="died"), "an error row has no text"),
    (_rows(error="died"), "a row with an error finishes with 'error'"),
    (_rows(text=b"?"), "text is a str"),
    (_rows(tokens=17), "tokens is between 0 and max_tokens = 16"),
    (_rows(token_ids=(1, 2)), "token_ids holds the 9 tokens drawn, not 2"),
    (_rows(logprob=0.5), "logprob is finite and at most 0"),
    (_texts(lambda request, row, place: f"number {place}"), "a sample is the same whatever it is drawn with"),
    (_crowded, "a sample is the same whatever it is drawn with: test/sum-17[9]"),
    (_texts(lambda request, row, place: f"copy of {request.id}"), "drawn one by one, not copied"),
    (_texts(_seedless), "another seed draws other samples"),
    (_texts(_warm_greedy), "at temperature 0 all samples of a prompt are the same"),
    (_no_stop, "a text ends before the stop text"),
    (_stops_early, "a stop text ends a sample"),
]


@pytest.mark.parametrize(("change", "promise"), BROKEN_SAMPLERS)
def test_a_broken_sampler_is_told_its_promise(change: Callable[..., Any], promise: str) -> None:
    with pytest.raises(AssertionError, match=_literally(promise)):
        check_sampler(Sampler(change))


def test_samples_must_not_depend_on_how_many_were_drawn_before() -> None:
    drawn = itertools.count()
    with pytest.raises(AssertionError, match="a sample is the same whatever it is drawn with"):
        check_sampler(FakeSampler(lambda request, index: f"draw {next(drawn)}"))


def test_a_second_sampler_draws_the_same_texts() -> None:
    made = itertools.count()

    def factory() -> FakeSampler:
        salt = next(made)
        return FakeSampler(lambda request, index: f"{salt} {random_answer(request, index)}")

    with pytest.raises(AssertionError, match="drawn by a new sampler"):
        check_sampler(factory)


def test_closing_twice_is_no_error() -> None:
    class Once(FakeSampler):
        def close(self) -> None:
            assert not self.closed
            super().close()

    class Strict(FakeSampler):
        def close(self) -> None:
            if self.closed:
                raise RuntimeError("closed already")
            super().close()

    with pytest.raises(AssertionError, match="also when it is called twice"):
        check_sampler(Strict(random_answer))
    with pytest.raises(AssertionError):
        check_sampler(Once(random_answer))


ENDLESS = Request(
    id="endless",
    messages=(Message(role="user", content="word " * 9999),),
    sampling=Sampling(temperature=0.7, max_tokens=8),
)


def test_a_request_that_fails_is_an_error_row_and_disturbs_nobody() -> None:
    def answer(request: Request, index: int) -> str:
        if len(request.messages[0]["content"]) > 1000:
            raise ValueError("the prompt is too long")
        return random_answer(request, index)

    check_sampler(FakeSampler(answer), failing=ENDLESS)
    with pytest.raises(AssertionError, match="'endless' finished with 'length'"):
        check_sampler(FakeSampler(random_answer), failing=ENDLESS)

    def dies_with_it(asked: list[Request], rows: list[Completion]) -> list[Completion]:
        sick = any(request.id == "endless" for request in asked)
        return [dataclasses.replace(r, text="", finish="error", error="out of memory") for r in rows] if sick else rows

    with pytest.raises(AssertionError, match="drawn next to a request that fails"):
        check_sampler(Sampler(dies_with_it), failing=ENDLESS)


def test_a_recording_need_not_be_diverse() -> None:
    recorded = FakeSampler(lambda request, index: "always the same")
    with pytest.raises(AssertionError, match="not copied"):
        check_sampler(recorded)
    check_sampler(recorded, diverse=False)
    check_sampler(recorded, diverse=False, requests=make_requests(2, samples=3, max_tokens=1))


def test_a_good_sampler_passes_and_is_closed() -> None:
    made: list[FakeSampler] = []

    def factory() -> FakeSampler:
        made.append(FakeSampler(random_answer))
        return made[-1]

    check_sampler(factory)
    assert [sampler.closed for sampler in made] == [True, True]


def test_the_fake_sampler_cuts_at_the_limit_and_tells_errors() -> None:
    sampler = FakeSampler(lambda request, index: "one two  three four" if index == 0 else str(1 // 0))
    (request,) = make_requests(1, samples=2, max_tokens=3)
    cut, failed = sampler.sample([request])
    assert (cut.text, cut.finish, cut.tokens) == ("one two  three", "length", 3)
    assert (failed.finish, failed.error) == ("error", "ZeroDivisionError: integer division or modulo by zero")
    assert sampler.asked == 2


# --- trainers ---------------------------------------------------------------------------------------------------------


class Trainer:
    """The fake trainer with something done before and after it."""

    def __init__(
        self,
        after: Callable[[Training, Model, Path], Any] = lambda training, model, folder: training,
        report: Callable[[Report], Report] = lambda report: report,
    ) -> None:
        self.after, self.report = after, report

    def train(self, examples: Sequence[Example], model: Model, folder: Path, report: Report) -> Any:
        training = FakeTrainer().train(examples, model, folder, self.report(report))
        return self.after(training, model, folder)


def _with(**changes: Any) -> Trainer:
    return Trainer(lambda training, model, folder: dataclasses.replace(training, **changes))


def _writes(name: str, text: Callable[[], str] = lambda: "x") -> Trainer:
    def after(training: Training, model: Model, folder: Path) -> Training:
        (folder / name).write_text(text())
        return training

    return Trainer(after)


def _removes(name: str) -> Trainer:
    def after(training: Training, model: Model, folder: Path) -> Training:
        (folder / name).unlink()
        return training

    return Trainer(after)


def _elsewhere(training: Training, model: Model, folder: Path) -> Training:
    (folder / "adapter").rename(folder / "lora") if (folder / "adapter").is_dir() and not (folder / "lora").exists() else None
    return dataclasses.replace(training, model=dataclasses.replace(training.model, adapter=str(folder / "lora")))


def _touches_base(training: Training, model: Model, folder: Path) -> Training:
    (Path(model.path) / "note.txt").write_text("I was here")
    return training


def _counts_resumes(training: Training, model: Model, folder: Path) -> Training:
    """A trainer that goes on training when it is called on a folder that it has finished."""
    calls = folder / "calls"
    calls.write_text(calls.read_text() + "+" if calls.exists() else "+")
    (folder / "adapter" / "state.json").write_text(json.dumps(len(calls.read_text())))
    return training


class ForgetsWhereItWas:
    """Ends with other bytes when it was stopped half-way."""

    def train(self, examples: Sequence[Example], model: Model, folder: Path, report: Report) -> Training:
        resumed = (folder / "started").exists()
        (folder / "started").touch()
        if (folder / "done").exists():
            resumed = False
        training = FakeTrainer().train(examples, model, folder, report)
        (folder / "adapter" / "note.json").write_text(json.dumps({"resumed": resumed}))
        (folder / "done").touch()
        return training


class Deaf:
    """Swallows whatever `report` raises."""

    def train(self, examples: Sequence[Example], model: Model, folder: Path, report: Report) -> Training:
        def quiet(done: int, total: int, note: str) -> None:
            try:
                report(done, total, note)
            except BaseException:
                return

        return FakeTrainer().train(examples, model, folder, quiet)


class Raising:
    def train(self, examples: Sequence[Example], model: Model, folder: Path, report: Report) -> Training:
        raise RuntimeError("out of memory")


def _backwards(report: Report) -> Report:
    return lambda done, total, note: report(total - done, total, note)


def _overshoots(report: Report) -> Report:
    return lambda done, total, note: report(done + 1, total, note)


def _stops_short(report: Report) -> Report:
    return lambda done, total, note: report(done, total + 1, note)


def _silent(report: Report) -> Report:
    return lambda done, total, note: None


BROKEN_TRAINERS: list[tuple[Any, str]] = [
    (Raising(), "train() must not raise, and raised RuntimeError: out of memory"),
    (Trainer(lambda training, model, folder: None), "train() gives a Training"),
    (Trainer(report=_backwards), "never goes backwards"),
    (Trainer(report=_overshoots), "keeps 0 <= done <= total"),
    (Trainer(report=_stops_short), "the last report says that all is done, not 4 of 5"),
    (Trainer(report=_silent), "train() reports its progress"),
    (Deaf(), "what `report` raises comes out of train()"),
    (_with(model=Model(name="x", path="x")), "Training.model names the adapter"),
    (Trainer(_elsewhere), "the adapter is left in folder / 'adapter'"),
    (
        Trainer(lambda t, m, f: dataclasses.replace(t, model=dataclasses.replace(t.model, path="merged"))),
        "Training.model is the base it was given, not merged",
    ),
    (_with(steps=0), "Training.steps is at least 1"),
    (_with(losses=(1.0, float("nan"))), "Training.losses holds finite numbers"),
    (_with(losses=()), "Training.losses holds finite numbers"),
    (_with(weight_change=0.0), "Training.weight_change is above 0"),
    (_with(quantization=""), "Training.quantization says how the base was held"),
    (_removes("adapter/adapter_config.json"), "the adapter folder holds adapter_config.json"),
    (_removes("adapter/adapter_model.safetensors"), "the adapter's weights are in safetensors"),
    (_writes("adapter/optimizer.pt"), "the adapter folder holds no pickles"),
    (_writes("adapter/log.txt", lambda: str(next(COUNTER))), "the same bytes, called again on a finished folder"),
    (Trainer(_counts_resumes), "the same bytes, called again on a finished folder"),
    (ForgetsWhereItWas(), "the same bytes, stopped half-way and called again"),
    (Trainer(_touches_base), "the base model's folder is left as it was"),
]


@pytest.fixture
def base(tmp_path: Path) -> Model:
    """A folder that stands for a base model; the fake trainer loads nothing from it."""
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "config.json").write_text("{}")
    return Model(name="base", path=str(tmp_path / "base"))


@pytest.mark.parametrize(("trainer", "promise"), BROKEN_TRAINERS)
def test_a_broken_trainer_is_told_its_promise(trainer: Any, promise: str, base: Model, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=_literally(promise)):
        check_trainer(trainer, base, folder=tmp_path / "out")


def test_a_good_trainer_passes(base: Model, tmp_path: Path) -> None:
    check_trainer(FakeTrainer, base)
    check_trainer(FakeTrainer(1), base, folder=tmp_path / "out", examples=make_examples(1))
    assert sorted(path.name for path in (tmp_path / "out" / "full" / "adapter").iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]


# --- models -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "promise"),
    [
        ({"name": " "}, "name is a text"),
        ({"path": ""}, "path is a text"),
        ({"trust_remote_code": True}, "trust_remote_code is the user's to switch on"),
        ({"data": "web"}, "data is 'hub' or 'bundled'"),
        ({"training": {"learning rate": 1.0}}, "training holds trainer options by name"),
        ({"training": {"betas": (0.9, 0.95)}}, "training survives a trip through JSON"),
        ({"training": {"dtype": object()}}, "must not raise, and raised TypeError"),
        ({"adapter": "/nowhere"}, "adapter is a folder with adapter_config.json"),
    ],
)
def test_a_broken_model_is_told_its_promise(changes: dict[str, Any], promise: str) -> None:
    good = Model(name="small", path="owner/small")
    with pytest.raises(AssertionError, match=_literally(promise)):
        check_model(dataclasses.replace(good, **changes))


def test_a_model_is_the_same_each_time() -> None:
    with pytest.raises(AssertionError, match="a model is the same each time"):
        check_model(lambda: Model(name="small", path=f"owner/small-{next(COUNTER)}"))
    check_model(lambda: Model(name="small", path="owner/small", training={"epochs": 2}))


# --- the fakes --------------------------------------------------------------------------------------------------------


def test_the_records_that_are_made_are_fit_for_use() -> None:
    assert [c.index for c in make_completions(["a", "b"])] == [0, 1]
    assert all(e.messages[-1]["role"] == "assistant" for e in make_examples(3))
    assert len({p.prompt for p in make_problems(50)}) == 50
    first, second = make_requests(2, samples=2)
    assert sample_seed(first, 0) != sample_seed(second, 0)
    benchmark: Benchmark = fake_benchmark()
    assert not {p.id for p in benchmark.task.problems()} & {p.id for p in fake_category().task.problems()}


def _literally(text: str) -> str:
    import re

    return re.escape(text)
