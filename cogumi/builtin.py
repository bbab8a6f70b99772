"""What the core itself offers, through the same hooks as everybody else."""

from __future__ import annotations

from collections.abc import Callable

from cogumi import vote
from cogumi.hookspecs import Register, hookimpl
from cogumi.protocols import Sampler, Voter
from cogumi.replay import replay


@hookimpl
def register_voters(register: Register[Callable[..., Voter]]) -> None:
    """The vote of self-consistency, its kin, and the controls they have to beat."""
    register("majority", vote.majority)
    register("weighted", vote.weighted)
    register("verified", vote.verified)
    register("unanimous", vote.unanimous)
    register("first", vote.first)
    register("random", vote.random)


@hookimpl
def register_samplers(register: Register[Callable[..., Sampler]]) -> None:
    """Recorded samples."""
    register("replay", replay)
