"""Writing prompts, which have no right answer: the task that `creativity` trains on and `writing` holds out.

    {"prompt": "Write a line about a black kite and a storm."}

The schema is that of WritingPrompts (Fan et al. 2018, "Hierarchical Neural Story Generation", arXiv 1805.04833); a field
`story` is not looked at. No completion is right or wrong: what is measured is how much the samples of a prompt agree
(`cogumi_creativity.medoid`) and how diverse they are (`cogumi_creativity.diversity`), and a judge may compare two of them
(`cogumi_creativity.judge`).
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Literal

from cogumi.data import Row, Source, load_rows
from cogumi.records import Ballot, Completion, Message, Problem, Score
from cogumi_creativity.diversity import diversity
from cogumi_creativity.judge import question, verdict
from cogumi_creativity.medoid import medoid


class Writing:
    """The prompts of one side. A prompt that comes with several stories, as many do, is one problem."""

    def __init__(self, data: str, source: Source, prompt: Callable[[str], tuple[Message, ...]]) -> None:
        self._data = data
        self._source = source
        self._prompt = prompt

    @cached_property
    def _problems(self) -> tuple[Problem, ...]:
        found: dict[str, Problem] = {}
        for row in load_rows(self._data, self._source, unique="id"):
            problem = _problem(row, self._source.hub[2])
            found.setdefault(normal(problem.prompt), problem)
        return tuple(found.values())

    def problems(self) -> Sequence[Problem]:
        """All problems, in the order of the data; read when first asked for. Raises `BadInput` for unusable data."""
        return self._problems

    def messages(self, problem: Problem) -> Sequence[Message]:
        """The prompt that `cogumi_creativity.prompts` describes."""
        return self._prompt(problem.prompt)

    def answers(self, problem: Problem, completions: Sequence[Completion]) -> Sequence[str | None]:
        """The text without differences of case and blanks; None where there is no word or the end is missing."""
        return [None if completion.finish == "length" else _text(completion) for completion in completions]

    def score(self, problem: Problem, completions: Sequence[Completion]) -> Sequence[Score]:
        """Nothing is right or wrong here, so `correct` is None throughout."""
        return [Score(correct=None, note=completion.error) for completion in completions]

    def problem_metrics(
        self, problem: Problem, completions: Sequence[Completion], scores: Sequence[Score]
    ) -> Mapping[str, float]:
        """`consensus`, the medoid's agreement by chrF, whichever voter is used; and how diverse the texts are, cut ones too."""
        ballots = [Ballot(answer=answer) for answer in self.answers(problem, completions)]
        figures = {"consensus": medoid().vote(problem, ballots).agreement}
        return figures | diversity([text for text in map(_text, completions) if text is not None])

    def judge_messages(self, problem: Problem, first: str, second: str) -> Sequence[Message]:
        """Ask a judge which text answers the prompt better."""
        return question(problem.prompt, first, second)

    def judge_verdict(self, text: str) -> Literal["first", "second"] | None:
        """The judge's choice, read strictly."""
        return verdict(text)


def normal(text: str) -> str:
    """The text in one case, composed, with single blanks."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def _text(completion: Completion) -> str | None:
    if completion.finish == "error" or not any(map(str.isalnum, completion.text)):
        return None
    return normal(completion.text)


def _problem(row: Row, split: str) -> Problem:
    prompt = row.get("prompt", str)
    if not prompt.strip():
        raise row.error("prompt", "empty", "say what to write")
    name = (
        row.get("id", str)
        if "id" in row.value
        else hashlib.sha256(normal(prompt).encode(errors="surrogatepass")).hexdigest()[:12]
    )
    return Problem(id=f"writing-{split}-{name}", prompt=prompt)
