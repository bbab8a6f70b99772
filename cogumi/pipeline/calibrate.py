"""How often a verdict is wrong where nothing changed: null runs dealt from the samples of one model (see `dealing`).

The model is the same before and after, so every PROCEED is false, and so is every claim that something rose, fell or was
forgotten. That training is not worth it may be true.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from cogumi import stats
from cogumi.comparison.paired import compare
from cogumi.decision.verdict import decide
from cogumi.diagnosis.diagnose import diagnose_all
from cogumi.errors import BadInput
from cogumi.pipeline import pipeline
from cogumi.pipeline.again import without_model
from cogumi.pipeline.dealing import Deal, Pool, pooled, same_samples
from cogumi.pipeline.deciding import facts_of
from cogumi.pipeline.folder import RunFolder
from cogumi.pipeline.manifest import settings_of
from cogumi.pipeline.observers import Silent
from cogumi.pipeline.run import Run
from cogumi.pipeline.score import stored
from cogumi.planning import defaults
from cogumi.planning.settings import Settings
from cogumi.protocols import Observer
from cogumi.results import Criterion, Decision, Diagnosis, TrainingResult, Verdict
from cogumi.runs import RunView
from cogumi.stats import Interval

PRETENDED = TrainingResult(examples=1, steps=1, losses=(1.0,), weight_change=0.01, quantization="none", under_an_hour=True)
"""A training that took place and changed nothing."""
NULL_RUN = "cogumi calibrate --plugins NAME,... --out ANOTHER makes a null run"


def _kind(kind: str, status: str) -> Callable[[Criterion], bool]:
    return lambda criterion: (criterion.kind, criterion.status) == (kind, status)


FALSE: Mapping[str, Callable[[Criterion], bool]] = {
    "better than before": _kind("gain", "pass"),
    "better than what costs nothing": _kind("rival", "pass"),
    "harm": _kind("harm", "fail"),
    "forgotten": _kind("guard", "fail"),
    "agreement no longer means right": _kind("trust", "fail"),
}
"""What a verdict may claim and what cannot be true where nothing changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How many of the null runs, and which share that is with its interval over deals."""

    count: int
    """Null runs."""
    share: Interval
    """Of all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What came of null runs."""

    runs: int
    """Null runs."""
    drawings: int
    """Drawings that they were dealt from: the two of a null run, or one diagnosis."""
    samples: int
    """Samples of each problem on either side."""
    problems: Mapping[str, int]
    """Problems by evaluation."""
    verdicts: Mapping[Decision, Counted]
    """Null runs by verdict, each verdict named."""
    claims: Mapping[str, Counted]
    """Null runs in which a false claim (`FALSE`) was made, by claim."""
    enough: bool
    """Whether there are as many samples on a side as a verdict needs at least."""


def calibrate(
    folder: Path, runs: int, observer: Observer | None = None, *, phase: str | None = None, gates: Path | None = None
) -> Calibration:
    """Deal null runs from a recorded run in which nothing was trained, and decide each; nothing is drawn or written."""
    _check_runs(runs)
    if not (folder / "before.json").is_file():
        raise BadInput("no diagnosis in this folder", file=folder, fix="go on with the run: cogumi resume")
    settings, run_folder = settings_of(folder), RunFolder(folder)
    _refuse_trained(folder, settings)
    settings = replace(settings, phase=phase or settings.phase, gates=gates or (None if phase else settings.gates))
    with run_folder.hold() as lock:
        run = without_model(run_folder, settings, observer or Silent(), lock)
        return _count(run, _pool(run), runs)


def calibrate_settings(settings: Settings, runs: int, observer: Observer | None = None, *, redo: bool = False) -> Calibration:
    """Make one null run of these settings, or find it made, and deal null runs from it."""
    _check_runs(runs)
    if (settings.out / "run.json").is_file():
        _refuse_trained(settings.out, settings_of(settings.out))
    null = replace(settings, trainer=defaults.NOTHING)
    pipeline.run(null, until="compare", without=("distill", "train"), observer=observer, redo=redo)
    return calibrate(settings.out, runs, observer)


def _check_runs(runs: int) -> None:
    if runs < 1:
        raise BadInput(f"{runs} is out of range", field="runs", fix="give 1 or more")


def _refuse_trained(folder: Path, settings: Settings) -> None:
    """What a trained model says is no null."""
    untrained = settings.trainer == defaults.NOTHING or not (folder / "after.json").exists()
    if (folder / "adapter").exists() or not untrained:
        raise BadInput("this run was trained, so its before and after are not alike", file=folder, fix=NULL_RUN)


def _pool(run: Run) -> Pool:
    """Both drawings of a null run, or the one of a run that has only been diagnosed."""
    names = ("before", "after") if run.path("after.json").exists() else ("before",)
    files = [run.path(f"{kind}/{name}.jsonl") for name in names for kind in ("samples", "scores")]
    if missing := [file for file in files if not file.is_file()]:
        raise BadInput("no such file in this run: there is nothing to deal", file=missing[0], fix=NULL_RUN)
    samples, scores = zip(*(stored(run, name) for name in names), strict=True)
    pool = pooled(run.plan.evaluations, samples, scores, run.plan.settings.samples)
    if pool.size < 1:
        raise BadInput("one sample of each problem cannot be dealt to two sides", file=run.folder.path, fix=NULL_RUN)
    if len(names) == 2 and same_samples(run.plan.evaluations, pool):
        problem = "before and after are the very same samples: the sampler does not heed seeds"
        raise BadInput(problem, file=run.folder.path, fix="calibrate a diagnosis instead (cogumi diagnose)")
    return pool


def _count(run: Run, pool: Pool, runs: int) -> Calibration:
    found: Counter[Decision] = Counter()
    claims: Counter[str] = Counter()
    for number in range(runs):
        run.observer.progress(number, runs, "null runs")
        verdict = _verdict(run, Deal(pool, str(number)))
        found[verdict.verdict] += 1
        claims.update(name for name, holds in FALSE.items() if any(map(holds, verdict.criteria)))
    return Calibration(
        runs=runs,
        drawings=len(pool.samples),
        samples=pool.size,
        problems={e.name: len(e.problems) for e in run.plan.evaluations},
        verdicts={decision: _counted(found[decision], runs) for decision in get_args(Decision)},
        claims={name: _counted(claims[name], runs) for name in FALSE},
        enough=pool.size >= run.plan.phase.margins.samples,
    )


def _counted(count: int, runs: int) -> Counted:
    return Counted(count=count, share=stats.proportion(count, runs))


def _verdict(run: Run, deal: Deal) -> Verdict:
    """As if between the two sides a training had taken place; what the run distilled, if it did, was not trained on."""
    before, after = (_side(run, deal, second=second) for second in (False, True))
    view = RunView(run.folder.path)
    facts = facts_of(view, run.plan.settings, view.manifest.category_gates, training=PRETENDED)
    return decide(run.plan.phase, before, after, compare(before, after), replace(facts, distillation={}))


def _side(run: Run, deal: Deal, *, second: bool) -> Diagnosis:
    samples, scores = deal.samples(second=second), deal.scores(second=second)
    return Diagnosis(evaluations=diagnose_all(run.plan.evaluations, samples, scores, deal.pool.size))
