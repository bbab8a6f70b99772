"""Head to head: which of two models does better, problem by problem.

Of 200 problems that both were asked, mine is better on 30, worse on 12 and level on 158: the score is (30 + 158 / 2) / 200 =
0.545, its 95 % interval 0.513 to 0.576, and p = 0.008, so mine is better. 0.5 is no difference; mine is whoever stands first.

Where answers are right or wrong, accuracy decides (`on_scores`). Where they are neither, a judge reads both texts. Judges
favour a place, so each pair is shown in both orders, and a text wins only where it is preferred in both (Zheng et al. 2023,
"Judging LLM-as-a-Judge with MT-Bench and Chatbot Arena", section 3.4). The score is the win rate with ties as halves
(AlpacaEval; Li et al. 2023). All functions are pure: `judge_requests` says what to ask, `judge_outcomes` what came of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, TypeVar

from cogumi.comparison import estimates
from cogumi.comparison.estimates import Clusters
from cogumi.errors import BadInput
from cogumi.protocols import Judged
from cogumi.records import Completion, Problem, Request, Sampling
from cogumi.results import EvaluationResult, ExternalResult, Match
from cogumi.thoughts import Tags, shown

Outcome = Literal["win", "loss", "tie"]
"""As mine fared."""
Place = Literal["first", "second"]
Samples: TypeAlias = Mapping[tuple[str, int], Completion]
"""The judge's completions by request id and index."""
T = TypeVar("T", EvaluationResult, ExternalResult)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two texts on one problem."""

    problem: Problem
    """What both were asked."""
    mine: str | None
    """The text that wins or loses; None where its sample failed."""
    theirs: str | None
    """The text it is compared with; None where its sample failed."""

    @property
    def equal(self) -> bool:
        """Whether both are the very same text, so that there is nothing to ask."""
        return self.mine is not None and self.mine == self.theirs


def on_scores(mine: T, theirs: T) -> Match | None:
    """Two diagnoses of one benchmark, joined by item id; an item is won where mine has the higher figure.

    The figure is a problem's accuracy, or the metric that counts of an external evaluation. The other side may have
    measured other problems, so those are no error: `left_out` counts what only one side has or what has no figure on one of
    them. None where no common item has a figure on both sides. Raises `BadInput` where no item is common.
    """
    left, right = figures(mine), figures(theirs)
    if not left.keys() & right.keys():
        fix = "compare with a run that measured the same benchmark"
        raise BadInput("no problem is on both sides", field="items", fix=fix)
    values = {name: (left[name], right[name]) for name in sorted(left.keys() & right.keys())}
    outcomes = {name: _better(x, y) for name, (x, y) in values.items() if x is not None and y is not None}
    left_out = len(left.keys() | right.keys()) - len(outcomes)
    return _match(list(outcomes.values()), left_out, _templates(mine, outcomes)) if outcomes else None


def figures(side: EvaluationResult | ExternalResult) -> dict[str, float | None]:
    """What decides a head to head, by item id; None where an item could not be scored."""
    if isinstance(side, EvaluationResult):
        return {item.id: item.accuracy for item in side.items}
    return {item.id: item.metrics.get(side.metric) for item in side.items}


def judge_requests(name: str, task: Judged, pairs: Sequence[Pair], *, max_tokens: int = 512, seed: int = 0) -> list[Request]:
    """What to ask the judge, greedily: each pair in both orders, mine first (`#judge-ab`) and theirs first (`#judge-ba`).

    `name` is the category's and begins the requests' ids. A pair of equal texts is not asked about, nor one with a failed
    sample.
    """
    sampling = Sampling(temperature=0.0, max_tokens=max_tokens, seed=seed)
    asked: list[Request] = []
    for problem, mine, theirs in _to_ask(pairs):
        for request, order in zip(_ids(name, problem), ((mine, theirs), (theirs, mine)), strict=True):
            messages = tuple(task.judge_messages(problem, *order))
            asked.append(Request(id=request, messages=messages, sampling=sampling))
    return asked


def judge_outcomes(name: str, task: Judged, pairs: Sequence[Pair], samples: Samples, thoughts: Tags = ()) -> Match:
    """What the judge's answers to `judge_requests` of the same name and pairs amount to; its thoughts are set apart.

    A pair is won or lost where both orders prefer the same text, and a tie where they do not and where the texts are equal.
    It is left out where a text or a verdict failed to be sampled, and where a verdict cannot be read: such a judge has said
    nothing, and half a win would be an opinion. `unreadable` counts these verdicts, of two per judged pair;
    `position_bias` is over the pairs with two readable ones (a judge that tosses a coin has 0.5, one that never looks at
    the texts 1.0).
    """
    verdicts = {problem.id: _verdicts(name, task, problem, samples, thoughts) for problem, _, _ in _to_ask(pairs)}
    judged = {problem: pair for problem, pair in verdicts.items() if pair is not None}
    readable = {problem: (ab, ba) for problem, (ab, ba) in judged.items() if ab is not None and ba is not None}
    items: dict[str, Outcome] = {pair.problem.id: "tie" for pair in pairs if pair.equal}
    items |= {problem: _outcome(pair) for problem, pair in readable.items()}
    same_place = sum(ab == ba for ab, ba in readable.values())
    return replace(
        _match(list(items.values()), len(pairs) - len(items)),
        items=dict(sorted(items.items())),
        judged=len(judged),
        position_bias=same_place / len(readable) if readable else None,
        unreadable=sum(pair.count(None) for pair in judged.values()),
    )


def _templates(side: EvaluationResult | ExternalResult, names: Collection[str]) -> Clusters:
    """What the problems of these names were made from, where that is known of all of them."""
    known = {item.id: item.template for item in side.items} if isinstance(side, EvaluationResult) else {}
    found = [template for name in names if (template := known.get(name)) is not None]
    return found if found and len(found) == len(names) else None


def _better(mine: float, theirs: float) -> Outcome:
    return "tie" if mine == theirs else "win" if mine > theirs else "loss"


def _to_ask(pairs: Sequence[Pair]) -> Iterator[tuple[Problem, str, str]]:
    for pair in pairs:
        if pair.mine is not None and pair.theirs is not None and not pair.equal:
            yield pair.problem, pair.mine, pair.theirs


def _ids(name: str, problem: Problem) -> tuple[str, str]:
    return f"{name}/{problem.id}#judge-ab", f"{name}/{problem.id}#judge-ba"


def _verdicts(
    name: str, task: Judged, problem: Problem, samples: Samples, thoughts: Tags
) -> tuple[Place | None, Place | None] | None:
    """Which place was preferred with mine first and with theirs first; None where one of the two could not be sampled."""
    ab, ba = (samples[request, 0] for request in _ids(name, problem))
    if "error" in (ab.finish, ba.finish):
        return None
    return _place(task, shown(ab, thoughts).text), _place(task, shown(ba, thoughts).text)


def _place(task: Judged, text: str) -> Place | None:
    place = task.judge_verdict(text)
    if place not in ("first", "second", None):
        raise ValueError(f"judge_verdict gave {place!r}, which is neither 'first' nor 'second' nor None")
    return place


def _outcome(verdicts: tuple[Place, Place]) -> Outcome:
    if verdicts == ("first", "second"):
        return "win"
    return "loss" if verdicts == ("second", "first") else "tie"


def _match(outcomes: Sequence[Outcome], left_out: int, clusters: Clusters = None) -> Match:
    """Counts and figures. The score is half the share of wins less that of losses, plus a half; so are its ends."""
    counts, n = Counter(outcomes), len(outcomes)
    wins, losses, ties = counts["win"], counts["loss"], counts["tie"]
    bare = Match(wins=wins, losses=losses, ties=ties, n=n, left_out=left_out)
    if not n:
        return bare
    lost, won = [float(o == "loss") for o in outcomes], [float(o == "win") for o in outcomes]
    change = estimates.paired(lost, won, clusters)
    low, high = 0.5 + change.low / 2, 0.5 + change.high / 2
    return replace(bare, score=(wins + ties / 2) / n, low=low, high=high, p=change.p)
