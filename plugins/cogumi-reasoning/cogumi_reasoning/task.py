r"""Multiple-choice questions: the task that `reasoning` trains on and `mmlu` holds out.

    {"question": "Which one is a fruit?", "subject": "categories", "choices": ["drum", "plum", "sock", "goat"], "answer": 1}

The schema is that of MMLU (Hendrycks et al. 2021, "Measuring Massive Multitask Language Understanding", arXiv 2009.03300),
and so is the rule: an answer is right when its letter is that of the right choice. Their figure is the mean over questions
within a subject, and over subjects: `export` leaves both in `subjects.json`.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from cogumi.data import Row, Source, load_rows
from cogumi.errors import BadInput
from cogumi.records import Completion, Message, Problem, Score
from cogumi_reasoning.breakdown import by_subject
from cogumi_reasoning.extract import final_letter
from cogumi_reasoning.prompts import LETTERS, asked, few_shot, opening, zero_shot

REPEATS = ""
"""No row has a field of this name: MMLU asks some questions twice, and both count (see `load_rows`)."""


class MultipleChoice:
    """The problems of one side. `Problem.reference` is the letter of the right choice; `meta` has subject and choices."""

    def __init__(self, data: str, source: Source, dev: Source, shots: int = 0) -> None:
        self._data = data
        self._source = source
        self._dev = dev
        self._shots = shots

    @cached_property
    def _problems(self) -> tuple[Problem, ...]:
        found = _problems(load_rows(self._data, self._source, unique=REPEATS), self._source.files[0])
        if self._shots:
            for subject in {problem.meta["subject"] for problem in found}:
                self._opening(subject)
        return found

    def problems(self) -> Sequence[Problem]:
        """All problems, in the order of the data; read when first asked for. Raises `BadInput` for unusable data."""
        return self._problems

    def messages(self, problem: Problem) -> Sequence[Message]:
        """The prompt that `cogumi_reasoning.prompts` describes."""
        if self._shots:
            return few_shot(problem.prompt, self._opening(problem.meta["subject"]))
        return zero_shot(problem.prompt)

    def answers(self, problem: Problem, completions: Sequence[Completion]) -> Sequence[str | None]:
        """The letter of each completion's answer; None where there is none."""
        return [_letter(problem, completion) for completion in completions]

    def score(self, problem: Problem, completions: Sequence[Completion]) -> Sequence[Score]:
        """Right or wrong by the letter; no answer is wrong."""
        return [_score(problem, completion) for completion in completions]

    def export(self, drawn: Sequence[tuple[Problem, Sequence[Completion]]]) -> Mapping[str, str]:
        """`subjects.json`: what `cogumi_reasoning.breakdown.by_subject` gives."""
        known = []
        for problem, completions in drawn:
            right = [score.correct for score in self.score(problem, completions) if score.correct is not None]
            known += [(problem.meta["subject"], sum(right) / len(right))] if right else []
        return {"subjects.json": json.dumps(by_subject(known), indent=2) + "\n"}

    def gold(self, problem: Problem) -> str:
        """A completion that deserves the full score."""
        return f"The answer is {problem.reference}."

    def _opening(self, subject: str) -> tuple[Message, ...]:
        if subject not in self._openings:
            fix = "give worked examples of every subject on the dev side, or use -o NAME.shots=0"
            raise BadInput(f"fewer than {self._shots} worked examples of the subject '{subject}'", field="shots", fix=fix)
        return self._openings[subject]

    @cached_property
    def _openings(self) -> dict[str, tuple[Message, ...]]:
        """The worked examples of each subject; those of no subject are one of each of the first subjects."""
        examples: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for problem in _problems(self._dev_rows(), "dev"):
            examples[problem.meta["subject"]].append((problem.prompt, problem.reference))
        examples.setdefault("", [those[0] for those in examples.values()])
        return {
            subject: opening(subject, those[: self._shots]) for subject, those in examples.items() if len(those) >= self._shots
        }

    def _dev_rows(self) -> list[Row]:
        path = Path(self._data).expanduser()
        data = str(path.parent) if path.is_file() else self._data  # a file's dev side is beside it
        try:
            return load_rows(data, self._dev, unique=REPEATS)
        except BadInput as error:
            raise BadInput(f"the dev side, which has the worked examples: {error}", field="shots") from error


def _letter(problem: Problem, completion: Completion) -> str | None:
    if completion.finish == "error":
        return None
    return final_letter(completion.text, problem.meta["choices"], cut=completion.finish == "length")


def _score(problem: Problem, completion: Completion) -> Score:
    if completion.finish == "error":
        return Score(correct=None, note=completion.error)
    letter = _letter(problem, completion)
    return Score(correct=letter == problem.reference, note="no answer" if letter is None else None)


def _problems(rows: Iterable[Row], split: str) -> tuple[Problem, ...]:
    seen = Counter[str]()
    return tuple(_problem(_flat(row), split, seen) for row in rows)


def _flat(row: Row) -> Row:
    """The hub has the training side's rows within a field `train`."""
    return Row(value=row.get("train", dict), file=row.file, line=row.line) if set(row.value) == {"train"} else row


def _problem(row: Row, split: str, seen: Counter[str]) -> Problem:
    question, choices = row.get("question", str), _choices(row)
    subject = row.get("subject", str) if row.value.get("subject") else ""
    if not question.strip():
        raise row.error("question", "empty", "word the question")
    name = "\x1f".join([subject, question, *choices])
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:12]
    seen[digest] += 1
    again = f"-{seen[digest]}" if seen[digest] > 1 else ""
    meta = {"subject": subject, "choices": choices}
    return Problem(id=f"mmlu-{split}-{digest}{again}", prompt=asked(question, choices), reference=_answer(row), meta=meta)


def _choices(row: Row) -> list[str]:
    choices = row.get("choices", list)
    if len(choices) != len(LETTERS) or not all(isinstance(choice, str) for choice in choices):
        raise row.error("choices", "not four texts", "give four choices")
    return choices


def _answer(row: Row) -> str:
    """The letter of the right choice, which is given as its place from 0 or as its letter."""
    answer = row.value.get("answer")
    if isinstance(answer, int) and not isinstance(answer, bool) and 0 <= answer < len(LETTERS):
        return LETTERS[answer]
    if isinstance(answer, str) and len(answer) == 1 and answer in LETTERS:
        return answer
    raise row.error("answer", "neither 0 to 3 nor A to D", "name the right choice")
