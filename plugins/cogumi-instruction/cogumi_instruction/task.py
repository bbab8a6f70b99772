"""Prompts with constraints that a program can verify: the task that `instruction` trains on and `ifeval` holds out.

    {"key": 1001, "prompt": "... You are not allowed to use any commas in your response.",
     "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}

The schema is that of IFEval (Zhou et al. 2023, "Instruction-Following Evaluation for Large Language Models", arXiv
2311.07911), and so is the rule: a completion is right when it meets all constraints of its prompt, judged strictly.

Votes count *which constraints are met*: the answer of a completion that meets the first and the third of three is
`met 1,3 of 3`. Texts that follow the same instructions differ in every word, so the words cannot be voted on; and what a
verifier says needs no reference answer, so the consensus is over it. A completion that meets nothing, like an empty one, has
no answer and abstains: not to follow is not something to agree on. A target is kept when it meets exactly what the
majority meets: a model whose majority pattern is not the full one keeps what it does reliably, and is not taught the one
lucky text in ten; how often that pattern is the full one is the category's majority accuracy.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property

from cogumi.data import Row, Source, load_rows
from cogumi.records import JSON, Completion, Message, Problem, Score
from cogumi_instruction.checkers import Constraint, Unusable, constraint, loose, strict
from cogumi_instruction.prompts import chat


class Instructions:
    """The problems of one side. `Problem.reference` holds the dataset's `instruction_id_list` and `kwargs`."""

    def __init__(self, data: str, source: Source, name: str) -> None:
        self._data = data
        self._source = source
        self._name = name

    @cached_property
    def _loaded(self) -> Mapping[str, tuple[Problem, tuple[Constraint, ...]]]:
        rows = load_rows(self._data, self._source, unique="key")
        return {f"{self._name}-{row.value.get('key')}": self._problem(row) for row in rows}

    def problems(self) -> Sequence[Problem]:
        """All problems, in the order of the data; read when first asked for. Raises `BadInput` for unusable data."""
        return [problem for problem, _ in self._loaded.values()]

    def messages(self, problem: Problem) -> Sequence[Message]:
        """The prompt that `cogumi_instruction.prompts` describes."""
        return chat(problem.prompt)

    def answers(self, problem: Problem, completions: Sequence[Completion]) -> Sequence[str | None]:
        """Which constraints each completion meets, strictly, as `met 1,3 of 3`; None where it meets none."""
        return [_pattern(self._met(problem, completion)) for completion in completions]

    def full(self, problem: Problem) -> str:
        """The answer of a completion that meets all constraints."""
        answer = _pattern([True] * len(self._loaded[problem.id][1]))
        assert answer is not None
        return answer

    def score(self, problem: Problem, completions: Sequence[Completion]) -> Sequence[Score]:
        """Right where all constraints are met, strictly; and the loose verdict and the shares of constraints met, 0.0 to 1.0."""
        return [self._score(problem, completion) for completion in completions]

    def _score(self, problem: Problem, completion: Completion) -> Score:
        if completion.finish == "error":
            return Score(correct=None, note=completion.error)
        met = self._met(problem, completion)
        loosely = loose(self._loaded[problem.id][1], completion.text)
        metrics = {
            "prompt_loose": float(all(loosely)),
            "instruction_strict": sum(met) / len(met),
            "instruction_loose": sum(loosely) / len(loosely),
        }
        return Score(correct=all(met), metrics=metrics)

    def _met(self, problem: Problem, completion: Completion) -> tuple[bool, ...]:
        constraints = self._loaded[problem.id][1]
        return strict(constraints, "" if completion.finish == "error" else completion.text)

    def _problem(self, row: Row) -> tuple[Problem, tuple[Constraint, ...]]:
        key, prompt = row.get("key", int), row.get("prompt", str)
        ids, kwargs = row.get("instruction_id_list", list), row.get("kwargs", list)
        if not prompt.strip():
            raise row.error("prompt", "empty", "word the prompt")
        if not ids:
            raise row.error("instruction_id_list", "empty", "name at least one instruction")
        if len(ids) != len(kwargs):
            raise row.error("kwargs", f"{len(kwargs)} for {len(ids)} instructions", "give one object for each instruction")
        built = tuple(_constraint(row, *pair) for pair in zip(ids, kwargs, strict=True))
        reference = {"instruction_id_list": [c.instruction for c in built], "kwargs": [dict(c.kwargs) for c in built]}
        return Problem(id=f"{self._name}-{key}", prompt=prompt, reference=reference), built


def _constraint(row: Row, instruction: JSON, kwargs: JSON) -> Constraint:
    if not isinstance(kwargs, dict):
        raise row.error("kwargs", f"a {type(kwargs).__name__} in the list, expected objects", "correct the row")
    try:
        return constraint(str(instruction), kwargs)
    except Unusable as error:
        field = "kwargs" if error.args[1:] == () else str(error.args[1])
        raise row.error(field, str(error.args[0]), "correct the row") from error


def _pattern(met: Sequence[bool]) -> str | None:
    if not any(met):
        return None
    return f"met {','.join(str(place) for place, is_met in enumerate(met, 1) if is_met)} of {len(met)}"
