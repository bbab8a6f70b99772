"""Who hands out requests while a sampler draws: a schedule sees each completion and may ask for more, or for no more.

    schedule -> open stream of requests -> sampler -> completions -> log, and back to the schedule

A sampler is asked again, in the same session, as long as the schedule has something waiting. The fixed schedule asks for
all at once; others look at what came (votes that are settled, a budget that is spent).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Protocol

from cogumi.records import Completion, Request


class Schedule(Protocol):
    """Decides what is drawn next."""

    def waiting(self) -> Iterable[Request]:
        """Requests that are wanted now and were not handed out yet; each is handed out once."""

    def see(self, completion: Completion) -> None:
        """A sample was drawn, now or before the run was interrupted."""


class Fixed:
    """Everything, at once."""

    def __init__(self, requests: Iterable[Request]) -> None:
        self._requests = deque(requests)

    def waiting(self) -> Iterator[Request]:
        """The requests, each once."""
        while self._requests:
            yield self._requests.popleft()

    def see(self, completion: Completion) -> None:
        """Nothing depends on what was drawn."""


class Stream:
    """The open stream that a sampler draws from: it ends where nothing is wanted at the moment, and may go on later."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.pending: deque[Request] = deque()
        self.asked: set[tuple[str, int]] = set()
        """Samples that were handed out and not seen yet, by request and index."""

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> Request:
        if not self:
            raise StopIteration
        request = self.pending.popleft()
        self.asked.update((request.id, index) for index in request.indices)
        return request

    def __bool__(self) -> bool:
        """Whether something is waiting."""
        if not self.pending:
            self.pending.extend(self.schedule.waiting())
        return bool(self.pending)

    def see(self, completion: Completion) -> None:
        """A sample that was handed out is there."""
        self.asked.remove((completion.request, completion.index))
        self.schedule.see(completion)
