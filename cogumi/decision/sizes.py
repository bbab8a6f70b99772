"""What a run of this size can show, said before anything is sampled.

The smallest effects that would probably be seen (80 % power at the 5 % level), how far from a gate the truth has to be, and
which gates and criteria no outcome could decide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from cogumi import stats
from cogumi.comparison import estimates
from cogumi.decision.harm import allowed
from cogumi.decision.targets import needed
from cogumi.decision.words import METRICS, listed, points
from cogumi.phases import Gate, Phase

LARGER = 5
"""How many times as many problems are shown beside."""
EDGE = 0.7
"""Half of an interval as a share of the effect that would probably be seen: 1.96 of 1.96 + 0.84 standard errors."""
MOST_TIMES = 1_000
"""Nobody measures this many times as many problems."""


def what_can_be_seen(
    problems_by_category: Mapping[str, int], samples: int, phase: Phase, guards: Mapping[str, int] | None = None
) -> list[str]:
    """Sentences on held-out problems by trained category, samples of each, and problems by guard."""
    sizes = {name: n for name, n in problems_by_category.items() if n > 0}
    return [
        *_effects(sizes, samples),
        *_too_small(sizes, samples, phase),
        *_undecidable(sizes, phase),
        *_losses(sizes, samples, phase),
        *_guards(guards or {}, phase),
    ]


def _effects(sizes: Mapping[str, int], samples: int) -> Iterator[str]:
    by_size = sorted(sizes.items(), key=lambda entry: (entry[1], entry[0]))
    for n, group in groupby(by_size, key=lambda entry: entry[1]):
        names, more = [name for name, _ in group], LARGER * n
        accuracy, vote, greedy = _seen(n, samples)
        yield (
            f"{listed(names)}: with {n:,} problems a change under about {accuracy} points of accuracy, {vote} of the vote and "
            f"{greedy} of temperature-0 answers will not be seen ({more:,} problems: {', '.join(_seen(more, samples))}). "
            f"A gate is decided only if the truth is at least {_half(n)} points from it ({more:,}: {_half(more)})."
        )


def _seen(n: int, samples: int) -> tuple[str, str, str]:
    found = estimates.detectable(n, samples)
    return (f"{found[0] * 100:.0f}", f"{found[1] * 100:.0f}", f"{found[2] * 100:.0f}")


def _half(n: int) -> str:
    half = estimates.half_width(n) * 100
    return f"{half:.1f}" if half < 9.5 else f"{half:.0f}"


def _too_small(sizes: Mapping[str, int], samples: int, phase: Phase) -> Iterator[str]:
    margins = phase.margins
    vain = "the verdict is INCONCLUSIVE, whatever they show."
    small = [f"{name} ({n})" for name, n in sorted(sizes.items()) if n < margins.problems]
    if small:
        yield f"Too few held-out problems in {listed(small)}: under {margins.problems} {vain}"
    if samples < margins.samples:
        yield f"Too few samples ({samples}): under {margins.samples} of each problem {vain}"


def _undecidable(sizes: Mapping[str, int], phase: Phase) -> Iterator[str]:
    """Gates on shares that even a perfect model would not pass with so few problems."""
    for gate in phase.gates:
        counts = [n for name, n in sizes.items() if gate.category in (None, name)]
        if not counts or gate.metric in ("retained", "training_hours") or not 0 < gate.threshold < 1:
            continue
        if not _passes(gate, counts, 1):
            factor = next((f for f in range(2, MOST_TIMES) if _passes(gate, counts, f)), None)
            wanted = (
                f"about {factor * min(counts):,} problems would do" if factor else "no affordable number of problems would do"
            )
            yield f"{gate.name} ({needed(gate)}) cannot be passed at this size, even by a perfect model; {wanted}."


def _passes(gate: Gate, counts: Sequence[int], factor: int) -> bool:
    """Whether the best outcome there is would pass the gate with so many times as many problems."""
    best = 1 if gate.relation == ">=" else 0
    interval = stats.average([stats.proportion(best * n * factor, n * factor) for n in counts])
    return interval.low >= gate.threshold if gate.relation == ">=" else interval.high < gate.threshold


def _losses(sizes: Mapping[str, int], samples: int, phase: Phase) -> Iterator[str]:
    """Losses that a category has to rise to exclude: the interval of no change reaches beyond the margin."""
    if not sizes:
        return
    n = min(sizes.values())
    found = zip(allowed(phase.margins).items(), estimates.detectable(n, samples), strict=True)
    rises = {metric: (margin, EDGE * effect - margin) for (metric, margin), effect in found}
    short = [
        f"{points(margin)} points of {METRICS[metric].removeprefix('the ')} (by a rise of {rise * 100:.0f} or more)"
        for metric, (margin, rise) in rises.items()
        if rise >= 0.005
    ]
    if short:
        yield f"With {n:,} problems a loss is excluded only by a rise: {listed(short)}."


def _guards(guards: Mapping[str, int], phase: Phase) -> Iterator[str]:
    least = phase.margins.guard_problems
    for name, n in sorted(guards.items()):
        if n < least:
            yield f"The guard {name} cannot guard with {n} problems: it has to be right on {least} more than guessing would be."
