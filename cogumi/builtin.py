"""What the core itself offers, through the same hooks as everybody else."""

from __future__ import annotations

from collections.abc import Callable

from cogumi.hookspecs import Register, hookimpl
from cogumi.protocols import Sampler, Voter
from cogumi.replay import replay
from cogumi.vote import majority


@hookimpl
def register_voters(register: Register[Callable[..., Voter]]) -> None:
    """The vote of self-consistency."""
    register("majority", majority)


@hookimpl
def register_samplers(register: Register[Callable[..., Sampler]]) -> None:
    """Recorded samples."""
    register("replay", replay)
