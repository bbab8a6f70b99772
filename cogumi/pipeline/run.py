"""A run under way: its plan, its folder, and who is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from cogumi.distillation.distill import Rules
from cogumi.errors import BadInput
from cogumi.files import read_record
from cogumi.pipeline.folder import Done, RunFolder
from cogumi.planning.plan import Chosen, Plan
from cogumi.protocols import Observer
from cogumi.records import Identity
from cogumi.workers.jobs import Maker
from cogumi.workers.launch import Workplace

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Run:
    """What every stage is handed."""

    plan: Plan
    folder: RunFolder
    place: Workplace
    redo: bool = False
    done: dict[str, Done] = field(default_factory=dict)

    @property
    def observer(self) -> Observer:
        """Who is told."""
        return self.place.observer

    @property
    def rules(self) -> Rules:
        """What distillation goes by."""
        return rules_of(self.plan)

    def path(self, name: str) -> Path:
        """A file of the run folder."""
        return self.folder.path / name

    def read(self, kind: type[T], name: str) -> T:
        """A typed file of the run folder."""
        return read_record(kind, self.path(name))

    def read_or_none(self, kind: type[T], name: str) -> T | None:
        """A typed file of the run folder, or None where it does not exist yet."""
        return self.read(kind, name) if self.path(name).exists() else None

    def needs_redo(self, what: str, changes: Sequence[str]) -> BadInput:
        """The refusal to throw away what was drawn or trained."""
        shown = "; ".join(changes[:4]) + (f"; and {len(changes) - 4} more" if len(changes) > 4 else "")
        fix = "give --redo to do that, keeping what is there as .old; or choose another --out"
        return BadInput(f"{what}: {shown}", file=self.folder.path, fix=fix)


def rules_of(plan: Plan) -> Rules:
    """What distillation goes by in this run."""
    settings = plan.settings
    return Rules(
        temperature=settings.temperature,
        seed=settings.seed,
        top_p=settings.top_p,
        top_k=settings.top_k,
        system=settings.system,
        failures_only=plan.phase.failures_only,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage: what it reads, what it builds on, and its work."""

    name: str
    """What people call it."""
    needs: tuple[str, ...]
    """Stages whose outputs it reads; they are part of its key."""
    reads: Callable[[Run], Identity]
    """The resolved, typed values that decide what it leaves."""
    work: Callable[[Run], Sequence[str]]
    """Does it and returns the names of its outputs."""
    follows: tuple[str, ...] = ()
    """Stages that come before it, whose outputs it reads in part: `reads` says which part."""
    asked: Callable[[Plan], bool] = lambda plan: True
    """Whether a run has it."""


def maker(chosen: Chosen, **more: Any) -> Maker:
    """Whose factory makes the object that does a job."""
    entry = chosen.entry
    kinds: Any = entry.kind
    options = {**chosen.options, **more}
    return Maker(plugin=entry.plugin.name, label=entry.label, kind=kinds, name=entry.name, options=options)
