"""Who is asked: the student, the judge, the teacher and the reference.

A role holds a model, the sampler that asks it, that role's own options and one fingerprint. The sampler resolves the model:
it says what it serves, checks it before anything is loaded, and knows it by its contents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from cogumi.errors import BadInput, suggest
from cogumi.protocols import Resolver, serves
from cogumi.records import Endpoint, Identity, Model, Options, Serves, Weights
from cogumi.registry.discovery import Entry, Registry
from cogumi.thoughts import Tags
from cogumi.weights import resolve

RoleName = Literal["student", "judge", "teacher", "reference"]
ROLES: Mapping[str, str] = {
    "student": "the model that is diagnosed and trained",
    "judge": "says which of two texts is better, where no answer is right",
    "teacher": "answers what the student cannot agree on with itself",
    "reference": "answers the held-out problems, to be held against",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A role as it was asked for: `SAMPLER:MODEL`, and its own options."""

    role: RoleName
    """Which role."""
    model: str
    """A known name, a folder, a repository on the hub, or what the sampler calls a served model."""
    sampler: str
    """Name of the sampler."""
    options: Options
    """Options of the sampler for this role."""
    adapter: str | None = None
    """An adapter to put on the model."""
    trust_remote_code: bool = False
    """Whether code in the model's folder may run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role, resolved."""

    name: RoleName
    """Which role."""
    model: Model
    """The model as found."""
    sampler: Entry
    """Who asks it."""
    options: Options
    """What the sampler is made with."""
    serves: Serves
    """What the sampler can do."""
    fingerprint: Identity
    """What the model is, by contents; made once a run."""
    notes: tuple[str, ...] = ()
    """What the user has to know of the model."""
    thoughts: Tags = ()
    """Marks of thoughts that its template declares."""

    @property
    def weights(self) -> Weights:
        """The model where it has to be on disk."""
        if not isinstance(self.model, Weights):
            problem = f"the {self.name} is a served model ({self.model.name}), and this needs weights on disk"
            raise BadInput(problem, field="model", fix="give a folder or a repository")
        return self.model

    @property
    def identity(self) -> Identity:
        """All that decides what it says: contents, sampler and those of its options that can change a text."""
        return {
            "model": dict(self.fingerprint),
            "sampler": self.sampler.name,
            "version": self.sampler.plugin.version,
            "options": self.sampler.deciding(self.options),
        }

    def with_adapter(self, adapter: Path, digest: str) -> Role:
        """The same base with a trained adapter."""
        model = replace(self.weights, adapter=str(adapter))
        return replace(self, model=model, fingerprint={**self.fingerprint, "adapter": digest})


def cast_role(asked: Asked, registry: Registry) -> Role:
    """Find the sampler, have it resolve the model, and check its options. Raises `BadInput` for whatever is not right."""
    sampler = registry.get("sampler", asked.sampler)
    model = _reference(asked, registry)
    made = sampler.make(model, **asked.options)
    able = serves(made)
    _refuse(asked, model, able)
    with sampler.attribute_errors():
        found = made.resolve() if isinstance(made, Resolver) else resolve(model)
    return Role(
        name=asked.role,
        model=found.model,
        sampler=sampler,
        options=sampler.converted(asked.options),
        serves=serves(made),  # asked again: what a sampler can promise may hang on what it found
        fingerprint=found.fingerprint,
        notes=tuple(found.notes),
        thoughts=found.thoughts,
    )


def _reference(asked: Asked, registry: Registry) -> Model:
    """The model of this name: registered, or a folder, a repository or a served name as it stands."""
    names = {entry.name for entry in registry.of("model")}
    if asked.model in names:
        model: Model = registry.get("model", asked.model).make()
    else:
        _refuse_misspelt(asked.model, names)
        model = Weights(name=asked.model, path=asked.model)
    if isinstance(model, Endpoint):
        return model
    return replace(model, adapter=asked.adapter or model.adapter, trust_remote_code=asked.trust_remote_code)


def _refuse_misspelt(name: str, names: set[str]) -> None:
    """A word that is no path and close to a known name was meant to be that name."""
    if "/" not in name and not Path(name).expanduser().exists() and suggest(name, names).startswith("did you mean"):
        raise BadInput(f"'{name}' is no folder and no known model", field="model", fix=suggest(name, names))


def _refuse(asked: Asked, model: Model, able: Serves) -> None:
    label = f"sampler '{asked.sampler}'"
    if isinstance(model, Endpoint) and not able.endpoints:
        raise BadInput(f"{label} asks no servers, and '{asked.model}' is served by one", field=asked.role)
    if isinstance(model, Weights) and not able.weights and not able.endpoints:
        raise BadInput(f"{label} serves no models", field=asked.role)
    if asked.adapter is not None and not able.adapters:
        raise BadInput(f"{label} cannot put an adapter on a model", field="adapter", fix="name another sampler")
