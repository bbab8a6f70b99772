"""Every promise that a check makes of a sampler, against one that breaks this promise and no other."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from cogumi.records import Completion, Message, Request, Sampling
from cogumi.testing import FakeSampler, check_sampler, make_completions, make_requests
from cogumi.testing.fakes import random_answer


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
    (lambda asked, rows: rows or make_completions(["?"]), "every wanted sample is yielded once and no others"),
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
    with pytest.raises(AssertionError, match=re.escape(promise)):
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
    id="endless", messages=(Message(role="user", content="word " * 9999),), sampling=Sampling(temperature=0.7, max_tokens=8)
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
