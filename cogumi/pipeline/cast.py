"""Who takes part in a run: the roles that are asked, and the trainer."""

from __future__ import annotations

from cogumi.errors import suggest
from cogumi.planning import defaults
from cogumi.planning.plan import Chosen, TrainerRun
from cogumi.planning.settings import Settings
from cogumi.records import Weights
from cogumi.registry.discovery import Registry
from cogumi.roles.role import Asked, Role, RoleName, cast_role


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
