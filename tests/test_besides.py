"""What a run measures besides its categories: guard, benchmarks, external evaluations, rivals, a judge's opinion."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command_line import FAKE, cogumi, run_fake

SMALL = ("--samples", "4", "--problems", "12", "--held-out", "12")


def read(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text())


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that only diagnosed, and on fewer problems."""
    out = tmp_path_factory.mktemp("other") / "run"
    done = cogumi("diagnose", *FAKE, *SMALL, "--out", out, "--held-out", "6", "--plugins", "sums,tales")
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, other: Path) -> Path:
    out = tmp_path_factory.mktemp("whole") / "run"
    slack = ("-o", "meter:easy.slack=0.5")
    more = ("--plugins", "sums,tales", "--guard", "sums-guard", "--benchmarks", "meter:easy", "--against", str(other))
    done = run_fake(out, *SMALL, *more, *slack, "--judge", "critic:hollow", "--reference", "sage:hollow")
    assert done.returncode in (0, 3, 4, 5), done.stderr
    return out


def criterion(folder: Path, kind: str, subject: str | None) -> Any:
    return next(c for c in read(folder, "verdict.json")["criteria"] if (c["kind"], c["subject"]) == (kind, subject))


def test_the_guard_is_measured_before_and_after_without_being_trained_on(whole: Path) -> None:
    for name in ("before", "after"):
        guard = read(whole, f"{name}.json")["evaluations"]["sums-guard"]
        assert (guard["benchmark"], guard["purpose"], guard["problems"]) == ("sums-guard", "guard", 12)
    assert not (whole / "self_distillation/sums-guard.jsonl").exists()
    retained = criterion(whole, "guard", "sums-guard")
    assert retained["status"] == "inconclusive"
    assert "not good enough to guard: of 12 problems" in retained["sentence"]
    assert "sums-guard (sums-guard, the guard: not trained on)" in (whole / "report.md").read_text().replace("\\", "")


def test_consistency_is_gated_over_what_was_trained_on_alone(whole: Path) -> None:
    after = read(whole, "after.json")["evaluations"]
    gate = next(c for c in read(whole, "verdict.json")["criteria"] if c["name"] == "consistency")
    trained = [after[name]["metrics"]["response_consistency"]["value"] for name in ("sums", "tales")]
    assert gate["value"] == pytest.approx(sum(trained) / 2)


def test_an_external_evaluation_is_made_of_both_models_and_compared_item_by_item(whole: Path) -> None:
    sides = [read(whole, f"{name}.json")["external"]["meter:easy"] for name in ("before", "after")]
    assert [side["metrics"]["acc"]["value"] for side in sides] == [0, 0.5]
    found = read(whole, "comparison.json")["external"]["meter:easy"]
    assert found["metrics"]["acc"]["change"]["value"] == 0.5
    assert found["head_to_head"].items() >= {"wins": 4, "losses": 0, "ties": 4, "score": 0.75}.items()
    assert "meter:easy (an external evaluation)" in (whole / "report.md").read_text()
    assert len((whole / "external/after/meter-easy.jsonl").read_text().splitlines()) == 8


def test_the_other_run_is_held_against_this_one_where_both_measured(whole: Path) -> None:
    against = read(whole, "head_to_head.json")["scores"]["against"]
    assert set(against) == {"sums"}, "tales have no right answers"
    assert (against["sums"]["n"], against["sums"]["left_out"]) == (6, 6)
    assert against["sums"]["wins"] > 3
    before = read(whole, "comparison.json")["evaluations"]["sums"]["head_to_head"]
    assert before["n"] == 12
    assert before["wins"] > 8
    assert "the other run" in (whole / "report.md").read_text()


def test_the_reference_answers_the_same_questions_once(whole: Path) -> None:
    rows = [json.loads(line) for line in (whole / "samples/reference.jsonl").read_text().splitlines()]
    assert len(rows) == (12 + 12 + 12) * (4 + 1)
    assert {row["text"].rpartition(" ")[0] for row in rows} == {"Of course"}
    assert read(whole, "reference.json")["evaluations"]["sums"]["metrics"]["accuracy"]["value"] == 1.0
    reference = read(whole, "head_to_head.json")["scores"]["reference"]["sums"]
    assert (reference["n"], reference["wins"]) == (12, 0)
    assert "the reference" in (whole / "report.md").read_text()


def test_the_judge_compares_what_cannot_be_right_or_wrong(whole: Path) -> None:
    found = read(whole, "head_to_head.json")
    assert set(found["judged"]) == {"before", "against", "reference"}
    assert all(set(matches) == {"tales"} for matches in found["judged"].values())
    judged = found["judged"]["before"]["tales"]
    assert (judged["n"], judged["losses"], judged["position_bias"]) == (12, 0, 0)
    assert judged["wins"] > 8
    assert found["judged"]["against"]["tales"]["n"] == 6
    rows = [json.loads(line) for line in (whole / "samples/judge.jsonl").read_text().splitlines()]
    assert all(row["request"].endswith(("#judge-ab", "#judge-ba")) for row in rows)


def test_who_was_asked_stands_in_the_manifest(whole: Path) -> None:
    roles = read(whole, "run.json")["roles"]
    assert {name: role["sampler"] for name, role in roles.items()} == {
        "student": "dice",
        "judge": "critic",
        "reference": "sage",
    }
    assert [type(role["notes"]) for role in roles.values()] == [list, list, list]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--benchmarks", "meter:hard"), "task: no task is called 'hard'"),
        (("--benchmarks", "meter:easy", "-o", "meter:easy.slak=1"), "slak: benchmark 'meter' has no such option"),
        (("--benchmarks", "meter:easy", "-o", "meter:hard.slack=1"), "nothing in this run is called that"),
        (("--benchmarks", "meter"), "benchmark 'meter' needs this option"),
        (("--benchmarks", "sums-test,sums-test"), "benchmarks: 'sums-test' is measured already"),
        (("--benchmarks", "sums-tset"), "no benchmark is called 'sums-tset' (did you mean sums-test"),
        (("--benchmarks", "sums-test:x"), "benchmark 'sums-test' has no such option"),
        (("--guard", "sums-gard"), "no benchmark is called 'sums-gard'"),
        (("--guard", "meter", "-o", "meter.task=easy"), "benchmark 'meter' is an external evaluation"),
        (("-o", "judge.pause=1"), "judge.pause: there is no judge in this run"),
        (("--judge", "hollow", "-o", "judge.pase=1"), "pase: sampler 'dice' has no such option (did you mean pause?)"),
        (("--judge", "no/such/folder/x"), "no/such/folder/x"),
        (("--against", "no-such-run"), "no-such-run: against: no diagnosis in this folder"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_anything_is_written(
    tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    done = run_fake(tmp_path / "run", *arguments)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert told in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_run_that_shares_no_problem_is_refused_as_a_rival(tmp_path: Path, other: Path) -> None:
    done = run_fake(tmp_path / "run", "--against", str(other), "--plugins", "tales", "--seed", "0", "--held-out", "2")
    assert done.returncode != 2, done.stderr
    (tmp_path / "rival").mkdir()
    for content, told in (
        ('{"evaluations": {}, "external": {}, "format": 1}', "it measured no problem that this run does"),
        ("{}", "after.json: evaluations: missing"),
    ):
        (tmp_path / "rival" / "after.json").write_text(content)
        refused = run_fake(tmp_path / "refused", "--against", str(tmp_path / "rival"))
        assert (refused.returncode, refused.stderr.count("\n")) == (2, 1), refused.stderr
        assert told in refused.stderr
    assert not (tmp_path / "refused").exists()
