"""What can be done with a finished run: a change redoes what depends on it and nothing else, and a folder needs no flags."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from command_line import cogumi, final_files, run_fake

SMALL = ("--held-out", "12", "--samples", "4", "--problems", "12")
DECIDED = (0, 3, 4, 5)
STRICT = """
passed = "Ship it."
[[gates]]
name = "nearly all"
metric = "accuracy"
category = "sums"
relation = ">="
threshold = 0.99999
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "run"
    done = run_fake(folder, *SMALL)
    assert done.returncode in DECIDED, done.stderr
    return folder


@pytest.fixture(scope="module")
def tales(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a category without right answers, and no judge."""
    folder = tmp_path_factory.mktemp("tales") / "run"
    done = run_fake(folder, *SMALL, "--plugins", "tales")
    assert done.returncode in DECIDED, done.stderr
    return folder


class Again:
    """A copy of a finished run; what is drawn and trained on it from now on is counted."""

    def __init__(self, source: Path, folder: Path) -> None:
        self.out, self.notes = folder / "run", folder / "notes"
        shutil.copytree(source, self.out)
        self.notes.mkdir()
        self.before = final_files(self.out)

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """`cogumi run` with more flags."""
        return run_fake(self.out, *SMALL, *arguments, **self.noted(), **more)

    def folder(self, command: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """A command over the folder."""
        return cogumi(command, self.out, *arguments, **self.noted())

    def noted(self) -> dict[str, str]:
        """Where the fakes write down what they do."""
        return {"DRAWN": str(self.notes / "drawn"), "TRAINED": str(self.notes / "trained")}

    @property
    def drawn(self) -> list[str]:
        """The samples that were drawn."""
        path = self.notes / "drawn"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def trained(self) -> bool:
        """Whether anything was trained."""
        return (self.notes / "trained").exists()

    @property
    def changed(self) -> set[str]:
        """Files that are new, gone or other ones now."""
        now = final_files(self.out)
        return {name for name in {*now, *self.before} if now.get(name) != self.before.get(name)}

    def json(self, name: str) -> Any:
        """A file of the run."""
        return json.loads((self.out / name).read_text())


@pytest.fixture
def again(finished: Path, tmp_path: Path) -> Again:
    return Again(finished, tmp_path)


def names(path: Path) -> set[str]:
    return {entry.name for entry in path.iterdir()}


# A folder needs no flags


@pytest.mark.parametrize("command", ["gate", "report", "show", "failures", "resume", "rescore"])
def test_a_command_over_a_folder_needs_no_other_flag_and_never_asks_a_model(again: Again, command: str) -> None:
    done = again.folder(command)
    assert done.returncode in DECIDED, done.stderr
    assert done.stdout or command == "failures"
    assert not again.drawn
    assert not again.trained
    assert again.changed == set(), "nothing has another outcome"


def test_compare_revote_and_export_need_no_other_flag(again: Again, finished: Path) -> None:
    compared = again.folder("compare", finished)
    assert compared.returncode == 0, compared.stderr
    assert "response consistency" in compared.stdout
    revoted = again.folder("revote")
    assert revoted.returncode == 0, revoted.stderr
    assert "majority accuracy" in revoted.stdout
    exported = again.folder("export")
    assert (exported.returncode, exported.stderr) == (2, "cogumi: trainer: trainer 'pretend' cannot merge what it left\n")
    assert not again.drawn
    assert not again.trained


def test_show_shows_one_problem_with_every_answer_and_its_mark(again: Again) -> None:
    row = next(json.loads(line) for line in (again.out / "problems.jsonl").read_text().splitlines())
    for name in (row["id"], row["id"].partition("/")[2]):
        shown = again.folder("show", name).stdout
        assert row["prompt"][-1]["content"] in shown
        assert shown.count("--- before ") == shown.count("--- after ") == 4
        assert "(right)" in shown
    unknown = again.folder("show", "sums/sum-1")
    assert unknown.returncode == 2
    assert "no held-out problem is called 'sums/sum-1'" in unknown.stderr


def test_failures_lists_what_is_wrong_or_unsure_with_its_question(again: Again) -> None:
    listed = [json.loads(line) for line in again.folder("failures", "--when", "before").stdout.splitlines()]
    assert listed
    assert all(row["majority_correct"] is False or not row["consistent"] for row in listed)
    assert all(row["prompt"].startswith("What is ") and row["reference"] for row in listed)


def test_revote_leaves_the_runs_own_votes_alone(again: Again) -> None:
    done = again.folder("revote", "--voter", "unanimous")
    assert done.returncode == 0, done.stderr
    assert again.changed == {
        f"revotes/unanimous/{name}" for name in ("before.json", "after.json", "distillation.json", "votes.jsonl")
    }
    mine, theirs = again.json("distillation.json"), again.json("revotes/unanimous/distillation.json")
    assert theirs["categories"]["sums"]["kept"] < mine["categories"]["sums"]["kept"]


@pytest.mark.parametrize("command", ["gate", "report", "show", "failures", "resume", "rescore", "revote", "export"])
@pytest.mark.parametrize("there", [True, False])
def test_a_folder_without_a_run_is_refused_and_stays_as_it_is(tmp_path: Path, command: str, there: bool) -> None:
    out = tmp_path / "new"
    if there:
        out.mkdir()
    done = cogumi(command, out, DRAWN=str(tmp_path / "drawn"))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert str(out) in done.stderr
    assert not (tmp_path / "drawn").exists()
    assert names(tmp_path) == ({"new"} if there else set())
    assert not there or not names(out)


@pytest.mark.parametrize("command", ["gate", "report"])
def test_what_was_only_diagnosed_is_not_decided(tmp_path: Path, command: str) -> None:
    out = tmp_path / "run"
    cogumi("diagnose", "--plugins", "sums", "--model", "hollow", "--sampler", "dice", "--guard", "none", "--trainer", "pretend",
           "--held-out", "5", "--out", out)  # fmt: skip
    before = final_files(out)
    done = cogumi(command, out)
    assert done.returncode == 2
    assert "cogumi resume" in done.stderr
    assert final_files(out) == before


# A change redoes what depends on it


def test_another_phase_decides_again(again: Again) -> None:
    done = again.run("--phase", "full")
    assert done.returncode in DECIDED, done.stderr
    assert again.json("run.json")["phase"]["failures_only"] is False, "the training data are those of the run"
    assert (again.json("verdict.json")["phase"], again.json("run.json")["settings"]["phase"]) == ("full", "full")
    assert not again.drawn
    assert again.changed == {"run.json", "verdict.json", "report.md", "report.html"}


@pytest.mark.parametrize("how", ["gate", "run"])
def test_thresholds_of_ones_own_decide_again(again: Again, tmp_path: Path, how: str) -> None:
    (tmp_path / "my.toml").write_text(STRICT)
    flags = ("--gates", str(tmp_path / "my.toml"))
    done = again.folder("gate", *flags) if how == "gate" else again.run(*flags)
    assert done.returncode in DECIDED, done.stderr
    (gate,) = [c for c in again.json("verdict.json")["criteria"] if c["kind"] == "target"]
    assert (gate["name"], gate["threshold"]) == ("nearly all", 0.99999)
    assert "nearly all" in (again.out / "report.md").read_text()
    assert not again.drawn
    assert not again.trained
    assert again.changed - {"run.json"} == {"verdict.json", "report.md", "report.html"}


def test_a_verdict_by_other_gates_gives_way_to_the_runs_own(again: Again, tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text(STRICT)
    again.folder("gate", "--gates", tmp_path / "my.toml")
    assert again.changed
    again.run()
    assert again.changed == set()


def test_gates_that_cannot_be_read_change_nothing(again: Again, tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text(STRICT.replace("0.99999", "'all'"))
    done = again.folder("gate", "--gates", tmp_path / "my.toml")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "my.toml:8: threshold: 'all' is no number" in done.stderr
    assert again.changed == set()


def test_a_fixed_temperature_decides_again(again: Again) -> None:
    again.run("--fixed-temperature")
    assert not again.drawn
    assert again.changed == {"run.json", "verdict.json", "report.md", "report.html"}


def test_another_benchmark_is_measured_alone(again: Again) -> None:
    done = again.run("--benchmarks", "sums-guard,meter:easy")
    assert done.returncode in DECIDED, done.stderr
    assert {line.partition("/")[0] for line in again.drawn} == {"sums-guard"}
    assert len(again.drawn) == 2 * 12 * 5, "before and after, four samples and a greedy one"
    assert not again.trained
    assert set(again.json("after.json")["evaluations"]) == {"sums", "sums-guard"}
    assert set(again.json("after.json")["external"]) == {"meter:easy"}


def test_a_judge_named_later_judges(tales: Path, tmp_path: Path) -> None:
    again = Again(tales, tmp_path)
    done = again.run("--plugins", "tales", "--judge", "critic:hollow")
    assert done.returncode in DECIDED, done.stderr
    assert not again.drawn, "the student is not asked again"
    assert not again.trained
    assert again.json("head_to_head.json")["judged"]["before"]["tales"]["n"] == 12
    assert again.changed == {"run.json", "samples/judge.jsonl", "head_to_head.json", "report.md", "report.html"}


def test_a_head_to_head_is_stored_once(again: Again) -> None:
    assert again.json("comparison.json")["evaluations"]["sums"]["head_to_head"]["n"] == 12
    assert "before" not in again.json("head_to_head.json")["scores"]
    verdict = (again.out / "verdict.json").read_text()
    assert "head_to_head" not in verdict
    assert '"wins"' not in verdict


# What changes nothing


def test_an_option_named_at_the_value_in_force_changes_nothing(again: Again, tmp_path: Path) -> None:
    config = tmp_path / "run.toml"
    config.write_text(
        '[run]\ntemperature = 0.7\n[plugins.pretend]\npause = 0\n[plugins.dice]\naccent = ""\n[plugins.sums]\nvotes = 10\n'
    )
    for arguments in (("--config", str(config)), ("-o", "pretend.pause=0.0", "-o", "dice.accent="), ("-o", "sums.votes=10")):
        done = again.run(*arguments)
        assert done.returncode in DECIDED, done.stderr
        assert not again.drawn
        assert not again.trained
        assert again.changed <= {"run.json", "report.md", "report.html"}, "only the record of what was asked for"


def test_a_neutral_option_changes_no_key(again: Again) -> None:
    done = again.run("-o", "dice.pause=0.001")
    assert done.returncode in DECIDED, done.stderr
    assert not again.drawn
    assert not again.trained


def test_an_option_that_decides_is_refused_where_a_neutral_one_is_not(again: Again) -> None:
    done = again.run("-o", "pretend.pause=0.5")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "the adapter would have to be trained again: trainer.options.pause: 0.0 -> 0.5" in done.stderr
    assert again.changed == set()


# Refusals and answers


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--temperature", "0.9"), "temperature: 0.7 -> 0.9"),
        (("-o", "dice.accent=Well, "), "options.accent:  -> Well, "),
        (("--system", "Be brief."), "prompts of sums use differ"),
        (("-o", "pretend.pause=1"), "pause: 0.0 -> 1.0"),
    ],
)
def test_a_refusal_is_short_names_the_difference_and_says_what_to_do(
    again: Again, arguments: tuple[str, ...], told: str
) -> None:
    done = again.run(*arguments)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert told in done.stderr
    assert "--redo" in done.stderr
    assert not re.search(r"[0-9a-f]{16}", done.stderr.replace(str(again.out), ""))
    assert len(done.stderr.replace(str(again.out), "")) < 250
    assert again.changed == set()
    assert not again.drawn


@pytest.mark.parametrize(
    ("typed", "meant"), [("distil", "distill"), ("rnu", "run"), ("diagnos", "diagnose"), ("gates", "gate")]
)
def test_a_mistyped_command_answers_with_near_matches(typed: str, meant: str) -> None:
    done = cogumi(typed, "--plugins", "sums")
    assert done.returncode == 2
    assert f"no command is called '{typed}' (did you mean {meant}" in done.stderr
    assert done.stdout == ""


# The adapter and what it was trained on


def test_an_adapter_never_stands_for_new_training_data(again: Again) -> None:
    (again.out / "samples/distill.jsonl").unlink()
    accent = ("-o", "dice.accent=Well, ")
    refused = again.run(*accent)
    assert refused.returncode == 2
    assert not again.drawn
    old = (again.out / "adapter/adapter_config.json").read_bytes()
    done = again.run(*accent, "--redo")
    assert done.returncode in DECIDED, done.stderr
    assert again.trained
    assert (again.out / "adapter/adapter_config.json").read_bytes() != old
    assert (again.out / "adapter.old/adapter_config.json").read_bytes() == old
    rows = (again.out / "self_distillation/sums.jsonl").read_text().splitlines()
    assert all(json.loads(row)["messages"][-1]["content"].startswith("Well, ") for row in rows)


def test_deleted_samples_drawn_by_another_option_do_not_pass_for_the_old_ones(again: Again) -> None:
    for name in ("before", "distill", "after"):
        (again.out / f"samples/{name}.jsonl").unlink()
    adapter = (again.out / "adapter/adapter_config.json").read_bytes()
    refused = again.run("-o", "dice.accent=Well, ")
    assert refused.returncode == 2
    assert "the adapter would have to be trained again: by.options.accent: " in refused.stderr
    assert not again.drawn
    assert (again.out / "adapter/adapter_config.json").read_bytes() == adapter
    assert again.run("-o", "dice.accent=Well, ", "--redo").returncode in DECIDED
    assert again.trained


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("-o", "sums.min_agreement=0.6"), "strategies.sums.min_agreement: 0.5 -> 0.6"),
        (("-o", "sums.votes=12"), "strategies.sums.votes: 10 -> 12"),
        (("--voter", "unanimous"), "voters.sums.name: majority -> unanimous"),
        (("--problems", "14"), "other training problems are asked"),
        (("--teacher", "sage:hollow"), "teacher differs"),
    ],
)
def test_other_training_data_for_a_finished_adapter_is_refused_before_anything_is_asked(
    again: Again, arguments: tuple[str, ...], told: str
) -> None:
    done = again.run(*arguments)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert f"the adapter would have to be trained again: {told}" in done.stderr
    assert again.changed == set()
    assert not again.drawn


def test_with_redo_other_training_data_is_trained_on_and_only_what_is_missing_is_asked(again: Again) -> None:
    done = again.run("--problems", "14", "-o", "sums.min_agreement=0.4", "--redo")
    assert done.returncode in DECIDED, done.stderr
    assert Counter(line.split("#")[1].split()[0] for line in again.drawn) == {
        "vote": 2 * 10,
        "target": 2,
        "use": 12 * 4,  # of the new adapter
        "greedy": 12,
    }
    assert again.json("training.json")["examples"] == again.json("distillation.json")["categories"]["sums"]["kept"]
    assert (again.out / "adapter.old").is_dir()


def test_training_data_that_turns_out_the_same_is_not_trained_on_again(again: Again) -> None:
    done = again.run("-o", "sums.min_agreement=0.4999", "--redo")
    assert done.returncode in DECIDED, done.stderr
    assert not again.trained
    assert not again.drawn
    assert "samples/after.jsonl" not in again.changed
