"""R7, before training: can it pay at all, and is there enough to learn from?

What is taught is the vote. Where the vote is shown to know less than temperature 0 in every trained category, there is nothing
to teach that a lower temperature does not give for nothing, and the run stops before it trains. A category without right
answers, or one that was not voted on and answered at temperature 0, is not shown to be weaker. Where less is kept than the user
asks for (`Facts.min_examples`) it stops too: too little to learn from says nothing about the method.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean

from cogumi.decision.evidence import figures, shown_below, vote_and_greedy, vote_over_greedy
from cogumi.decision.facts import Facts
from cogumi.decision.kept import kept, too_few
from cogumi.decision.words import bracket, listed, percent
from cogumi.phases import Phase
from cogumi.results import Criterion, Diagnosis, EvaluationResult, Status, Verdict
from cogumi.stats import Difference

DO_NOT = "Do not train"
"""How a sentence begins where training cannot pay."""
STOPPED = "Nothing was trained, since fewer examples were kept than --min-examples asks for"
"""How it begins where too few examples were kept."""
ANYWAY = "To train on what was kept all the same, ask for fewer examples (`--min-examples`)."
INSTEAD = (
    "Use the model at a lower temperature (`cogumi diagnose --temperature 0` shows what that gives). To teach it more than it "
    "knows, let a stronger model answer (`--teacher SAMPLER:MODEL`), or find problems on which its vote is worth more."
)


def worth(phase: Phase, before: Diagnosis, facts: Facts) -> Verdict | None:
    """The verdict of a run that stops before training; None where it goes on.

    With `Facts.fixed_temperature` it goes on: temperature 0 cannot be had.
    """
    criterion = vote_worth(before)
    if criterion is None or criterion.status != "fail" or facts.fixed_temperature:
        return None
    return Verdict(
        verdict="ABANDON",
        phase=phase.name,
        sentence=criterion.sentence,
        next=criterion.next,
        criteria=(criterion,),
    )


def enough_kept(phase: Phase, facts: Facts) -> Verdict | None:
    """The verdict of a run that stops since it kept less than its user wants to train on; None where it goes on."""
    short = too_few(facts)
    if not short:
        return None
    criteria = kept(facts, phase.margins)
    named = [c for c in criteria if c.name == "examples kept" and c.subject in short]
    return Verdict(
        verdict="INCONCLUSIVE",
        phase=phase.name,
        sentence=f"{STOPPED}: {' '.join(c.sentence for c in named)}",
        next=" ".join([*dict.fromkeys(c.next for c in criteria), ANYWAY]),
        criteria=tuple(criteria),
    )


def vote_worth(before: Diagnosis, lead: str = DO_NOT) -> Criterion | None:
    """Whether the vote is worth teaching; None where nothing was to be trained. `lead` begins the sentence where it is not."""
    trained = {name: side for name, side in sorted(before.evaluations.items()) if side.purpose == "trained"}
    if not trained:
        return None
    changes = {name: change for name, side in trained.items() if (change := vote_over_greedy(side)) is not None}
    if not changes:
        sentence = "Nothing is right or wrong by vote and at temperature 0, so what the vote is worth was not measured."
        return Criterion(kind="worth", name="vote worth teaching", status="not-measured", sentence=sentence)
    weaker = [name for name, change in changes.items() if shown_below(change)]
    status: Status = "fail" if len(weaker) == len(trained) else "pass"
    pick = min(changes, key=lambda n: changes[n].value) if status == "fail" else max(changes, key=lambda n: changes[n].value)
    criterion = Criterion(
        kind="worth",
        name="vote worth teaching",
        status=status,
        sentence=_sentence(trained[pick], changes, pick, lead if status == "fail" else None),
        subject=pick if len(trained) == 1 else None,
        metric="majority_accuracy",
        relation=">=",
        threshold=0.0,
        next=INSTEAD if status == "fail" else "",
    )
    return figures(criterion, changes[pick])


def _sentence(side: EvaluationResult, changes: Mapping[str, Difference], pick: str, lead: str | None) -> str:
    greedy, vote = _means(side)
    change = bracket(changes[pick])
    if lead is None:
        return f"{pick}: before training the vote is right on {percent(vote)}, temperature 0 on {percent(greedy)} ({change})."
    others = [name for name in changes if name != pick]
    rest = f"; likewise in {listed(others)}" if others else ""
    return f"{lead}: the vote knows less ({percent(vote)} of {pick}) than temperature 0 ({percent(greedy)}; {change}){rest}."


def _means(side: EvaluationResult) -> tuple[float, float]:
    """Accuracy at temperature 0 and by vote, over the problems that have both."""
    values = vote_and_greedy(side)
    return fmean(values.before), fmean(values.after)
