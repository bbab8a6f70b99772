"""The main job end to end, on a plugin that needs no model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import FAKE, cogumi, environment, final_files, run_fake


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "run"
    done = run_fake(folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_a_run_leaves_every_file_it_promises(finished: Path) -> None:
    names = set(final_files(finished))
    assert names == {
        "run.json", "before.json", "after.json", "distillation.json", "training.json", "verdict.json", "votes.jsonl",
        "head_to_head.json",
        "report.md", "report.html", "samples/before.jsonl", "samples/distil.jsonl", "samples/after.jsonl",
        "self_distillation/sums.jsonl", "adapter/adapter_config.json", "adapter/adapter_model.safetensors",
    }  # fmt: skip


def test_the_diagnosis_tells_the_noisy_model_from_the_trained_one(finished: Path) -> None:
    before, after = (json.loads((finished / f"{name}.json").read_text())["categories"]["sums"] for name in ("before", "after"))
    assert before["metrics"]["response_consistency"]["value"] == pytest.approx(0.1)
    assert before["metrics"]["accuracy"]["value"] == pytest.approx(0.5, abs=0.1)
    assert before["metrics"]["majority_accuracy"]["value"] > 0.9
    assert before["cause"].startswith("Too random")
    assert after["metrics"]["response_consistency"]["value"] > 0.9


def test_ten_samples_of_one_prompt_are_ten_rows(finished: Path) -> None:
    rows = [json.loads(line) for line in (finished / "samples/before.jsonl").read_text().splitlines()]
    assert len({(row["request"], row["index"]) for row in rows}) == len(rows) == 40 * 11


def test_only_the_consensus_is_kept_and_every_problem_is_accounted_for(finished: Path) -> None:
    votes = [json.loads(line) for line in (finished / "votes.jsonl").read_text().splitlines()]
    rows = [json.loads(line) for line in (finished / "self_distillation/sums.jsonl").read_text().splitlines()]
    assert {row["id"] for row in rows} == {vote["id"] for vote in votes if vote["kept"]}
    assert all(vote["kept"] or vote["dropped"] for vote in votes)
    for row in rows:
        assert [message["role"] for message in row["messages"]] == ["user", "assistant"]
        assert row["messages"][-1]["content"].endswith(f"{row['evidence']['answer']}.")
        assert row["evidence"]["agreement"] >= 0.5


def test_a_finished_run_is_not_redone(finished: Path, tmp_path: Path) -> None:
    before = final_files(finished)
    again = run_fake(finished, DRAWN=str(tmp_path / "drawn"))
    assert again.returncode == 0
    assert again.stderr.count("done already") == 7
    assert not (tmp_path / "drawn").exists()
    assert final_files(finished) == before


def test_two_runs_of_the_same_settings_are_byte_identical(finished: Path, tmp_path: Path) -> None:
    run_fake(tmp_path / "other")
    assert final_files(tmp_path / "other") == final_files(finished)


def test_changed_settings_are_refused_with_the_difference(finished: Path) -> None:
    before = final_files(finished)
    refused = run_fake(finished, "--temperature", "0.9")
    assert refused.returncode == 2
    assert "settings.temperature: 0.7 -> 0.9" in refused.stderr
    assert final_files(finished) == before


def test_a_result_that_was_edited_is_not_overwritten(finished: Path, tmp_path: Path) -> None:
    subprocess.run(["cp", "-r", finished, tmp_path / "run"], check=True)
    (tmp_path / "run/before.json").write_text("{}")
    refused = run_fake(tmp_path / "run")
    assert refused.returncode == 2
    assert "before.json: was changed after the run wrote it" in refused.stderr
    assert (tmp_path / "run/before.json").read_text() == "{}"


def test_a_deleted_result_is_made_again(finished: Path, tmp_path: Path) -> None:
    subprocess.run(["cp", "-r", finished, tmp_path / "run"], check=True)
    (tmp_path / "run/report.md").unlink()
    (tmp_path / "run/samples/after.jsonl").unlink()
    assert run_fake(tmp_path / "run").returncode == 0
    assert final_files(tmp_path / "run") == final_files(finished)


def test_single_stages_build_on_each_other(finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert cogumi("distil", *FAKE, "--out", out).returncode == 0
    assert not (out / "before.json").exists()
    trained = cogumi("train", *FAKE, "--out", out)
    assert "examples" in trained.stdout
    assert "done already" in trained.stderr
    diagnosed = cogumi("diagnose", *FAKE, "--out", out)
    assert "Too random" in diagnosed.stdout
    gated = cogumi("gate", *FAKE, "--out", out)
    assert json.loads(gated.stdout)["verdict"] == "PROCEED"
    reported = cogumi("report", *FAKE, "--out", out)
    assert "PROCEED" in reported.stdout
    assert final_files(out) == final_files(finished)


def test_settings_from_a_file_and_flags(tmp_path: Path) -> None:
    config = tmp_path / "run.toml"
    config.write_text(
        '[run]\nplugins = ["sums"]\nmodel = "hollow"\nsampler = "dice"\ntrainer = "pretend"\n'
        'guard = "none"\nheld_out = 12\nsamples = 3\n'
        "[plugins.dice]\npause = 0\n"
    )
    done = cogumi("diagnose", "--config", config, "--samples", "4", "--out", tmp_path / "run", "--json")
    diagnosis = json.loads(done.stdout)["categories"]["sums"]
    assert (diagnosis["problems"], diagnosis["samples"]) == (12, 4)


def test_failures_lists_what_is_wrong_or_unsure(finished: Path) -> None:
    listed = cogumi("failures", finished, "--when", "before")
    rows = [json.loads(line) for line in listed.stdout.splitlines()]
    assert rows
    assert all(row["majority_correct"] is False or not row["consistent"] for row in rows)


def test_replay_judges_again_without_a_model(finished: Path, tmp_path: Path) -> None:
    again = cogumi(
        "diagnose",
        *FAKE,
        "--sampler",
        "replay",
        "-o",
        f"replay.path={finished / 'samples/before.jsonl'}",
        "--out",
        tmp_path / "r",
    )
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "r/before.json").read_bytes() == (finished / "before.json").read_bytes()


@pytest.mark.parametrize(
    ("how", "code", "message"),
    [
        ("crash", 1, "sampler 'dice' died (signal 6)"),
        ("raise", 1, "sampler 'dice' failed: RuntimeError: the engine is out of order"),
        ("errors", 1, "sampler 'dice' failed on all samples, 440 times with: no luck"),
    ],
)
def test_an_engine_that_breaks_is_named_and_costs_nothing_drawn(tmp_path: Path, how: str, code: int, message: str) -> None:
    broken = run_fake(tmp_path / "run", "-o", f"dice.broken={how}")
    assert broken.returncode == code
    assert message in broken.stderr
    assert "Traceback" not in broken.stderr


def test_the_same_from_python(finished: Path, tmp_path: Path) -> None:
    script = f"""
import cogumi
names = dict(plugins=["sums"], model="hollow", sampler="dice", trainer="pretend", guard="none")
result = cogumi.run(**names, out={str(tmp_path / "run")!r})
print(result.verdict["verdict"], result.folder.name, sorted(result.after["categories"]))
"""
    done = subprocess.run([sys.executable, "-c", script], env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout == "PROCEED run ['sums']\n"
    assert final_files(tmp_path / "run") == final_files(finished)


def test_plugins_from_the_environment(tmp_path: Path) -> None:
    done = cogumi("distil", *FAKE[2:], "--out", tmp_path / "run", COGUMI_PLUGINS="sums")
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
