"""The figures of IFEval over many completions, as they are published.

    {"responses": 541, "prompt_level_strict_acc": 0.43, "inst_level_strict_acc": 0.55, ...,
     "instructions": {"punctuation:no_comma": {"count": 66, "strict": 0.71, "loose": 0.73}, ...}}

Rule: Zhou et al. 2023, section 3 ("Metrics"); the names are those of lm-evaluation-harness. A prompt counts where all its
constraints are met; the instruction-level figures are averages over all constraints of all completions, so that a prompt
with three of them weighs three times as much as one with one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import fmean

from cogumi.records import JSON
from cogumi_instruction.checkers import Constraint

Verdict = tuple[Sequence[Constraint], Sequence[bool], Sequence[bool]]
"""The constraints of a completion, which it meets strictly, and which loosely."""


def summary(verdicts: Iterable[Verdict]) -> dict[str, JSON]:
    """Figures over all completions, by constraint and by group of constraints; None where there is nothing to count."""
    found = list(verdicts)
    single = [each for built, met, loosely in found for each in zip(built, met, loosely, strict=True)]
    return {
        "responses": len(found),
        "prompt_level_strict_acc": _share([all(met) for _, met, _ in found]),
        "prompt_level_loose_acc": _share([all(met) for _, _, met in found]),
        "inst_level_strict_acc": _share([met for _, met, _ in single]),
        "inst_level_loose_acc": _share([met for _, _, met in single]),
        "groups": _by((each.instruction.partition(":")[0], met, loosely) for each, met, loosely in single),
        "instructions": _by((each.instruction, met, loosely) for each, met, loosely in single),
    }


def _by(single: Iterable[tuple[str, bool, bool]]) -> dict[str, JSON]:
    groups: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for name, met, loosely in single:
        groups[name].append((met, loosely))
    return {
        name: {"count": len(pairs), "strict": _share([met for met, _ in pairs]), "loose": _share([met for _, met in pairs])}
        for name, pairs in sorted(groups.items())
    }


def _share(met: Sequence[bool]) -> float | None:
    return fmean(met) if met else None
