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
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from cogumi import stats
from cogumi.errors import BadInput
from cogumi.protocols import Judged
from cogumi.records import JSON, Completion, Problem, Request, Sampling

Outcome = Literal["win", "loss", "tie"]
"""As mine fared."""
Place = Literal["first", "second"]
Samples: TypeAlias = Mapping[tuple[str, int], Completion]
"""The judge's completions by request id and index."""
Item: TypeAlias = Mapping[str, Any]
"""One problem of a diagnosis."""


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


def accuracy(item: Item) -> float | None:
    """A problem's mean over its samples; None where it could not be scored."""
    value: float | None = item["accuracy"]
    return value


def on_scores(
    mine: Mapping[str, Any], theirs: Mapping[str, Any], read: Callable[[Item], float | None] = accuracy
) -> dict[str, JSON] | None:
    """Two diagnoses of one benchmark, joined by item id; an item is won where `read` gives mine the higher figure.

    Gives `wins`, `losses`, `ties`, `n`; the `score` in 0..1 with the ends `low` and `high` of its 95 % interval; the exact
    two-sided sign test's `p`; and `left_out`, the items that only one side has or that have no figure on one of them. The
    other side may have measured other problems, so those are no error. None where no common item has a figure on both
    sides. Raises `BadInput` where no item is common.
    """
    left, right = ({item["id"]: read(item) for item in side["items"]} for side in (mine, theirs))
    if not left.keys() & right.keys():
        fix = "compare with a run that measured the same benchmark"
        raise BadInput("no problem is on both sides", field="items", fix=fix)
    values = [(left[name], right[name]) for name in sorted(left.keys() & right.keys())]
    outcomes = [_better(x, y) for x, y in values if x is not None and y is not None]
    left_out = len(left.keys() | right.keys()) - len(outcomes)
    return _summary(outcomes, left_out=left_out) if outcomes else None


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


def judge_outcomes(name: str, task: Judged, pairs: Sequence[Pair], samples: Samples) -> dict[str, JSON]:
    """What the judge's answers to `judge_requests` of the same name and pairs amount to.

    A pair is won or lost where both orders prefer the same text, and a tie where they do not, where a verdict cannot be
    read and where the texts are equal. It is left out where a text or a verdict failed to be sampled. Gives what
    `on_scores` gives (`score` and what follows from it are None where nothing is left), and besides:

    - `items`: `win`, `loss` or `tie` by problem id;
    - `judged`: the pairs that were asked about and answered in both orders;
    - `position_bias`: the share of these where the judge preferred the same place twice, None where there are none (a
      judge that tosses a coin has 0.5, one that never looks at the texts 1.0);
    - `unreadable`: the verdicts that could not be read, of two per judged pair.
    """
    verdicts = {problem.id: _verdicts(name, task, problem, samples) for problem, _, _ in _to_ask(pairs)}
    judged = {problem: pair for problem, pair in verdicts.items() if pair is not None}
    items: dict[str, Outcome] = {pair.problem.id: "tie" for pair in pairs if pair.equal}
    items |= {problem: _outcome(pair) for problem, pair in judged.items()}
    same_place = sum(ab is not None and ab == ba for ab, ba in judged.values())
    return {
        **_summary(items.values(), left_out=len(pairs) - len(items)),
        "items": dict(sorted(items.items())),
        "judged": len(judged),
        "position_bias": same_place / len(judged) if judged else None,
        "unreadable": sum(pair.count(None) for pair in judged.values()),
    }


def _better(mine: float, theirs: float) -> Outcome:
    return "tie" if mine == theirs else "win" if mine > theirs else "loss"


def _to_ask(pairs: Sequence[Pair]) -> Iterator[tuple[Problem, str, str]]:
    for pair in pairs:
        if pair.mine is not None and pair.theirs is not None and not pair.equal:
            yield pair.problem, pair.mine, pair.theirs


def _ids(name: str, problem: Problem) -> tuple[str, str]:
    return f"{name}/{problem.id}#judge-ab", f"{name}/{problem.id}#judge-ba"


def _verdicts(name: str, task: Judged, problem: Problem, samples: Samples) -> tuple[Place | None, Place | None] | None:
    """Which place was preferred with mine first and with theirs first; None where one of the two could not be sampled."""
    ab, ba = (samples[request, 0] for request in _ids(name, problem))
    if "error" in (ab.finish, ba.finish):
        return None
    return _place(task, ab.text), _place(task, ba.text)


def _place(task: Judged, text: str) -> Place | None:
    place = task.judge_verdict(text)
    if place not in ("first", "second", None):
        raise ValueError(f"judge_verdict gave {place!r}, which is neither 'first' nor 'second' nor None")
    return place


def _outcome(verdicts: tuple[Place | None, Place | None]) -> Outcome:
    if verdicts == ("first", "second"):
        return "win"
    return "loss" if verdicts == ("second", "first") else "tie"


def _summary(outcomes: Collection[Outcome], *, left_out: int) -> dict[str, JSON]:
    """Counts and figures. The score is half the share of wins less that of losses, plus a half; so are its ends."""
    counts, n = Counter(outcomes), len(outcomes)
    wins, losses, ties = counts["win"], counts["loss"], counts["tie"]
    figures: dict[str, JSON] = dict.fromkeys(("score", "low", "high", "p"))
    if n:
        change = stats.paired([float(o == "loss") for o in outcomes], [float(o == "win") for o in outcomes])
        ends = {"low": 0.5 + change.low / 2, "high": 0.5 + change.high / 2}
        figures = {"score": (wins + ties / 2) / n, **ends, "p": change.p}
    return {"wins": wins, "losses": losses, "ties": ties, **figures, "n": n, "left_out": left_out}
