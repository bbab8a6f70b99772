"""Who takes part in a run: the roles that are asked, and the trainer."""

from __future__ import annotations

from collections.abc import Sequence

from cogumi.distillation.controls import CONTROLS
from cogumi.errors import BadInput, suggest
from cogumi.planning import defaults
from cogumi.planning.plan import CategoryRun, Chosen, TrainerRun
from cogumi.planning.settings import Settings
from cogumi.protocols import Solved, accepts
from cogumi.records import Preference, Weights
from cogumi.registry.discovery import Registry
from cogumi.roles.role import Asked, Role, RoleName, cast_role

EVERY = "all"
"""The word for every control."""


def cast_roles(settings: Settings, registry: Registry) -> dict[str, Role]:
    """Everybody who is asked something in this run."""
    specs: dict[RoleName, str | None] = {
        "judge": settings.judge,
        "teacher": settings.teacher,
        "reference": settings.reference,
    }
    asked = [_asked("student", settings.sampler, settings.model, settings, adapter=settings.adapter)]
    asked += [_from_spec(role, spec, settings, registry) for role, spec in specs.items() if spec is not None]
    return {one.role: cast_role(one, registry) for one in asked}


def _from_spec(role: RoleName, spec: str, settings: Settings, registry: Registry) -> Asked:
    """`SAMPLER:MODEL`, or `MODEL` asked by the student's sampler."""
    sampler, colon, model = spec.partition(":")
    names = {entry.name for entry in registry.of("sampler")}
    if colon and (sampler in names or suggest(sampler, names).startswith("did you mean")):
        return _asked(role, registry.get("sampler", sampler).name, model, settings)
    return _asked(role, settings.sampler, spec, settings)


def _asked(role: RoleName, sampler: str, model: str, settings: Settings, *, adapter: str | None = None) -> Asked:
    options = {**settings.options.get(sampler, {}), **settings.options.get(role, {})}
    trust = settings.trust_remote_code
    return Asked(role=role, model=model, sampler=sampler, options=options, adapter=adapter, trust_remote_code=trust)


def resolve_controls(settings: Settings, begun: Sequence[str], categories: Sequence[CategoryRun]) -> tuple[str, ...]:
    """The controls of a run, in the order of the table: those asked for, and those that it was begun with.

    `all` leaves out reference answers where no category has any.
    """
    solved = any(isinstance(category.category.task, Solved) for category in categories)
    every = [name for name in CONTROLS if name != "gold" or solved]
    asked = {one for name in settings.controls for one in (every if name == EVERY else [name])}
    if unknown := sorted(asked - set(CONTROLS)):
        raise BadInput(f"no control is called '{unknown[0]}'", field="controls", fix=suggest(unknown[0], [*CONTROLS, EVERY]))
    if "gold" in asked and not solved:
        fix = "leave it out, or give the task a method gold(problem)"
        raise BadInput("no category of this run tells worked answers", field="controls", fix=fix)
    return tuple(name for name in CONTROLS if name in asked or name in begun)


def check_controls(controls: Sequence[str], trainer: TrainerRun | None) -> None:
    """Refuse controls where there is no training that they could be held against."""
    if controls and trainer is None:
        raise BadInput("nothing is trained, so there is nothing to hold a control against", field="controls")
    if controls and trainer is not None and accepts(trainer.made) is Preference:
        problem = f"{trainer.chosen.entry} learns from pairs, and controls are texts to learn"
        raise BadInput(problem, field="controls", fix="leave them out, or name a trainer that learns demonstrations")


def resolve_trainer(settings: Settings, registry: Registry, student: Role) -> TrainerRun | None:
    """Who trains, with the options that suit the model better than the trainer's own defaults."""
    if settings.trainer == defaults.NOTHING:
        return None
    entry = registry.get("trainer", settings.trainer)
    own = student.model.training if isinstance(student.model, Weights) else {}
    options = {**{k: v for k, v in own.items() if k in entry.options}, **settings.options.get(entry.name, {})}
    if "seed" in entry.options:
        options.setdefault("seed", settings.seed)
    return TrainerRun(chosen=Chosen(entry=entry, options=entry.converted(options)), made=entry.make(**options))
