"""A run, resolved: who is asked, what is measured, what is trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cogumi.data import Origin
from cogumi.phases import Gate, Phase
from cogumi.planning.settings import Settings
from cogumi.protocols import Benchmark, Category, ExternalEvaluation, Trainer, Voter
from cogumi.records import Identity, Message, Options, Problem, Sampling, Strategy
from cogumi.registry.discovery import Entry
from cogumi.results import Purpose
from cogumi.roles.role import Role
from cogumi.thoughts import Tags


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A plugin's offer as the run uses it."""

    entry: Entry
    """Whose code it is."""
    options: Options
    """What its factory is given."""

    @property
    def identity(self) -> Identity:
        """All of it that can change an outcome."""
        version = self.entry.plugin.version
        return {"name": self.entry.name, "version": version, "options": self.entry.deciding(self.options)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Held-out problems that are measured before and after training."""

    name: str
    """The category's name, or the benchmark's where no category of the run is held out by it."""
    purpose: Purpose
    """Why it is measured."""
    benchmark: Benchmark
    """What is held out."""
    grader: Chosen
    """Whose benchmark it is, and how it was made."""
    voter: Voter
    """Who decides."""
    voting: Chosen
    """Whose voter it is, and how it was made."""
    problems: tuple[Problem, ...]
    """The chosen problems, by id."""
    available: int
    """Held-out problems there are."""
    asked: int | None = None
    """Held-out problems that were asked for, by the user or the phase; None: all."""
    origins: tuple[Origin, ...] = ()
    """What they were read from; none where the task does not read rows."""
    use: Sampling
    """How samples are drawn at the use temperature."""
    baseline_temperatures: tuple[float, ...] = ()
    """Lower temperatures at which the untouched model is measured."""
    consistency: str = "texts"
    """What gates on consistency count."""
    chance: float = 0.0
    """Accuracy of guessing on the chosen problems."""
    thoughts: Tags = ()
    """Marks of thoughts that the templates of those who are asked declare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryRun:
    """One category's part in a run: its training side, and how it is measured."""

    category: Category
    """What is trained on, and how."""
    chosen: Chosen
    """Whose category it is, and how it was made."""
    strategy: Strategy
    """The category's strategy with the user's settings."""
    evaluation: Evaluation
    """What is held out, and who decides on both sides."""
    training: tuple[Problem, ...]
    """The chosen training-side problems, those that overlap with the held-out side left out."""
    available: int
    """Training-side problems there are."""
    asked: int | None = None
    """Training-side problems that were asked for, by the user or the phase; None: all."""
    origins: tuple[Origin, ...] = ()
    """What they were read from; none where the task does not read rows."""
    overlap: Mapping[str, str]
    """Training-side problems left out, with the held-out problem each repeats."""

    @property
    def name(self) -> str:
        """The category's name."""
        return self.category.name


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalRun:
    """An external evaluation that is made before and after training."""

    evaluation: ExternalEvaluation
    """What is evaluated, and how."""
    chosen: Chosen
    """Whose it is, and what its factory is given, in whatever process it is made."""
    limit: int | None
    """Most items; None: all."""

    @property
    def name(self) -> str:
        """The evaluation's name."""
        return self.evaluation.name


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainerRun:
    """Who trains."""

    chosen: Chosen
    """Whose trainer it is, and how it is made."""
    made: Trainer
    """The trainer, made light: it is asked what it accepts and how it is launched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much a run measures and trains on."""

    training: Mapping[str, int | None]
    """By category; None: all. A category that is not named has the phase's size."""
    held_out: Mapping[str, int | None]
    """By evaluation."""
    baselines: tuple[float, ...] | None = None
    """Lower temperatures at which the untouched model is measured; None: as the phase's gates want it."""
    controls: tuple[str, ...] = ()
    """Controls that were asked for."""
    failures_only: bool | None = None
    """Whether what the model does already is left out of training; None: as the phase has it."""


NO_SIZES = Sizes(training={}, held_out={})


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A run, resolved."""

    settings: Settings
    """What was asked for."""
    phase: Phase
    """Sizes, gates and margins."""
    roles: Mapping[str, Role]
    """Who is asked; `student` is always there."""
    categories: tuple[CategoryRun, ...]
    """The categories, in the order asked for."""
    trainer: TrainerRun | None
    """Who trains; None: nobody."""
    others: tuple[Evaluation, ...] = ()
    """What else is measured: the guards, and the benchmarks asked for besides."""
    external: tuple[ExternalRun, ...] = ()
    """External evaluations asked for."""
    controls: tuple[str, ...] = ()
    """Trainings that lack an ingredient, to be held against the vote's."""
    notes: tuple[str, ...] = ()
    """What the user should know before anything is drawn, in sentences."""

    @property
    def student(self) -> Role:
        """Who is diagnosed and trained."""
        return self.roles["student"]

    @property
    def evaluations(self) -> tuple[Evaluation, ...]:
        """All that is measured by cogumi itself: the categories' held-out sides, then the others."""
        return (*(run.evaluation for run in self.categories), *self.others)

    @property
    def category_gates(self) -> Mapping[str, tuple[Gate, ...]]:
        """The gates that categories bring."""
        return {run.name: run.category.gates for run in self.categories if run.category.gates}

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Everything whose code decides something in the run."""
        graders = [entry for e in self.evaluations for entry in (e.grader.entry, e.voting.entry)]
        mine = [run.chosen.entry for run in self.categories]
        training = [self.trainer.chosen.entry] if self.trainer is not None else []
        asked = [role.sampler for role in self.roles.values()]
        return (*asked, *training, *mine, *graders, *(external.chosen.entry for external in self.external))

    def python(self, entry: Entry) -> str | None:
        """The interpreter that a plugin's engine runs under; None: the run's own."""
        found = self.settings.pythons.get(entry.name)
        return None if found is None else str(Path(found).expanduser())


def asked(messages: tuple[Message, ...], system: str | None) -> tuple[Message, ...]:
    """The conversation as the model is asked: the user's system prompt goes first, a task's own behind it."""
    if system is None:
        return messages
    if messages and messages[0]["role"] == "system":
        both = Message(role="system", content=f"{system}\n\n{messages[0]['content']}")
        return (both, *messages[1:])
    return (Message(role="system", content=system), *messages)
