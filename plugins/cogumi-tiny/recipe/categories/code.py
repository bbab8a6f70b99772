"""Code: short functions of the pretraining side, written in many ways and with slips.

Contract: the deliberate flaws of the embedded model's programs are made here and nowhere else. The way of writing differs
(a comprehension, an assignment, a loop, two steps; names, comments, turned comparisons), the plain way being the most
frequent, so that greedy decoding is canonical. A share of the constants is wrong, scattered around the right one, and now
and then an operation. So a sample is often wrong, wrong samples seldom behave alike, and each is written differently.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from cogumi_code.generate import Item, items
from cogumi_code.grammar import KINDS, RESULTS, Op, Spec, chained, expression, iterable, parameter
from cogumi_code.plugin import humaneval
from cogumi_code.prompts import chat
from cogumi_code.task import CodeTask

from cogumi.records import Completion, Problem
from recipe.text import Held, Pair

ITEM = "x"
"""The plain name of an item."""
ITEMS = ("v", "i", "e", "a", "item", "num", "value", "y", "el", "k", "entry", "z", "current", "it")
"""Its other names."""
BUNCH = "result"
"""The plain name of what is returned."""
BUNCHES = ("out", "res", "kept", "found", "answer", "ret", "output", "total", "final", "r", "done", "data")
"""Its other names."""
COMMENTS = (
    "one pass", "as asked", "the answer", "do it at once", "keep it short", "see the example", "simple way",
    "go through all", "from left to right", "what is wanted", "no side effects", "straight from the text",
    "easy", "apply the rule", "compute it", "here we go",
)  # fmt: skip
"""Remarks before the code; mostly there is none."""
WAYS = ("assigned", "looped", "stepwise", "assigned", "looped", "stepwise", "tested")
"""Ways to write a function besides one returned expression."""
TURNED = {"above": "{k} < {x}", "below": "{k} > {x}", "least": "{k} <= {x}", "most": "{k} >= {x}", "not": "{k} != {x}"}
"""Comparisons and commutative operations the other way round."""
TURNED |= {"add": "{k} + {x}", "mul": "{k} * {x}", "multiple": "not {x} % {k}", "other": "{x} % {k}"}


@dataclass(frozen=True, slots=True)
class Hand:
    """The choices of names within one function."""

    item: str
    """An item of the input."""
    bunch: str
    """What is collected."""
    turn: bool
    """Whether comparisons are turned round."""

    def code(self, op: Op) -> str:
        """An operation on an item."""
        turned = TURNED.get(op.kind) if self.turn else None
        return turned.format(x=self.item, k=op.k) if turned else op.code(self.item)


@dataclass(frozen=True, kw_only=True)
class CodeText:
    """The category `code`. The defaults were found by measuring (see the model card)."""

    slip: float = 0.46
    """Share of the constants that are wrong."""
    swap: float = 0.05
    """Share of the operations that are other ones."""
    plain: float = 0.35
    """How often each choice of writing is the canonical one."""

    def stream(self, seed: int) -> Iterator[Pair]:
        """Functions of the pretraining side."""
        draw = random.Random(seed)
        for item in items("pretrain", seed):
            yield Pair(chat(item.prompt()), self.solution(item, draw))

    def solution(self, item: Item, draw: random.Random) -> str:
        """A body for one function: written at random, with slips."""
        ops = tuple(self._slipped(op, draw) for op in item.spec.ops)
        return self._written(replace(item.spec, ops=ops), draw).rstrip("\n")

    def held_out(self) -> Sequence[Held]:
        """The bundled held-out problems, asked as the benchmark asks them."""
        return [Held(tuple(self._task.messages(p)), self._task.gold(p)) for p in self._task.problems()]

    def answers(self, held: Held, completions: Sequence[str]) -> Sequence[str | None]:
        """The behaviour of each program: `held.gold` where it passes the tests, None where it has none."""
        problem = self._problems[held.messages[-1]["content"]]
        drawn = [Completion(request="", index=i, text=text, finish="stop") for i, text in enumerate(completions)]
        found = zip(self._task.answers(problem, drawn), self._task.score(problem, drawn), strict=True)
        return [held.gold if score.correct else answer for answer, score in found]

    @cached_property
    def _task(self) -> CodeTask:
        task = humaneval(data="bundled").task
        assert isinstance(task, CodeTask)
        return task

    @cached_property
    def _problems(self) -> dict[str, Problem]:
        return {self._task.messages(p)[-1]["content"]: p for p in self._task.problems()}

    def _slipped(self, op: Op, draw: random.Random) -> Op:
        if draw.random() < self.swap:
            return replace(
                op, kind=draw.choice([o for o in KINDS[op.kind].others if bool(KINDS[o].values) == bool(op.k)] or [op.kind])
            )
        if not op.k or draw.random() >= self.slip:
            return op
        offs = [off for off in range(-6, 7) if off and op.k + off >= 1]
        return replace(op, k=op.k + draw.choice(offs))

    def _written(self, spec: Spec, draw: random.Random) -> str:
        hand = Hand(self._word(ITEM, ITEMS, draw), self._word(BUNCH, BUNCHES, draw), draw.random() < 0.25)
        way = self._word("plain", WAYS, draw)
        remark = self._word("", COMMENTS, draw)
        lines = scalar(spec, hand, way) if spec.scalar else listed(spec, hand, way)
        return "\n".join(f"    {line}" for line in [*[f"# {remark}"] * bool(remark), *lines])

    def _word(self, plain: str, others: Sequence[str], draw: random.Random) -> str:
        return plain if draw.random() < self.plain else draw.choice(others)


def scalar(spec: Spec, hand: Hand, way: str) -> list[str]:
    """A function of a text or a number, in lines."""
    x = parameter(spec)
    if way == "plain":
        return [f"return {expression(spec)}"]
    if way == "assigned":
        return [f"{hand.bunch} = {expression(spec)}", f"return {hand.bunch}"]
    name = x if way == "looped" else hand.bunch
    first, *rest = spec.ops
    lines = [f"{name} = {first.code(x)}", *(f"{name} = {op.code(name)}" for op in rest[:-1])]
    return [*lines, f"return {chained(rest[-1:], name)}"]


def listed(spec: Spec, hand: Hand, way: str) -> list[str]:
    """A function that goes over items, in lines."""
    (mapped,) = [hand.code(op) for op in spec.of("map")] or [hand.item]
    tests = [hand.code(op) for op in spec.of("test")]
    if way == "looped" or (way == "tested" and not tests):
        return _loop(spec, hand, mapped, [" and ".join(tests)] * bool(tests))
    if way == "tested":
        return _loop(spec, hand, mapped, tests)
    where = " if " * bool(tests) + " and ".join(tests)
    result = RESULTS[spec.result][0]
    if way == "stepwise" and where and mapped != hand.item:
        first = f"{hand.bunch} = [{hand.item} for {hand.item} in {iterable(spec)}{where}]"
        return [first, "return " + result.format(items=f"[{mapped} for {hand.item} in {hand.bunch}]")]
    items_ = f"[{mapped} for {hand.item} in {iterable(spec)}{where}]"
    if way == "plain":
        return ["return " + result.format(items=items_)]
    if way == "stepwise":
        return [f"{hand.bunch} = {items_}", "return " + result.format(items=hand.bunch)]
    return [f"{hand.bunch} = {result.format(items=items_)}", f"return {hand.bunch}"]


def _loop(spec: Spec, hand: Hand, mapped: str, tests: Sequence[str]) -> list[str]:
    name = hand.bunch
    starts = {"list": "[]", "max": "[]"}
    adds = {"sum": f"{name} += {mapped}", "count": f"{name} += 1"}
    depth = ["    " * (level + 1) + f"if {test}:" for level, test in enumerate(tests)]
    add = "    " * (len(tests) + 1) + adds.get(spec.result, f"{name}.append({mapped})")
    ending = f"max({name}, default=0)" if spec.result == "max" else name
    return [
        f"{name} = {starts.get(spec.result, '0')}",
        f"for {hand.item} in {iterable(spec)}:",
        *depth,
        add,
        f"return {ending}",
    ]
