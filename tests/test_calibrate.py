"""How often a verdict is wrong where nothing changed: null runs made, recorded, and dealt."""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from types import MappingProxyType
from typing import Any

import pytest
from command_line import cogumi, final_files, run_fake
from parts import drawn, evaluation, held_out_scores

from cogumi.comparison.paired import compare
from cogumi.decision.facts import Facts
from cogumi.decision.verdict import decide
from cogumi.diagnosis import diagnose
from cogumi.phases import Gate, Phase
from cogumi.pipeline.calibrate import PRETENDED
from cogumi.pipeline.dealing import Deal, Pool, pooled, same_samples
from cogumi.records import Completion, Problem, Request
from cogumi.results import Diagnosis, EvaluationResult
from cogumi.runs import RunView
from cogumi.testing import FakeTask

NULL = ("--plugins", "sums", "--model", "hollow", "--sampler", "dice", "--guard", "none")


@pytest.fixture(scope="module")
def null(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The null run that a calibration leaves."""
    folder = tmp_path_factory.mktemp("null") / "run"
    done = cogumi("calibrate", *NULL, "--out", folder, "--runs", "20", "--json")
    assert done.returncode == 0, done.stderr
    (folder.parent / "said.json").write_text(done.stdout)
    return folder


@pytest.fixture(scope="module")
def diagnosed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("diagnosed") / "run"
    done = cogumi("diagnose", *NULL, "--out", folder, "--samples", "6")
    assert done.returncode == 0, done.stderr
    return folder


def test_a_calibration_makes_a_null_run_and_nothing_else(null: Path) -> None:
    view = RunView(null)
    assert (view.adapter, view.distillation, view.verdict) == (None, None, None)
    assert not (null / "samples/distill.jsonl").exists()
    before, after = ({(c.request, c.index): c.text for c in view.samples(stage)} for stage in ("before", "after"))
    use = [key for key in after if key[0].endswith("#use")]
    assert sum(before[key] == after[key] for key in use) < len(use) / 10


def test_every_verdict_is_counted_with_its_interval(null: Path) -> None:
    said = json.loads((null.parent / "said.json").read_text())
    assert (said["runs"], said["drawings"], said["samples"], said["problems"]) == (20, 2, 10, {"sums": 40})
    assert list(said["verdicts"]) == ["PROCEED", "ITERATE", "ABANDON", "INCONCLUSIVE"]
    assert sum(counted["count"] for counted in said["verdicts"].values()) == 20
    assert all(
        counted["share"]["low"] <= counted["count"] / 20 <= counted["share"]["high"] for counted in said["verdicts"].values()
    )
    assert said["verdicts"]["PROCEED"]["count"] == 0
    assert said["verdicts"]["PROCEED"]["share"]["high"] == pytest.approx(0.161, abs=0.001)
    assert set(said["claims"]) >= {"better than before", "harm", "forgotten"}


def test_the_recorded_null_run_says_the_same_without_drawing(null: Path) -> None:
    before = final_files(null)
    done = cogumi("calibrate", null, "--runs", "20", "--json")
    assert (done.returncode, done.stdout) == (0, (null.parent / "said.json").read_text())
    assert final_files(null) == before


def test_made_again_nothing_is_drawn_again(null: Path) -> None:
    done = cogumi("calibrate", *NULL, "--out", null, "--runs", "2")
    assert done.returncode == 0, done.stderr
    assert "diagnose (after)   done already" in done.stderr
    assert done.stdout.splitlines()[-1].startswith("false PROCEED: 0 of 2, 0.0%")


def test_other_gates_are_calibrated_on_the_same_samples(null: Path, tmp_path: Path) -> None:
    gates = tmp_path / "my.toml"
    gates.write_text('[[gates]]\nname = "A"\nmetric = "accuracy"\nthreshold = 0.99\n')
    done = cogumi("calibrate", null, "--runs", "3", "--gates", gates, "--json")
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)["verdicts"]
    assert counts["ITERATE"]["count"] + counts["ABANDON"]["count"] == 3
    gates.write_text('[[gates]]\nname = "A"\nmetric = "acuracy"\n')
    refused = cogumi("calibrate", null, "--runs", "3", "--gates", gates)
    assert (refused.returncode, refused.stderr.strip().count("\n")) == (2, 0)


def test_of_a_diagnosis_each_side_gets_half(diagnosed: Path) -> None:
    done = cogumi("calibrate", diagnosed, "--runs", "5")
    assert done.returncode == 0, done.stderr
    assert "each with 3 samples of a problem before and after" in done.stdout
    assert "one diagnosis, half of its samples to each side" in done.stdout
    assert "No null run can say PROCEED: 3 samples of each problem on a side are too few." in done.stdout


def refusal(*arguments: str | Path) -> str:
    done = cogumi("calibrate", *arguments)
    assert (done.returncode, done.stderr.strip().count("\n"), done.stdout) == (2, 0, ""), done.stderr
    return done.stderr


def test_what_cannot_be_calibrated_is_one_line_and_exit_2(null: Path, diagnosed: Path, tmp_path: Path) -> None:
    before = final_files(null)
    assert "runs: 0 is out of range" in refusal(null, "--runs", "0")
    assert "runs: -3 is out of range" in refusal(*NULL, "--out", tmp_path / "none", "--runs", "-3")
    assert "--samples: a recorded run has settings of its own" in refusal(null, "--samples", "3")
    assert "--trainer: a null run trains nothing" in refusal(*NULL, "--trainer", "pretend")
    assert "no plugins were named" in refusal("--out", tmp_path / "none")
    assert "no diagnosis in this folder" in refusal(tmp_path)
    assert "no diagnosis in this folder" in refusal(tmp_path / "nowhere")
    assert "one sample of each problem cannot be dealt" in refusal(_once(tmp_path))
    assert final_files(null) == before
    assert not (tmp_path / "none").exists()


def _once(tmp_path: Path) -> Path:
    cogumi("diagnose", *NULL, "--out", tmp_path / "once", "--samples", "1")
    return tmp_path / "once"


@pytest.mark.parametrize("name", ["samples/before.jsonl", "scores/after.jsonl"])
def test_a_run_without_samples_or_scores_is_named(null: Path, tmp_path: Path, name: str) -> None:
    folder = Path(shutil.copytree(null, tmp_path / "run"))
    (folder / name).unlink()
    assert f"{name}: no such file in this run" in refusal(folder, "--runs", "2")


def test_a_trained_run_is_refused_recorded_or_as_the_place_of_a_null_run(tmp_path: Path) -> None:
    done = run_fake(tmp_path / "run", "--samples", "5")
    assert done.returncode in (0, 3, 4, 5), done.stderr
    before = final_files(tmp_path / "run")
    for words in ((tmp_path / "run",), (*NULL, "--samples", "5", "--out", tmp_path / "run")):
        assert "this run was trained" in refusal(*words)
    assert final_files(tmp_path / "run") == before


def test_a_sampler_that_heeds_no_seed_makes_no_null_run(null: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(null, tmp_path / "run"))
    for kind in ("samples", "scores"):
        rows = [line for line in (folder / kind / "before.jsonl").read_text().splitlines() if "#t0.2" not in line]
        (folder / kind / "after.jsonl").write_text("\n".join(rows) + "\n")
    assert "before and after are the very same samples" in refusal(folder, "--runs", "2")


# --- dealing ----------------------------------------------------------------------------------------------------------

PROBLEMS = tuple(FakeTask(60, first=1000).problems())
HELD_OUT = evaluation(PROBLEMS)
PHASE = Phase(
    name="tried",
    passed="",
    gates=(
        Gate(name="consistency", metric="consistency", threshold=0.2),
        Gate(name="ACCURACY", category="sums", metric="accuracy", threshold=0.45),
    ),
)
COUNT = 10


def said(problem: Problem, chance: float, draw: random.Random) -> str:
    answer = int(problem.reference) if draw.random() < chance else draw.randint(1, 4)
    return f"so {draw.randint(1, 3)}. The answer is {answer}."


def drawing(chances: Sequence[float], seed: str) -> dict[tuple[str, int], Completion]:
    """One drawing of every problem; temperature 0 is the same in all of them."""
    by_id = dict(zip((problem.id for problem in PROBLEMS), zip(PROBLEMS, chances, strict=True), strict=True))

    def text(request: Request, index: int) -> str:
        problem, chance = by_id[request.id.removeprefix("sums/").rpartition("#")[0]]
        kind = "greedy" if request.id.endswith("#greedy") else f"{seed} {index}"
        return said(problem, chance, random.Random(f"{kind} {problem.id} {chance}"))

    return drawn(diagnose.requests(HELD_OUT, COUNT, None, baselines=False), text)


def pool_of(*drawings: dict[tuple[str, int], Completion]) -> Pool:
    scores = tuple(held_out_scores(HELD_OUT, samples, COUNT) for samples in drawings)
    return pooled([HELD_OUT], drawings, scores, COUNT)


def sides(deal: Deal) -> list[EvaluationResult]:
    return [
        diagnose.diagnose(HELD_OUT, deal.samples(second=second), deal.scores(second=second), deal.pool.size)
        for second in (False, True)
    ]


def decided(before: EvaluationResult, after: EvaluationResult) -> set[str]:
    """The verdict, and what was claimed."""
    one, other = (Diagnosis(evaluations={"sums": side}) for side in (before, after))
    found = decide(PHASE, one, other, compare(one, other), Facts(training=PRETENDED, guard="left out"))
    claims = {c.name for c in found.criteria if (c.kind, c.status) in (("gain", "pass"), ("harm", "fail"))}
    return {found.verdict, *claims}


def mixed(seed: int) -> list[float]:
    draw = random.Random(seed)
    return [draw.betavariate(4.0, 1.5) for _ in PROBLEMS]


def test_every_sample_of_both_drawings_is_dealt_once() -> None:
    first, second = (drawing(mixed(1), seed) for seed in "ab")
    deal = Deal(pool_of(first, second), "7")
    for problem in PROBLEMS[:5]:
        request = f"sums/{problem.id}#use"
        places = [deal.place((request, i), second=side) for side in (False, True) for i in range(COUNT)]
        assert sorted(places) == [(drawing, i) for drawing in (0, 1) for i in range(COUNT)]
        texts = [deal.samples(second=side)[request, i].text for side in (False, True) for i in range(COUNT)]
        assert Counter(texts) == Counter(log[request, i].text for log in (first, second) for i in range(COUNT))
    other = Deal(pool_of(first, second), "8")
    assert [deal.place((r, 0), second=False) for r, _ in first] != [other.place((r, 0), second=False) for r, _ in first]


def test_half_of_one_drawing_goes_to_each_side_and_temperature_0_to_both() -> None:
    deal = Deal(pool_of(drawing(mixed(1), "a")), "7")
    assert deal.pool.size == COUNT // 2
    request = f"sums/{PROBLEMS[0].id}"
    places = [deal.place((f"{request}#use", i), second=side) for side in (False, True) for i in range(5)]
    assert sorted(places) == [(0, i) for i in range(COUNT)]
    assert {deal.place((f"{request}#greedy", 0), second=side) for side in (False, True)} == {(0, 0)}
    before, after = sides(deal)
    assert before.metrics["greedy_accuracy"] == after.metrics["greedy_accuracy"]


class Labels(FakeTask):
    """Names answers in the order in which they come, as a task may: the names mean nothing outside of the call."""

    def answers(self, problem: Problem, completions: Sequence[Completion]) -> list[str | None]:
        known: dict[str | None, str] = {}
        return [known.setdefault(answer, f"answer {len(known)}") for answer in super().answers(problem, completions)]


def test_answers_that_were_named_within_a_drawing_are_named_again_over_both() -> None:
    held_out = evaluation(PROBLEMS[:1], task=Labels(60, first=1000))
    asked = diagnose.requests(held_out, 2, None, baselines=False)
    texts = ("It is 1", "It is 2"), ("It is 2", "It is 2")
    logs = [drawn(asked, lambda request, index, said=said: said[index]) for said in texts]
    scores = tuple(held_out_scores(held_out, log, 2) for log in logs)
    assert [row.answer for row in scores[1].values() if row.request.endswith("#use")] == ["answer 0"] * 2
    pool = pooled([held_out], tuple(logs), scores, 2)
    told = {place: answer for (_, place), answer in pool.answers.items()}
    assert told == {(0, 0): "answer 0", (0, 1): "answer 1", (1, 0): "answer 1", (1, 1): "answer 1"}


def test_the_same_samples_twice_are_told_from_a_model_that_always_says_the_same() -> None:
    first = drawing(mixed(1), "a")
    assert same_samples([HELD_OUT], pool_of(first, first))
    assert not same_samples([HELD_OUT], pool_of(first, drawing(mixed(1), "b")))
    sure = {key: Completion(request=key[0], index=key[1], text="It is 4", finish="stop") for key in first}
    assert not same_samples([HELD_OUT], pool_of(sure, MappingProxyType(sure)))  # type: ignore[arg-type]


def rates(found: Sequence[set[str]]) -> dict[str, float]:
    return {name: count / len(found) for name, count in Counter(name for one in found for name in one).items()}


@pytest.mark.slow
def test_dealt_null_runs_are_as_often_wrong_as_null_runs_that_were_drawn() -> None:
    """300 models, each drawn twice and decided as drawn, and dealt once: every verdict and claim comes as often."""
    pairs = [(mixed(seed), seed) for seed in range(300)]
    logs = [(drawing(chances, f"{seed} a"), drawing(chances, f"{seed} b")) for chances, seed in pairs]
    pools = [pool_of(*both) for both in logs]
    as_drawn = rates([decided(*_as_drawn(pool)) for pool in pools])
    dealt = rates([decided(*sides(Deal(pool, "1"))) for pool in pools])
    for name in as_drawn.keys() | dealt.keys():
        one, other = as_drawn.get(name, 0.0), dealt.get(name, 0.0)
        error = (2 * max(one, other, 0.01) * (1 - min(one, other, 0.99)) / 300) ** 0.5
        assert abs(one - other) < 3 * error, (name, one, other)


def _as_drawn(pool: Pool) -> list[EvaluationResult]:
    return [
        diagnose.diagnose(HELD_OUT, samples, scores, COUNT) for samples, scores in zip(pool.samples, pool.scores, strict=True)
    ]


def test_a_deal_keeps_figures_that_drawing_with_replacement_would_bend() -> None:
    """Ten texts of three wordings and five answers: the dealt consistency is the drawn one, replaced it is higher."""
    first, second = (drawing([0.5] * 60, seed) for seed in "ab")
    pool = pool_of(first, second)
    true = fmean(side.metrics["response_consistency"].value for side in _as_drawn(pool))
    dealt = [side.metrics["response_consistency"].value for seed in range(5) for side in sides(Deal(pool, str(seed)))]
    draw = random.Random(1)
    again: dict[tuple[str, int], Any] = {}
    for request, index in first:
        again[request, index] = first[request, draw.randrange(COUNT) if request.endswith("#use") else 0]
    bent = fmean(diagnose.consistency(again[f"sums/{p.id}#use", i].text for i in range(COUNT)) for p in PROBLEMS)
    assert fmean(dealt) == pytest.approx(true, abs=0.01)
    assert bent > true + 0.03


def test_a_thought_that_never_ends_has_no_answer_over_both_drawings_either() -> None:
    held_out = evaluation(PROBLEMS[:1])
    asked = diagnose.requests(held_out, 1, None, baselines=False)
    logs = [drawn(asked, lambda request, index, said=said: said) for said in ("It is 1", "<think>It is 1")]
    pool = pooled([held_out], tuple(logs), tuple(held_out_scores(held_out, log, 1) for log in logs), 1)
    answers = {Deal(pool, "1").scores(second=side)[f"sums/{PROBLEMS[0].id}#use", 0].answer for side in (False, True)}
    assert answers == {"1", None}
