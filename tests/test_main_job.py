"""The main job with nothing replaced: the embedded model, transformers, bitsandbytes, peft."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import cogumi, environment, final_files
from test_kill import finish, kill_until

SMALL = ("--plugins", "math", "--problems", "12", "--held-out", "6", "--samples", "4", "-o", "qlora.epochs=1")


@pytest.fixture(scope="module")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("main") / "run"
    done = cogumi("run", *SMALL, "--out", folder)
    assert done.returncode in (0, 3, 4, 5), done.stderr
    return folder


def test_a_small_run_leaves_its_files(small_run: Path) -> None:
    training = json.loads((small_run / "training.json").read_text())
    assert training["quantization"] == "nf4"
    assert training["weight_change"] > 0
    assert len(training["losses"]) == training["steps"] > 0
    assert (small_run / "adapter/adapter_model.safetensors").stat().st_size > 1000
    after = json.loads((small_run / "after.json").read_text())["evaluations"]["math"]
    assert after["problems"] == 6
    assert (small_run / "report.md").read_text().startswith("# ")


def test_what_is_trained_on_is_what_was_sampled(small_run: Path) -> None:
    drawn = {}
    for line in (small_run / "samples/distill.jsonl").read_text().splitlines():
        row = json.loads(line)
        drawn[row["request"], row["index"]] = row
    for line in (small_run / "self_distillation/math.jsonl").read_text().splitlines():
        row = json.loads(line)
        target = drawn[row["evidence"]["target"]["request"], row["evidence"]["target"]["index"]]
        assert row["messages"][-1]["content"] == target["text"]
        assert row["evidence"]["token_ids"] == target["token_ids"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")  # TRL's own
def test_the_training_data_is_read_by_trl_as_it_is(small_run: Path, tmp_path: Path) -> None:
    import datasets
    from cogumi_tiny import tiny
    from trl import SFTConfig, SFTTrainer

    rows = datasets.load_dataset(
        "json", data_files=str(small_run / "self_distillation/math.jsonl"), split="train", cache_dir=str(tmp_path / "cache")
    )
    settings = SFTConfig(output_dir=str(tmp_path), bf16=False, use_cpu=True, max_steps=1, report_to="none", logging_steps=1)
    trainer = SFTTrainer(model=tiny().path, args=settings, train_dataset=rows)
    assert trainer.train().training_loss > 0


@pytest.mark.slow
def test_killed_fifty_times_with_the_embedded_model(tmp_path: Path) -> None:
    arguments = ("run", "--plugins", "math", "--problems", "40", "--held-out", "20", "-o", "qlora.checkpoint_steps=5")
    whole, broken = ((*arguments, "--out", str(tmp_path / name)) for name in ("whole", "broken"))
    finish(whole, environment())
    kill_until(50, broken, tmp_path / "broken", 25.0, environment())
    finish(broken, environment())
    assert final_files(tmp_path / "broken") == final_files(tmp_path / "whole")
