"""Of several baseline temperatures one is chosen on the training side, and read by the decision; of one there is no choice."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import pytest
from command_line import FAKE, cogumi, final_files, run_fake
from decision_tables import diagnosis, table
from decision_tables import evaluation as side_of
from parts import RULES, drawn, part

from cogumi.diagnosis.scoring import score_problem
from cogumi.pipeline.deciding import facts_of
from cogumi.pipeline.temperatures import SAMPLES, choice, requests_of, work_of
from cogumi.planning.plan import CategoryRun
from cogumi.records import Completion, Problem, Request, Score
from cogumi.report.temperatures import chosen_sentences
from cogumi.results import ChosenTemperature, Temperatures
from cogumi.runs import RunView
from cogumi.stats import mean
from cogumi.testing import FakeTask

TWO = ("--baseline-temperatures", "0.5,0.2")
SMALL = ("--problems", "20", "--held-out", "30", "--samples", "5")
PROBLEMS = tuple(FakeTask(30).problems())


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("single") / "run"
    done = run_fake(folder, *SMALL)
    assert done.returncode in (0, 3, 4, 5), done.stderr
    return folder


@pytest.fixture(scope="module")
def several(single: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run, to which a second temperature was added."""
    folder = Path(shutil.copytree(single, tmp_path_factory.mktemp("several") / "run"))
    done = run_fake(folder, *SMALL, *TWO)
    assert done.returncode in (0, 3, 4, 5), done.stderr
    assert "train              done already" in done.stderr
    assert "sums: temperature 0." in done.stderr
    return folder


def test_with_one_temperature_there_is_nothing_to_choose(single: Path, tmp_path: Path) -> None:
    done = run_fake(tmp_path / "run", *SMALL, "--baseline-temperatures", "0.2")
    assert done.returncode in (0, 3, 4, 5)
    files = final_files(tmp_path / "run")
    assert [name for name in files if "temperatures" in name] == []
    mine, theirs = ({n: d for n, d in found.items() if n.startswith("samples/")} for found in (files, final_files(single)))
    assert mine == theirs
    assert len(mine) == 3
    assert RunView(single).temperatures is None


def test_a_second_temperature_draws_itself_and_leaves_all_else_as_it_was(single: Path, several: Path) -> None:
    old, new = final_files(single), final_files(several)
    same = ("samples/distill.jsonl", "samples/after.jsonl", "adapter/adapter_model.safetensors", "training.json")
    assert [name for name in same if old[name] != new[name]] == []
    rows = [json.loads(line) for line in (several / "samples/temperatures.jsonl").read_text().splitlines()]
    assert len(rows) == 20 * 2 * SAMPLES
    assert {row["request"].rpartition("#")[2] for row in rows} == {"t0.2", "t0.5"}
    held_out = {p.id for p in RunView(several).problems() if p.side == "held-out"}
    assert not held_out & {row["request"].rpartition("#")[0] for row in rows}


def test_the_choice_is_what_the_scores_say_and_the_decision_reads_it(several: Path) -> None:
    view = RunView(several)
    assert view.temperatures is not None
    found = view.temperatures.categories["sums"]
    for temperature in ("0.2", "0.5"):
        marks = [row.correct for row in view.scores("temperatures") if row.request.endswith(f"#t{temperature}")]
        assert found.accuracy[temperature].value == pytest.approx(fmean(bool(mark) for mark in marks))
    best = max(found.accuracy, key=lambda name: found.accuracy[name].value)
    assert (found.chosen, found.problems) == (best, 20)
    assert facts_of(view, view.manifest.settings, {}).temperatures == {"sums": best}
    shown = (several / "report.md").read_text().replace("\\", "")
    assert f"sums: temperature {best} was chosen on the training side: {found.accuracy[best].value * 100:.1f} % (" in shown
    assert "of 20 problems" in shown


@pytest.mark.parametrize("words", [("gate",), ("rescore",), ("report",)])
def test_done_again_from_its_files_it_is_the_same(several: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    folder = Path(shutil.copytree(several, tmp_path / "run"))
    before = final_files(folder)
    done = cogumi(*words, folder)
    assert done.returncode in (0, 3, 4, 5), done.stderr
    assert final_files(folder) == before


def test_another_choice_is_another_rival(several: Path, tmp_path: Path) -> None:
    """The file is what `cogumi gate` goes by."""
    folder = Path(shutil.copytree(several, tmp_path / "run"))
    found = json.loads((folder / "temperatures.json").read_text())
    sums = json.loads((folder / "before.json").read_text())
    for item in sums["evaluations"]["sums"]["items"]:
        item["baselines"] = {"0.2": 1.0, "0.5": 0.0}
    (folder / "before.json").write_text(json.dumps(sums))
    verdicts = []
    for chosen in ("0.2", "0.5", None):
        found["categories"]["sums"]["chosen"] = chosen
        (folder / "temperatures.json").write_text(json.dumps(found))
        cogumi("gate", folder)
        criterion = next(c for c in json.loads((folder / "verdict.json").read_text())["criteria"] if c["kind"] == "rival")
        verdicts.append("at temperature 0.2" in criterion["sentence"])
    assert verdicts == [True, False, True]


def test_the_cost_is_said_before_anything_is_drawn(tmp_path: Path) -> None:
    plain, two = (
        cogumi("run", *FAKE, *SMALL, "--out", tmp_path / "run", "--dry-run", "--baseline-temperatures", said)
        for said in ("0.2", "0.2,0.5")
    )
    assert "chosen on the training side" not in plain.stdout
    assert "One of the baseline temperatures 0.2, 0.5 is chosen on the training side: 80 samples of it." in two.stdout
    counts = [int(done.stdout.split()[0].replace(",", "")) for done in (plain, two)]
    assert counts[1] - counts[0] == 80 + 30 * 2, "the choice, and the held-out side at the second temperature"


def test_a_category_without_right_answers_chooses_none_and_has_nothing_to_beat(tmp_path: Path) -> None:
    done = run_fake(tmp_path / "run", *SMALL, *TWO, "--plugins", "tales,sums")
    assert done.returncode in (0, 3, 4, 5), done.stderr
    view = RunView(tmp_path / "run")
    assert view.temperatures is not None
    assert view.temperatures.categories["tales"] == ChosenTemperature(chosen=None, problems=0, accuracy={})
    assert "tales: no problem" not in done.stderr
    assert "sums: temperature 0." in done.stderr


def test_where_the_training_side_cannot_be_scored_every_temperature_has_to_be_beaten_and_that_is_said() -> None:
    found = Temperatures(categories={"sums": ChosenTemperature(chosen=None, problems=0, accuracy={})})
    baselines = {name: mean([0.0, 1.0]) for name in ("0.2", "0.5")}
    told = chosen_sentences(found, diagnosis(sums=side_of(table(40, 50, 50), baselines=baselines)))
    assert len(told) == 1
    assert told[0].startswith("sums: no problem of the training side could be scored")
    assert told[0].endswith("training has to beat every one that was measured.")


def test_a_choice_of_former_settings_is_not_told_of_a_run_that_has_none(several: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(several, tmp_path / "run"))
    done = run_fake(folder, *SMALL, "--baseline-temperatures", "0.2")
    assert done.returncode in (0, 3, 4, 5), done.stderr
    assert "was chosen" not in (folder / "report.md").read_text()


# --- the choice by itself ---------------------------------------------------------------------------------------------


def category(problems: Sequence[Problem], task: FakeTask | None = None) -> CategoryRun:
    made = part(training=problems, task=task)
    return replace(made, evaluation=replace(made.evaluation, baseline_temperatures=(0.5, 0.2)))


def chosen(made: CategoryRun, right: dict[float, int], silent: Sequence[str] = ()) -> ChosenTemperature:
    """The choice where at each temperature so many of the first problems are right in both samples."""
    order = [problem.id for problem in made.training]

    def text(request: Request, index: int) -> str | None:
        name = request.id.removeprefix("sums/").rpartition("#")[0]
        if name in silent:
            return None
        known = {p.id: p.reference for p in made.training}
        return f"It is {known[name] if order.index(name) < right[request.sampling.temperature] else -1}"

    samples = drawn(requests_of(made, RULES), text)
    work = work_of(made, samples)
    guard = made.chosen.entry.attribute_errors
    rows = [r for p in work.problems for r in score_problem(work.task, p, work.groups(p), guard())]
    return choice(made, {(row.request, row.index): row for row in rows})


@pytest.mark.parametrize(("low", "high", "best"), [(20, 12, "0.2"), (12, 20, "0.5"), (15, 15, "0.2")])
def test_the_highest_accuracy_is_chosen_and_the_lower_of_two_equal_ones(low: int, high: int, best: str) -> None:
    found = chosen(category(PROBLEMS), {0.2: low, 0.5: high})
    assert found.chosen == best
    assert {name: round(i.value * 30) for name, i in found.accuracy.items()} == {"0.2": low, "0.5": high}


def test_problems_without_a_reference_are_not_asked_and_failed_ones_do_not_count() -> None:
    bare = [replace(problem, reference=None) for problem in PROBLEMS[:10]]
    assert {r.id for r in requests_of(category([*bare, *PROBLEMS[10:]]), RULES)} == {
        f"sums/{problem.id}#t{temperature}" for problem in PROBLEMS[10:] for temperature in ("0.2", "0.5")
    }
    found = chosen(category(PROBLEMS), {0.2: 30, 0.5: 10}, silent=[problem.id for problem in PROBLEMS[:5]])
    assert (found.problems, found.accuracy["0.5"].value) == (25, 0.2)


class Unscored(FakeTask):
    def score(self, problem: Problem, completions: Sequence[Completion]) -> Sequence[Score]:
        return [Score(correct=None) for _ in completions]


def test_where_nothing_could_be_scored_none_is_chosen() -> None:
    assert chosen(category(PROBLEMS, Unscored(30)), {0.2: 30, 0.5: 10}).chosen is None
