"""Controls: trainings that lack an ingredient of the vote's, what they learn, and what is said of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import FAKE, cogumi, environment, final_files, run_fake
from parts import part
from test_kill import kill_until

import cogumi as library
from cogumi.comparison.controls import UNTOUCHED, VOTE
from cogumi.decision.controls import controls, what_it_bought
from cogumi.distillation.controls import CONTROLS, Drawn, lacking, target_tokens
from cogumi.distillation.distill import Kept, Rules, Target, vote_id
from cogumi.records import Completion, Vote
from cogumi.results import Arm, ArmResult, Bought, Change, Controls
from cogumi.runs import RunView
from cogumi.stats import Difference, Interval
from cogumi.testing import make_problems

HONEST = ("-o", "pretend.honest=true")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with all controls, by a trainer whose model is right as often as its examples."""
    folder = tmp_path_factory.mktemp("controls") / "run"
    done = run_fake(folder, *HONEST, "--controls", "all")
    assert done.returncode == 0, done.stderr
    return folder


def rows(folder: Path, name: str) -> list[dict[str, object]]:
    path = folder / (f"controls/{name}/sums.jsonl" if name != VOTE else "self_distillation/sums.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def texts(folder: Path, name: str) -> list[str]:
    return [row["messages"][-1]["content"] for row in rows(folder, name)]  # type: ignore[index]


def result(folder: Path, arm: str) -> ArmResult:
    found = RunView(folder).controls
    assert found is not None
    return found.arms[arm].categories["sums"]


def test_every_control_has_an_arm_beside_the_untouched_model_and_the_vote(trained: Path) -> None:
    found = library.load(trained).controls
    assert found is not None
    assert (found.samples, list(found.arms)) == (5, [UNTOUCHED, VOTE, *CONTROLS])


def test_every_control_learns_as_many_examples_in_as_many_steps_as_the_vote(trained: Path) -> None:
    found = library.load(trained).controls
    assert found is not None
    vote = found.arms[VOTE]
    sizes = {(found.arms[name].examples, found.arms[name].steps) for name in CONTROLS if name != "null"}
    assert sizes == {(vote.examples, vote.steps)} == {(len(rows(trained, VOTE)), 4)}


def test_rows_that_are_learned_have_ids_of_their_own(trained: Path) -> None:
    for name in CONTROLS[:-1]:
        names = [row["id"] for row in rows(trained, name)]
        assert len(set(names)) == len(names)


def test_format_teaches_the_kept_texts_each_at_another_problem(trained: Path) -> None:
    assert sorted(texts(trained, "format")) == sorted(texts(trained, VOTE))
    assert all(mine != theirs for mine, theirs in zip(texts(trained, "format"), texts(trained, VOTE), strict=True))
    assert [row["id"] for row in rows(trained, "format")] == [row["id"] for row in rows(trained, VOTE)]


def test_gold_teaches_the_tasks_own_answers(trained: Path) -> None:
    problems = {f"{row.id}": row.reference for row in RunView(trained).problems()}
    for row, text in zip(rows(trained, "gold"), texts(trained, "gold"), strict=True):
        assert text == f"The answer is {problems[str(row['id'])]}."


def test_unvoted_texts_are_samples_whatever_they_answer_and_baked_ones_are_the_same_softened(trained: Path) -> None:
    drawn = {(s.request, s.text) for s in RunView(trained).samples("distill")}
    assert all((f"{str(r['id']).partition('%')[0]}#vote", t) in drawn for r, t in pairs(trained, "unvoted"))
    assert texts(trained, "baked") == texts(trained, "unvoted")
    temperatures = {row["evidence"]["train_temperature"] for row in rows(trained, "baked")}  # type: ignore[index]
    assert temperatures == {0.2}


def pairs(folder: Path, name: str) -> list[tuple[dict[str, object], str]]:
    return list(zip(rows(folder, name), texts(folder, name), strict=True))


def test_random_texts_are_votes_on_the_problems_that_were_kept(trained: Path) -> None:
    drawn = {(s.request, s.text) for s in RunView(trained).samples("distill")}
    assert [row["id"] for row in rows(trained, "random")] == [row["id"] for row in rows(trained, VOTE)]
    assert all((f"{row['id']}#vote", text) in drawn for row, text in pairs(trained, "random"))
    assert texts(trained, "random") != texts(trained, VOTE)


def test_a_model_is_as_right_as_what_it_learned_was(trained: Path) -> None:
    """The fake trainer shows that each arm was trained on its own examples, and asked with its own adapter."""
    right = {name: result(trained, name).accuracy for name in (VOTE, *CONTROLS)}
    found = {name: interval.value for name, interval in right.items() if interval is not None}
    assert found[VOTE] == found["gold"] == 1.0
    assert found["format"] == 0.0
    assert 0.3 < found["unvoted"] < 0.7
    assert found["baked"] == found["unvoted"]
    assert 0.5 < found["random"] < 0.95


def test_the_control_that_trains_nothing_is_asked_with_other_seeds(trained: Path) -> None:
    view = RunView(trained)
    mine = {(s.request, s.index): s.text for s in view.samples("control-null")}
    before = {(s.request, s.index): s.text for s in view.samples("before")}
    shared = [key for key in mine if key in before and key[0].endswith("#use")]
    assert len(shared) == 200
    assert sum(mine[key] == before[key] for key in shared) < 20
    null = result(trained, "null")
    assert null.gain is not None
    assert null.gain.change.low < 0 < null.gain.change.high


def test_every_arm_is_counted_on_the_same_samples(trained: Path) -> None:
    view = RunView(trained)
    first = [s for s in view.scores("after") if s.request.endswith("#use") and s.index < 5]
    vote = result(trained, VOTE).accuracy
    assert vote is not None
    assert vote.value == pytest.approx(sum(bool(s.correct) for s in first) / len(first))


def test_the_verdict_says_what_the_vote_did_against_each_training_without_it(trained: Path) -> None:
    verdict = library.load(trained).verdict
    assert verdict is not None
    said = {c.name: (c.status, c.subject) for c in verdict.criteria if c.kind == "controls"}
    assert said == {f"against {name}": ("pass", "sums") for name in ("unvoted", "random", "format", "baked")}


def test_the_report_has_the_table_and_the_sentence(trained: Path) -> None:
    report = (trained / "report.md").read_text()
    found = library.load(trained).controls
    assert found is not None
    sentence = what_it_bought("sums", found, 10)
    assert sentence in report
    assert "over lowering the temperature to 0, +" in sentence
    assert "over unvoted samples, and 100.0 % of what references would have bought" in sentence
    assert sentence.endswith("it costs one sample where the vote cost 10.")
    for name in ("unvoted samples", "a random vote", "texts of other problems", "reference answers", "nothing, other seeds"):
        assert f"| control: {name} |" in report
    assert "sums: controls" in (trained / "report.html").read_text()


def test_a_second_call_does_no_work_and_goes_on_having_controls(trained: Path) -> None:
    before = final_files(trained)
    done = run_fake(trained, *HONEST)
    assert done.stderr.count("done already") >= 7, done.stderr
    assert "controls" in json.loads((trained / "run.json").read_text())["sizes"]
    after = final_files(trained)
    changed = {name for name in before if before[name] != after[name]}
    assert changed <= {"report.html", "report.md", "run.json"}


def test_controls_named_later_draw_and_train_nothing_but_themselves(tmp_path: Path) -> None:
    folder, drawn, taught = tmp_path / "run", tmp_path / "drawn", tmp_path / "taught"
    assert run_fake(folder, *HONEST).returncode == 0
    kept = {name: value for name, value in final_files(folder).items() if name.startswith(("samples/", "adapter/"))}
    done = run_fake(folder, *HONEST, "--controls", "format,null", DRAWN=str(drawn), TRAINED=str(taught))
    assert done.returncode == 0, done.stderr
    assert len(taught.read_text().splitlines()) == 1
    assert len(drawn.read_text().splitlines()) == 2 * 40 * (5 + 1)
    now = final_files(folder)
    assert {name: now[name] for name in kept} == kept
    found = RunView(folder).controls
    assert found is not None
    assert list(found.arms) == [UNTOUCHED, VOTE, "format", "null"]


def test_what_is_trained_one_after_the_other_is_what_is_trained_alone(trained: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert run_fake(folder, *HONEST, "--controls", "gold").returncode == 0
    for name in ("controls/gold/adapter/learned.txt", "controls/gold/sums.jsonl", "controls/gold.json"):
        assert (folder / name).read_bytes() == (trained / name).read_bytes()


def test_scoring_again_rewrites_the_table(trained: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(trained, tmp_path / "run"))
    (folder / "controls.json").write_text((folder / "controls.json").read_text().replace('"value": 1.0', '"value": 0.5'))
    done = cogumi("rescore", folder)
    assert done.returncode == 0, done.stderr
    assert (folder / "controls.json").read_bytes() == (trained / "controls.json").read_bytes()


def test_the_price_is_told_before(tmp_path: Path) -> None:
    plain, dear = (run_fake(tmp_path / "none", "--dry-run", *more).stdout for more in ((), ("--controls", "all")))
    first, second = (int(text.partition(" samples")[0].replace(",", "")) for text in (plain, dear))
    assert second - first == 6 * 40 * (5 + 1)
    assert "6 times over" in dear


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--controls", "unvotd"), "controls: no control is called 'unvotd' (did you mean"),
        (("--controls", "all", "--trainer", "none"), "controls: nothing is trained"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    done = run_fake(tmp_path / "run", *arguments)
    assert (done.returncode, (tmp_path / "run").exists()) == (2, False)
    assert message in done.stderr


def change(value: float, low: float, high: float) -> Change:
    """A change of these points."""
    difference = Difference(value=value / 100, low=low / 100, high=high / 100, p=0.01, n=100, detectable=0.1)
    return Change(before=0.4, after=0.4 + value / 100, change=difference)


def table(leads: Mapping[str, Change | None], bought: Bought) -> Controls:
    """A table of arms with these leads of the vote."""
    nothing = Interval(0.5, 0.4, 0.6, 100)
    empty = ArmResult(
        accuracy=nothing,
        greedy_accuracy=nothing,
        majority_accuracy=nothing,
        pass_at_n=nothing,
        consistency=nothing,
        consistent_but_wrong=nothing,
        tokens=None,
    )
    arms = {name: Arm(categories={"math": replace(empty, lead=lead)}) for name, lead in leads.items()}
    return Controls(samples=5, arms=arms, bought={"math": bought})


def test_without_a_control_nothing_is_said_of_the_vote() -> None:
    (criterion,) = controls(None)
    assert (criterion.status, "was not measured" in criterion.sentence) == ("not-measured", True)
    lower = Bought(temperature="0", over_lower=change(10, 5, 15))
    (criterion,) = controls(
        table({"untouched": None, "vote": None, "gold": change(-3, -9, 3), "null": change(9, 3, 15)}, lower)
    )
    assert criterion.status == "not-measured", "neither references nor nothing is a training without the vote"


@pytest.mark.parametrize(
    ("lead", "status", "said"),
    [
        (change(9, 3, 15), "pass", "beat training on unvoted samples: +9.0 points (+3.0 to +15.0)"),
        (change(2, -4, 8), "inconclusive", "is not shown to beat training on unvoted samples: +2.0 points"),
        (change(-9, -15, -3), "fail", "did worse than training on unvoted samples: -9.0 points"),
    ],
)
def test_the_vote_is_said_to_have_helped_where_it_beat_the_control(lead: Change, status: str, said: str) -> None:
    lower = Bought(temperature="0", over_lower=change(10, 5, 15))
    (criterion,) = controls(table({"vote": None, "unvoted": lead}, lower))
    assert criterion.status == status
    assert said in criterion.sentence


@pytest.mark.parametrize(
    ("bought", "said"),
    [
        (
            Bought(temperature="0.2", over_lower=change(4, -1, 9), of_reference=0.74),
            "math: training bought +4.0 points (-1.0 to +9.0) over lowering the temperature to 0.2, +9.0 points (+3.0 to "
            "+15.0) over unvoted samples, and 74.0 % of what references would have bought; it costs one sample where the "
            "vote cost 10.",
        ),
        (
            Bought(temperature="0", over_lower=change(-15, -23, -6)),
            "math: training cost 15.0 points against lowering the temperature to 0 (-15.0 points (-23.0 to -6.0)), +9.0 points "
            "(+3.0 to +15.0) over unvoted samples, and a share that cannot be told of what references would have bought; "
            "it costs one sample where the vote cost 10.",
        ),
    ],
)
def test_one_sentence_says_what_was_bought(bought: Bought, said: str) -> None:
    found = table({"vote": None, "unvoted": change(9, 3, 15), "gold": change(1, -5, 7)}, bought)
    assert what_it_bought("math", found, 10) == said


def test_nothing_is_said_to_be_bought_where_nothing_is_right_or_wrong() -> None:
    assert what_it_bought("creativity", table({}, Bought(temperature="0", over_lower=change(1, 0, 2))), 10) == ""


def supply(kept: int) -> Drawn:
    """A category of which the vote kept the first problems; the votes of each are numbered, and the last one was cut."""
    run = part(training=make_problems(8))
    texts = {
        (vote_id(run, p), i): Completion(
            request=vote_id(run, p), index=i, text=f"{p.id} {i}", finish="length" if i == 9 else "stop", tokens=5
        )
        for p in run.training
        for i in range(run.strategy.votes)
    }
    vote = Vote(winner="1", counts={"1": 10}, total=10, support=10, tie=False)
    outcomes = [
        Kept(
            problem=p,
            vote=vote,
            targets=(Target(completion=replace(texts[vote_id(run, p), 1], prompt_digest=f"prompt of {p.id}")),) * (n < kept),
            dropped=None if n < kept else "tie",
            agrees_with_reference=True,
        )
        for n, p in enumerate(run.training)
    ]
    return Drawn(run=run, outcomes=outcomes, samples=texts, rules=Rules(temperature=0.7, seed=3))


@pytest.mark.parametrize("name", CONTROLS[:-1])
@pytest.mark.parametrize("kept", [2, 8])
def test_a_control_learns_as_much_as_was_kept(name: str, kept: int) -> None:
    assert len(lacking(name, supply(kept))) == kept


def test_a_small_supply_is_gone_through_again() -> None:
    drawn = supply(8)
    once = {
        key: replace(c, finish="length") if "sum-7" in key[0] or "sum-0" in key[0] else c for key, c in drawn.samples.items()
    }
    few = [o.problem.id for o in drawn.outcomes if o.problem.id not in ("sum-0", "sum-7")]
    found = [outcome.problem.id for outcome in lacking("unvoted", replace(drawn, samples=once))]
    assert (len(found), set(found)) == (8, set(few))


def test_nothing_that_was_cut_off_is_taught() -> None:
    drawn = supply(8)
    cut = {key: replace(c, finish="stop" if key[1] == 9 else "length") for key, c in drawn.samples.items()}
    for name in ("unvoted", "random"):
        assert {o.targets[0].completion.index for o in lacking(name, replace(drawn, samples=cut))} == {9}


def test_one_kept_problem_has_no_other_to_swap_with() -> None:
    assert lacking("format", supply(1)) == []
    assert lacking("unvoted", supply(0)) == []


def test_a_swapped_text_follows_its_new_prompt() -> None:
    """A trainer checks that a text was sampled after the prompt that it is trained behind."""
    for outcome in lacking("format", supply(3)):
        completion = outcome.targets[0].completion
        assert completion.prompt_digest == f"prompt of {outcome.problem.id}"
        assert not completion.text.startswith(f"{outcome.problem.id} ")


def test_what_is_drawn_at_random_hangs_on_the_seed() -> None:
    one, other = supply(8), supply(8)
    again = [o.targets[0].completion.index for o in lacking("random", other)]
    assert [o.targets[0].completion.index for o in lacking("random", one)] == again
    seeded = replace(one, rules=replace(one.rules, seed=4))
    assert [o.targets[0].completion.index for o in lacking("random", seeded)] != again


def test_tokens_of_texts_that_were_not_sampled_are_estimated() -> None:
    drawn = supply(4)
    gold = lacking("gold", drawn)
    characters = sum(len(o.targets[0].completion.text) for o in drawn.kept)
    written = sum(len(o.targets[0].completion.text) for o in gold)
    assert target_tokens(drawn.kept, drawn.kept) == 20
    assert target_tokens(gold, drawn.kept) == round(20 * written / characters)


@pytest.mark.slow
def test_a_run_with_controls_that_is_killed_ends_the_same(tmp_path: Path) -> None:
    arguments = ("run", *FAKE, *HONEST, "--controls", "all", "-o", "dice.pause=0.001", "-o", "pretend.pause=0.1", "--out")
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert cogumi(*arguments, whole).returncode == 0
    kill_until(12, (*arguments, str(broken)), broken, 5.0, environment())
    assert cogumi(*arguments, broken).returncode == 0
    told = {"report.md", "report.html"}  # the seconds of the controls stand in them
    left, right = ({n: v for n, v in final_files(f).items() if n not in told} for f in (whole, broken))
    assert left == right
