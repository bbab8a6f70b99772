"""What is to be drawn: one row per sample, checked, and ordered so that rows of a prompt and of a length stay together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from cogumi.chat import Chat, digest
from cogumi.records import Completion, Request, Sampling, sample_seed


@dataclass(slots=True, eq=False)
class Row:
    """One sample on its way."""

    request: Request
    """What it is a sample of."""
    index: int
    """Which of the request's samples."""
    prompt: tuple[int, ...]
    """The prompt's ids."""
    digest: str
    """Their fingerprint."""
    limit: int
    """Most tokens to draw: `max_tokens`, or what the model's context leaves."""
    seed: int
    """Where its random numbers start."""
    drawn: list[int] = field(default_factory=list)
    """The ids drawn so far."""
    logprob: float = 0.0
    """The sum of their log-probabilities at temperature 1, in nats."""
    done: bool = False
    """Nothing more is to be drawn."""
    error: str | None = None
    """Why there is no sample, in one line."""
    parked: bool = False
    """It waits to be drawn on in another batch."""

    @property
    def idle(self) -> bool:
        """Nothing is drawn for it in the batch at hand."""
        return self.done or self.parked

    @property
    def ids(self) -> tuple[int, ...]:
        """Prompt and drawn ids."""
        return (*self.prompt, *self.drawn)

    def failed(self, reason: str) -> Completion:
        """An error in place of the sample."""
        return failed(self.request, self.index, reason)


def failed(request: Request, index: int, reason: str) -> Completion:
    """A sample that could not be drawn."""
    return Completion(request=request.id, index=index, text="", finish="error", error=reason)


def plan(requests: Iterable[Request], chat: Chat, context: int | None) -> tuple[list[Row], list[Completion]]:
    """The rows to draw, longest prompts first, and the samples that cannot be drawn."""
    rows: list[Row] = []
    errors: list[Completion] = []
    for request in requests:
        try:
            rows.extend(_rows(request, chat, context))
        except Exception as error:  # a template may raise anything; its request fails, not the job
            reason = " ".join(str(error).split()) or type(error).__name__
            errors.extend(failed(request, index, reason) for index in request.indices)
    rows.sort(key=lambda row: (-len(row.prompt), row.prompt))
    return rows, errors


def _rows(request: Request, chat: Chat, context: int | None) -> Iterator[Row]:
    check(request.sampling)
    prompt = tuple(chat.prompt_ids(request.messages))
    if not prompt:
        raise ValueError("the prompt is empty: it has no token to start from")
    room = math.inf if context is None else context - len(prompt)
    if room < 1:
        raise ValueError(f"the prompt has {len(prompt)} tokens, which leaves no room in the model's context of {context}")
    limit = int(min(request.sampling.max_tokens, room))
    code = digest(prompt)
    for index in request.indices:
        yield Row(request, index, prompt, code, limit, sample_seed(request, index))


def check(sampling: Sampling) -> None:
    """Raise `ValueError` for a setting outside its range."""
    if not 0 <= sampling.temperature < math.inf:
        raise ValueError(f"temperature is {sampling.temperature}: it must be 0 or more")
    if not 0 < sampling.top_p <= 1:
        raise ValueError(f"top_p is {sampling.top_p}: it must be above 0 and at most 1")
    if sampling.top_k < 0:
        raise ValueError(f"top_k is {sampling.top_k}: it must be 0 (off) or more")
    if sampling.max_tokens < 1:
        raise ValueError(f"max_tokens is {sampling.max_tokens}: it must be 1 or more")
    if "" in sampling.stop:
        raise ValueError("stop has an empty text: it would end every completion at once")


def groups(rows: Sequence[Row]) -> list[list[Row]]:
    """Runs of rows with the same ids so far."""
    out: list[list[Row]] = []
    for row in rows:
        if out and out[-1][0].ids == row.ids:
            out[-1].append(row)
        else:
            out.append([row])
    return out
