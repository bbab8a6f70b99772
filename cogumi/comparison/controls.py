"""The vote's training beside the untouched model and beside trainings that lack an ingredient, all on the same problems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from statistics import fmean

from cogumi import stats
from cogumi.comparison.measures import baseline, both, column, common, consistency_of, in_cell, measure, templates
from cogumi.comparison.paired import change_of
from cogumi.results import Arm, ArmResult, Bought, Change, Controls, Diagnosis, EvaluationResult
from cogumi.stats import Interval

UNTOUCHED, VOTE, REFERENCE = "untouched", "vote", "gold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was measured of one arm."""

    diagnosis: Diagnosis
    """On as many samples as every arm has."""
    tokens: Mapping[str, float | None]
    """Mean length of a sample at the use temperature, by evaluation."""


def compare_arms(
    measured: Mapping[str, Measured], about: Mapping[str, Arm], whole: tuple[Diagnosis, Diagnosis], samples: int
) -> Controls:
    """The table of arms. `measured` and `about` go by arm (`untouched`, `vote`, controls); `whole` is before and after."""
    arms = {name: _arm(name, measured, about.get(name, Arm())) for name in measured}
    before, after = (diagnosis.evaluations for diagnosis in whole)
    found = {name: _bought(name, before[name], after[name], arms) for name in arms[VOTE].categories}
    return Controls(samples=samples, arms=arms, bought={name: worth for name, worth in found.items() if worth is not None})


def _arm(name: str, measured: Mapping[str, Measured], about: Arm) -> Arm:
    evaluations = measured[name].diagnosis.evaluations
    trained = [e for e, found in evaluations.items() if found.purpose == "trained"]
    told = [e for e in trained if name == VOTE or not about.on or e in about.on]
    categories = {e: _result(name, e, measured) for e in told}
    guards = {e: found.metrics["accuracy"] for e, found in evaluations.items() if _guards(found)}
    return replace(about, categories=categories, guards=guards)


def _guards(found: EvaluationResult) -> bool:
    return found.purpose == "guard" and "accuracy" in found.metrics


def _result(name: str, evaluation: str, measured: Mapping[str, Measured]) -> ArmResult:
    found = measured[name].diagnosis.evaluations[evaluation]
    passes = found.at_k.get("pass@k", ())
    return ArmResult(
        accuracy=found.metrics.get("accuracy"),
        greedy_accuracy=found.metrics.get("greedy_accuracy"),
        majority_accuracy=found.metrics.get("majority_accuracy"),
        pass_at_n=passes[-1] if passes else None,
        consistency=found.metrics[consistency_of(found)],
        consistent_but_wrong=_wrong_but_sure(found),
        tokens=measured[name].tokens[evaluation],
        gain=None if name == UNTOUCHED else _change(evaluation, measured[UNTOUCHED], measured[name]),
        lead=None if name in (UNTOUCHED, VOTE) else _change(evaluation, measured[name], measured[VOTE]),
    )


def _wrong_but_sure(found: EvaluationResult) -> Interval | None:
    values = column(found.items, in_cell("consistent_wrong"))
    known = templates([(item, item) for item in found.items]) if len(values) == len(found.items) else None
    return stats.mean(values, clusters=known) if values else None


def _change(evaluation: str, before: Measured, after: Measured) -> Change | None:
    sides = (side.diagnosis.evaluations[evaluation].items for side in (before, after))
    return change_of(common(*sides), measure("accuracy"))


def _bought(name: str, before: EvaluationResult, after: EvaluationResult, arms: Mapping[str, Arm]) -> Bought | None:
    """The trained model's single samples against the best of the untouched one's lower temperatures."""
    pairs = common(before.items, after.items)
    ways = {"0": measure("greedy_accuracy"), **{t: baseline(t) for t in before.baselines}}
    values = {t: both(pairs, read, measure("accuracy")) for t, read in ways.items()}
    known = {t: (found, change) for t, found in values.items() if (change := found.change()) is not None}
    if not known:
        return None
    best = max(known, key=lambda t: (fmean(known[t][0].before), -float(t)))
    found, change = known[best]
    over = Change(before=fmean(found.before), after=fmean(found.after), change=change, left_out=len(pairs) - len(found.before))
    return Bought(temperature=best, over_lower=over, of_reference=_of_reference(name, arms))


def _of_reference(name: str, arms: Mapping[str, Arm]) -> float | None:
    """The vote's gain as a share of what references gained, where that was shown to be more than nothing."""
    gains = [arms[arm].categories[name].gain for arm in (VOTE, REFERENCE) if arm in arms and name in arms[arm].categories]
    if len(gains) < 2 or gains[0] is None or gains[1] is None or gains[1].change.low <= 0:
        return None
    return gains[0].change.value / gains[1].change.value
