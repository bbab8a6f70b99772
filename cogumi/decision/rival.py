"""R3, free rival: is the trained model better than what costs nothing?

Per trained category, the best way of using the trained model at the price of one sample (single answers at the use temperature,
or temperature 0) is held against the best such way of the untouched one: the same two, and its lower temperatures (of several
the one chosen on the training side, `Facts.temperatures`, else all of them). It has to beat every one of these rivals in at
least one category, corrected for the number of categories (Holm 1979), and to lose in none. Having to beat all of several
rivals needs no correction (Berger 1982).

Where no text is right or wrong there is nothing to hold against a lower temperature, which makes any model consistent: that is
inconclusive and never a pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from cogumi import stats
from cogumi.comparison.measures import Measure, baseline, both, column, measure
from cogumi.decision.evidence import ALPHA, Evidence, Subject, figures, more_needed, shown_below, would_tell
from cogumi.decision.words import IF_FREE, bracket, percent
from cogumi.results import Criterion, Status
from cogumi.stats import Difference

WAYS = ("accuracy", "greedy_accuracy")
"""Ways of answering at the price of one sample."""
NAME = "better than what costs nothing"
UNTOLD = "Name a judge (`--judge`) to compare the texts, or train a category with right answers besides."


@dataclass(frozen=True, slots=True)
class Contest:
    """The best of the trained model against the best of the untouched one in a category."""

    subject: Subject
    """The category."""
    way: str
    """How the trained model is used."""
    rival: str
    """How the untouched one is used."""
    untouched: float
    """Its accuracy."""
    trained: float
    """The trained model's."""
    change: Difference
    """Trained minus untouched."""
    p: float
    """The largest p-value over all rivals where each of them was beaten, else 1."""
    loses: bool
    """Whether the trained model is shown to be worse than a rival, corrected for their number."""


def rival(evidence: Evidence) -> list[Criterion]:
    """Whether training beats what costs nothing; nothing where no category was trained."""
    trained = evidence.of("trained")
    contests = [contest for subject in trained if (contest := hold(subject, _temperatures(evidence, subject)))]
    if not contests:
        sentence = "Nothing trained was right or wrong at temperature 0, so whether training beats it was not measured."
        open_ = Criterion(kind="rival", name=NAME, status="inconclusive", sentence=sentence, next=UNTOLD)
        return [open_] if trained else []
    adjusted = stats.holm({contest.subject.name: contest.p for contest in contests})
    return [_criterion(contests, adjusted, IF_FREE if evidence.facts.fixed_temperature else "Do not train")]


def hold(subject: Subject, temperatures: Sequence[str]) -> Contest | None:
    """The contest of one category; None where temperature 0 was not scored on the untouched model."""
    rivals: dict[str, Measure] = {way: measure(way) for way in WAYS} | {t: baseline(t) for t in temperatures}
    means = _means(subject, rivals, before=True)
    ways = _means(subject, {way: measure(way) for way in WAYS}, before=False)
    if "greedy_accuracy" not in means or not ways:
        return None
    way, best = (max(found, key=lambda name: found[name]) for found in (ways, means))
    changes = {name: _against(subject, rivals[name], way) for name in means}
    if any(change is None for change in changes.values()):
        return None
    known = {name: change for name, change in changes.items() if change is not None}
    losing = stats.holm({name: change.p for name, change in known.items()})
    return Contest(
        subject=subject,
        way=way,
        rival=best,
        untouched=means[best],
        trained=ways[way],
        change=known[best],
        p=max(c.p for c in known.values()) if all(c.low > 0 for c in known.values()) else 1.0,
        loses=any(shown_below(c) and (name == best or losing[name] < ALPHA) for name, c in known.items()),
    )


def _temperatures(evidence: Evidence, subject: Subject) -> list[str]:
    chosen = evidence.facts.temperatures.get(subject.name)
    measured = sorted({name for item in subject.before.items for name in item.baselines})
    return [chosen] if chosen in measured and chosen is not None else measured


def _means(subject: Subject, measures: Mapping[str, Measure], *, before: bool) -> dict[str, float]:
    """Each figure's mean over the problems of both sides; those that no problem has are left out."""
    items = [b if before else a for b, a in subject.pairs]
    found = {name: column(items, read) for name, read in measures.items()}
    return {name: fmean(values) for name, values in found.items() if values}


def _against(subject: Subject, read: Measure, way: str) -> Difference | None:
    return both(subject.pairs, read, measure(way)).change()


def _criterion(contests: Sequence[Contest], adjusted: Mapping[str, float], lead: str) -> Criterion:
    lost = [contest for contest in contests if contest.loses]
    won = [contest for contest in contests if adjusted[contest.subject.name] < ALPHA and contest.change.low > 0]
    status: Status = "fail" if lost else "pass" if won else "inconclusive"
    pick = min(lost, key=lambda c: c.change.value) if lost else max(won or contests, key=lambda c: c.change.low)
    more = more_needed(0.0, pick.change) if status == "inconclusive" and pick.change.value > 0 else None
    criterion = Criterion(
        kind="rival",
        name=NAME,
        status=status,
        sentence=_sentence(pick, status, more, lead),
        subject=pick.subject.name,
        metric=pick.way,
        relation=">=",
        threshold=0.0,
        next=_next(pick, status),
    )
    return figures(criterion, pick.change, more=more)


def _sentence(contest: Contest, status: Status, more: int | None, lead: str) -> str:
    old, new = _used(contest, contest.rival), _used(contest, contest.way)
    untouched = f"{old} the untouched model is right on {percent(contest.untouched)} of {contest.subject.name}"
    trained = f"the trained one on {percent(contest.trained)}" + ("" if old == new else f" {new}")
    held = f"{untouched}, {trained} ({bracket(contest.change)})."
    if status == "fail":
        return f"{lead}: {held}"
    if status == "pass":
        return f"Better than what costs nothing: {held}"
    extra = f" {would_tell(more)}" if contest.change.value > 0 else ""
    return f"Training is not shown to beat what costs nothing: {held}{extra}"


def _used(contest: Contest, way: str) -> str:
    if way == "accuracy":
        return f"with single answers at temperature {contest.subject.after.temperature:g}"
    return "at temperature 0" if way == "greedy_accuracy" else f"at temperature {way}"


def _next(contest: Contest, status: Status) -> str:
    if status == "pass":
        return ""
    if contest.rival == "accuracy":
        return "Use the untouched model as it is."
    temperature = "0" if contest.rival == "greedy_accuracy" else contest.rival
    lower = (
        f"Use the untouched model at temperature {temperature} (`cogumi diagnose --temperature {temperature}`), which is free"
    )
    if status == "fail":
        return f"{lower}; to teach it more than it knows, name a teacher (`--teacher`)."
    return f"{lower}, or measure on more held-out problems."
