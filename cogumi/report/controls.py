"""The arms of a run with controls, as a table and a sentence for each category."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cogumi.decision.controls import what_it_bought
from cogumi.report import words
from cogumi.report.blocks import Block, Heading, Paragraph, Table
from cogumi.results import Arm, ArmResult, Controls, Diagnosis
from cogumi.stats import Interval

ARMS = {
    "untouched": "untouched",
    "vote": "trained on the vote",
    "unvoted": "control: unvoted samples",
    "random": "control: a random vote",
    "format": "control: texts of other problems",
    "baked": "control: unvoted, at a lower train temperature",
    "gold": "control: reference answers",
    "null": "control: nothing, other seeds",
}
HEADER = (
    "trained on",
    "accuracy",
    "against untouched",
    "the vote against it",
    "greedy accuracy",
    "majority accuracy",
    "one of n right",
    "consistency",
    "consistent but wrong",
    "tokens an answer",
    "guard",
    "seconds",
)
MISSING = "not measured"


def controls(found: Controls | None, before: Diagnosis | None, seconds: Mapping[str, float]) -> Iterator[Block]:
    """What trainings without an ingredient came to; nothing where none was asked for. `seconds` by stage."""
    if found is None or before is None:
        return
    spent = {name: sum(seconds.get(stage, 0.0) for stage in _stages(name)) for name in found.arms}
    yield Heading(2, "Controls")
    yield Paragraph(
        f"Every arm on the same problems, with the same seeds and {words.count(found.samples, 'sample')} a problem, so that "
        "the figures of the first two rows may differ a little from those above. Each control is trained on as many examples "
        f"as the vote. {_sizes(found)}"
    )
    for category in found.arms["vote"].categories:
        yield Paragraph(what_it_bought(category, found, before.evaluations[category].samples))
        yield Table(f"{category}: controls", HEADER, tuple(rows(category, found, before, spent)))


def rows(category: str, found: Controls, before: Diagnosis, seconds: Mapping[str, float]) -> Iterator[tuple[str, ...]]:
    """One row per arm; what can be had without training stands behind the untouched model."""
    for name, arm in found.arms.items():
        if category in arm.categories:
            yield _row(name, arm, arm.categories[category], seconds.get(name))
        if name == "untouched":
            for temperature, value in before.evaluations[category].baselines.items():
                empty = ("",) * (len(HEADER) - 2)
                yield (f"untouched, at temperature {temperature}", words.estimate(value, share=True), *empty)


def _stages(name: str) -> tuple[str, ...]:
    """The stages whose time an arm takes."""
    if name in ("untouched", "vote"):
        return ("before",) if name == "untouched" else ("distill", "train", "after")
    return f"controls/{name} train", f"control-{name} measure"


def _row(name: str, arm: Arm, result: ArmResult, seconds: float | None) -> tuple[str, ...]:
    gain, lead = (None if change is None else change.change for change in (result.gain, result.lead))
    return (
        ARMS[name],
        _share(result.accuracy),
        "" if gain is None else words.change(gain, share=True),
        "" if lead is None else words.change(lead, share=True),
        _share(result.greedy_accuracy),
        _share(result.majority_accuracy),
        _share(result.pass_at_n),
        _share(result.consistency),
        _share(result.consistent_but_wrong),
        MISSING if result.tokens is None else f"{result.tokens:.1f}",
        ", ".join(f"{guard} {words.percent(value.value)}" for guard, value in arm.guards.items()) or MISSING,
        "" if seconds is None else f"{seconds:,.0f}",
    )


def _share(value: Interval | None) -> str:
    return MISSING if value is None else words.estimate(value, share=True)


def _sizes(found: Controls) -> str:
    """Examples, target tokens and steps of each training."""
    told = [
        f"{name} on {arm.examples:,} of {arm.target_tokens or 0:,} tokens in {words.count(arm.steps, 'step')}"
        for name, arm in found.arms.items()
        if arm.examples
    ]
    return f"Targets and steps: {'; '.join(told)}."
