"""Behaviour as an answer: programs that give equal outputs for the same inputs have given the same answer.

Voting over executions instead of texts is due to Li et al. 2022 (AlphaCode, arXiv 2203.07814) and Shi et al. 2022
(MBR-EXEC, arXiv 2204.11454). Raising an exception is an output too, by its type; a program that gives no value for any
input has no answer. An input that most of the programs refuse lies outside of what the problem asks for and does not count;
nor does what a program that returns something does to its arguments.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cogumi_sandbox import Behaviour

_CHANGES = re.compile(r"(?:; argument \d+ becomes .*)+\Z", re.DOTALL)
SHOWN = 48
"""Characters of the outputs that an answer shows."""


def answers(behaviours: Sequence[Behaviour | None]) -> list[str | None]:
    """One answer per program; None (no program, or the sandbox failed) has none. All were run on the same inputs."""
    alive = [b for b in behaviours if b is not None and b.verdict != "sandbox_error" and any(o is not None for o in b.outputs)]
    counted = _counted(alive)
    return [_answer(b, counted) if any(b is other for other in alive) else None for b in behaviours]


def _counted(alive: Sequence[Behaviour]) -> list[int]:
    """The inputs for which at least half of the programs give a value; all of them where there is no such input."""
    every = list(range(len(alive[0].outputs))) if alive else []
    return [i for i in every if 2 * sum(b.outputs[i] is not None for b in alive) >= len(alive)] or every


def _answer(behaviour: Behaviour | None, counted: Sequence[int]) -> str | None:
    assert behaviour is not None
    if all(behaviour.outputs[i] is None for i in counted):
        return None
    outputs = [_output(behaviour, i) for i in counted]
    text = "; ".join(outputs)
    return f"{text[:SHOWN]}{'…' * (len(text) > SHOWN)} #{hashlib.sha256(repr(outputs).encode()).hexdigest()[:12]}"


def _output(behaviour: Behaviour, place: int) -> str:
    output = behaviour.outputs[place]
    if output is not None:
        return output if output.startswith("None;") else _CHANGES.sub("", output)
    return "!" + (behaviour.errors[place] or "").partition(":")[0]
