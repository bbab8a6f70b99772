"""A category's part in a run, made of the fakes, and samples that say exactly what a test wants."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from cogumi import diagnose, distil
from cogumi.plan import Exam, Part
from cogumi.plugins import Entry, Plugin
from cogumi.protocols import Task, Voter
from cogumi.records import Completion, Problem, Request, Strategy
from cogumi.settings import Settings
from cogumi.testing import FakeTask, fake_benchmark, fake_category
from cogumi.vote import majority

PLUGIN = Plugin(name="sums", dist="cogumi-sums", version="1.2")
Texts = Callable[[Request, int], str | None]
"""The text of one sample; None makes it an error."""


def entry(kind: str, name: str) -> Entry:
    """An entry that is only there to be blamed."""
    return Entry(kind=kind, name=name, factory=lambda: None, plugin=PLUGIN)


def part(
    *,
    training: Iterable[Problem] = (),
    held_out: Iterable[Problem] = (),
    task: Task | None = None,
    voter: Voter | None = None,
    **strategy: Any,
) -> Part:
    """A part of the given problems; `strategy` changes fields of the fake category's strategy."""
    category = fake_category()
    changed: Strategy = replace(category.strategy, **strategy)
    judge: Any = task or FakeTask()
    exam = Exam(
        name=category.name,
        role="trained",
        benchmark=replace(fake_benchmark(), task=judge),
        voter=voter or majority(),
        entries={kind: entry(kind, "sums") for kind in ("benchmark", "voter")},
        problems=tuple(held_out),
    )
    return Part(
        category=replace(category, strategy=changed, task=judge),
        entry=entry("category", "sums"),
        exam=exam,
        training=tuple(training),
        overlap={},
    )


def drawn(requests: Iterable[Request], text: Texts) -> dict[tuple[str, int], Completion]:
    """What was sampled for these requests."""
    samples: dict[tuple[str, int], Completion] = {}
    for request in requests:
        for index in request.indices:
            samples[request.id, index] = completion(request, index, text(request, index))
    return samples


def completion(request: Request, index: int, text: str | None) -> Completion:
    """A finished sample; None is a failed one, and a text that ends in "..." was cut off."""
    if text is None:
        return Completion(request=request.id, index=index, text="", finish="error", error="no luck")
    finish: Any = "length" if text.endswith("...") else "stop"
    return Completion(request=request.id, index=index, text=text, finish=finish, tokens=3)


def diagnosed(part: Part, text: Texts, settings: Settings) -> dict[str, Any]:
    """The diagnosis of these texts."""
    return diagnose.diagnose(part.exam, drawn(diagnose.requests(part.exam, settings), text), settings)


def distilled(part: Part, text: Texts, settings: Settings) -> list[distil.Outcome]:
    """What distillation makes of these texts."""
    return distil.distil(part, drawn(distil.requests(part, settings), text), settings)
