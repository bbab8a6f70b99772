"""What became of the votes without an answer: cut off at the token limit, not readable, or never sampled.

A vote that says nothing counts against every answer, so these are what is behind many a tie and most of too little agreement.
"""

from __future__ import annotations

from collections.abc import Sequence

from cogumi.records import Completion
from cogumi.results import Unanswered, Unread

SHOWN = 2
"""Examples that are kept."""
LIMIT = 240
"""Most characters of an example."""


def look_at(voters: Sequence[Completion], answers: Sequence[str | None], target: Completion | None) -> Unanswered:
    """One problem's votes, each with its answer; `target` is the text to train on where it has no answer either."""
    silent = [voter for voter, answer in zip(voters, answers, strict=True) if answer is None]
    whole = [voter for voter in silent if voter.finish == "stop"]
    shown = [*([target] if target is not None and target.finish == "stop" else []), *whole]
    return Unanswered(
        votes=len(voters),
        cut=sum(voter.finish == "length" for voter in silent),
        unread=len(whole),
        failed=sum(voter.finish == "error" for voter in silent),
        examples=tuple(_example(completion) for completion in shown[:SHOWN]),
    )


def added(found: Sequence[Unanswered]) -> Unanswered | None:
    """Those of several problems together, with one example of each as far as there are two; None where all votes answer."""
    firsts = [each.examples[0] for each in found if each.examples]
    more = [example for each in found for example in each.examples[1:]]
    whole = Unanswered(
        votes=sum(each.votes for each in found),
        cut=sum(each.cut for each in found),
        unread=sum(each.unread for each in found),
        failed=sum(each.failed for each in found),
        examples=tuple([*firsts, *more][:SHOWN]),
    )
    return whole if whole.cut or whole.unread or whole.failed or whole.examples else None


def _example(completion: Completion) -> Unread:
    text = completion.text.strip()
    if len(text) > LIMIT:
        text = f"{text[: LIMIT // 3]} [...] {text[-LIMIT // 2 :]}"
    return Unread(id=f"{completion.request}#{completion.index}", text=text)
