"""Controls: trainings that lack one ingredient of the vote's, so that what the ingredient is worth can be told.

| control | trained on | what is missing |
|---|---|---|
| `unvoted` | one sample of each problem, whatever it answers (simple self-distillation, arXiv 2604.01193) | the vote |
| `random` | the problems that the vote kept, each with one of its votes drawn at random | the winner |
| `format` | the kept texts, each at another problem of its category (after safe-lip-9a8.notion.site) | what they say |
| `baked` | the unvoted samples, with soft labels at a lower temperature (sharpening, arXiv 2603.08660) | the vote's choice |
| `gold` | the task's own worked answers, where there are any | the model's own words: what references would have bought |
| `null` | nothing; the untouched model is asked with other seeds (arXiv 2504.07086) | training |

Each is trained on as many examples as the vote, and so for as many steps; of a larger supply they are drawn at random, and a
smaller one is gone through again. Target tokens are then about the same, and told of each control. They are not made equal:
whatever is chosen by its length is chosen by what goes with length. Where right texts are a token longer than wrong ones, the
one choice among a hundred that fits the vote's tokens best was right in 7 % instead of 50 % (a made-up sampler, 11 examples).
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from cogumi.diagnosis.scoring import Samples
from cogumi.distillation.distill import Kept, Rules, Target, vote_id
from cogumi.planning.plan import CategoryRun
from cogumi.protocols import Solved
from cogumi.records import Completion

NULL = "null"
"""The control that trains nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What a control takes its texts from."""

    run: CategoryRun
    """The category."""
    outcomes: Sequence[Kept]
    """What became of its training side."""
    samples: Samples
    """Its votes."""
    rules: Rules
    """Seed and temperatures."""

    @property
    def kept(self) -> list[Kept]:
        """One outcome for each text that the vote's training learns, with that text alone."""
        return [replace(outcome, targets=(target,)) for outcome in self.outcomes for target in outcome.targets]

    def voters(self, outcome: Kept) -> list[Completion]:
        """The votes of a problem that a trainer can learn: whole ones."""
        keys = [(vote_id(self.run, outcome.problem), i) for i in range(self.run.strategy.votes)]
        return [self.samples[key] for key in keys if self.samples[key].finish == "stop"]


def unvoted(drawn: Drawn) -> list[Kept]:
    """The first whole sample of each problem."""
    found = ((outcome, drawn.voters(outcome)) for outcome in drawn.outcomes)
    return [_teaching(outcome, voters[0]) for outcome, voters in found if voters]


def at_random(drawn: Drawn) -> list[Kept]:
    """For each text that was kept, one of the same problem's votes, drawn at random."""
    found = [(outcome, drawn.voters(outcome)) for outcome in drawn.kept]
    places = (_draw(drawn.rules.seed, place, outcome) for place, (outcome, _) in enumerate(found))
    return [_teaching(o, voters[n % len(voters)]) for (o, voters), n in zip(found, places, strict=True) if voters]


def swapped(drawn: Drawn) -> list[Kept]:
    """The kept texts, each at the next problem; nothing where only one problem was kept."""
    problems = [outcome for outcome in drawn.outcomes if outcome.targets]
    if len(problems) < 2:
        return []
    pairs = zip(problems, [*problems[1:], problems[0]], strict=True)
    return [_teaching(mine, _at(mine, target.completion)) for mine, other in pairs for target in other.targets]


def solved(drawn: Drawn) -> list[Kept]:
    """The task's own worked answer to each problem that has one."""
    task = drawn.run.category.task
    if not isinstance(task, Solved):
        return []
    known = [outcome for outcome in drawn.outcomes if outcome.problem.reference is not None]
    with drawn.run.chosen.entry.attribute_errors():
        texts = [task.gold(outcome.problem) for outcome in known]
    return [
        _teaching(outcome, Completion(request=f"{drawn.run.name}/{outcome.problem.id}#gold", index=0, text=text, finish="stop"))
        for outcome, text in zip(known, texts, strict=True)
    ]


SUPPLIES: Mapping[str, Callable[[Drawn], list[Kept]]] = {
    "unvoted": unvoted,
    "random": at_random,
    "format": swapped,
    "baked": unvoted,
    "gold": solved,
}
"""What each control that trains may learn."""
CONTROLS = (*SUPPLIES, NULL)
"""The controls, in the order in which they are told."""


def lacking(name: str, drawn: Drawn) -> list[Kept]:
    """What a control is trained on in one category; nothing where the category has nothing for it."""
    return _as_many(SUPPLIES[name](drawn), len(drawn.kept), drawn.rules.seed)


def learner(name: str, run: CategoryRun, temperature: float) -> CategoryRun:
    """The category as a control trains it: `baked` at a train temperature, the others as the vote does."""
    return run if name != "baked" else replace(run, strategy=replace(run.strategy, train_temperature=temperature))


def target_tokens(kept: Sequence[Kept], like: Sequence[Kept]) -> int:
    """Tokens of the targets; those that were not sampled are estimated by the tokens per character of `like`."""
    rate = _rate(like)
    return round(sum(_size(outcome, rate) for outcome in kept))


def _as_many(supply: Sequence[Kept], count: int, seed: int) -> list[Kept]:
    """So many outcomes, drawn at random; a smaller supply is gone through again."""
    if not supply or not count:
        return []
    rounds, rest = divmod(count, len(supply))
    chosen = [*supply] * rounds + random.Random(seed).sample(supply, rest)
    return sorted(chosen, key=lambda outcome: outcome.problem.id)


def _size(outcome: Kept, rate: float) -> float:
    completion = outcome.targets[0].completion
    return float(completion.tokens) or len(completion.text) * rate


def _rate(like: Sequence[Kept]) -> float:
    """Tokens per character; 1 where the sampler tells no tokens, so that lengths are counted in characters."""
    told = [outcome.targets[0].completion for outcome in like if outcome.targets[0].completion.tokens]
    characters = sum(len(completion.text) for completion in told)
    return sum(completion.tokens for completion in told) / characters if characters else 1.0


def _teaching(outcome: Kept, completion: Completion) -> Kept:
    return replace(outcome, targets=(Target(completion=completion),), dropped=None)


def _at(outcome: Kept, text: Completion) -> Completion:
    """Another problem's text after this problem's prompt."""
    own = outcome.targets[0].completion
    return replace(text, prompt_digest=own.prompt_digest)


def _draw(seed: int, place: int, outcome: Kept) -> int:
    """A number that hangs on the seed and the problem alone."""
    key = f"{seed}\x1f{place}\x1f{outcome.problem.id}".encode()
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "little")
