"""The subjects of the project's own questions: each draws a question, its one right choice and three wrong ones.

Contract: exactly one choice is right, whoever knows the words of `cogumi_reasoning.words`, the numbers up to 99, the
alphabet and the calendar can tell which, and the wrong ones are of the same sort as the right one. Letters used as choices
start at E, so that none is the name of a choice.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from cogumi_reasoning.words import (
    DAYS,
    KINDS,
    MEASURES,
    MONTHS,
    NAMES,
    OPPOSITES,
    PURPOSES,
    THINGS,
)

ALPHABET = "EFGHIJKLMNOPQRSTUVWXYZ"
TENS = range(1, 10)


@dataclass(frozen=True, slots=True)
class Draft:
    """A question before its choices are given letters."""

    question: str
    """The question as a person reads it."""
    right: str
    """The right choice."""
    wrong: tuple[str, str, str]
    """The other three."""
    reason: str = ""
    """A sentence that ends in the right choice; empty where one has to look at the choices to find it."""


def number_order(draw: random.Random) -> Draft:
    """The largest or smallest of four numbers of two digits; no two have the same tens."""
    numbers = sorted(10 * tens + draw.randrange(10) for tens in draw.sample(TENS, 4))
    word = draw.choice(("largest", "smallest"))
    right = numbers.pop(-1 if word == "largest" else 0)
    return _draft(f"Which number is the {word}?", right, numbers, f"The {word} is {right}.")


def counting(draw: random.Random) -> Draft:
    """The next number of three, counted by 1, 2, 5 or 10."""
    step = draw.choice((1, 2, 5, 10))
    first = step * draw.randint(2, 16) if step == 5 else draw.randint(10, 99 - 3 * step)
    shown = ", ".join(str(first + step * place) for place in range(3))
    right = first + 3 * step
    return _draft(f"What comes next: {shown}?", right, _nearby(right, draw), f"{shown}, {right}.")


def arithmetic(draw: random.Random) -> Draft:
    """A sum of two numbers up to 9."""
    one, other = draw.randint(1, 9), draw.randint(1, 9)
    right = one + other
    return _draft(f"What is {one} + {other}?", right, _nearby(right, draw), f"{one}+{other}={right}.")


def alphabet(draw: random.Random) -> Draft:
    """The letter right after another one, or the first of four."""
    if draw.random() < 0.3:
        first, *others = sorted(draw.sample(ALPHABET, 4))
        return _draft("Which letter comes first in the alphabet?", first, others, f"The first is {first}.")
    place = draw.randrange(len(ALPHABET) - 1)
    letter, right = ALPHABET[place], ALPHABET[place + 1]
    others = draw.sample([x for x in ALPHABET if x not in (letter, right)], 3)
    return _draft(f"Which letter comes right after {letter}?", right, others, f"After {letter} comes {right}.")


def calendar(draw: random.Random) -> Draft:
    """The day or month right after another one, or the day right before."""
    word, side, names = draw.choice((("day", "after", DAYS), ("day", "before", DAYS), ("month", "after", MONTHS)))
    place = draw.randrange(len(names))
    right = names[(place + (1 if side == "after" else -1)) % len(names)]
    others = draw.sample([name for name in names if name not in (right, names[place])], 3)
    reason = f"{side.capitalize()} {names[place]} comes {right}."
    return _draft(f"Which {word} comes right {side} {names[place]}?", right, others, reason)


def categories(draw: random.Random) -> Draft:
    """The one word of a kind among words of other kinds."""
    kind, *others = draw.sample(sorted(KINDS), 4)
    return _draft(f"Which one is {kind}?", draw.choice(KINDS[kind]), [draw.choice(KINDS[other]) for other in others])


def odd_one_out(draw: random.Random) -> Draft:
    """The one word that is not of the kind of the three others."""
    kind, other = draw.sample(sorted(KINDS), 2)
    return _draft(f"Which one is not {kind}?", draw.choice(KINDS[other]), draw.sample(KINDS[kind], 3))


def opposites(draw: random.Random) -> Draft:
    """The opposite of a word."""
    pair, *others = draw.sample(OPPOSITES, 4)
    word, right = draw.sample(pair, 2)
    wrong = [draw.choice(other) for other in others]
    return _draft(f"What is the opposite of {word}?", right, wrong, f"The opposite of {word} is {right}.")


def purposes(draw: random.Random) -> Draft:
    """What one needs for something."""
    deed, *others = draw.sample(sorted(PURPOSES), 4)
    right = PURPOSES[deed]
    return _draft(f"What do you need to {deed}?", right, [PURPOSES[other] for other in others], f"To {deed}: {right}.")


def comparisons(draw: random.Random) -> Draft:
    """The first or last of three people that are compared two by two."""
    most, middle, least, nobody = draw.sample(NAMES, 4)
    word, top, bottom = draw.choice(MEASURES)
    asked, right, other = draw.choice(((top, most, least), (bottom, least, most)))
    facts = f"{most} is {word} than {middle}. {middle} is {word} than {least}."
    return _draft(f"{facts} Who is the {asked}?", right, [middle, other, nobody], f"The {asked} is {right}.")


def giving(draw: random.Random) -> Draft:
    """Who has a thing after it was given away once or twice."""
    thing = draw.choice(THINGS)
    people = draw.sample(NAMES, 4)
    last = draw.randint(1, 2)
    facts = [f"{people[0]} gives the {thing} to {people[1]}.", f"{people[1]} gives it to {people[2]}."][:last]
    right = people.pop(last)
    return _draft(f"{' '.join(facts)} Who has the {thing}?", right, people, f"It was given to {right}.")


SUBJECTS: Mapping[str, Callable[[random.Random], Draft]] = {
    make.__name__: make
    for make in (
        number_order,
        counting,
        arithmetic,
        alphabet,
        calendar,
        categories,
        odd_one_out,
        opposites,
        purposes,
        comparisons,
        giving,
    )
}
"""All subjects by name."""


def _draft(question: str, right: object, wrong: Iterable[object], reason: str = "") -> Draft:
    one, two, three = map(str, wrong)
    return Draft(question, str(right), (one, two, three), reason)


def _nearby(right: int, draw: random.Random) -> list[int]:
    """Three other numbers up to 99 that are close."""
    return draw.sample([n for n in range(max(0, right - 4), min(right + 5, 100)) if n != right], 3)
