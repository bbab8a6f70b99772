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
import logging
from collections.abc import Mapping, Sequence
from functools import cache, cached_property, lru_cache

from cogumi.data import Row, Source, load_rows, strict_json
from cogumi.errors import BadInput
from cogumi.records import JSON, Completion, Message, Problem, Score
from cogumi_instruction import checkers
from cogumi_instruction.checkers import Constraint, Unready, Unusable, constraint
from cogumi_instruction.gold import conforming
from cogumi_instruction.prompts import chat
from cogumi_instruction.summary import summary

logger = logging.getLogger(__name__)


class Instructions:
    """The problems of one side. `Problem.reference` holds the dataset's `instruction_id_list` and `kwargs`.

    `lenient`: rows that cannot be used are left out, and counted in a warning, instead of being an error.
    """

    def __init__(self, data: str, source: Source, name: str, *, lenient: bool = False) -> None:
        self._data = data
        self._source = source
        self._name = name
        self._lenient = lenient
        self._strict = lru_cache(maxsize=8192)(checkers.strict)  # asked for votes, for scores and for the export
        self._loose = lru_cache(maxsize=8192)(checkers.loose)

    @cached_property
    def _problems(self) -> tuple[Problem, ...]:
        if not self._lenient:
            return tuple(map(self._problem, load_rows(self._data, self._source, unique="key")))
        rows = load_rows(self._data, self._source, unique="")
        found, refused = self._usable(rows)
        if not found:
            raise refused[0]
        if refused:
            logger.warning("%s: %d of %d rows left out, the first: %s", rows[0].file, len(refused), len(rows), refused[0])
        return tuple(found.values())

    def problems(self) -> Sequence[Problem]:
        """All problems, in the order of the data; read when first asked for. Raises `BadInput` for unusable data."""
        return self._problems

    def messages(self, problem: Problem) -> Sequence[Message]:
        """The prompt that `cogumi_instruction.prompts` describes."""
        return chat(problem.prompt)

    def answers(self, problem: Problem, completions: Sequence[Completion]) -> Sequence[str | None]:
        """Which constraints each completion meets, strictly, as `met 1,3 of 3`; None where it meets none."""
        constraints = _constraints(problem)
        return [_pattern(self._strict(constraints, completion.text)) for completion in completions]

    def score(self, problem: Problem, completions: Sequence[Completion]) -> Sequence[Score]:
        """Right where all constraints are met, strictly.

        Metrics: `prompt_loose`, 1.0 where all are met loosely, and `instruction_strict` and `instruction_loose`, the share
        of this prompt's constraints that are met. Their averages over prompts give every prompt the same weight, whereas
        the published instruction-level figures give it to every constraint; those are in the export.
        """
        return [self._score(problem, completion) for completion in completions]

    def gold(self, problem: Problem) -> str:
        """A completion that meets all constraints, wherever one text can."""
        return conforming(_constraints(problem))

    def full(self, problem: Problem) -> str:
        """The answer of a completion that meets all constraints."""
        return str(_pattern([True] * len(_constraints(problem))))

    def export(self, drawn: Sequence[tuple[Problem, Sequence[Completion]]]) -> Mapping[str, str]:
        """`ifeval.json`: the four published figures over all completions, and each constraint's own (see `summary`)."""
        kept = [(_constraints(p), c.text) for p, completions in drawn for c in completions if c.finish != "error"]
        found = summary((c, self._strict(c, text), self._loose(c, text)) for c, text in kept)
        return {"ifeval.json": json.dumps(found, indent=2) + "\n"}

    def _score(self, problem: Problem, completion: Completion) -> Score:
        if completion.finish == "error":
            return Score(correct=None, note=completion.error)
        constraints = _constraints(problem)
        met, loosely = self._strict(constraints, completion.text), self._loose(constraints, completion.text)
        metrics = {
            "prompt_loose": float(all(loosely)),
            "instruction_strict": sum(met) / len(met),
            "instruction_loose": sum(loosely) / len(loosely),
        }
        return Score(correct=all(met), metrics=metrics)

    def _usable(self, rows: Sequence[Row]) -> tuple[dict[str, Problem], list[BadInput]]:
        found: dict[str, Problem] = {}
        refused: list[BadInput] = []
        for row in rows:
            try:
                problem = self._problem(row)
            except BadInput as error:
                if isinstance(error.__cause__, Unready):
                    raise
                refused.append(error)
                continue
            if problem.id in found:
                refused.append(row.error("key", "not the first of its kind", "give each prompt its own"))
            found.setdefault(problem.id, problem)
        return found, refused

    def _problem(self, row: Row) -> Problem:
        key, prompt = row.get("key", int), row.get("prompt", str)
        ids, kwargs = row.get("instruction_id_list", list), _kwargs(row)
        if not prompt.strip():
            raise row.error("prompt", "empty", "word the prompt")
        if not ids:
            raise row.error("instruction_id_list", "empty", "name at least one instruction")
        if len(ids) != len(kwargs):
            raise row.error("kwargs", f"{len(kwargs)} for {len(ids)} instructions", "give one object for each instruction")
        built = [_constraint(row, *pair) for pair in zip(ids, kwargs, strict=True)]
        reference = {"instruction_id_list": ids, "kwargs": [dict(each.kwargs) for each in built]}
        return Problem(id=f"{self._name}-{key}", prompt=prompt, reference=reference)


def _kwargs(row: Row) -> list[JSON]:
    """The kwargs, which some datasets hold as a JSON text."""
    if not isinstance(row.value.get("kwargs"), str):
        return row.get("kwargs", list)
    try:
        found = strict_json(row.value["kwargs"])
    except ValueError as error:
        raise row.error("kwargs", f"a text that is not JSON: {error}", "correct the row") from error
    if not isinstance(found, list):
        raise row.error("kwargs", f"a text that holds a {type(found).__name__}, expected a list", "correct the row")
    return found


def _constraint(row: Row, instruction: JSON, kwargs: JSON) -> Constraint:
    if not isinstance(instruction, str):
        raise row.error("instruction_id_list", f"holds a {type(instruction).__name__}, expected texts", "correct the row")
    if not isinstance(kwargs, dict):
        raise row.error("kwargs", f"holds a {type(kwargs).__name__}, expected objects", "correct the row")
    try:
        return constraint(instruction, kwargs)
    except Unusable as error:
        raise row.error(error.field, str(error), error.fix) from error


def _constraints(problem: Problem) -> tuple[Constraint, ...]:
    return _built(json.dumps(problem.reference))


@cache
def _built(reference: str) -> tuple[Constraint, ...]:
    found = json.loads(reference)
    return tuple(constraint(*pair) for pair in zip(found["instruction_id_list"], found["kwargs"], strict=True))


def _pattern(met: Sequence[bool]) -> str | None:
    if not any(met):
        return None
    return f"met {','.join(str(place) for place, is_met in enumerate(met, 1) if is_met)} of {len(met)}"
