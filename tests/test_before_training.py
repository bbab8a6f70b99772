"""Runs that end before they train, and runs that train nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import FAKE, cogumi, final_files, run_fake

import cogumi as library
from cogumi.runs import RunView

SURE = ("-o", "dice.greedy=1.0", "--samples", "5")
"""A model that is always right at temperature 0, whose vote of five is not."""


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stopped") / "run"
    done = run_fake(folder, *SURE)
    assert done.returncode == 4, done.stderr
    return folder


@pytest.fixture
def folder(stopped: Path, tmp_path: Path) -> Path:
    """A copy of the stopped run."""
    import shutil

    return Path(shutil.copytree(stopped, tmp_path / "run"))


def test_a_run_that_cannot_pay_stops_before_it_draws_or_trains_any_further(stopped: Path) -> None:
    view = library.load(stopped)
    assert (view.after, view.distillation, view.training, view.adapter) == (None, None, None, None)
    assert not (stopped / "samples/distill.jsonl").exists()


def test_it_says_first_what_matters_and_what_to_do_instead(stopped: Path) -> None:
    verdict = library.load(stopped).verdict
    assert verdict is not None
    assert (verdict.verdict, [criterion.kind for criterion in verdict.criteria]) == ("ABANDON", ["worth"])
    assert verdict.sentence.startswith("Do not train: the vote knows less (")
    assert "than temperature 0 (100.0 %;" in verdict.sentence
    assert "`cogumi diagnose --temperature 0`" in verdict.next
    assert "`--teacher SAMPLER:MODEL`" in verdict.next


def test_it_leaves_a_report_of_the_untouched_model(stopped: Path) -> None:
    report = (stopped / "report.md").read_text()
    assert "Do not train" in report
    assert "| accuracy at temperature 0.2 |" in report
    assert "Nothing was trained." in report
    assert (stopped / "report.html").exists()


@pytest.mark.parametrize("words", [("resume",), ("gate",)])
def test_what_is_done_with_it_later_ends_the_same(folder: Path, words: tuple[str, ...]) -> None:
    before = final_files(folder)
    done = cogumi(*words, folder)
    assert done.returncode == 4, done.stderr
    assert final_files(folder) == before


def test_where_the_temperature_is_fixed_it_trains_and_the_warning_stays_in_the_sentence(folder: Path) -> None:
    done = run_fake(folder, *SURE, "--fixed-temperature")
    view = RunView(folder)
    assert view.adapter is not None, done.stderr
    assert view.verdict is not None
    assert "the temperature is fixed, so this is only a warning" in view.verdict.sentence
    assert "diagnose (before)  done already" in done.stderr


def test_with_a_teacher_it_goes_on(folder: Path) -> None:
    done = run_fake(folder, *SURE, "--teacher", "sage:hollow")
    assert RunView(folder).adapter is not None, done.stderr


def test_a_null_run_trains_nothing_and_draws_with_other_seeds(tmp_path: Path) -> None:
    done = run_fake(tmp_path / "run", "--trainer", "none")
    assert done.returncode in (3, 4, 5), done.stderr
    view = library.load(tmp_path / "run")
    assert view.adapter is None
    before, after = ({(c.request, c.index): c.text for c in view.samples(stage)} for stage in ("before", "after"))
    use = [key for key in after if key[0].endswith("#use")]
    assert sum(before[key] == after[key] for key in use) < len(use) / 10


def test_what_k_samples_can_do_stands_in_every_diagnosis(stopped: Path) -> None:
    found = json.loads((stopped / "before.json").read_text())["evaluations"]["sums"]["at_k"]
    assert {name: len(figures) for name, figures in found.items()} == {"pass@k": 5, "maj@k": 5, "pass^k": 5}
    accuracy = json.loads((stopped / "before.json").read_text())["evaluations"]["sums"]["metrics"]["accuracy"]["value"]
    assert found["pass@k"][0]["value"] == pytest.approx(accuracy)
    assert found["pass@k"][4]["value"] > found["maj@k"][4]["value"] > found["pass^k"][4]["value"]


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose user wants more examples than it keeps."""
    folder = tmp_path_factory.mktemp("short") / "run"
    done = run_fake(folder, "--min-examples", "29")
    assert done.returncode == 5, done.stderr
    assert "training-side problems kept; 29 examples are the least. Dropped: " in done.stderr
    assert "{" not in done.stderr
    return folder


def test_a_run_that_keeps_too_little_stops_with_a_report_and_trains_nothing(short: Path) -> None:
    view = library.load(short)
    assert (view.after, view.training, view.adapter) == (None, None, None)
    assert view.distillation is not None
    assert view.verdict is not None
    assert (view.verdict.verdict, {criterion.kind for criterion in view.verdict.criteria}) == ("INCONCLUSIVE", {"kept"})
    report = (short / "report.md").read_text()
    assert "fewer examples were kept than --min-examples asks for" in report
    assert "Too little agreement: ask for less" in report


@pytest.mark.parametrize("words", [("resume",), ("gate",)])
def test_what_is_done_later_with_a_run_that_kept_too_little_ends_the_same(
    short: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    import shutil

    folder = Path(shutil.copytree(short, tmp_path / "run"))
    before = final_files(folder)
    done = cogumi(*words, folder)
    assert done.returncode == 5, done.stderr
    assert final_files(folder) == before


def test_without_the_number_it_goes_on_with_a_warning(short: Path, tmp_path: Path) -> None:
    import shutil

    folder = Path(shutil.copytree(short, tmp_path / "run"))
    done = run_fake(folder)
    assert RunView(folder).adapter is not None, done.stderr
    assert "distill            done already" in done.stderr
    assert "20 examples are the least" in done.stderr


def test_training_alone_stops_there_too_and_leaves_its_report(tmp_path: Path) -> None:
    done = cogumi("train", *FAKE, "--out", tmp_path / "run", "--min-examples", "0.99")
    assert done.returncode == 5, done.stderr
    assert "INCONCLUSIVE" in done.stdout
    assert (tmp_path / "run/report.md").exists()
    assert not (tmp_path / "run/adapter").exists()


@pytest.mark.parametrize("given", ["1.5", "-1", "nan", "inf", "many"])
def test_a_number_that_is_none_is_refused(tmp_path: Path, given: str) -> None:
    done = run_fake(tmp_path / "run", "--min-examples", given)
    assert (done.returncode, (tmp_path / "run").exists()) == (2, False)
    assert "min" in done.stderr.splitlines()[-1]
