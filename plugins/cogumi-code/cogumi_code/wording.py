"""The bundled code problems in words: every spec can be told in several ways, chosen by the random source it is given."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from cogumi_code.grammar import Op, Spec

SLICED: Mapping[str, tuple[str, ...]] = {
    "first": ("the first {k} {things}", "the leading {k} {things}"),
    "last": ("the last {k} {things}", "the final {k} {things}"),
    "drop": ("all but the first {k} {things}", "the {things} after the first {k}"),
    "short": ("all but the last {k} {things}", "the {things} before the last {k}"),
    "every": ("every {nth} of the {things}", "each {nth} of the {things}"),
}
"""Slices of a list; of a text as soon as `of the text` follows. `every` starts with the first, as Python does."""
ORDINALS = {2: "2nd", 3: "3rd", 4: "4th"}
TESTED: Mapping[str, tuple[str, ...]] = {
    "above": ("greater than {k}", "above {k}", "larger than {k}", "over {k}"),
    "below": ("less than {k}", "below {k}", "smaller than {k}", "under {k}"),
    "least": ("at least {k}", "not below {k}", "{k} or more"),
    "most": ("at most {k}", "not above {k}", "{k} or less"),
    "multiple": ("divisible by {k}", "multiples of {k}"),
    "other": ("not divisible by {k}", "no multiples of {k}"),
    "not": ("not equal to {k}", "different from {k}", "other than {k}"),
    "longer": ("longer than {k} letters", "of more than {k} letters"),
    "shorter": ("shorter than {k} letters", "of fewer than {k} letters"),
    "long": ("of at least {k} letters", "of {k} letters or more"),
    "brief": ("of at most {k} letters", "of {k} letters or fewer"),
}
"""After `that are`; of words at once."""
MAPPED: Mapping[str, tuple[str, ...]] = {
    "add": ("plus {k}", "increased by {k}"),
    "sub": ("minus {k}", "reduced by {k}"),
    "mul": ("times {k}", "multiplied by {k}"),
    "mod": ("modulo {k}", "taken modulo {k}"),
    "div": ("floor-divided by {k}", "divided by {k} and rounded down"),
    "head": ("cut to its first {k} letters", "shortened to {k} letters"),
    "tail": ("cut to its last {k} letters", "with only its last {k} letters"),
    "behead": ("without its first {k} letters", "with its first {k} letters cut off"),
}
"""After `each`."""
CHAINED: Mapping[str, tuple[str, ...]] = {
    "first": ("cut to the first {k} characters",),
    "last": ("cut to the last {k} characters",),
    "drop": ("without the first {k} characters",),
    "short": ("without the last {k} characters",),
    "repeat": ("repeated {k} times", "{k} times in a row"),
    "upper": ("in upper case", "in capitals"),
    "lower": ("in lower case", "in small letters"),
    "back": ("reversed", "backwards"),
}
"""After the first operation on a text."""
STEPS: Mapping[str, tuple[str, ...]] = {
    "add": ("add {k}",),
    "sub": ("subtract {k}", "take away {k}"),
    "mul": ("multiply by {k}",),
    "mod": ("take it modulo {k}",),
    "div": ("floor-divide by {k}", "divide by {k} and round down"),
}
"""Operations on a number, as orders."""
FRAMES: Mapping[str, tuple[str, ...]] = {
    "list": ("Return {it}.", "Give back {it}.", "List {it}.", "Find {it}.", "Collect {it}."),
    "sum": ("Return the sum of {it}.", "Add up {it}.", "Give the total of {it}.", "Sum {it}."),
    "count": ("Count {it}.", "Return how many there are of {it}.", "Give the number of {it}."),
    "max": ("Return the largest of {it}, or 0.", "Find the maximum of {it}; 0 if there is none."),
    "value": ("Return {it}.", "Give back {it}.", "Compute {it}."),
}
"""Sentences by result."""
NAMES: Mapping[str, tuple[str, ...]] = {
    "numbers": ("pick", "select", "work", "handle", "process", "solve"),
    "range": ("series", "count_up", "build", "solve"),
    "words": ("trim", "edit", "prepare", "clean"),
    "text": ("shape", "rewrite", "convert", "render"),
    "n": ("compute", "calc", "change", "evaluate"),
}
"""Names of functions by source."""


def sentence(spec: Spec, draw: random.Random) -> str:
    """What the function does, in one sentence."""
    if spec.source == "n" and draw.random() < 0.4:
        orders = ", then ".join(_say(STEPS, op, draw) for op in spec.ops)
        return f"Take n, {orders}, and return the result."
    return draw.choice(FRAMES[spec.result]).format(it=_noun(spec, draw))


def name(spec: Spec, draw: random.Random) -> str:
    """A name for the function."""
    return draw.choice(NAMES[spec.source])


def _noun(spec: Spec, draw: random.Random) -> str:
    if spec.source == "n":
        return ", ".join(["n", *(_say(MAPPED, op, draw) for op in spec.ops)]).replace("n, ", "n ", 1)
    if spec.source == "text":
        return _text(spec.ops, draw)
    chosen = _chosen(spec, draw)
    maps = "".join(f", each {_say(MAPPED, op, draw)}" for op in spec.of("map"))
    return chosen + maps


def _chosen(spec: Spec, draw: random.Random) -> str:
    """The items that are kept."""
    things = "words" if spec.source == "words" else "numbers"
    slices = [_say(SLICED, op, draw, things) for op in spec.of("slice")]
    every = "the numbers from 1 to n" if spec.source == "range" else f"the {things}"
    kept = slices[0] if slices else every
    tests = [_say(TESTED, op, draw) for op in spec.of("test")]
    if not tests:
        return kept
    if slices:
        return f"those of {kept} that are {tests[0]}"
    return f"{kept} {'' if things == 'words' else 'that are '}{' and '.join(tests)}"


def _text(ops: Sequence[Op], draw: random.Random) -> str:
    first = _say(SLICED, ops[0], draw, "characters")
    return ", ".join([f"{first} of the text", *(_say(CHAINED, op, draw) for op in ops[1:])])


def _say(words: Mapping[str, tuple[str, ...]], op: Op, draw: random.Random, things: str = "") -> str:
    return draw.choice(words[op.kind]).format(k=op.k, nth=ORDINALS.get(op.k), things=things)
