"""Problems from the rows of four schemas, told apart by their fields.

    {"question": "What is the capital of Ukraine?", "answer": "Kyiv", "aliases": ["Kiev"]}                     plain
    {"question": ..., "answer": {"value": "Kyiv", "aliases": [...], "normalized_aliases": [...]}, ...}         TriviaQA, hub
    Type,Category,Question,Best Answer,Correct Answers,Incorrect Answers,Source                                TruthfulQA, CSV
    {"question": ..., "mc1_targets": {"choices": [...], "labels": [1, 0, 0]}, ...}                             TruthfulQA, hub

TriviaQA: Joshi et al. 2017; its `rc` configurations hold a question once for the web and once for Wikipedia, so its rows
of one question are one problem. TruthfulQA: Lin et al. 2022, "TruthfulQA: Measuring How Models Mimic Human Falsehoods";
MC1 of it, where exactly one choice is true: the best answer among the incorrect ones. The choices are shuffled by a hash of
the question, so that the right letter is uniform and a problem looks the same wherever it comes from.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Mapping, Sequence
from string import ascii_uppercase

from cogumi.data import Row
from cogumi.records import JSON, Problem
from cogumi_knowledge.normal import key


def problems(rows: Iterable[Row], split: str) -> list[Problem]:
    """All problems, in the order of the rows. Raises `BadInput` for a row that cannot be used, or repeats a question."""
    found: dict[str, Problem] = {}
    lines: dict[str, int] = {}
    for row in rows:
        problem = _problem(row, split)
        earlier = found.get(problem.prompt)
        if earlier is not None and not (_is_trivia(row) and "accepted" in earlier.reference):
            raise row.error("question", f"the same as in line {lines[problem.prompt]}", "remove one of the two")
        found[problem.prompt] = problem if earlier is None else _merged(earlier, problem)
        lines.setdefault(problem.prompt, row.line)
    return list(found.values())


def _problem(row: Row, split: str) -> Problem:
    if "mc1_targets" in row.value:
        return _truthful_hub(row)
    if "Best Answer" in row.value:
        return _truthful_csv(row)
    if _is_trivia(row):
        return _trivia(row, split)
    return _plain(row, split)


def _is_trivia(row: Row) -> bool:
    return isinstance(row.value.get("answer"), dict)


def _plain(row: Row, split: str) -> Problem:
    question, answer = _text(row, "question"), _text(row, "answer")
    aliases = _texts(row, "aliases", row.value.get("aliases") or [])
    if "" in aliases:
        raise row.error("aliases", "an empty one", "remove it")
    return _short_answer(f"knowledge-{split}", question, answer, [key(text) for text in (answer, *aliases)])


def _trivia(row: Row, split: str) -> Problem:
    question, answer = _text(row, "question"), row.get("answer", dict)
    value = answer.get("value")
    if not isinstance(value, str) or not value.strip() or value == "<unk>":
        raise row.error("answer.value", "no answer", "the test split of TriviaQA has none; take train or validation")
    aliases = map(key, _texts(row, "answer.aliases", answer.get("aliases") or []))
    accepted = _texts(row, "answer.normalized_aliases", answer.get("normalized_aliases") or []) or aliases
    return _short_answer(f"triviaqa-{split}", question, value, [key(value), *filter(None, accepted)])


def _short_answer(name: str, question: str, value: str, accepted: Sequence[str]) -> Problem:
    reference = {"answer": value, "accepted": list(dict.fromkeys(accepted))}
    return Problem(id=f"{name}-{_digest(question)}", prompt=question, reference=reference)


def _merged(one: Problem, other: Problem) -> Problem:
    """One question with the answers of both."""
    accepted = [*one.reference["accepted"], *other.reference["accepted"]]
    reference = {**one.reference, "accepted": list(dict.fromkeys(accepted))}
    return Problem(id=one.id, prompt=one.prompt, reference=reference)


def _truthful_csv(row: Row) -> Problem:
    question, best = _text(row, "Question"), _text(row, "Best Answer")
    wrong = [text.strip() for text in row.get("Incorrect Answers", str).split(";")]
    meta = {name.lower(): row.value[name] for name in ("Type", "Category") if isinstance(row.value.get(name), str)}
    return _choices(row, "Incorrect Answers", question, best, wrong, meta)


def _truthful_hub(row: Row) -> Problem:
    question, targets = _text(row, "question"), row.get("mc1_targets", dict)
    choices, labels = targets.get("choices"), targets.get("labels")
    texts = _texts(row, "mc1_targets.choices", choices)
    if not isinstance(labels, list) or len(texts) != len(labels) or labels.count(1) != 1:
        raise row.error("mc1_targets.labels", "not a 1 for exactly one choice", "label the true one with 1, the others with 0")
    best = texts[labels.index(1)]
    return _choices(row, "mc1_targets.choices", question, best, [text for text in texts if text != best], {})


def _choices(row: Row, field: str, question: str, best: str, wrong: Sequence[str], meta: Mapping[str, JSON]) -> Problem:
    others = [text for text in dict.fromkeys(wrong) if text]
    if not others or best in others or not best:
        raise row.error(field, "no false choice, or the true one among them", "give false answers, separated by ;")
    if len(others) >= len(ascii_uppercase):
        raise row.error(field, f"{len(others)} false choices", f"at most {len(ascii_uppercase) - 1}")
    choices = [best, *sorted(others)]  # an order that does not depend on the source, before it is shuffled
    random.Random(f"truthfulqa/{question}").shuffle(choices)
    reference = {"choices": choices, "letter": ascii_uppercase[choices.index(best)]}
    return Problem(id=f"truthfulqa-{_digest(question)}", prompt=question, reference=reference, meta=dict(meta))


def _text(row: Row, field: str) -> str:
    value = row.get(field, str)
    if not value.strip():
        raise row.error(field, "empty", "give it a text")
    return value.strip()


def _texts(row: Row, field: str, value: JSON) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise row.error(field, "not a list of texts", "give a list of texts")
    return [text.strip() for text in value]


def _digest(question: str) -> str:
    return hashlib.sha256(question.encode(errors="surrogatepass")).hexdigest()[:12]
