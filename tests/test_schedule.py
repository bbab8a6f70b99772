"""Schedules: what is handed out, when, and how a sampler is asked again in one session."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogumi.errors import PluginFailed
from cogumi.records import Completion, Request
from cogumi.sampling.schedule import Fixed, Schedule, Stream
from cogumi.testing import FakeSampler, make_requests
from cogumi.workers import main
from cogumi.workers.jobs import Maker

MAKER = Maker(plugin="p", label="plugin 'p' (cogumi-p 1.2): sampler 'x'", kind="sampler", name="x", options={})


class Settling:
    """Asks for one more sample of a problem until the same text came twice, or none is left."""

    def __init__(self, requests: Iterable[Request]) -> None:
        self.left = {request.id: list(request.indices) for request in requests}
        self.by_id = {request.id: request for request in requests}
        self.texts: dict[str, Counter[str]] = {name: Counter() for name in self.left}
        self.queue = [self._next(name) for name in self.left]

    def _next(self, name: str) -> Request:
        request = self.by_id[name]
        return Request(id=name, messages=request.messages, sampling=request.sampling, indices=(self.left[name].pop(0),))

    def waiting(self) -> Iterator[Request]:
        while self.queue:
            yield self.queue.pop(0)

    def see(self, completion: Completion) -> None:
        seen = self.texts[completion.request]
        seen[completion.text] += 1
        if seen[completion.text] < 2 and self.left[completion.request]:
            self.queue.append(self._next(completion.request))


class Session(FakeSampler):
    """Counts how often it is asked and how often it is closed; says 0, 1, 0, 1, ..."""

    def __init__(self) -> None:
        super().__init__(lambda request, index: str(index % 2))
        self.sessions = self.closings = 0

    def sample(self, requests: Iterable[Request]) -> Iterator[Completion]:
        self.sessions += 1
        yield from super().sample(requests)

    def close(self) -> None:
        self.closings += 1


class Batching(Session):
    """Takes all that is waiting before it says anything, as engines do that draw a batch at a time."""

    def sample(self, requests: Iterable[Request]) -> Iterator[Completion]:
        yield from super().sample(list(requests))


def drawn(sampler: FakeSampler, schedule: Schedule) -> list[tuple[str, int]]:
    """What comes of a session, in order; the schedule sees each completion as a worker shows it."""
    found = []
    stream = Stream(schedule)
    for completion in main._completions(MAKER, sampler, stream):
        stream.see(completion)
        found.append((completion.request, completion.index))
    return found


def test_a_fixed_schedule_hands_out_everything_once() -> None:
    requests = make_requests(3, samples=2)
    fixed = Fixed(requests)
    assert list(fixed.waiting()) == requests
    assert list(fixed.waiting()) == []


def test_a_fixed_schedule_is_one_call_of_the_sampler() -> None:
    sampler = Session()
    assert len(drawn(sampler, Fixed(make_requests(3, samples=4)))) == 12
    assert (sampler.sessions, sampler.closings) == (1, 1)


def test_a_fixed_schedule_may_be_given_by_a_generator() -> None:
    assert len(drawn(Session(), Fixed(request for request in make_requests(2)))) == 2


def test_a_sampler_of_nothing_is_not_asked_and_is_closed() -> None:
    sampler = Session()
    assert drawn(sampler, Fixed([])) == []
    assert (sampler.sessions, sampler.closings) == (0, 1)


@pytest.mark.parametrize("kind", [Session, Batching])
def test_a_schedule_that_asks_for_more_is_served_in_the_same_session(kind: type[Session]) -> None:
    requests, sampler = make_requests(3, samples=9), kind()
    found = drawn(sampler, Settling(requests))
    assert sorted(found) == sorted((request.id, index) for request in requests for index in range(3))
    assert sampler.asked == 9
    assert sampler.closings == 1


def test_an_engine_that_draws_continuously_is_not_called_again() -> None:
    sampler = Session()
    drawn(sampler, Settling(make_requests(3, samples=9)))
    assert sampler.sessions == 1


def test_an_engine_that_draws_in_batches_is_called_again_for_each() -> None:
    sampler = Batching()
    drawn(sampler, Settling(make_requests(3, samples=9)))
    assert sampler.sessions == 3


def test_a_schedule_that_wants_no_more_ends_the_session_early() -> None:
    sampler = FakeSampler(lambda request, index: "same")
    drawn(sampler, Settling(make_requests(2, samples=9)))
    assert sampler.asked == 4


def test_a_stream_that_ended_goes_on_when_something_is_wanted_again() -> None:
    first, second = make_requests(2)
    schedule = Fixed([first])
    stream = Stream(schedule)
    assert list(stream) == [first]
    assert not stream
    schedule._requests.append(second)
    assert stream
    assert list(stream) == [second]


@given(st.lists(st.integers(0, 3), max_size=6))
def test_a_stream_loses_and_repeats_nothing(sizes: list[int]) -> None:
    requests = iter(make_requests(sum(sizes)))
    batches = [[next(requests) for _ in range(size)] for size in sizes]
    wanted = [request for batch in batches for request in batch]

    class Portions(Fixed):
        def waiting(self) -> Iterator[Request]:
            yield from batches.pop(0) if batches else []

    stream = Stream(Portions([]))
    found: list[Request] = []
    while batches or stream:
        found += list(stream)
    assert found == wanted


def test_what_a_sampler_raises_is_its_own_and_what_its_reader_raises_is_not() -> None:
    class Broken(Session):
        def sample(self, requests: Iterable[Request]) -> Iterator[Completion]:
            raise LookupError("gone")

    with pytest.raises(PluginFailed, match=r"^plugin 'p' \(cogumi-p 1\.2\): sampler 'x' failed: LookupError: gone$"):
        drawn(Broken(), Fixed(make_requests(1)))

    class Confused(Fixed):
        def see(self, completion: Completion) -> None:
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        drawn(Session(), Confused(make_requests(1)))
