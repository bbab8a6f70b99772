"""What `run.json` says, as records: settings, resolved; models and data by content and where they came from; versions.

For people, for `cogumi resume`, and for a report's last pages. Nothing decides by it: stages have keys of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cogumi.codec import to_json
from cogumi.data import Origin
from cogumi.phases import Gate, Phase
from cogumi.planning.plan import Sizes
from cogumi.planning.settings import Settings
from cogumi.records import Identity, Options, Raw, Sampling, Strategy
from cogumi.results import Purpose
from cogumi.thoughts import Tags

FORMAT = 1
"""Version of run.json."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRole:
    """Who was asked."""

    model: str
    """The model as the user named it."""
    data: str
    """Where problems come from unless told otherwise, by the model's own word."""
    sampler: str
    """The sampler that asks it."""
    options: Options
    """What the sampler was given."""
    fingerprint: Identity
    """What the model is, by contents."""
    exact: bool
    """See `Serves.exact`."""
    notes: tuple[str, ...] = ()
    """What the user has to know of the model, in sentences."""
    thoughts: Tags = ()
    """Marks of thoughts that its template declares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedTrainer:
    """Who trained."""

    name: str
    """The name it is registered under."""
    version: str
    """The version of the distribution that brings it."""
    options: Options
    """The values in force of all its options that can change an adapter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedEvaluation:
    """How one evaluation's held-out problems were asked."""

    benchmark: str
    """What is held out."""
    purpose: Purpose
    """Why it was measured."""
    voter: str
    """Who decided."""
    chance: float
    """Accuracy of guessing on the chosen problems."""
    sampling: Sampling
    """How samples were drawn at the use temperature."""
    baseline_temperatures: tuple[float, ...]
    """Lower temperatures at which the untouched model was measured."""
    consistency: str
    """What gates on consistency count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedExternal:
    """One external evaluation."""

    metric: str
    """The metric that counts."""
    limit: int | None
    """Most items; None: all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedSide:
    """Where the problems of one side came from."""

    source: str | None
    """`bundled`, `hub`, or a path; None where the task takes no data."""
    file: str | None
    """Digest of the file; None where the source is none."""
    taken: int
    """Problems taken."""
    available: int
    """Problems there were."""
    digest: str
    """Digest of the problems taken."""
    asked: int | None = None
    """Problems asked for, by the user or the phase; None: all."""
    origins: tuple[Origin, ...] = ()
    """What was read: the hub's repository and its revision; a plugin's own file, or one of the user's, and its digest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The content of `run.json`."""

    format: int = FORMAT
    """Version of this record."""
    settings: Settings
    """What the run was last called with; `out` is the folder that it was read from, and is not written."""
    phase: Phase
    """Sizes, gates and margins."""
    roles: Mapping[str, RecordedRole]
    """Who was asked; `student` is always there."""
    category_gates: Mapping[str, tuple[Gate, ...]]
    """The gates that categories bring."""
    trainer: RecordedTrainer | None
    """Who trained; None: nobody."""
    strategies: Mapping[str, Strategy]
    """By category, with the user's settings."""
    sizes: Sizes
    """How much is measured and trained on."""
    evaluations: Mapping[str, RecordedEvaluation]
    """By name."""
    external: Mapping[str, RecordedExternal]
    """By name."""
    data: Mapping[str, RecordedSide]
    """By category or evaluation and side, e.g. `math (held out)`."""
    versions: Mapping[str, str]
    """Versions of cogumi and of every plugin whose code decides something, by distribution."""
    environment: Mapping[str, str]
    """Versions of what those plugins are built on, and of Python."""


def as_json(manifest: Manifest) -> Raw:
    """The object that stands in `run.json`: where a run's folder is belongs to no file in it."""
    value: Raw = to_json(manifest)
    del value["settings"]["out"]
    return value
