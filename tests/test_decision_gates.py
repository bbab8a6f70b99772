"""Gates one by one, phases from TOML, what a size can show, and the stop before training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from decision_tables import FACTS, GUARD, MINIMAL, TRAINED, changed, diagnosis, evaluation, judged, table, verdict

from cogumi.decision.before_training import worth
from cogumi.decision.evidence import more_needed
from cogumi.decision.facts import Facts
from cogumi.decision.gates import read_phase
from cogumi.decision.guard import guard_notes
from cogumi.decision.sizes import what_can_be_seen
from cogumi.decision.targets import all_gates, decide_gate
from cogumi.errors import BadInput
from cogumi.phases import Gate, Margins, Phase
from cogumi.stats import Interval

GATE = Gate(name="MATH", category="math", metric="accuracy", threshold=0.45)
UNSCORED = {"accuracy": None, "majority_correct": None, "greedy_correct": None}


@pytest.mark.parametrize(
    ("low", "high", "status"),
    [(0.45, 0.6, "pass"), (0.44, 0.6, "inconclusive"), (0.3, 0.45, "inconclusive"), (0.3, 0.44, "fail")],
)
def test_the_whole_interval_has_to_be_on_one_side(low: float, high: float, status: str) -> None:
    assert decide_gate(GATE, Interval((low + high) / 2, low, high, 100)).status == status


@pytest.mark.parametrize(("low", "high", "status"), [(0.2, 0.44, "pass"), (0.2, 0.45, "inconclusive"), (0.45, 0.6, "fail")])
def test_a_metric_may_have_to_stay_under_its_threshold(low: float, high: float, status: str) -> None:
    gate = replace(GATE, metric="tie_rate", relation="<")
    assert decide_gate(gate, Interval((low + high) / 2, low, high, 100)).status == status


def test_the_problems_that_would_tell() -> None:
    """Twice the distance needs a quarter of the problems; a value on the threshold is never decided."""
    assert more_needed(0.4, Interval(0.5, 0.3, 0.7, 100)) == pytest.approx(301, abs=1)
    assert more_needed(0.3, Interval(0.5, 0.1, 0.9, 100)) == pytest.approx(301, abs=1)
    assert more_needed(0.5, Interval(0.5, 0.4, 0.6, 100)) is None
    assert "No affordable number" in decide_gate(replace(GATE, threshold=0.5), Interval(0.5, 0.4, 0.6, 100)).sentence


def test_consistency_counts_every_trained_category_the_same_and_shows_each() -> None:
    before = diagnosis(math=table(40, 50, 50, n=300), code=table(40, 25, 25, n=50), mmlu=GUARD)
    sides = table(77, 240, 240, n=300, response_consistency=0.3), table(80, 42, 42, n=50, response_consistency=0.7)
    after = diagnosis(math=sides[0], code=sides[1], mmlu=GUARD)
    found = next(c for c in verdict(before, after).criteria if c.name == "consistency")
    assert found.value == pytest.approx(0.5)
    assert found.sentence.endswith("By category: code 70.0 %, math 30.0 %.")


def test_a_categorys_gates_are_about_itself() -> None:
    own = Gate(name="own", metric="accuracy", threshold=0.5)
    assert all_gates(MINIMAL, {"law": (own,)})[-1] == replace(own, category="law")
    with pytest.raises(BadInput, match="the category law has a gate about math"):
        all_gates(MINIMAL, {"law": (replace(own, category="math"),)})


def test_a_run_stops_before_training_where_the_vote_knows_less_everywhere() -> None:
    weak, strong = table(29, 64, 81), table(29, 81, 64)
    found = worth(MINIMAL, diagnosis(math=weak, mmlu=GUARD), Facts())
    assert found is not None
    assert (found.verdict, found.phase) == ("ABANDON", "minimal")
    assert found.sentence.startswith(
        "Do not train: the vote knows less (64.0 % of math) than temperature 0 (81.0 %; -17.0 points;"
    )
    assert "cogumi diagnose --temperature 0" in found.next
    assert "--teacher" in found.next
    both = worth(MINIMAL, diagnosis(math=weak, code=weak), Facts())
    assert both is not None
    assert "likewise in math" in both.sentence
    assert worth(MINIMAL, diagnosis(math=weak, code=strong), Facts()) is None
    assert worth(MINIMAL, diagnosis(math=weak, poems=changed(weak, **UNSCORED)), Facts()) is None
    assert worth(MINIMAL, diagnosis(math=weak), Facts(fixed_temperature=True)) is None
    assert worth(MINIMAL, diagnosis(math=table(29, 80, 81)), Facts()) is None
    assert worth(MINIMAL, diagnosis(mmlu=GUARD), Facts()) is None


def test_a_guard_that_cannot_guard_is_said_before_training() -> None:
    weak = evaluation(table(40, 40, 40), purpose="guard")
    never = evaluation(table(0, 0, 0), purpose="guard")
    notes = guard_notes(diagnosis(math=table(40, 50, 50), good=GUARD, never=never, weak=weak), Margins())
    assert notes[0].startswith("The guard never was never right: forgetting is not measured.")
    assert notes[1].startswith("The guard weak is not good enough to guard: of 100 problems 40 were right before training")
    assert len(notes) == 2


def test_what_a_size_can_show() -> None:
    notes = what_can_be_seen({"math": 100, "code": 100}, 10, MINIMAL)
    assert notes[0].startswith(
        "code and math: with 100 problems a change under about 9 points of accuracy, 15 of the vote and 12 of"
    )
    assert "(500 problems: 4, 7, 5)" in notes[0]
    assert "at least 10 points from it (500: 4.4)" in notes[0]
    assert notes[1].startswith(
        "With 100 problems a loss is excluded only by a rise: 5 points of single answers (by a rise of 1 or more)"
    )
    assert len(what_can_be_seen({"math": 1000}, 10, MINIMAL)) == 1


def test_a_run_that_cannot_be_decided_says_so_before_it_starts() -> None:
    strict = replace(
        MINIMAL, gates=(replace(GATE, threshold=0.95), Gate(name="T", metric="tie_rate", relation="<", threshold=0.02))
    )
    notes = what_can_be_seen({"math": 20}, 3, strict, {"mmlu": 40})
    assert notes[1].startswith("Too few held-out problems in math (20): under 30 the verdict is INCONCLUSIVE")
    assert notes[2].startswith("Too few samples (3)")
    assert notes[3].startswith("MATH (at least 95 %) cannot be passed at this size, even by a perfect model; about 80 problems")
    assert notes[4].startswith("T (under 2 %) cannot be passed")
    assert notes[5].startswith("With 20 problems a loss is excluded only by a rise")
    assert notes[6].startswith("The guard mmlu cannot guard with 40 problems")
    assert what_can_be_seen({}, 10, MINIMAL) == []


def written(folder: Path, text: str) -> Path:
    path = folder / "my.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_phase_from_toml_changes_what_it_names(tmp_path: Path) -> None:
    text = """
passed = "Ship it."
held_out = "all"
[problems]
code = 7
[margins]
accuracy = 0.03
guard_problems = 20
[[gates]]
name = "MATH"
metric = "accuracy"
category = "math"
threshold = 0.55
[[gates]]
name = "ties"
metric = "tie_rate"
relation = "<"
threshold = 1
"""
    base = Phase(name="minimal", gates=MINIMAL.gates, passed="Go on.", problems={"*": 100, "code": 50}, held_out=100, guard=50)
    found = read_phase(written(tmp_path, text), base)
    gates = (replace(GATE, threshold=0.55), Gate(name="ties", metric="tie_rate", relation="<", threshold=1.0))
    margins = Margins(accuracy=0.03, guard_problems=20)
    changes = replace(base, passed="Ship it.", held_out=None, problems={"*": 100, "code": 7}, margins=margins, gates=gates)
    assert found == changes
    assert read_phase(written(tmp_path, ""), base) == base


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("helt_out = 3", r"my.toml:1: helt_out: no such setting \(did you mean held_out"),
        ("\nheld_out = 0", r"my.toml:2: held_out: 0 is no number of problems"),
        ("failures_only = 1", r"my.toml:1: failures_only: 1 where true or false is expected"),
        ("[margins]\naccuracy = 5", r"my.toml:2: accuracy: 5 is no share"),
        ("[margins]\nacuracy = 0.05", r"my.toml:2: acuracy: no such setting \(did you mean accuracy"),
        ("[problems]\nmath = 'x'", r"my.toml:2: math: 'x' is no number"),
        ("gates = 3", r"my.toml:1: gates: no list of gates"),
        ("margins = 3", r"my.toml:1: margins: no table"),
        ("[[gates]]\nname = 'a'\nmetric = 'm'\n", r"my.toml:1: gates: a gate without threshold"),
        (
            "[[gates]]\nname = 'a'\nmetric = 'm'\nthreshold = 1\n[[gates]]\nname = 'b'\nmetric = 'm'\nthreshold = 'x'",
            r"my.toml:8: threshold: 'x' is no number",
        ),
        (
            "[[gates]]\nname = 'a'\nmetric = 'm'\nthreshold = 1\n[[gates]]\nname = 'b'\ntreshold = 1",
            r"my.toml:7: treshold: no such setting \(did you mean threshold",
        ),
        ("[[gates]]\nname = 'a'\nmetric = 'm'\nthreshold = 1\nrelation = '>'", r"my.toml:5: relation: no relation '>'"),
        ("[[gates]]\nname = 1\nmetric = 'm'\nthreshold = 1", r"my.toml:2: name: 1 where a text in quotes is expected"),
        ("= 1", r"my.toml:1: not TOML"),
    ],
)
def test_what_cannot_be_used_is_named_by_file_line_and_field(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        read_phase(written(tmp_path, text), MINIMAL)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--gates: cannot be read"):
        read_phase(tmp_path / "none.toml", MINIMAL)


@pytest.mark.parametrize(
    ("fields", "advice"),
    [
        ({"truncated": 0.15}, "15.0 % of the math answers are cut at the token limit: raise it."),
        ({"no_answer": 0.15}, "15.0 % of the math samples have no readable answer: check prompt and answer format."),
        ({}, "Consistency has not risen though the weights moved"),
    ],
)
def test_advice_names_the_cause_that_is_there(fields: dict[str, float], advice: str) -> None:
    side = table(30, 40, 40)
    found = judged(side, changed(side, **fields))
    assert found.verdict == "ITERATE"
    assert advice in found.next
    assert found.next.count(".") <= 4


def test_advice_where_the_weights_hardly_moved_and_where_the_vote_has_nothing_to_teach() -> None:
    side = table(30, 40, 40)
    hardly = replace(TRAINED, weight_change=5e-5)
    assert "hardly moved" in judged(side, side, facts=Facts(training=hardly)).next
    weak = judged(table(20, 25, 40), table(35, 36, 40), facts=replace(FACTS, fixed_temperature=True))
    assert "the vote knows less than temperature 0, so it has little to teach" in weak.next
