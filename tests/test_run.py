"""The main job end to end, on a plugin that needs no model."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command_line import FAKE, cogumi, environment, final_files, run_fake

import cogumi as library
from cogumi.codec import to_json
from cogumi.distillation.distill import NO_CONSENSUS
from cogumi.records import Completion
from cogumi.results import ProblemRow, ScoredSample

FIXED = ("--fixed-temperature",)
"""The fake model is always right at temperature 0, which is a rival only where it can be had."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "run"
    done = run_fake(folder, *FIXED)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A finished run to work on."""
    shutil.copytree(finished, tmp_path / "run")
    return tmp_path / "run"


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_run_leaves_every_file_it_promises(finished: Path) -> None:
    assert set(final_files(finished)) == {
        "run.json", "problems.jsonl", "before.json", "after.json", "comparison.json", "distillation.json", "training.json",
        "head_to_head.json", "verdict.json", "votes.jsonl", "report.md", "report.html",
        "samples/before.jsonl", "samples/distill.jsonl", "samples/after.jsonl",
        "scores/before.jsonl", "scores/distill.jsonl", "scores/after.jsonl", "self_distillation/sums.jsonl",
        "adapter/adapter_config.json", "adapter/adapter_model.safetensors", "adapter/cogumi_adapter.json",
    }  # fmt: skip


def test_a_run_says_what_it_will_take_and_what_it_does(tmp_path: Path) -> None:
    done = run_fake(tmp_path / "run", "--held-out", "12", "--samples", "2", "--problems", "10")
    said = done.stderr.splitlines()
    assert said[0].startswith("estimate           ")
    begun = [line.split("  ")[0].strip() for line in said if not line.startswith(" ") and line]
    assert begun == ["estimate", "diagnose (before)", "distill", "train", "diagnose (after)", "gate", "report"]


def test_the_diagnosis_tells_the_noisy_model_from_the_trained_one(finished: Path) -> None:
    view = library.load(finished)
    assert view.before is not None
    assert view.after is not None
    before, after = (side.evaluations["sums"] for side in (view.before, view.after))
    assert before.metrics["response_consistency"].value == pytest.approx(0.1)
    assert before.metrics["accuracy"].value == pytest.approx(0.5, abs=0.1)
    assert before.metrics["majority_accuracy"].value > 0.9
    assert before.cause.startswith("Too random")
    assert after.metrics["response_consistency"].value > 0.9


def test_ten_samples_of_one_prompt_are_ten_rows(finished: Path) -> None:
    before = rows(finished / "samples/before.jsonl")
    assert len({(row["request"], row["index"]) for row in before}) == len(before) == 40 * (10 + 1 + 5)
    assert len(rows(finished / "samples/after.jsonl")) == 40 * 11


def test_every_problem_and_every_score_is_kept_once(finished: Path) -> None:
    problems = rows(finished / "problems.jsonl")
    assert len({(row["id"], row["side"]) for row in problems}) == len(problems) == 40 + 30
    assert all(row["prompt"][-1]["content"].startswith("What is ") for row in problems)
    for stage in ("before", "distill", "after"):
        drawn, scored = (
            {(row["request"], row["index"]) for row in rows(finished / f"{kind}/{stage}.jsonl")}
            for kind in ("samples", "scores")
        )
        assert drawn == scored


def test_only_the_consensus_is_kept_and_every_problem_is_accounted_for(finished: Path) -> None:
    votes, kept = rows(finished / "votes.jsonl"), rows(finished / "self_distillation/sums.jsonl")
    assert {row["id"] for row in kept} == {vote["id"] for vote in votes if vote["kept"]}
    assert all(vote["kept"] or vote["dropped"] for vote in votes)
    assert [to_json(vote) for vote in library.load(finished).votes()] == votes
    for row in kept:
        assert [message["role"] for message in row["messages"]] == ["user", "assistant"]
        assert row["messages"][-1]["content"].endswith(f"{row['evidence']['answer']}.")
        assert row["evidence"]["agreement"] >= 0.5


def test_a_finished_run_is_not_redone(run: Path, tmp_path: Path) -> None:
    before = final_files(run)
    again = run_fake(run, *FIXED, DRAWN=str(tmp_path / "drawn"), TRAINED=str(tmp_path / "trained"))
    assert again.returncode == 0
    assert again.stderr.count("done already") == 8
    assert not (tmp_path / "drawn").exists()
    assert not (tmp_path / "trained").exists()
    assert final_files(run) == before


def test_two_runs_of_the_same_settings_are_byte_identical(finished: Path, tmp_path: Path) -> None:
    run_fake(tmp_path / "other", *FIXED)
    assert final_files(tmp_path / "other") == final_files(finished)


def test_a_result_that_was_edited_is_not_overwritten(run: Path) -> None:
    (run / "before.json").write_text("{}")
    refused = run_fake(run, *FIXED)
    assert refused.returncode == 2
    assert "before.json: was changed after the run wrote it" in refused.stderr
    assert (run / "before.json").read_text() == "{}"


@pytest.mark.parametrize(
    "names", [("report.md", "samples/after.jsonl"), ("scores/before.jsonl",), ("adapter", "verdict.json"), ("training.json",)]
)
def test_a_deleted_result_is_made_again(run: Path, finished: Path, names: tuple[str, ...]) -> None:
    for name in names:
        path = run / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    done = run_fake(run, *FIXED)
    assert done.returncode == 0, done.stderr
    assert final_files(run) == final_files(finished)


def test_single_stages_build_on_each_other(finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    kept = cogumi("distill", *FAKE, *FIXED, "--out", out)
    assert json.loads(kept.stdout)["sums"]["problems"] == 30
    assert not (out / "before.json").exists()
    trained = cogumi("train", *FAKE, *FIXED, "--out", out)
    assert "examples" in trained.stdout
    assert "done already" in trained.stderr
    diagnosed = cogumi("diagnose", *FAKE, *FIXED, "--out", out)
    assert "Too random" in diagnosed.stdout
    resumed = cogumi("resume", out)
    assert (resumed.returncode, resumed.stderr.count("done already")) == (0, 3)
    assert final_files(out) == final_files(finished)


def test_settings_from_a_file_and_flags(tmp_path: Path) -> None:
    config = tmp_path / "run.toml"
    config.write_text(
        '[run]\nplugins = ["sums"]\nmodel = "hollow"\nsampler = "dice"\ntrainer = "pretend"\n'
        'guard = "none"\nheld_out = 12\nsamples = 3\n'
        "[plugins.dice]\npause = 0\n"
    )
    done = cogumi("diagnose", "--config", config, "--samples", "4", "--out", tmp_path / "run", "--json")
    found = json.loads(done.stdout)["evaluations"]["sums"]
    assert (found["problems"], found["samples"]) == (12, 4)


def test_a_rehearsal_writes_and_draws_nothing(tmp_path: Path) -> None:
    done = run_fake(tmp_path / "run", "--dry-run", DRAWN=str(tmp_path / "drawn"))
    assert done.returncode == 0
    assert done.stdout.startswith("1,410 samples of at most ")
    assert list(tmp_path.iterdir()) == []


def test_replay_judges_again_without_a_model(finished: Path, tmp_path: Path) -> None:
    recording = f"replay.path={finished / 'samples/before.jsonl'}"
    again = cogumi("diagnose", *FAKE, "--sampler", "replay", "-o", recording, "--out", tmp_path / "r")
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "r/before.json").read_bytes() == (finished / "before.json").read_bytes()


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("crash", "sampler 'dice' died (signal 6)"),
        ("raise", "sampler 'dice' failed: RuntimeError: the engine is out of order"),
        ("errors", "sampler 'dice' failed on all samples, 640 times with: no luck"),
    ],
)
def test_an_engine_that_breaks_is_named_and_the_run_goes_on_from_there(tmp_path: Path, how: str, message: str) -> None:
    broken = run_fake(tmp_path / "run", "-o", f"dice.broken={how}")
    assert broken.returncode == 1
    assert message in broken.stderr
    assert "Traceback" not in broken.stderr
    assert run_fake(tmp_path / "run", *FIXED).returncode == 0


def test_plugins_from_the_environment(tmp_path: Path) -> None:
    done = cogumi("distill", *FAKE[2:], "--out", tmp_path / "run", COGUMI_PLUGINS="sums")
    assert json.loads(done.stdout)["sums"]["problems"] == 30


def test_one_process_at_a_time(tmp_path: Path) -> None:
    arguments = [*FAKE, "-o", "dice.pause=0.2", "--out", str(tmp_path / "run")]
    first = subprocess.Popen(
        [sys.executable, "-m", "cogumi", "run", *arguments], env=environment(), stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
    )
    assert first.stderr is not None
    try:
        while b"diagnose" not in os.read(first.stderr.fileno(), 1000):
            pass
        second = cogumi("run", *arguments)
    finally:
        first.kill()
        first.communicate()
    assert second.returncode == 2
    assert "another cogumi is working in this folder" in second.stderr


# From Python


def test_the_same_from_python(finished: Path, tmp_path: Path) -> None:
    script = f"""
import cogumi
names = dict(plugins=["sums"], model="hollow", sampler="dice", trainer="pretend", guard="none", fixed_temperature=True)
view = cogumi.run(**names, out={str(tmp_path / "run")!r})
print(view.verdict.verdict, view.folder.name, sorted(view.after.evaluations))
"""
    done = subprocess.run([sys.executable, "-c", script], env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout == "PROCEED run ['sums']\n"
    assert final_files(tmp_path / "run") == final_files(finished)


def test_a_keyword_that_is_no_setting_is_answered_with_a_near_match(tmp_path: Path) -> None:
    from cogumi.errors import BadInput

    with pytest.raises(BadInput, match=r"sampels: no such setting \(did you mean sample"):
        library.run(plugins="sums", sampels=3, out=tmp_path / "run")  # type: ignore[call-arg]
    assert not (tmp_path / "run").exists()


def test_a_loaded_run_gives_records(finished: Path) -> None:
    view = library.load(finished)
    problems, samples, scores = list(view.problems()), list(view.samples("before")), list(view.scores("before"))
    assert {type(row) for row in problems} == {ProblemRow}
    assert {type(row) for row in samples} == {Completion}
    assert {type(row) for row in scores} == {ScoredSample}
    assert [(row.request, row.index) for row in samples] == [(row.request, row.index) for row in scores]
    assert view.verdict is not None
    assert {criterion.kind for criterion in view.verdict.criteria} >= {"enough", "target", "gain", "rival", "harm"}
    assert view.training is not None
    assert view.training.examples == len(rows(finished / "self_distillation/sums.jsonl"))
    assert view.adapter == finished / "adapter"


def test_what_a_run_did_not_come_to_is_none(tmp_path: Path) -> None:
    cogumi("diagnose", *FAKE, "--out", tmp_path / "run", "--held-out", "5")
    view = library.load(tmp_path / "run")
    assert view.before is not None
    assert [view.after, view.verdict, view.training, view.adapter] == [None] * 4


def test_samples_and_scores_as_a_data_frame(finished: Path) -> None:
    pytest.importorskip("pandas")
    frame = library.load(finished).to_pandas("before")
    assert len(frame) == 40 * (10 + 1 + 5)
    assert set(frame["kind"]) == {"use", "greedy", "t0.2"}
    assert {"category", "problem", "text", "answer", "correct"} <= set(frame.columns)


# Who is told, and who teaches


def test_events_go_to_a_file_as_json_lines(tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    run_fake(tmp_path / "run", *FIXED, "--observers", "jsonl", "-o", f"jsonl.path={events}")
    found = rows(events)
    assert [e["stage"] for e in found if e["event"] == "end"] == [
        "before", "distill", "train", "after", "compare", "match", "gate", "report",
    ]  # fmt: skip
    figures = {e["stage"]: e["values"] for e in found if e["event"] == "metrics"}
    assert figures["after"]["sums.response_consistency"] > 0.9
    assert found[-1] == {"event": "finish", "outcome": "PROCEED"}


def test_an_observer_changes_nothing_and_one_that_raises_is_said_once(finished: Path, tmp_path: Path) -> None:
    done = run_fake(tmp_path / "run", *FIXED, "--observers", "moody")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("observer 'moody' failed and is not told any more: ConnectionError: nobody listens") == 1
    differ = {name for name, was in final_files(finished).items() if final_files(tmp_path / "run")[name] != was}
    assert differ == {"run.json", "report.md", "report.html"}, "they show the settings"


def test_a_teacher_answers_what_the_student_does_not_agree_on(finished: Path, tmp_path: Path) -> None:
    drawn = tmp_path / "drawn"
    done = run_fake(tmp_path / "run", *FIXED, "--teacher", "sage:hollow", DRAWN=str(drawn))
    assert done.returncode == 0, done.stderr
    alone, both = (library.load(folder).distillation for folder in (finished, tmp_path / "run"))
    assert alone is not None
    assert both is not None
    sums = both.categories["sums"]
    asked = {line.split("#")[0] for line in drawn.read_text().splitlines() if "#teacher" in line}
    undecided = {vote["id"] for vote in rows(finished / "votes.jsonl") if vote["dropped"] in NO_CONSENSUS}
    assert asked == undecided
    assert (sums.kept, sums.taught) == (alone.categories["sums"].kept + len(undecided), len(undecided))
    by = [row["evidence"]["target"]["by"] for row in rows(tmp_path / "run/self_distillation/sums.jsonl")]
    assert (by.count("teacher"), by.count("student")) == (sums.taught, sums.kept - sums.taught)
    assert "by the teacher" in (tmp_path / "run/report.md").read_text()


def test_a_teacher_named_later_is_asked_alone_and_the_adapter_is_not_replaced_unasked(run: Path, tmp_path: Path) -> None:
    drawn, teacher = tmp_path / "drawn", (*FIXED, "--teacher", "sage:hollow")
    refused = run_fake(run, *teacher, DRAWN=str(drawn))
    assert refused.returncode == 2
    assert "the adapter would have to be trained again: teacher" in refused.stderr
    assert not drawn.exists()
    again = run_fake(run, *teacher, "--redo", DRAWN=str(drawn), TRAINED=str(tmp_path / "trained"))
    assert again.returncode == 0, again.stderr
    assert {line.split("#")[1].split()[0] for line in drawn.read_text().splitlines()} == {"teacher", "use", "greedy"}
    distilled = library.load(run).distillation
    assert distilled is not None
    assert (tmp_path / "trained").read_text() == f"{distilled.examples} examples\n"
    assert (run / "adapter.old").is_dir()
