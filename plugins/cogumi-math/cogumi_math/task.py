r"""Word problems whose answer is a number: the task that `math` trains on and `gsm8k` holds out.

    {"question": "Ida packs 6 boxes of 4 mugs and drops 2 mugs. How many are left?",
     "answer": "6 boxes hold 6*4=<<6*4=24>>24 mugs.\n24-2=<<24-2=22>>22 are left.\n#### 22"}

The schema is that of GSM8K (Cobbe et al. 2021, "Training Verifiers to Solve Math Word Problems", arXiv 2110.14168), and so
is the rule: an answer is right when it is the number behind `####`. Here any way of writing that number counts, as
`cogumi_math.equivalence` says; lm-eval's two readings of the same completion go along as metrics. A field `template`, where
there is one, names what the problem was made from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cached_property

from cogumi.data import Row, Source, load_rows
from cogumi.records import Completion, Message, Problem, Score
from cogumi_math.equivalence import Equivalence
from cogumi_math.extract import Answer, final_answer, gold_answer
from cogumi_math.lm_eval_scores import scores

INCOMPARABLE = "could not be compared in time"
"""The note of a sample that is not scored: that is the machine's failure and not the model's."""


class WordProblems:
    """The problems of one side. `Problem.reference` is the whole worked answer of the dataset."""

    def __init__(self, data: str, source: Source, prompt: Callable[[str], tuple[Message, ...]]) -> None:
        self._data = data
        self._source = source
        self._prompt = prompt
        self._equivalence = Equivalence()

    @cached_property
    def _problems(self) -> tuple[Problem, ...]:
        rows = load_rows(self._data, self._source, unique="question")
        return tuple(_problem(row, self._source.hub[2]) for row in rows)

    def problems(self) -> Sequence[Problem]:
        """All problems, in the order of the data; read when first asked for. Raises `BadInput` for unusable data."""
        return self._problems

    def messages(self, problem: Problem) -> Sequence[Message]:
        """The prompt that `cogumi_math.prompts` describes."""
        return self._prompt(problem.prompt)

    def answers(self, problem: Problem, completions: Sequence[Completion]) -> Sequence[str | None]:
        """One canonical answer per completion, equal for equivalent answers; None where there is no final answer."""
        return self._equivalence.keys([_final(completion) for completion in completions])

    def score(self, problem: Problem, completions: Sequence[Completion]) -> Sequence[Score]:
        """Right or wrong by the equivalence that `answers` uses, and lm-eval's strict and flexible scores, 0.0 or 1.0.

        An answer that could not be compared with the gold one is not scored, and its note says so.
        """
        gold = gold_answer(problem.reference)
        return [self._score(completion, problem.reference, gold) for completion in completions]

    def gold(self, problem: Problem) -> str:
        """A completion that deserves the full score: the dataset's own worked answer."""
        worked: str = problem.reference
        return worked

    def _score(self, completion: Completion, worked: str, gold: Answer | None) -> Score:
        if completion.finish == "error":
            return Score(correct=None, note=completion.error)
        answer = _final(completion)
        metrics = scores(completion.text, worked)
        if answer is None:
            return Score(correct=False, metrics=metrics, note="no answer")
        right = gold is not None and self._equivalence.meets(answer, gold)
        return Score(correct=right, metrics=metrics, note=INCOMPARABLE if right is None else None)


def _final(completion: Completion) -> Answer | None:
    if completion.finish == "error":
        return None
    return final_answer(completion.text, cut=completion.finish == "length")


def _problem(row: Row, split: str) -> Problem:
    question, worked = row.get("question", str), row.get("answer", str)
    if not question.strip():
        raise row.error("question", "empty", "word the problem")
    if gold_answer(worked) is None:
        raise row.error("answer", "no final answer", "end it with a line `#### N`")
    digest = hashlib.sha256(question.encode(errors="surrogatepass")).hexdigest()[:12]
    template = {"template": row.get("template", str)} if "template" in row.value else {}
    return Problem(id=f"gsm8k-{split}-{digest}", prompt=question, reference=worked, meta=template)
