"""What k of the samples would have come to, for every k: one right among them, their vote, all of them right."""

from __future__ import annotations

from collections.abc import Sequence

from cogumi import stats
from cogumi.results import ProblemResult
from cogumi.stats_samples import Tally, maj_at_k, pass_at_k, pass_hat_k


def at_k(items: Sequence[ProblemResult], samples: int, clusters: Sequence[str] | None) -> dict[str, tuple[stats.Interval, ...]]:
    """`pass@k`, `maj@k` and `pass^k` over the problems whose every sample could be scored; nothing where there are none."""
    chosen = [place for place, item in enumerate(items) if item.accuracy is not None and _whole(item, samples)]
    if not chosen:
        return {}
    known = None if clusters is None else [clusters[place] for place in chosen]
    whole = [items[place] for place in chosen]
    correct = [(samples, round((item.accuracy or 0.0) * samples)) for item in whole]
    tallies = [_tally(item, samples) for item in whole]
    ks = range(1, samples + 1)
    return {
        "pass@k": tuple(pass_at_k(correct, k, known) for k in ks),
        "maj@k": tuple(maj_at_k(tallies, k, known) for k in ks),
        "pass^k": tuple(pass_hat_k(correct, k, known) for k in ks),
    }


def _whole(item: ProblemResult, samples: int) -> bool:
    return item.unscored == 0 and round(item.no_answer * samples) + sum(a.count for a in item.answers) == samples


def _tally(item: ProblemResult, samples: int) -> Tally:
    answers = {str(place): (answer.count, bool(answer.correct)) for place, answer in enumerate(item.answers)}
    return Tally(answers=answers, silent=samples - sum(answer.count for answer in item.answers))
