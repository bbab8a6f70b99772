"""Sample, vote, keep: the model's own consensus as training data.

For every training-side problem the voters are drawn at the vote temperature and the target at the category's generate
temperature. The target is kept where it gives the answer that won the vote; a tie, a winner with too little support and a
target that was cut off or disagrees are dropped, and counted under their reason. A teacher, where there is one, is asked
what the student could not agree on with itself; its own vote decides what is kept of that.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from cogumi.diagnosis.scoring import Samples, Scores, ballots
from cogumi.distillation import reasons, unanswered
from cogumi.distillation.reasons import NO_CONSENSUS
from cogumi.planning.plan import CategoryRun, asked
from cogumi.protocols import Selector, ways
from cogumi.records import Ballot, Completion, Message, Preference, Problem, Request, Sampling, Vote
from cogumi.results import CategoryDistillation, ScoredSample, Unanswered, VoteRow
from cogumi.workers.jobs import CountedAnswer, Evidence, Example, Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A text to train on."""

    completion: Completion
    """The text, and what it was drawn as."""
    by: str = "student"
    """Who said it: the role."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What became of one training-side problem."""

    problem: Problem
    """The problem."""
    vote: Vote
    """The vote over its samples."""
    targets: tuple[Target, ...]
    """The texts to train on, the best first; none where the problem was dropped."""
    dropped: str | None
    """Why it was dropped."""
    agrees_with_reference: bool | None
    """Whether the winner is right. Never decides what is kept, but a phase that trains on failures leaves out what is known."""
    preference: tuple[str, str, float] | None = None
    """The text chosen, the text rejected, and the margin of the votes; None where no two answers can be told apart."""
    unanswered: Unanswered | None = None
    """The votes without an answer, where the problem was dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What of the run's settings distillation goes by."""

    temperature: float
    """The use temperature, at which voters are drawn unless the category says otherwise."""
    seed: int
    """Seed of every sample."""
    top_p: float = 1.0
    """Nucleus size of the voters."""
    top_k: int = 0
    """Most probable tokens to draw voters among."""
    system: str | None = None
    """The user's system prompt."""
    failures_only: bool = False
    """Whether what is consistent and right already is left out."""


def vote_id(run: CategoryRun, problem: Problem, by: str = "student") -> str:
    """The request for a problem's voters."""
    return f"{run.name}/{problem.id}#{'vote' if by == 'student' else by}"


def target_id(run: CategoryRun, problem: Problem) -> str:
    """The request for a problem's target."""
    return f"{run.name}/{problem.id}#target"


def vote_temperature(run: CategoryRun, rules: Rules) -> float:
    """The temperature of the voters: the strategy's, or the one at which the model is used."""
    own = run.strategy.vote_temperature
    return rules.temperature if own is None else own


def prompt_of(run: CategoryRun, problem: Problem, rules: Rules) -> tuple[Message, ...]:
    """The conversation that is put to the model."""
    with run.chosen.entry.attribute_errors():
        return asked(tuple(run.category.task.messages(problem)), rules.system)


def requests(run: CategoryRun, rules: Rules) -> list[Request]:
    """What has to be sampled."""
    voters = voting(run, rules)
    target = Sampling(temperature=run.strategy.generate_temperature, max_tokens=run.strategy.max_tokens, seed=rules.seed)
    wanted: list[Request] = []
    for problem in run.training:
        messages = prompt_of(run, problem, rules)
        indices = tuple(range(run.strategy.votes))
        wanted.append(Request(id=vote_id(run, problem), messages=messages, sampling=voters, indices=indices))
        if not _takes_votes(run):
            wanted.append(Request(id=target_id(run, problem), messages=messages, sampling=target))
    return wanted


def voting(run: CategoryRun, rules: Rules) -> Sampling:
    """How voters are drawn."""
    return Sampling(
        temperature=vote_temperature(run, rules),
        max_tokens=run.strategy.max_tokens,
        top_p=rules.top_p,
        top_k=rules.top_k,
        seed=rules.seed,
        logprobs=_takes_votes(run) or ways(run.evaluation.voter).needs_logprobs,
    )


def questions(run: CategoryRun, outcomes: Sequence[Kept], rules: Rules) -> list[Request]:
    """What the teacher is asked: the problems that the student does not agree on with itself."""
    sampling = replace(voting(run, rules), logprobs=False)
    return [
        Request(
            id=vote_id(run, outcome.problem, "teacher"),
            messages=prompt_of(run, outcome.problem, rules),
            sampling=sampling,
            indices=tuple(range(run.strategy.votes)),
        )
        for outcome in outcomes
        if outcome.dropped in NO_CONSENSUS
    ]


def group(run: CategoryRun, problem: Problem, samples: Samples, by: str = "student") -> list[Completion]:
    """A problem's voters, and its target behind them: they are answered together."""
    keys = [(vote_id(run, problem, by), i) for i in range(run.strategy.votes)]
    keys += [(target_id(run, problem), 0)] if by == "student" else []
    return [samples[key] for key in keys if key in samples]


def distill(run: CategoryRun, samples: Samples, scores: Scores, rules: Rules) -> list[Kept]:
    """The outcome of every training-side problem, by id."""
    return [_outcome(run, problem, samples, scores, rules) for problem in run.training]


def taught(run: CategoryRun, outcome: Kept, samples: Samples, scores: Scores) -> Kept:
    """The outcome with what the teacher agrees on with itself, where the student did not."""
    drawn = group(run, outcome.problem, samples, "teacher")
    good = [completion for completion in drawn if completion.finish != "error"]
    if outcome.dropped not in NO_CONSENSUS or not good:
        return outcome
    cast = ballots(good, [scores[c.request, c.index] for c in good], run.evaluation.thoughts)
    with run.evaluation.voting.entry.attribute_errors():
        vote = run.evaluation.voter.vote(outcome.problem, cast)
    best = _best(good, cast, vote)
    if best is None or vote.agreement < run.strategy.min_agreement or best.finish != "stop":
        return outcome
    unknown = replace(best, token_ids=None, prompt_digest=None)  # the teacher's tokens need not be the student's
    right = _winner_correct(cast, vote)
    return replace(
        outcome,
        vote=vote,
        targets=(Target(completion=unknown, by="teacher"),),
        dropped=None,
        agrees_with_reference=right,
        unanswered=None,
    )


def example_rows(run: CategoryRun, outcome: Kept, rules: Rules) -> list[Example]:
    """Lines of `self_distillation/CATEGORY.jsonl`, one per target: chat messages, and beside them the evidence for it."""
    prompt = prompt_of(run, outcome.problem, rules)
    return [
        Example(
            id=f"{run.name}/{outcome.problem.id}" + (f"#{place}" if place > 1 else ""),
            messages=(*prompt, Message(role="assistant", content=target.completion.text)),
            evidence=_evidence(run, outcome.vote, target, rules),
        )
        for place, target in enumerate(outcome.targets, 1)
    ]


def _evidence(run: CategoryRun, vote: Vote, target: Target, rules: Rules) -> Evidence:
    completion, strategy = target.completion, run.strategy
    return Evidence(
        answer=vote.winner,
        agreement=vote.agreement,
        votes=tuple(CountedAnswer(answer=answer, count=count) for answer, count in vote.counts.items()),
        total=vote.total,
        generate_temperature=strategy.generate_temperature,
        vote_temperature=vote_temperature(run, rules),
        train_temperature=strategy.train_temperature,
        seed=rules.seed,
        target=Origin(request=completion.request, index=completion.index, by=target.by),
        prompt_digest=completion.prompt_digest,
        token_ids=completion.token_ids,
    )


def preference_of(run: CategoryRun, outcome: Kept, rules: Rules) -> Preference | None:
    """The line of `preferences/CATEGORY.jsonl`; None where no two answers can be told apart by their votes."""
    if outcome.preference is None:
        return None
    chosen, rejected, weight = outcome.preference
    name, messages = f"{run.name}/{outcome.problem.id}", prompt_of(run, outcome.problem, rules)
    return Preference(id=name, messages=messages, chosen=chosen, rejected=rejected, weight=weight)


def vote_row(run: CategoryRun, outcome: Kept) -> VoteRow:
    """The line of `votes.jsonl`."""
    vote = outcome.vote
    return VoteRow(
        id=f"{run.name}/{outcome.problem.id}",
        winner=vote.winner,
        tie=vote.tie,
        agreement=vote.agreement,
        counts=dict(vote.counts),
        total=vote.total,
        kept=len(outcome.targets),
        dropped=outcome.dropped,
        agrees_with_reference=outcome.agrees_with_reference,
    )


def summary(run: CategoryRun, outcomes: Sequence[Kept], *, pairs: bool = False) -> CategoryDistillation:
    """How many were kept, why the others were not, and how good the labels are where that can be told.

    `pairs`: whether the trainer learns from preferences, which are counted then.
    """
    kept = [outcome for outcome in outcomes if outcome.targets]
    judged = [o.agrees_with_reference for o in kept if o.agrees_with_reference is not None]
    dropped = Counter(outcome.dropped for outcome in outcomes if outcome.dropped is not None)
    return CategoryDistillation(
        problems=len(outcomes),
        kept=len(kept),
        examples=sum(len(outcome.targets) for outcome in kept),
        dropped=dict(sorted(dropped.items())),
        mean_agreement=fmean(outcome.vote.agreement for outcome in kept) if kept else None,
        label_accuracy=fmean(judged) if judged else None,
        overlap=tuple({"training": mine, "held_out": theirs} for mine, theirs in sorted(run.overlap.items())),
        taught=sum(any(target.by == "teacher" for target in outcome.targets) for outcome in kept),
        pairs=sum(outcome.preference is not None for outcome in outcomes) if pairs else None,
        unanswered=unanswered.added([outcome.unanswered for outcome in outcomes if outcome.unanswered is not None]),
    )


def _outcome(run: CategoryRun, problem: Problem, samples: Samples, scores: Scores, rules: Rules) -> Kept:
    voters = [samples[vote_id(run, problem), index] for index in range(run.strategy.votes)]
    good = [voter for voter in voters if voter.finish != "error"]
    rows = [scores[voter.request, voter.index] for voter in good]
    cast = ballots(good, rows, run.evaluation.thoughts)
    with run.evaluation.voting.entry.attribute_errors():
        vote = run.evaluation.voter.vote(problem, cast)
        chosen = _targets(run, problem, (good, cast, vote), samples, scores)
    right = _winner_correct(cast, vote)
    reason = _why_dropped(run, vote, *(chosen[0] if chosen else (None, None)))
    if reason == reasons.NO_ANSWER and 2 * sum(voter.finish == "length" for voter in good) > len(good):
        reason = reasons.ALL_CUT
    if reason is None and rules.failures_only and right is True and vote.agreement == 1.0:
        reason = reasons.ALREADY_RIGHT
    silent = chosen[0][0] if reason == reasons.TARGET_UNREAD else None
    read = {ballot.index: ballot.answer for ballot in cast}
    return Kept(
        problem=problem,
        vote=vote,
        targets=tuple(Target(completion=completion) for completion, _ in chosen) if reason is None else (),
        dropped=reason,
        agrees_with_reference=right,
        preference=_preference(good, cast, vote),
        unanswered=None if reason is None else unanswered.look_at(voters, [read.get(v.index) for v in voters], silent),
    )


def _targets(
    run: CategoryRun,
    problem: Problem,
    voted: tuple[Sequence[Completion], Sequence[Ballot], Vote],
    samples: Samples,
    scores: Scores,
) -> list[tuple[Completion, str | None]]:
    """The texts to train on, with their answers: the target drawn for it, or voters' texts."""
    if not _takes_votes(run):
        target = samples[target_id(run, problem), 0]
        row: ScoredSample | None = scores.get((target.request, 0))
        return [(target, None if row is None else row.answer)]
    good, cast, vote = voted
    if vote.winner is None:
        return []
    voter = run.evaluation.voter
    several = run.strategy.targets > 1 or ways(voter).control
    if several and isinstance(voter, Selector):
        return [(good[i], vote.winner) for i in voter.select(problem, cast, run.strategy.targets)]
    best = _best(good, cast, vote)
    return [] if best is None else [(best, vote.winner)]


def _takes_votes(run: CategoryRun) -> bool:
    """Whether voters' own texts are trained on, and no target is drawn for it."""
    return run.strategy.target == "best-vote" or ways(run.evaluation.voter).control


def _best(voters: Sequence[Completion], cast: Sequence[Ballot], vote: Vote) -> Completion | None:
    """The best text among the winning votes: whole, then the most probable, then the first."""
    winners = [v for v, b in zip(voters, cast, strict=True) if b.answer is not None and b.answer == vote.winner]
    return max(winners, key=_quality, default=None)


def _winner_correct(cast: Sequence[Ballot], vote: Vote) -> bool | None:
    """Whether the winner is right; None where that cannot be told."""
    return next((b.correct for b in cast if b.answer is not None and b.answer == vote.winner), None)


def _quality(voter: Completion) -> tuple[bool, float, int]:
    return voter.finish == "stop", -math.inf if voter.logprob is None else voter.logprob, -voter.index


def _preference(voters: Sequence[Completion], cast: Sequence[Ballot], vote: Vote) -> tuple[str, str, float] | None:
    """The best text of the most voted answer against one of the least voted (ScPO, Prasad et al. 2024)."""
    ranked = sorted(vote.counts.items(), key=lambda item: (-item[1], item[0]))
    if vote.winner is None or len(ranked) < 2 or ranked[0][0] != vote.winner:
        return None
    (_, most), (loser, least) = ranked[0], ranked[-1]
    best = _best(voters, cast, vote)
    worst = next(v for v, b in zip(voters, cast, strict=True) if b.answer == loser)
    if best is None or best.text == worst.text or not vote.total:
        return None
    return best.text, worst.text, (most - least) / vote.total


def _why_dropped(run: CategoryRun, vote: Vote, target: Completion | None, answer: str | None) -> str | None:
    """The first reason not to keep a target, or None."""
    how = ways(run.evaluation.voter)
    if vote.tie:
        return reasons.TIE
    if vote.winner is None:
        return reasons.NO_WINNER if vote.counts or how.uses_reference else reasons.NO_ANSWER
    if vote.agreement < run.strategy.min_agreement and not how.control:
        return reasons.DISAGREEMENT
    if target is None or target.finish == "error":
        return reasons.NO_TARGET
    if target.finish == "length":
        return reasons.TARGET_CUT
    if answer is None:
        return reasons.TARGET_UNREAD
    return None if answer == vote.winner else reasons.TARGET_DISAGREES
