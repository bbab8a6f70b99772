"""Sample, vote, keep: the model's own consensus as training data.

For every training-side problem the voters are drawn at the vote temperature and the target at the category's generate
temperature. The target is kept where it gives the answer that won the vote; a tie, a winner with too little support and a
target that was cut off or disagrees are dropped, and counted under their reason.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from cogumi.diagnose import Samples, ballots, wants_logprobs
from cogumi.plan import Part
from cogumi.protocols import Selector, Voter
from cogumi.records import JSON, Ballot, Completion, Example, Problem, Request, Sampling, Vote
from cogumi.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one training-side problem."""

    problem: Problem
    """The problem."""
    vote: Vote
    """The vote over its samples."""
    targets: tuple[Completion, ...]
    """The texts to train on, the best first; none where the problem was dropped."""
    dropped: str | None
    """Why it was dropped."""
    agrees_with_reference: bool | None
    """Whether the winner is right. Never decides what is kept, but phase `full` leaves out what is already known for sure."""


def vote_id(part: Part, problem: Problem) -> str:
    """The request for a problem's voters."""
    return f"{part.name}/{problem.id}#vote"


def target_id(part: Part, problem: Problem) -> str:
    """The request for a problem's target."""
    return f"{part.name}/{problem.id}#target"


def vote_temperature(part: Part, settings: Settings) -> float:
    """The temperature of the voters: the strategy's, or the one at which the model is used."""
    own = part.strategy.vote_temperature
    return settings.temperature if own is None else own


def requests(part: Part, settings: Settings) -> list[Request]:
    """What has to be sampled."""
    strategy = part.strategy
    best = strategy.target == "best-vote" or is_control(part.exam.voter)
    voters = Sampling(
        temperature=vote_temperature(part, settings),
        max_tokens=strategy.max_tokens,
        seed=settings.seed,
        logprobs=best or wants_logprobs(part.exam.voter),
    )
    target = Sampling(temperature=strategy.generate_temperature, max_tokens=strategy.max_tokens, seed=settings.seed)
    asked: list[Request] = []
    for problem in part.training:
        with part.entry.blame():
            messages = tuple(part.category.task.messages(problem))
        indices = tuple(range(strategy.votes))
        asked.append(Request(id=vote_id(part, problem), messages=messages, sampling=voters, indices=indices))
        if not best:
            asked.append(Request(id=target_id(part, problem), messages=messages, sampling=target))
    return asked


def distil(part: Part, samples: Samples, settings: Settings) -> list[Outcome]:
    """The outcome of every training-side problem, by id."""
    return [_outcome(part, problem, samples, settings) for problem in part.training]


def example_rows(part: Part, outcome: Outcome, settings: Settings) -> list[dict[str, JSON]]:
    """Lines of `self_distillation/CATEGORY.jsonl`, one per target: chat messages, and beside them the evidence for it."""
    prompt = [dict(message) for message in part.category.task.messages(outcome.problem)]
    vote, strategy = outcome.vote, part.strategy
    evidence = {
        "answer": vote.winner,
        "agreement": vote.agreement,
        "votes": [{"answer": answer, "count": count} for answer, count in vote.counts.items()],
        "total": vote.total,
        "generate_temperature": strategy.generate_temperature,
        "vote_temperature": vote_temperature(part, settings),
        "train_temperature": strategy.train_temperature,
        "seed": settings.seed,
    }
    return [
        {
            "id": f"{part.name}/{outcome.problem.id}" + (f"#{place}" if place > 1 else ""),
            "messages": [*prompt, {"role": "assistant", "content": target.text}],
            "evidence": {
                **evidence,
                "target": {"request": target.request, "index": target.index},
                "prompt_digest": target.prompt_digest,
                "token_ids": None if target.token_ids is None else list(target.token_ids),
            },
        }
        for place, target in enumerate(outcome.targets, 1)
    ]


def example_of(row: Mapping[str, Any]) -> Example:
    """The training example that a line of `self_distillation/CATEGORY.jsonl` stands for."""
    evidence = row.get("evidence", {})
    ids = evidence.get("token_ids")
    return Example(
        id=row["id"],
        messages=tuple(row["messages"]),
        train_temperature=evidence.get("train_temperature", 0.0),
        prompt_digest=evidence.get("prompt_digest"),
        token_ids=None if ids is None else tuple(ids),
    )


def vote_row(part: Part, outcome: Outcome) -> dict[str, JSON]:
    """A line of `votes.jsonl`."""
    vote = outcome.vote
    return {
        "id": f"{part.name}/{outcome.problem.id}",
        "winner": vote.winner,
        "tie": vote.tie,
        "agreement": vote.agreement,
        "counts": dict(vote.counts),
        "total": vote.total,
        "kept": len(outcome.targets),
        "dropped": outcome.dropped,
        "agrees_with_reference": outcome.agrees_with_reference,
    }


def summary(part: Part, outcomes: Sequence[Outcome]) -> dict[str, JSON]:
    """How many were kept, why the others were not, and how good the labels are where that can be told."""
    kept = [outcome for outcome in outcomes if outcome.targets]
    judged = [o.agrees_with_reference for o in kept if o.agrees_with_reference is not None]
    reasons = Counter(outcome.dropped for outcome in outcomes if outcome.dropped is not None)
    return {
        "problems": len(outcomes),
        "kept": len(kept),
        "examples": sum(len(outcome.targets) for outcome in kept),
        "dropped": dict(sorted(reasons.items())),
        "mean_agreement": fmean(outcome.vote.agreement for outcome in kept) if kept else None,
        "label_accuracy": fmean(judged) if judged else None,
        "overlap": [{"training": mine, "held_out": theirs} for mine, theirs in sorted(part.overlap.items())],
    }


def _outcome(part: Part, problem: Problem, samples: Samples, settings: Settings) -> Outcome:
    voters = [samples[vote_id(part, problem), index] for index in range(part.strategy.votes)]
    good = [voter for voter in voters if voter.finish != "error"]
    target = samples.get((target_id(part, problem), 0))
    texts = [*good, target] if target is not None else good
    with part.entry.blame():
        answers = list(part.category.task.answers(problem, texts))
        scores = part.category.task.score(problem, good)
        cast = ballots(answers[: len(good)], good, scores)
    with part.exam.entries["voter"].blame():
        vote = part.exam.voter.vote(problem, cast)
        chosen = [(target, answers[-1])] if target is not None else _chosen(part, problem, cast, good, vote)
    winners = [ballot for ballot in cast if ballot.answer is not None and ballot.answer == vote.winner]
    right = winners[0].correct if winners else None
    reason = _why_dropped(part, vote, *chosen[0]) if chosen else _why_dropped(part, vote, None, None)
    if reason is None and settings.phase == "full" and right is True and vote.agreement == 1.0:
        reason = "already consistent and right"
    kept = tuple(completion for completion, _ in chosen) if reason is None else ()
    return Outcome(problem=problem, vote=vote, targets=kept, dropped=reason, agrees_with_reference=right)


def _chosen(
    part: Part, problem: Problem, cast: Sequence[Ballot], voters: Sequence[Completion], vote: Vote
) -> list[tuple[Completion, str | None]]:
    """The voters' texts to train on, with their answers: the best of the winners, or as many as the voter selects."""
    if vote.winner is None:
        return []
    several = part.strategy.targets > 1 or is_control(part.exam.voter)
    if several and isinstance(part.exam.voter, Selector):
        return [(voters[i], vote.winner) for i in part.exam.voter.select(problem, cast, part.strategy.targets)]
    winners = [voter for voter, ballot in zip(voters, cast, strict=True) if ballot.answer == vote.winner]
    return [(max(winners, key=_quality), vote.winner)]


def is_control(voter: Voter) -> bool:
    """Whether a voter decides by other means than the votes; then its own texts are trained on, agreed upon or not."""
    return bool(getattr(voter, "control", False))


def _quality(voter: Completion) -> tuple[bool, float, int]:
    """What makes one winning voter a better target than another: it is whole, then its probability, then its place."""
    return voter.finish == "stop", -math.inf if voter.logprob is None else voter.logprob, -voter.index


def _why_dropped(part: Part, vote: Vote, target: Completion | None, answer: str | None) -> str | None:
    """The first reason not to keep a target, or None."""
    if vote.tie:
        return "tie"
    if vote.winner is None:
        refused = vote.counts or getattr(part.exam.voter, "uses_reference", False)
        return "no answer won the vote" if refused else "no sample has an answer"
    if vote.agreement < part.strategy.min_agreement and not is_control(part.exam.voter):
        return "too little agreement"
    if target is None or target.finish == "error":
        return "the target could not be sampled"
    if target.finish == "length":
        return "the target was cut off at the token limit"
    if answer is None:
        return "the target has no answer"
    return None if answer == vote.winner else "the target disagrees with the vote"
