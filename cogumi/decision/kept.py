"""Before training: is enough kept to train on, and is it right?

A trained category should keep `Margins.examples` examples, and `Margins.kept` of its problems; and where its references are
known, more than half of what it keeps should be right. What falls short is said before training, with the reasons and what
helps against the ones that are there; it never decides about a training that was made, since that has evidence of its own.
With `Facts.min_examples` a run that keeps fewer stops there.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence

from cogumi.decision.facts import Facts
from cogumi.decision.words import percent
from cogumi.distillation import reasons
from cogumi.phases import Margins
from cogumi.results import CategoryDistillation, Criterion, Unanswered

WORTH_MENDING = 0.1
"""A share of the dropped problems, or of their votes, that is worth a word."""
CAUSES: Mapping[str, str] = {
    reasons.TIE: "votes",
    reasons.DISAGREEMENT: "agreement",
    reasons.NO_WINNER: "voter",
    reasons.NO_ANSWER: "format",
    reasons.ALL_CUT: "limit",
    reasons.NO_TARGET: "errors",
    reasons.TARGET_CUT: "limit",
    reasons.TARGET_UNREAD: "format",
    reasons.TARGET_DISAGREES: "target",
    reasons.ALREADY_RIGHT: "done",
}
"""What is behind each reason to drop a problem."""
REMEDIES: Mapping[str, str] = {
    "limit": "Cut off: raise the token limit (`--max-tokens N`).",
    "format": "No answer: check that the prompt asks for the format in which answers are read.",
    "errors": "Not sampled: samples/distill.jsonl holds each error.",
    "votes": (
        "Ties: draw more votes (`-o {0}.votes=N`) and ask for less agreement (`-o {0}.min_agreement=SHARE`), or draw the "
        "votes at a lower temperature (`-o {0}.vote_temperature=T`)."
    ),
    "agreement": (
        "Too little agreement: ask for less (`-o {0}.min_agreement=SHARE`), or draw the votes at a lower temperature "
        "(`-o {0}.vote_temperature=T`)."
    ),
    "voter": "No answer won: another voter may find one (`--voter`).",
    "target": "The target disagrees: train on the text of a vote that won (`-o {0}.target=best-vote`).",
    "done": "Consistent and right already: take problems that the model does not master yet.",
}
"""What helps against each cause; `{0}` is the category. Those that are behind others come first."""
MORE = "Take more problems of {0} (`--problems N`)."
TEACHER = "Or let a teacher answer what the model does not agree on (`--teacher SAMPLER:MODEL`)."
WRONG = "Ask for more agreement (`-o {0}.min_agreement=SHARE`), or train on right answers alone (`--voter verified`)."


def kept(facts: Facts, margins: Margins) -> list[Criterion]:
    """What falls short of a category's training data; nothing where it suffices, or nothing was distilled yet."""
    return [c for name, found in sorted(facts.distillation.items()) for c in _category(name, found, facts, margins)]


def too_few(facts: Facts) -> list[str]:
    """The categories that keep less than the user wants at the least."""
    return [name for name, found in sorted(facts.distillation.items()) if found.lessons < _wanted(found, facts)]


def what_helps(name: str, found: CategoryDistillation, *, teacher: bool) -> str:
    """What would keep more of a category's problems: for the reasons that are there, and for no others."""
    causes = _causes(found)
    said = [_with_examples(REMEDIES[c].format(name), c, found.unanswered) for c in REMEDIES if c in causes]
    if found.lessons or not said:
        said.append(MORE.format(name))
    if not teacher and any(reason in reasons.NO_CONSENSUS for reason in found.dropped):
        said.append(TEACHER)
    return " ".join(said)


def by_reason(dropped: Mapping[str, int]) -> str:
    """`tie 61, too little agreement 34`: the most frequent first."""
    return ", ".join(f"{reason} {count:,}" for reason, count in _ranked(dropped))


def _category(name: str, found: CategoryDistillation, facts: Facts, margins: Margins) -> Iterator[Criterion]:
    wanted, usual = _wanted(found, facts), max(margins.examples, math.ceil(margins.kept * found.problems - 1e-9))
    least = wanted if found.lessons < wanted else usual
    if found.lessons < least:
        yield Criterion(
            kind="kept",
            name="examples kept",
            status="inconclusive" if found.lessons else "fail",
            sentence=_few(name, found, least),
            subject=name,
            metric="examples",
            relation=">=",
            threshold=float(least),
            value=float(found.lessons),
            n=found.problems,
            next=what_helps(name, found, teacher=facts.teacher),
        )
    if found.kept and found.label_accuracy is not None and found.label_accuracy < 0.5:
        yield Criterion(
            kind="kept",
            name="kept and correct",
            status="fail",
            sentence=(
                f"{name}: of what was kept and has a known reference only {percent(found.label_accuracy)} is right, "
                "so training would teach the model its own errors."
            ),
            subject=name,
            metric="label_accuracy",
            relation=">=",
            threshold=0.5,
            value=found.label_accuracy,
            n=found.kept,
            next=" ".join([WRONG.format(name), *([] if facts.teacher else [TEACHER])]),
        )


def _wanted(found: CategoryDistillation, facts: Facts) -> int:
    """The least number of examples that the user trains on: given as it is, or as a share of the problems."""
    least = facts.min_examples or 0
    return math.ceil(least * found.problems - 1e-9) if least < 1 else int(least)


def _few(name: str, found: CategoryDistillation, least: int) -> str:
    """How many there are, how many there should be, and why so few."""
    count = f"{found.kept:,}" if found.kept else "none"
    what = "examples" if found.pairs is None else "preference pairs"
    got = f"{count} of {found.problems:,} training-side problems kept"
    also = f", {found.lessons:,} {what}" if found.lessons != found.kept else ""
    why = f" Dropped: {by_reason(found.dropped)}." if found.dropped else ""
    return f"{name}: {got}{also}; {least:,} {what} are the least.{why}{_silent(found.unanswered)}"


def _silent(found: Unanswered | None) -> str:
    """What the votes on dropped problems lacked, where that is much of them."""
    if found is None:
        return ""
    counts = {"cut off at the token limit": found.cut, "without a readable answer": found.unread, "not sampled": found.failed}
    parts = [f"{percent(n / found.votes)} were {what}" for what, n in counts.items() if found.votes and n >= _much(found)]
    return f" Of the {found.votes:,} votes on these {', '.join(parts)}." if parts else ""


def _much(found: Unanswered) -> float:
    return max(WORTH_MENDING * found.votes, 1)


def _causes(found: CategoryDistillation) -> set[str]:
    """What most problems were dropped for, and what their votes lacked."""
    ranked, silent = _ranked(found.dropped), found.unanswered
    least = WORTH_MENDING * sum(found.dropped.values())
    causes = {CAUSES[reason] for i, (reason, count) in enumerate(ranked) if reason in CAUSES and (i == 0 or count >= least)}
    if silent is not None and silent.votes:
        lacking = {"limit": silent.cut, "format": silent.unread, "errors": silent.failed}
        causes |= {cause for cause, count in lacking.items() if count >= _much(silent)}
    return causes


def _ranked(dropped: Mapping[str, int]) -> Sequence[tuple[str, int]]:
    return sorted(dropped.items(), key=lambda entry: (-entry[1], entry[0]))


def _with_examples(remedy: str, cause: str, found: Unanswered | None) -> str:
    """Texts that could not be read, behind the advice about the format."""
    if cause != "format" or found is None or not found.examples:
        return remedy
    shown = (f"{example.id}: {json.dumps(example.text, ensure_ascii=False)}" for example in found.examples)
    return f"{remedy} Not readable, e.g. {'; '.join(shown)}."
