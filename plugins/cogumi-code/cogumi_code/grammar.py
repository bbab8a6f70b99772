"""The small grammar behind the bundled code problems: what a function does, as data, as a value and as code.

Contract: a `Spec` names its input, the operations applied to it in order, each with a whole-number constant, and what is
made of the result. `value` computes what the function returns without any code being executed; `expression` writes the
same in Python. Two specs are the same problem where all three parts are equal, whatever words it is told in.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

Source: TypeAlias = Literal["numbers", "range", "words", "text", "n"]
"""A list of whole numbers, the numbers from 1 to n, a list of words, a text, or a number."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of operation."""

    role: str
    """`slice`, `test`, `map` (of an item), or `chain` (of the whole value)."""
    code: str
    """Python, `{x}` being the operand and `{k}` the constant."""
    act: Callable[[Any, int], Any]
    """What it computes."""
    values: range
    """The constants it is used with; an empty range where it has none."""
    others: tuple[str, ...] = ()
    """Kinds it is easily confused with."""


NONE = range(0)
KINDS: Mapping[str, Kind] = {
    "first": Kind("slice", "{x}[:{k}]", lambda x, k: x[:k], range(2, 6), ("last", "drop")),
    "last": Kind("slice", "{x}[-{k}:]", lambda x, k: x[-k:], range(2, 6), ("first", "short")),
    "drop": Kind("slice", "{x}[{k}:]", lambda x, k: x[k:], range(2, 6), ("first", "short")),
    "short": Kind("slice", "{x}[:-{k}]", lambda x, k: x[:-k], range(2, 6), ("last", "drop")),
    "every": Kind("slice", "{x}[::{k}]", lambda x, k: x[::k], range(2, 5), ("first", "drop")),
    "above": Kind("test", "{x} > {k}", lambda x, k: x > k, range(2, 21), ("least", "below")),
    "below": Kind("test", "{x} < {k}", lambda x, k: x < k, range(3, 22), ("most", "above")),
    "least": Kind("test", "{x} >= {k}", lambda x, k: x >= k, range(2, 21), ("above", "most")),
    "most": Kind("test", "{x} <= {k}", lambda x, k: x <= k, range(2, 21), ("below", "least")),
    "multiple": Kind("test", "{x} % {k} == 0", lambda x, k: x % k == 0, range(2, 10), ("other",)),
    "other": Kind("test", "{x} % {k} != 0", lambda x, k: x % k != 0, range(2, 10), ("multiple",)),
    "not": Kind("test", "{x} != {k}", lambda x, k: x != k, range(2, 13), ("above", "below")),
    "add": Kind("map", "{x} + {k}", lambda x, k: x + k, range(2, 21), ("sub", "mul")),
    "sub": Kind("map", "{x} - {k}", lambda x, k: x - k, range(2, 21), ("add", "mod")),
    "mul": Kind("map", "{x} * {k}", lambda x, k: x * k, range(2, 13), ("add", "div")),
    "mod": Kind("map", "{x} % {k}", lambda x, k: x % k, range(3, 13), ("div", "sub")),
    "div": Kind("map", "{x} // {k}", lambda x, k: x // k, range(2, 10), ("mod", "mul")),
    "longer": Kind("test", "len({x}) > {k}", lambda x, k: len(x) > k, range(2, 8), ("long", "shorter")),
    "shorter": Kind("test", "len({x}) < {k}", lambda x, k: len(x) < k, range(3, 9), ("brief", "longer")),
    "long": Kind("test", "len({x}) >= {k}", lambda x, k: len(x) >= k, range(3, 8), ("longer", "brief")),
    "brief": Kind("test", "len({x}) <= {k}", lambda x, k: len(x) <= k, range(2, 8), ("shorter", "long")),
    "head": Kind("map", "{x}[:{k}]", lambda x, k: x[:k], range(2, 7), ("tail", "behead")),
    "tail": Kind("map", "{x}[-{k}:]", lambda x, k: x[-k:], range(2, 7), ("head", "behead")),
    "behead": Kind("map", "{x}[{k}:]", lambda x, k: x[k:], range(2, 6), ("head", "tail")),
    "repeat": Kind("chain", "{x} * {k}", lambda x, k: x * k, range(2, 8), ("first",)),
    "upper": Kind("chain", "{x}.upper()", lambda x, k: x.upper(), NONE, ("lower",)),
    "lower": Kind("chain", "{x}.lower()", lambda x, k: x.lower(), NONE, ("upper",)),
    "back": Kind("chain", "{x}[::-1]", lambda x, k: x[::-1], NONE, ("upper",)),
}
"""Every kind of operation by name."""
COMPARED = ("above", "below", "least", "most", "not")
DIVIDED = ("multiple", "other")
ARITHMETIC = ("add", "sub", "mul", "mod", "div")
RESULTS: Mapping[str, tuple[str, Callable[[list[Any]], Any]]] = {
    "list": ("{items}", list),
    "sum": ("sum({items})", sum),
    "count": ("len({items})", len),
    "max": ("max({items}, default=0)", lambda items: max(items, default=0)),
    "value": ("{items}", lambda items: items),
}
"""What is made of the items: Python, and what it computes; `value` for a text or a number, which is no list."""


@dataclass(frozen=True, slots=True)
class Op:
    """One operation."""

    kind: str
    """Key of `KINDS`."""
    k: int = 0
    """Its constant; 0 where the kind has none."""

    @property
    def role(self) -> str:
        """The role of its kind."""
        return KINDS[self.kind].role

    def code(self, x: str) -> str:
        """The operation on the expression `x`, which is a name or in parentheses."""
        return KINDS[self.kind].code.format(x=x, k=self.k)


@dataclass(frozen=True, slots=True)
class Spec:
    """What a function does."""

    source: Source
    """Its input."""
    ops: tuple[Op, ...]
    """The operations, in the order in which they are applied."""
    result: str
    """Key of `RESULTS`."""

    @property
    def identity(self) -> str:
        """A text that is equal for equal specs only."""
        return f"{self.source} " + " ".join(f"{op.kind}:{op.k}" for op in self.ops) + f" {self.result}"

    @property
    def scalar(self) -> bool:
        """Whether the operations are applied to the whole value instead of its items."""
        return self.source in ("text", "n")

    def of(self, role: str) -> list[Op]:
        """The operations of one role."""
        return [op for op in self.ops if op.role == role]


def value(spec: Spec, argument: Any) -> Any:
    """What the function returns for an argument."""
    items = list(range(1, argument + 1)) if spec.source == "range" else argument
    for op in spec.ops:
        kind, k = KINDS[op.kind], op.k
        if kind.role == "test":
            items = [item for item in items if kind.act(item, k)]
        elif kind.role == "map" and not spec.scalar:
            items = [kind.act(item, k) for item in items]
        else:
            items = kind.act(items, k)
    return RESULTS[spec.result][1](items)


def parameter(spec: Spec) -> str:
    """The name of the function's parameter."""
    return "n" if spec.source == "range" else spec.source


def iterable(spec: Spec) -> str:
    """The expression that a loop of this function goes over."""
    x: str = "range(1, n + 1)" if spec.source == "range" else spec.source
    for op in spec.of("slice"):
        x = op.code(x)
    return x


def expression(spec: Spec, x: str = "x") -> str:
    """The function's value as one expression; `x` names an item."""
    if spec.scalar:
        return chained(spec.ops, parameter(spec))
    (mapped,) = [op.code(x) for op in spec.of("map")] or [x]
    tests = " and ".join(op.code(x) for op in spec.of("test"))
    items = f"[{mapped} for {x} in {iterable(spec)}{' if ' * bool(tests)}{tests}]"
    return RESULTS[spec.result][0].format(items=items)


def chained(ops: Sequence[Op], x: str) -> str:
    """Operations on one value as one expression, with no more parentheses than a reader wants."""
    loose = False
    for op in ops:
        x = op.code(f"({x})" if loose and op.kind not in ("add", "sub") else x)
        loose = op.kind in (*ARITHMETIC, "repeat")
    return x


def draw_spec(draw: random.Random) -> Spec:
    """A spec drawn at random; its constants are within the ranges of their kinds."""
    family = draw.choices(tuple(FAMILIES), weights=[weight for weight, _ in FAMILIES.values()])[0]
    return FAMILIES[family][1](draw)


def _op(draw: random.Random, *kinds: str) -> Op:
    kind = draw.choice(kinds)
    values = KINDS[kind].values
    return Op(kind, draw.choice(values) if values else 0)


SLICES = ("first", "last", "drop", "short", "every")
TESTS = (*COMPARED, *DIVIDED)


def _mapped(draw: random.Random) -> Spec:
    ops = (_op(draw, *TESTS), _op(draw, *ARITHMETIC))
    return Spec("numbers", ops, draw.choice(("list", "list", "sum", "max")))


def _tested(draw: random.Random) -> Spec:
    ops = (_op(draw, *COMPARED), _op(draw, *DIVIDED))
    return Spec("numbers", ops, draw.choice(("list", "sum", "count")))


def _sliced(draw: random.Random) -> Spec:
    ops = (_op(draw, *SLICES), _op(draw, *ARITHMETIC, *COMPARED))
    return Spec("numbers", ops, draw.choice(("list", "list", "sum")))


def _ranged(draw: random.Random) -> Spec:
    ops = (_op(draw, *DIVIDED), _op(draw, *ARITHMETIC))
    return Spec("range", ops, draw.choice(("list", "sum")))


def _worded(draw: random.Random) -> Spec:
    ops = (_op(draw, "longer", "shorter", "long", "brief", *SLICES), _op(draw, "head", "tail", "behead"))
    return Spec("words", ops, "list")


def _texted(draw: random.Random) -> Spec:
    second = draw.choice(("repeat", "repeat", "slice"))
    pairs = {"first": "drop", "last": "short", "drop": "first", "short": "last", "every": "first"}
    first = _op(draw, *SLICES)
    ops = [first, _op(draw, "repeat" if second == "repeat" else pairs[first.kind])]
    if draw.random() < 0.6:
        ops.append(_op(draw, "upper", "lower", "back"))
    return Spec("text", tuple(ops), "value")


def _counted(draw: random.Random) -> Spec:
    first = _op(draw, *ARITHMETIC)
    second = _op(draw, *(kind for kind in ARITHMETIC if kind != first.kind))
    return Spec("n", (first, second), "value")


FAMILIES: Mapping[str, tuple[int, Callable[[random.Random], Spec]]] = {
    "mapped": (28, _mapped),
    "tested": (16, _tested),
    "sliced": (14, _sliced),
    "ranged": (10, _ranged),
    "worded": (10, _worded),
    "texted": (10, _texted),
    "counted": (12, _counted),
}
"""Weight and maker of each family of specs."""


def neighbours(spec: Spec) -> list[Spec]:
    """Specs that are one slip away: a constant one or two off, another operation, one operation left out."""
    found = []
    for place, op in enumerate(spec.ops):
        constants = [op.k + off for off in (-2, -1, 1, 2) if op.k and op.k + off >= 1]
        changed = [replace(op, k=k) for k in constants] + [Op(other, op.k or 2) for other in KINDS[op.kind].others]
        found += [replace(spec, ops=(*spec.ops[:place], new, *spec.ops[place + 1 :])) for new in changed]
        found.append(replace(spec, ops=spec.ops[:place] + spec.ops[place + 1 :]))
    return found
