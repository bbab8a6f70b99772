from __future__ import annotations

import math
from collections import Counter

import pytest
from cogumi_qlora import qlora
from cogumi_qlora.encode import Encoded
from cogumi_qlora.plan import Step, plan, rate
from cogumi_qlora.settings import Settings

from cogumi.errors import BadInput


def settings(**options: object) -> Settings:
    return qlora(**options).settings


def encoded(count: int) -> list[Encoded]:
    return [Encoded(id=str(i), ids=tuple(range(5 + 7 * i % 11)), start=2, temperature=0.0) for i in range(count)]


def names(steps: list[Step]) -> list[str]:
    return [example.id for step in steps for part in step.parts for example in part]


@pytest.mark.parametrize("group", [False, True])
def test_every_epoch_has_every_example_once(group: bool) -> None:
    steps = plan(encoded(150), settings(epochs=2, batch_size=4), group_by_length=group)
    assert len(steps) == 75  # what 150 problems, 2 epochs and batch 4 come to
    assert set(Counter(names(steps)).values()) == {2}


def test_epochs_may_be_a_fraction_and_the_last_step_smaller() -> None:
    steps = plan(encoded(10), settings(epochs=1.5, batch_size=4), group_by_length=False)
    assert [sum(map(len, step.parts)) for step in steps] == [4, 4, 4, 3]


def test_a_tiny_fraction_still_takes_a_step() -> None:
    assert len(plan(encoded(10), settings(epochs=0.01), group_by_length=False)) == 1


def test_accumulation_splits_a_step_by_length() -> None:
    steps = plan(encoded(32), settings(batch_size=2, gradient_accumulation=4, epochs=1), group_by_length=False)
    for step in steps:
        assert [len(part) for part in step.parts] == [2, 2, 2, 2]
        lengths = [len(example.ids) for part in step.parts for example in part]
        assert lengths == sorted(lengths)


def test_the_seed_decides_the_order() -> None:
    orders = {seed: names(plan(encoded(40), settings(seed=seed), group_by_length=True)) for seed in (0, 1)}
    assert orders[0] == names(plan(encoded(40), settings(seed=0), group_by_length=True))
    assert orders[0] != orders[1]


def test_grouping_by_length_pads_less() -> None:
    def padding(group: bool) -> int:
        steps = plan(encoded(64), settings(epochs=1), group_by_length=group)
        return sum(max(len(e.ids) for e in part) - len(e.ids) for s in steps for part in s.parts for e in part)

    assert padding(True) < padding(False) / 2


def test_the_learning_rate_rises_and_then_stays_or_falls() -> None:
    def rates(schedule: str) -> list[float]:
        return [rate(step, 10, settings(schedule=schedule, warmup_ratio=0.2)) for step in range(10)]

    warm = [1 / 3, 2 / 3]
    assert rates("constant") == pytest.approx(warm + [1.0] * 8)
    assert rates("linear") == pytest.approx(warm + [(8 - i) / 8 for i in range(8)])
    assert rates("cosine") == pytest.approx(warm + [(1 + math.cos(math.pi * i / 8)) / 2 for i in range(8)])
    assert rate(0, 1, settings()) == 1.0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("batch_size", 0),
        ("learning_rate", 0.0),
        ("epochs", float("nan")),
        ("lora_dropout", 1.0),
        ("warmup_ratio", -0.1),
        ("max_grad_norm", -1.0),
        ("checkpoint_steps", 0),
    ],
)
def test_options_that_make_no_sense_are_named(name: str, value: float) -> None:
    with pytest.raises(BadInput, match=rf"^{name}: "):
        qlora(**{name: value})
