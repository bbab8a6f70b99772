"""How often the 95 % intervals hold the truth, and how often a change that is called detectable is found.

Every kind of figure has a made-up population of problems whose truth is known; problems are drawn from it again and again,
and what `cogumi.stats` says of them is held against that truth. In the clustered kinds a template with all of its problems
is drawn as one, and n counts templates. The same seed gives the same table.

    python benchmarks/coverage.py [--repetitions 2000] [--sizes 5,20,100,500]
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from statistics import fmean, median
from typing import TypeAlias

from cogumi import stats

Pair: TypeAlias = tuple[float, float]
"""A problem's value before and after."""
Template: TypeAlias = tuple[Pair, ...]
"""The problems that are drawn together: one, unless the kind is clustered."""
SAMPLES = 10
POPULATION = 2_000


@dataclass(frozen=True)
class Kind:
    """A population of problems and what is estimated from it."""

    name: str
    rule: str
    """`mean` of the values after, `paired` difference or `ratio`."""
    templates: Sequence[Template]
    """The population."""
    low: float = 0.0
    """The least possible value, for `mean`."""
    chance: float = 0.0
    """What guessing gets, for `ratio`."""
    clustered: bool = False

    def truth(self) -> float:
        """What the interval should hold."""
        pairs = [pair for template in self.templates for pair in template]
        before, after = fmean(b for b, _ in pairs), fmean(a for _, a in pairs)
        if self.rule == "ratio":
            return (after - self.chance) / (before - self.chance)
        return after if self.rule == "mean" else after - before

    def estimate(self, drawn: Sequence[Template]) -> stats.Interval | stats.Difference:
        """What `cogumi.stats` makes of some problems."""
        before, after = zip(*(pair for template in drawn for pair in template), strict=True)
        labels = [i for i, template in enumerate(drawn) for _ in template] if self.clustered else None
        if self.rule == "mean":
            return stats.mean(after, self.low, clusters=labels)
        if self.rule == "paired":
            return stats.paired(before, after, labels)
        return stats.ratio(before, after, chance=self.chance, clusters=labels)


@dataclass(frozen=True)
class Coverage:
    """How often the intervals of one kind held the truth."""

    kind: str
    n: int
    covered: float
    """Share of the intervals that held the truth."""
    width: float
    """Their mean width."""
    refused: int
    """Repetitions without an interval: a ratio to what is not clearly above chance."""


@dataclass(frozen=True)
class Power:
    """Whether the change that is called detectable is found as often as promised: in 80 % of comparisons."""

    kind: str
    n: int
    change: float
    """The change at which the median of `detectable` is just that change."""
    found: float
    """Share of the comparisons at that true change with p < 0.05."""


def coverage(kind: Kind, n: int, repetitions: int, seed: int = 1) -> Coverage:
    """Draw `n` problems so many times, and count the intervals that hold the truth."""
    truth, rng = kind.truth(), Random(seed)
    intervals = []
    for _ in range(repetitions):
        try:
            intervals.append(kind.estimate(rng.choices(kind.templates, k=n)))
        except ValueError:
            continue
    covered = [found.low - 1e-12 <= truth <= found.high + 1e-12 for found in intervals] or [True]
    width = fmean([found.high - found.low for found in intervals] or [math.inf])
    return Coverage(kind.name, n, fmean(covered), width, repetitions - len(intervals))


def power(kind: Kind, n: int, repetitions: int, seed: int = 1) -> Power:
    """The fixed point of `detectable`, looked for with a tenth of the repetitions, and the power found there."""
    change = median(found.detectable for found in _compare(kind, 0.0, n, repetitions // 10, seed))
    for step in range(5):
        change = median(found.detectable for found in _compare(kind, change, n, repetitions // 10, seed + step))
    found = fmean(found.p < 0.05 for found in _compare(kind, change, n, repetitions, seed + 10))
    return Power(kind.name, n, change, found)


def _compare(kind: Kind, change: float, n: int, repetitions: int, seed: int) -> Iterator[stats.Difference]:
    """Comparisons of problems that are drawn in favour of improvement, so that the mean true change is `change`."""
    weights, rng = list(accumulate(_tilted(kind.templates, change))), Random(seed)
    for _ in range(repetitions):
        found = kind.estimate(rng.choices(kind.templates, cum_weights=weights, k=n))
        assert isinstance(found, stats.Difference)
        yield found


def _tilted(templates: Sequence[Template], change: float) -> list[float]:
    """Weights exp(l x change of the template) with which the population's mean change is as asked, l by bisection."""
    gains = [sum(after - before for before, after in template) for template in templates]

    def weights(tilt: float) -> list[float]:
        return [math.exp(tilt * gain / len(template)) for gain, template in zip(gains, templates, strict=True)]

    low, high = -50.0, 50.0
    for _ in range(50):
        middle = (low + high) / 2
        drawn = weights(middle)
        problems = sum(w * len(template) for w, template in zip(drawn, templates, strict=True))
        low, high = (
            (middle, high) if sum(w * g for w, g in zip(drawn, gains, strict=True)) / problems < change else (low, middle)
        )
    return weights(low)


def kinds() -> list[Kind]:
    """The populations, the same ones in every run."""
    rng = Random(20_270_127)
    right, guard = _made(rng, _right_or_wrong), _made(rng, _guard)
    stories, flips = _stories(rng, 4), _stories(rng, 1)
    return [
        Kind("mean of right or wrong", "mean", right),
        Kind("mean of right or wrong, 5 %", "mean", _made(rng, lambda r: (0.0, float(r.random() < 0.05)))),
        Kind("mean of shares", "mean", _made(rng, _shares)),
        Kind("mean of rare shares", "mean", _made(rng, lambda r: (0.0, _share(r, r.betavariate(0.2, 3.8))))),
        Kind("consistency", "mean", _made(rng, _consistencies), low=1 / SAMPLES),
        Kind("low consistency", "mean", _made(rng, lambda r: (0.0, _consistency(r, 0.05))), low=1 / SAMPLES),
        Kind("paired right or wrong", "paired", right),
        Kind("paired right or wrong, few change", "paired", guard),
        Kind("paired shares", "paired", _made(rng, _shares)),
        Kind("paired shares, few change", "paired", _made(rng, _few)),
        Kind("ratio of right or wrong", "ratio", guard),
        Kind("ratio of right or wrong above chance", "ratio", guard, chance=0.25),
        Kind("ratio of shares", "ratio", _made(rng, _shares)),
        Kind("clustered mean of shares", "mean", stories, clustered=True),
        Kind("clustered mean of right or wrong", "mean", flips, clustered=True),
        Kind("clustered paired shares", "paired", stories, clustered=True),
        Kind("clustered paired right or wrong", "paired", flips, clustered=True),
        Kind("clustered ratio of shares", "ratio", stories, clustered=True),
    ]


def _made(rng: Random, make: Callable[[Random], Pair]) -> list[Template]:
    return [(make(rng),) for _ in range(POPULATION)]


def _share(rng: Random, chance: float, samples: int = SAMPLES) -> float:
    return sum(rng.random() < chance for _ in range(samples)) / samples


def _right_or_wrong(rng: Random) -> Pair:
    """One problem in four turns, more often to the better."""
    return rng.choices([(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)], (0.35, 0.15, 0.1, 0.4))[0]


def _guard(rng: Random) -> Pair:
    """Nine in ten are right; three in a hundred are lost and one is gained."""
    return rng.choices([(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)], (0.09, 0.01, 0.03, 0.87))[0]


def _shares(rng: Random) -> Pair:
    chance = rng.betavariate(1.6, 2.4)
    return _share(rng, chance), _share(rng, min(1.0, max(0.0, chance + rng.gauss(0.05, 0.2))))


def _few(rng: Random) -> Pair:
    """Truncated answers: one problem in ten has any."""
    return (_share(rng, 0.2), _share(rng, 0.2)) if rng.random() < 0.1 else (0.0, 0.0)


def _consistencies(rng: Random) -> Pair:
    return 0.0, _consistency(rng, rng.betavariate(1.5, 1.5))


def _consistency(rng: Random, chance: float) -> float:
    """The most frequent answer's share where one answer has this chance and the others are one of fifty."""
    answers = Counter(0 if rng.random() < chance else rng.randint(1, 50) for _ in range(SAMPLES))
    return max(answers.values()) / SAMPLES


def _stories(rng: Random, samples: int) -> list[Template]:
    """Templates of 8 to 18 problems that are alike in difficulty and in how it changes."""
    return [tuple(_story(rng, samples)) for _ in range(POPULATION // 4)]


def _story(rng: Random, samples: int) -> Iterator[Pair]:
    hard, moved = rng.betavariate(1.5, 1.5), rng.gauss(0.04, 0.15)
    for _ in range(rng.randint(8, 18)):
        chance = min(1.0, max(0.0, hard + rng.gauss(0.0, 0.15)))
        yield _share(rng, chance, samples), _share(rng, min(1.0, max(0.0, chance + moved)), samples)


def main() -> None:
    parser = argparse.ArgumentParser(description="Coverage of the intervals, and power printed against power found.")
    parser.add_argument("--repetitions", type=int, default=2_000)
    parser.add_argument("--sizes", default="5,20,100,500")
    asked = parser.parse_args()
    sizes = [int(size) for size in asked.sizes.split(",")]
    print(f"intervals that hold the truth, % (95 promised), {asked.repetitions} repetitions; (mean width, points)")
    print(f"{'':38}" + "".join(f"{f'n = {n}':>17}" for n in sizes))
    for kind in kinds():
        cells = [coverage(kind, n, asked.repetitions) for n in sizes]
        print(f"{kind.name:38}" + "".join(f"{f'{c.covered:.1%} ({c.width * 100:.1f})':>17}" for c in cells), flush=True)
    print("\ncomparisons that find the change called detectable, % (80 promised); (that change, points)")
    for kind in (kind for kind in kinds() if kind.rule == "paired"):
        found = [power(kind, n, asked.repetitions) for n in sizes if n >= 20]
        print(f"{kind.name:38}" + "".join(f"{f'{f.found:.1%} ({f.change * 100:.1f})':>17}" for f in found), flush=True)


if __name__ == "__main__":
    main()
