"""The constraints of one problem, as checkers of lm-evaluation-harness, built once and asked often.

    {"instruction_id_list": ["length_constraints:number_words"], "kwargs": [{"relation": "at least", "num_words": 300}]}

Rule: `lm_eval.tasks.ifeval` (Apache-2.0), the harness's copy of the checkers that came with Zhou et al. 2023,
"Instruction-Following Evaluation for Large Language Models", arXiv 2311.07911. Strict: a constraint is met when its checker
says so of the text. Loose: when its checker says so of the text or of one of seven variants of it (without the first line, the
last line or both, and each without asterisks). An empty text meets nothing.

Where this differs from the harness, and why:
- A checker that is not told a value draws one at random there, and so does letter_frequency for what is not a letter
  from a to z (`#` in the published data). Here a value that is missing is an error, and the letter is the one that was asked for.
- langdetect draws at random as well; here its seed is 0, so that a text is always given the same verdict.
- The harness downloads NLTK's sentence model while it is imported. Here nothing is downloaded: see `needs_punkt`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, cast

from cogumi.records import JSON

RELATIONS = ("less than", "at least")
"""What `relation` and its kin may say."""
FIELDS: Mapping[str, Mapping[str, type]] = {
    "keywords:existence": {"keywords": list},
    "keywords:frequency": {"keyword": str, "frequency": int, "relation": str},
    "keywords:forbidden_words": {"forbidden_words": list},
    "keywords:letter_frequency": {"letter": str, "let_frequency": int, "let_relation": str},
    "language:response_language": {"language": str},
    "length_constraints:number_sentences": {"num_sentences": int, "relation": str},
    "length_constraints:number_paragraphs": {"num_paragraphs": int},
    "length_constraints:number_words": {"num_words": int, "relation": str},
    "length_constraints:nth_paragraph_first_word": {"num_paragraphs": int, "nth_paragraph": int, "first_word": str},
    "detectable_content:number_placeholders": {"num_placeholders": int},
    "detectable_content:postscript": {"postscript_marker": str},
    "detectable_format:number_bullet_lists": {"num_bullets": int},
    "detectable_format:constrained_response": {},
    "detectable_format:number_highlighted_sections": {"num_highlights": int},
    "detectable_format:multiple_sections": {"section_spliter": str, "num_sections": int},
    "detectable_format:json_format": {},
    "detectable_format:title": {},
    "combination:two_responses": {},
    "combination:repeat_prompt": {"prompt_to_repeat": str},
    "startend:end_checker": {"end_phrase": str},
    "change_case:capital_word_frequency": {"capital_frequency": int, "capital_relation": str},
    "change_case:english_capital": {},
    "change_case:english_lowercase": {},
    "punctuation:no_comma": {},
    "startend:quotation": {},
}
"""The kwargs of every constraint, all of which must be given."""
NEED_PUNKT = ("length_constraints:number_sentences", "change_case:capital_word_frequency")
"""Constraints that are checked with NLTK's sentence model."""


class Checker(Protocol):
    """What the harness has for each constraint."""

    def check_following(self, value: str) -> bool:
        """Whether the text meets the constraint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """One constraint of one problem."""

    instruction: str
    """Its id, e.g. `punctuation:no_comma`."""
    kwargs: Mapping[str, JSON]
    """What its checker was built from, without nulls."""
    checker: Checker
    """The harness's checker."""

    def met_by(self, text: str) -> bool:
        """Whether a text meets it."""
        if not text.strip():
            return False
        try:
            return bool(self.checker.check_following(text))
        except RecursionError:  # JSON nested deeper than Python reads: the harness fails here
            return False


class Unusable(ValueError):
    """Kwargs that do not fit their constraint."""


def constraint(instruction: str, kwargs: Mapping[str, JSON]) -> Constraint:
    """The constraint with this id and these kwargs; nulls among them are as good as absent. Raises `Unusable`."""
    if instruction not in FIELDS:
        raise Unusable(f"{instruction}: no such instruction")
    given = {name: _value(instruction, name, value) for name, value in kwargs.items() if value is not None}
    missing = [name for name in FIELDS[instruction] if name not in given]
    if missing:
        raise Unusable(f"{instruction}: {missing[0]} is missing")
    return Constraint(instruction=instruction, kwargs=given, checker=_built(instruction, given))


def strict(constraints: Sequence[Constraint], text: str) -> tuple[bool, ...]:
    """Which constraints the text meets."""
    return tuple(each.met_by(text) for each in constraints)


def loose(constraints: Sequence[Constraint], text: str) -> tuple[bool, ...]:
    """Which constraints the text or one of its variants meets: an upper bound that forgives introductions and emphasis."""
    return tuple(any(each.met_by(variant) for variant in variants(text)) for each in constraints)


def variants(text: str) -> tuple[str, ...]:
    """The text, it without its first line, its last line and both, and each of these without asterisks."""
    lines = text.split("\n")
    cut = [text, *("\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1]))]
    return tuple(dict.fromkeys([*cut, *(part.replace("*", "") for part in cut)]))


def _value(instruction: str, name: str, value: JSON) -> JSON:
    kind = FIELDS[instruction].get(name)
    if kind is None:
        raise Unusable(f"{instruction}: knows no {name}")
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # columns with nulls come as floats from some writers
    if not isinstance(value, kind) or isinstance(value, bool):
        raise Unusable(f"{instruction}: {name} is a {type(value).__name__}, expected a {kind.__name__}")
    words = value if kind is list else [value]
    if not words or any(word == "" or not isinstance(word, str if kind is list else kind) for word in words):
        raise Unusable(f"{instruction}: {name} is empty or holds something else than text")
    if name.endswith("relation") and value not in RELATIONS:
        raise Unusable(f"{instruction}: {name} is {value!r}, expected one of {', '.join(RELATIONS)}")
    if kind is int and value < 0:
        raise Unusable(f"{instruction}: {name} is below zero")
    return value


def _built(instruction: str, kwargs: Mapping[str, JSON]) -> Checker:
    checker = _registry()[instruction](instruction)
    checker.build_description(**kwargs)
    if instruction == "keywords:letter_frequency":
        if len(kwargs["letter"]) != 1:
            raise Unusable(f"{instruction}: letter is not one character")
        checker._letter = kwargs["letter"].lower()
    if instruction == "length_constraints:nth_paragraph_first_word":
        if not 1 <= kwargs["nth_paragraph"] <= kwargs["num_paragraphs"]:
            raise Unusable(f"{instruction}: nth_paragraph is not one of the num_paragraphs paragraphs")
    try:
        checker.check_following("a")  # some values are patterns
    except Exception as error:
        raise Unusable(f"{instruction}: {error}") from error
    return cast(Checker, checker)


@cache
def _registry() -> Mapping[str, Callable[[str], Any]]:
    """The harness's checkers by id, imported without its download."""
    import langdetect
    import nltk

    langdetect.DetectorFactory.seed = 0
    find = nltk.data.find
    nltk.data.find = lambda *_, **__: ""  # the harness downloads, while it is imported, what this does not find
    try:
        from lm_eval.tasks.ifeval import instructions_registry
    finally:
        nltk.data.find = find
    logging.getLogger("lm_eval.tasks.ifeval.instructions").setLevel(logging.CRITICAL)  # a line for each text without words
    return cast(Mapping[str, Callable[[str], Any]], instructions_registry.INSTRUCTION_DICT)
