"""What a run measures besides its categories: the guard, benchmarks, outside evaluations, another run, a judge's opinion."""

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
    done = run_fake(out, *SMALL, *more, *slack, "--judge", "hollow", "--judge-sampler", "critic")
    assert done.returncode in (0, 3, 4, 5), done.stderr
    return out


def test_the_guard_is_measured_before_and_after_without_being_trained_on(whole: Path) -> None:
    for name in ("before", "after"):
        guard = read(whole, f"{name}.json")["categories"]["reasoning"]
        assert (guard["benchmark"], guard["role"], guard["problems"]) == ("sums-guard", "guard", 12)
    assert not (whole / "self_distillation/reasoning.jsonl").exists()
    retained = next(c for c in read(whole, "verdict.json")["criteria"] if c["name"] == "reasoning retained")
    assert retained["status"] == "pass"
    assert retained["value"] > 1
    assert "reasoning (sums-guard, the guard: not trained on)" in (whole / "report.md").read_text()


def test_consistency_is_gated_over_what_was_trained_on_alone(whole: Path) -> None:
    after = read(whole, "after.json")["categories"]
    gate = next(c for c in read(whole, "verdict.json")["criteria"] if c["name"] == "consistency")
    trained = [after[name]["metrics"]["response_consistency"]["value"] for name in ("sums", "tales")]
    assert gate["value"] == pytest.approx(sum(trained) / 2)


def test_an_outside_evaluation_is_made_of_both_models_and_compared_item_by_item(whole: Path) -> None:
    sides = [read(whole, f"{name}.json")["outside"]["meter:easy"] for name in ("before", "after")]
    assert [side["metrics"]["acc"]["value"] for side in sides] == [0, 0.5]
    found = read(whole, "verdict.json")["outside"]["meter:easy"]
    assert found["metrics"]["acc"]["difference"] == 0.5
    assert found["head_to_head"].items() >= {"wins": 4, "losses": 0, "ties": 4, "score": 0.75}.items()
    assert any(c["category"] == "meter:easy" and c["status"] == "pass" for c in read(whole, "verdict.json")["criteria"])
    assert "meter:easy (an outside evaluation)" in (whole / "report.md").read_text()
    assert len((whole / "outside/after/meter-easy.jsonl").read_text().splitlines()) == 8


def test_the_other_run_is_held_against_this_one_where_both_measured(whole: Path) -> None:
    found = read(whole, "head_to_head.json")
    assert set(found["against"]) == {"sums", "tales"}
    assert found["against"]["sums"]["scores"]["n"] == 6
    assert found["against"]["sums"]["scores"]["left_out"] == 6
    assert found["before"]["sums"]["scores"]["n"] == 12
    assert found["before"]["sums"]["scores"]["wins"] > 8
    assert "the other run" in (whole / "report.md").read_text()


def test_the_judge_compares_what_cannot_be_right_or_wrong(whole: Path) -> None:
    found = read(whole, "head_to_head.json")
    assert found["before"]["tales"]["scores"] is None
    judged = found["before"]["tales"]["judged"]
    assert (judged["n"], judged["losses"], judged["position_bias"]) == (12, 0, 0)
    assert judged["wins"] > 8
    assert found["against"]["tales"]["judged"]["n"] == 6
    rows = [json.loads(line) for line in (whole / "samples/judge.jsonl").read_text().splitlines()]
    assert all(row["request"].endswith(("#judge-ab", "#judge-ba")) for row in rows)


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
        (("--guard", "meter", "-o", "meter.task=easy"), "benchmark 'meter' is an outside evaluation"),
        (("--judge-sampler", "critic"), "judge_sampler: a sampler for a judge, but no judge"),
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
        ('{"categories": {}}', "it measured no problem that this run does"),
        ("{}", "no diagnosis: KeyError"),
    ):
        (tmp_path / "rival" / "after.json").write_text(content)
        refused = run_fake(tmp_path / "refused", "--against", str(tmp_path / "rival"))
        assert (refused.returncode, refused.stderr.count("\n")) == (2, 1), refused.stderr
        assert told in refused.stderr
    assert not (tmp_path / "refused").exists()
