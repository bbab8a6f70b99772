"""What a plugin's author tests with: one check per seam, and fakes for the other side of it.

Each `check_*` calls a plugin's object the way a run does and raises `AssertionError` with a sentence that says which
promise of the contract was broken; it needs no test framework, no network and, but for trainers, no model. The fakes are
real implementations of the protocols, small and deterministic.
"""

from cogumi.testing.data import data_folder, need_data
from cogumi.testing.dists import fake_dist
from cogumi.testing.evaluations import check_evaluation
from cogumi.testing.fakes import (
    FakeSampler,
    FakeTask,
    FakeTrainer,
    fake_benchmark,
    fake_category,
    make_completions,
    make_examples,
    make_preferences,
    make_problems,
    make_requests,
    random_model,
)
from cogumi.testing.generate import Generator, generate
from cogumi.testing.models import check_model
from cogumi.testing.samplers import check_sampler
from cogumi.testing.tasks import check_benchmark, check_category
from cogumi.testing.trainers import check_trainer
from cogumi.testing.voters import check_voter

__all__ = [
    "check_category",
    "check_benchmark",
    "check_evaluation",
    "check_sampler",
    "check_voter",
    "check_trainer",
    "check_model",
    "FakeSampler",
    "FakeTask",
    "FakeTrainer",
    "fake_category",
    "fake_benchmark",
    "make_problems",
    "make_completions",
    "make_requests",
    "make_examples",
    "make_preferences",
    "random_model",
    "fake_dist",
    "data_folder",
    "need_data",
    "Generator",
    "generate",
]
