"""Questions with a short answer or with lettered choices: what `knowledge` trains on and its benchmarks hold out.

    {"question": "What is the capital of Ukraine?", "answer": "Kyiv", "aliases": ["Kiev"]}
    "It is Kiev." -> "kyiv", right        "Kiev or Odesa" -> no answer        "Ukraine's capital is Odesa." -> "odesa", wrong

Source of the rules: TriviaQA (Joshi et al. 2017) for short answers: normalised exact match with any alias, see
`cogumi_knowledge.normal`; TruthfulQA's MC1 (Lin et al. 2022) for choices: one of them is true. What a sentence answers is read
by `cogumi_knowledge.extract` and `cogumi_knowledge.letters`; a completion that as a whole matches an alias is right by
TriviaQA's rule alone, and the metric `verbatim` says how often that happens.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from cogumi.data import Source, load_rows
from cogumi.records import Completion, Message, Problem, Score
from cogumi_knowledge.extract import read
from cogumi_knowledge.letters import letter
from cogumi_knowledge.normal import key
from cogumi_knowledge.problems import problems
from cogumi_knowledge.prompts import multiple_choice, short_answer


class Questions:
    """The problems of one side, of either form."""

    def __init__(self, data: str, source: Source) -> None:
        self._data = data
        self._source = source

    @cached_property
    def _problems(self) -> tuple[Problem, ...]:
        # repeats are found by `problems`, for which they mean different things in different schemas
        rows = load_rows(self._data, self._source, unique="")
        return tuple(problems(rows, self._source.hub[2]))

    def problems(self) -> Sequence[Problem]:
        """All problems, in the order of the data; read when first asked for. Raises `BadInput` for unusable data."""
        return self._problems

    def messages(self, problem: Problem) -> Sequence[Message]:
        """The prompt that `cogumi_knowledge.prompts` describes."""
        if "choices" in problem.reference:
            return multiple_choice(problem.prompt, problem.reference["choices"])
        return short_answer(problem.prompt)

    def answers(self, problem: Problem, completions: Sequence[Completion]) -> Sequence[str | None]:
        """A letter, or a normalised text that is the same for all aliases of the right answer; None where there is none."""
        return [_answer(problem, completion) for completion in completions]

    def score(self, problem: Problem, completions: Sequence[Completion]) -> Sequence[Score]:
        """Right where `answers` gives the right letter, or the reference's key."""
        return [_score(problem, completion) for completion in completions]

    def chance(self, problem: Problem) -> float:
        """One in the number of choices; a question without choices is not guessed."""
        return 1 / len(problem.reference["choices"]) if "choices" in problem.reference else 0.0

    def gold(self, problem: Problem) -> str:
        """A completion that deserves the full score."""
        if "choices" in problem.reference:
            return f"The answer is {problem.reference['letter']}."
        answer: str = problem.reference["answer"]
        return answer


def _answer(problem: Problem, completion: Completion) -> str | None:
    if completion.finish == "error" or not completion.text.strip():
        return None
    cut = completion.finish == "length"
    if "choices" in problem.reference:
        return letter(completion.text, problem.reference["choices"], cut=cut)
    if _is_verbatim(problem, completion):
        return _right(problem)
    found = read(completion.text, problem.prompt, cut=cut)
    if found is None:
        return None
    if any(key(form) in problem.reference["accepted"] for form in found.forms):
        return _right(problem)
    return None if found.several else key(found.text)


def _score(problem: Problem, completion: Completion) -> Score:
    if completion.finish == "error":
        return Score(correct=None, note=completion.error)
    metrics = {} if "choices" in problem.reference else {"verbatim": float(_is_verbatim(problem, completion))}
    answer = _answer(problem, completion)
    if answer is None:
        return Score(correct=False, metrics=metrics, note="no answer")
    return Score(correct=answer == _right(problem), metrics=metrics)


def _is_verbatim(problem: Problem, completion: Completion) -> bool:
    """Whether the whole completion is an alias; one that was cut is not whole."""
    return completion.finish == "stop" and key(completion.text) in problem.reference["accepted"]


def _right(problem: Problem) -> str:
    """The key of the right answer."""
    reference = problem.reference
    right: str = reference["letter"] if "choices" in reference else key(reference["answer"])
    return right
