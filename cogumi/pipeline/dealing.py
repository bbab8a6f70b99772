"""Before and after dealt at random from samples of one and the same model: null runs, as many as are wanted, without drawing.

A null run drew n samples of each problem twice. Under "nothing changed" any n of these 2n are as good a before as any other,
and the rest an after: dealing them anew is the permutation null (Fisher 1935), each side with as many samples as the run had.
A single diagnosis has n samples of each problem, so each side gets half of them. Drawing n of n with replacement would keep
the number and break the figures: ten different texts would repeat each other, and so would seem consistent.

Answers of two drawings were told equal within each drawing alone, so they are told again over the whole pool.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import TypeVar

from cogumi.diagnosis import diagnose
from cogumi.diagnosis.scoring import Samples, Scores
from cogumi.planning.plan import Evaluation
from cogumi.records import Completion
from cogumi.results import ScoredSample
from cogumi.sampling.log import Key
from cogumi.thoughts import shown

T = TypeVar("T")
Place = tuple[int, int]
"""A drawing, and the index of a sample in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """What one model said to every problem, in one drawing or in two."""

    samples: tuple[Samples, ...]
    """Each drawing's samples."""
    scores: tuple[Scores, ...]
    """What the tasks made of them."""
    count: int
    """Samples of each problem at the use temperature in a drawing."""
    answers: Mapping[tuple[str, Place], str | None] = field(default_factory=dict)
    """Answers by request and place, told over all drawings; empty where one drawing has said it all."""

    @property
    def size(self) -> int:
        """Samples of each problem on either side of a deal."""
        return self.count * len(self.samples) // 2


def pooled(evaluations: Sequence[Evaluation], samples: tuple[Samples, ...], scores: tuple[Scores, ...], count: int) -> Pool:
    """The pool of some drawings."""
    pool = Pool(samples=samples, scores=scores, count=count)
    if len(samples) == 1:
        return pool
    answers = {key: answer for evaluation in evaluations for key, answer in _answers(evaluation, pool)}
    return replace(pool, answers=answers)


def _answers(evaluation: Evaluation, pool: Pool) -> Iterator[tuple[tuple[str, Place], str | None]]:
    """The answers to each problem at the use temperature, told equal or not over all drawings at once."""
    for problem in evaluation.problems:
        request = diagnose.ids(evaluation, problem).use
        places = [(drawing, index) for drawing in range(len(pool.samples)) for index in range(pool.count)]
        said = {place: _sample(pool, request, place) for place in places}
        good = {place: one for place, one in said.items() if one is not None and one.finish != "error"}
        read = [shown(one, evaluation.thoughts) for one in good.values()]
        with evaluation.grader.entry.attribute_errors():
            answers = evaluation.benchmark.task.answers(problem, read) if read else []
            yield from (((request, place), answer) for place, answer in zip(good, answers, strict=True))


def _sample(pool: Pool, request: str, place: Place) -> Completion | None:
    drawing, index = place
    return pool.samples[drawing].get((request, index))


def same_samples(evaluations: Sequence[Evaluation], pool: Pool) -> bool:
    """Whether both drawings are one and the same although the model varies: whoever drew them does not heed seeds."""
    varied = [texts for e in evaluations for texts in _texts(e, pool) if len(set(texts[0])) > 1]
    return bool(varied) and all(first == second for first, second in varied)


def _texts(evaluation: Evaluation, pool: Pool) -> Iterator[tuple[list[str], list[str]]]:
    """What both drawings said to each problem at the use temperature."""
    for problem in evaluation.problems:
        request = diagnose.ids(evaluation, problem).use
        first, second = (
            [one.text for index in range(pool.count) if (one := _sample(pool, request, (drawing, index))) is not None]
            for drawing in (0, 1)
        )
        yield first, second


class Deal:
    """One way to deal a pool into two sides: a function of the seed and of each request's id alone."""

    def __init__(self, pool: Pool, seed: str) -> None:
        self.pool, self.seed = pool, seed
        self._orders: dict[str, list[int]] = {}

    def samples(self, *, second: bool) -> Samples:
        """The samples of a side, numbered from 0."""

        def read(key: Key, place: Place) -> Completion:
            return replace(self.pool.samples[place[0]][key[0], place[1]], index=key[1])

        return Side(self, second, self.pool.samples, read)

    def scores(self, *, second: bool) -> Scores:
        """The scores of a side, numbered alike."""

        def read(key: Key, place: Place) -> ScoredSample:
            row = self.pool.scores[place[0]][key[0], place[1]]
            if row.answer is None:  # what had no answer has none over the pool, a thought that never ends among them
                return replace(row, index=key[1])
            return replace(row, index=key[1], answer=self.pool.answers.get((key[0], place), row.answer))

        return Side(self, second, self.pool.scores, read)

    def place(self, key: Key, *, second: bool) -> Place:
        """Where a side's sample lies in the pool. What was drawn once for all, as baselines are, is on both sides."""
        request, index = key
        each = self.pool.count if request.endswith("#use") else 1
        drawings = len(self.pool.samples)
        if not request.endswith(("#use", "#greedy")) or each * drawings < 2:
            return 0, index
        dealt = self._order(request, each * drawings)[index + second * (each * drawings // 2)]
        return divmod(dealt, each)

    def _order(self, request: str, total: int) -> list[int]:
        order = self._orders.get(request)
        if order is None:
            order = self._orders[request] = list(range(total))
            Random(f"{self.seed}/{request}").shuffle(order)
        return order


class Side(Mapping[Key, T]):
    """One side of a deal, read from the drawings when it is asked for."""

    def __init__(self, deal: Deal, second: bool, stored: Sequence[Mapping[Key, T]], read: Callable[[Key, Place], T]) -> None:
        self.deal, self.second, self.stored, self.read = deal, second, stored, read

    def __getitem__(self, key: Key) -> T:
        return self.read(key, self.deal.place(key, second=self.second))

    def __contains__(self, key: object) -> bool:
        assert isinstance(key, tuple)
        request, index = key
        drawing, there = self.deal.place((request, index), second=self.second)
        return (request, there) in self.stored[drawing]

    def __iter__(self) -> Iterator[Key]:
        return iter(self.stored[0])

    def __len__(self) -> int:
        return len(self.stored[0])
