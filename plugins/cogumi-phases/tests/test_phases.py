"""Both phases are what their README says."""

from cogumi_phases import plugin

from cogumi.phases import Margins


def gates(phase):
    return [(g.name, g.category, g.metric, g.relation, g.threshold) for g in phase.gates]


def test_minimal():
    phase = plugin.minimal()
    assert gates(phase) == [
        ("consistency", None, "consistency", ">=", 0.40),
        ("MATH", "math", "accuracy", ">=", 0.45),
        ("training time", None, "training_hours", "<", 1.0),
        ("guard retained", None, "retained", ">=", 0.85),
    ]
    assert [phase.problems_of(name) for name in ("math", "code", "law")] == [100, 50, 100]
    assert (phase.name, phase.held_out, phase.guard, phase.failures_only) == ("minimal", 100, 100, False)
    assert phase.margins == Margins(accuracy=0.05, majority_accuracy=0.10, greedy_accuracy=0.10)
    assert "phase `full`" in phase.passed


def test_full():
    phase = plugin.full()
    assert gates(phase) == [
        ("consistency", None, "consistency", ">=", 0.60),
        ("MATH", "math", "accuracy", ">=", 0.65),
        ("CODE", "code", "accuracy", ">=", 0.70),
        ("MATH ties", "math", "tie_rate", "<", 0.30),
        ("CODE ties", "code", "tie_rate", "<", 0.20),
    ]
    assert [phase.problems_of(name) for name in ("math", "code")] == [2500, 2500]
    assert (phase.name, phase.held_out, phase.guard, phase.failures_only) == ("full", None, 1000, True)
    assert phase.margins == Margins(accuracy=0.03, majority_accuracy=0.05, greedy_accuracy=0.05)
    assert "targeted distillation" in phase.passed


def test_both_are_offered():
    offered = {}
    plugin.register_phases(offered.__setitem__)
    assert {name: factory().name for name, factory in offered.items()} == {"minimal": "minimal", "full": "full"}
