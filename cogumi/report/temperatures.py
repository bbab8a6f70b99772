"""What was chosen among lower temperatures, in sentences."""

from __future__ import annotations

from cogumi.report import words
from cogumi.results import ChosenTemperature, Diagnosis, Temperatures


def chosen_sentences(found: Temperatures | None, before: Diagnosis | None) -> list[str]:
    """One sentence for each category of which several lower temperatures were measured, all of them among those to choose."""
    if found is None or before is None:
        return []
    measured = {name: side.baselines.keys() for name, side in before.evaluations.items()}
    rival = {name: one for name, one in sorted(found.categories.items()) if len(measured.get(name, ())) > 1}
    return [_said(name, one) for name, one in rival.items() if one.chosen is None or one.accuracy.keys() >= measured[name]]


def _said(name: str, found: ChosenTemperature) -> str:
    if found.chosen is None:
        return (
            f"{name}: no problem of the training side could be scored, so no lower temperature was chosen there: "
            "training has to beat every one that was measured."
        )
    shown = {temperature: words.estimate(interval, share=True) for temperature, interval in found.accuracy.items()}
    others = ", ".join(f"{temperature}: {value}" for temperature, value in shown.items() if temperature != found.chosen)
    return (
        f"{name}: temperature {found.chosen} was chosen on the training side: {shown[found.chosen]} of "
        f"{words.count(found.problems, 'problem')} (temperature {others})."
    )
