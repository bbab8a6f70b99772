"""The constraints of one problem, as checkers of lm-evaluation-harness, built once and asked often.

    {"instruction_id_list": ["length_constraints:number_words"], "kwargs": [{"relation": "at least", "num_words": 300}]}

Rule: `lm_eval.tasks.ifeval` (Apache-2.0), the harness's copy of the checkers that came with Zhou et al. 2023,
"Instruction-Following Evaluation for Large Language Models", arXiv 2311.07911. Strict: a constraint is met when its checker
says so of the text. Loose: when its checker says so of the text or of one of seven variants of it (without the first line, the
last line or both, and each without asterisks). An empty text meets nothing.

Where this differs from the harness, and why:
- A checker that is not told a value draws one at random there, and so does letter_frequency for what is not a letter
  from a to z (`#` in the published data). Here a missing value is an error, and the letter is the one that was asked for.
- langdetect draws at random as well; here its seed is 0, so that a text is always given the same verdict.
- The harness downloads NLTK's sentence model while it is imported. Here nothing is downloaded: see `cogumi_instruction.punkt`.
- JSON nested deeper than Python reads is an error of Python's there and not JSON here.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, cast

from cogumi.errors import suggest
from cogumi.records import JSON
from cogumi_instruction import punkt

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
PATTERNS = ("keywords", "keyword", "forbidden_words", "section_spliter", "postscript_marker")
"""Values that the harness uses as regular expressions."""


class Checker(Protocol):
    """What the harness has for each constraint."""

    def check_following(self, value: str) -> bool:
        """Whether the text meets the constraint."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Constraint:
    """One constraint of one problem; equal to itself alone."""

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
        except RecursionError:
            return False


class Unusable(ValueError):
    """A constraint that cannot be built: `field` of the row is wrong."""

    def __init__(self, field: str, problem: str, fix: str = "correct the row") -> None:
        super().__init__(problem)
        self.field = field
        """The row's field."""
        self.fix = fix
        """What to do."""


class Unready(Unusable):
    """A constraint that cannot be checked on this machine."""


def constraint(instruction: str, kwargs: Mapping[str, JSON]) -> Constraint:
    """The constraint with this id and these kwargs; nulls among them are as good as absent. Raises `Unusable`."""
    if instruction not in FIELDS:
        raise Unusable("instruction_id_list", f"{instruction}: no such instruction", suggest(instruction, FIELDS))
    given = {name: _value(instruction, name, value) for name, value in kwargs.items() if value is not None}
    missing = [name for name in FIELDS[instruction] if name not in given]
    if missing:
        raise Unusable("kwargs", f"{instruction}: {missing[0]} is missing")
    if instruction in punkt.INSTRUCTIONS and not punkt.available():
        raise Unready("instruction_id_list", f"{instruction}: needs NLTK's sentence model punkt_tab", punkt.FIX)
    return Constraint(instruction=instruction, kwargs=given, checker=_built(instruction, given))


def strict(constraints: Sequence[Constraint], text: str) -> tuple[bool, ...]:
    """Which constraints the text meets."""
    return tuple(each.met_by(text) for each in constraints)


def loose(constraints: Sequence[Constraint], text: str) -> tuple[bool, ...]:
    """Which constraints the text or one of its variants meets: an upper bound that forgives introductions and emphasis."""
    return tuple(any(map(each.met_by, variants(text))) for each in constraints)


def variants(text: str) -> tuple[str, ...]:
    """The text, it without its first line, its last line and both, and each of these without asterisks; repeats left out."""
    lines = text.split("\n")
    cut = [text, *("\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1]))]
    return tuple(dict.fromkeys([*cut, *(part.replace("*", "") for part in cut)]))


def _value(instruction: str, name: str, value: JSON) -> JSON:
    """The value of one of the kwargs, checked."""
    kind: Any = FIELDS[instruction].get(name)
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # some writers turn whole numbers into floats where a column has nulls
    if kind is None:
        problem = "is none of its kwargs"
    elif not isinstance(value, kind) or isinstance(value, bool):
        problem = f"is a {type(value).__name__}, expected a {kind.__name__}"
    elif value in ("", []) or (kind is list and not all(isinstance(word, str) and word for word in value)):
        problem = "is empty, or not made of texts"
    elif kind is int and value < 0:
        problem = "is below zero"
    elif name.endswith("relation") and value not in RELATIONS:
        problem = f"is {value!r}, expected one of: {', '.join(RELATIONS)}"
    elif name == "letter" and len(value) != 1:
        problem = "is not one character"
    else:
        return value if name not in PATTERNS else _pattern(instruction, name, value)
    raise Unusable("kwargs", f"{instruction}: {name} {problem}")


def _pattern(instruction: str, name: str, value: JSON) -> JSON:
    for each in value if isinstance(value, list) else [value]:
        try:
            re.compile(each)
        except re.error as error:
            raise Unusable("kwargs", f"{instruction}: {name} is not a regular expression: {error}") from error
    return value


def _built(instruction: str, kwargs: Mapping[str, JSON]) -> Checker:
    if "nth_paragraph" in kwargs and not 1 <= kwargs["nth_paragraph"] <= kwargs["num_paragraphs"]:
        raise Unusable("kwargs", f"{instruction}: nth_paragraph is not from 1 to num_paragraphs")
    checker = _registry()[instruction](instruction)
    checker.build_description(**kwargs)
    if "letter" in kwargs:
        checker._letter = kwargs["letter"].lower()  # the harness draws one at random instead of what is not a letter
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
