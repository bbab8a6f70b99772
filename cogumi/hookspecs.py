"""The seams: nine hooks, each of which is handed a typed `register(name, factory)`.

A plugin is a module (or any object) whose functions are marked with `hookimpl`, found through the entry-point group
`cogumi`. Nothing returns a value and no result wins over another: people choose by name. A factory's keyword-only arguments
are its options, its docstring is its help text, and heavy imports belong in what the object does. Hooks do no I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

import pluggy

from cogumi.phases import Phase
from cogumi.protocols import Benchmark, Category, ExternalEvaluation, Observer, Sampler, Trainer, Voter
from cogumi.records import Finding, Model

T = TypeVar("T", contravariant=True)

hookspec = pluggy.HookspecMarker("cogumi")
hookimpl = pluggy.HookimplMarker("cogumi")
"""Marks the functions of a plugin that implement hooks."""


class Register(Protocol[T]):
    """`register("name", factory)`: offer `factory` under a name that people type."""

    def __call__(self, name: str, factory: T, /) -> None:
        """Offer it; a name that is taken already is an error that names both owners."""


@hookspec
def register_samplers(register: Register[Callable[..., Sampler]]) -> None:
    """Offer samplers. Factory: `(model: Model, *, options...) -> Sampler`."""


@hookspec
def register_voters(register: Register[Callable[..., Voter]]) -> None:
    """Offer voters. Factory: `(*, options...) -> Voter`."""


@hookspec
def register_categories(register: Register[Callable[..., Category]]) -> None:
    """Offer categories. Factory: `(*, data: str = "hub", options...) -> Category`."""


@hookspec
def register_trainers(register: Register[Callable[..., Trainer]]) -> None:
    """Offer trainers. Factory: `(*, options...) -> Trainer`."""


@hookspec
def register_benchmarks(register: Register[Callable[..., Benchmark | ExternalEvaluation]]) -> None:
    """Offer benchmarks. Factory: `(*, data: str = "hub", options...) -> Benchmark`, or `-> ExternalEvaluation`.

    Asked for as `NAME:ARGUMENT`, the factory is given the argument as its option `task`.
    """


@hookspec
def register_models(register: Register[Callable[[], Model]]) -> None:
    """Offer short names for models, with the settings they need. Factory: `() -> Model`."""


@hookspec
def register_phases(register: Register[Callable[[], Phase]]) -> None:
    """Offer phases: sizes, gates and margins as data. Factory: `() -> Phase`."""


@hookspec
def register_observers(register: Register[Callable[..., Observer]]) -> None:
    """Offer observers of a run. Factory: `(*, options...) -> Observer`."""


@hookspec
def register_checks(register: Register[Callable[[], Iterable[Finding]]]) -> None:
    """Offer what `cogumi doctor` asks. Factory: `() -> Iterable[Finding]`, called when the doctor is."""
