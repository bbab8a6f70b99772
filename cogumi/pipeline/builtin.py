"""What the core itself offers, through the same hooks as everybody else."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from cogumi import voting
from cogumi.doctor import machine
from cogumi.hookspecs import Register, hookimpl
from cogumi.pipeline.observers import jsonl
from cogumi.protocols import Observer, Sampler, Voter
from cogumi.records import Finding
from cogumi.sampling.replay import replay


@hookimpl
def register_voters(register: Register[Callable[..., Voter]]) -> None:
    """The vote of self-consistency, its kin, and the controls they have to beat."""
    register("majority", voting.majority)
    register("weighted", voting.weighted)
    register("verified", voting.verified)
    register("unanimous", voting.unanimous)
    register("first", voting.first)
    register("random", voting.random)


@hookimpl
def register_samplers(register: Register[Callable[..., Sampler]]) -> None:
    """Recorded samples."""
    register("replay", replay)


@hookimpl
def register_observers(register: Register[Callable[..., Observer]]) -> None:
    """A file of events."""
    register("jsonl", jsonl)


@hookimpl
def register_checks(register: Register[Callable[[], Iterable[Finding]]]) -> None:
    """What every run needs of a machine."""
    register("hub", machine.hub)
    register("disk", machine.disk)
