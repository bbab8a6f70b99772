"""The sampler: requests in, completions out, each as soon as it is done.

Sample i of a request is the same text in any batch, order, worker or resumed run. Its random numbers depend on its seed
alone. The logits do depend on the batch, in their last digits; so where an error of `margin` in them could have changed a
draw (a close call), that draw is decided by the logits of the row computed alone, which are a function of the row's own
ids. The log-probability is given in hundredths and decided alone near a rounding border, for the same reason.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from cogumi.chat import Chat
from cogumi.records import Completion, Message, Request, Weights
from cogumi_hf.batch import Batch, start
from cogumi_hf.draw import Knobs, draw, keys
from cogumi_hf.engine import Engine, out_of_memory
from cogumi_hf.load import load
from cogumi_hf.options import Options
from cogumi_hf.room import rows_that_fit
from cogumi_hf.rows import Row, plan
from cogumi_hf.scoring import loglikelihoods
from cogumi_hf.stops import Stops

FULL = 0.75
"""A batch is made anew when no more than this share of it is still being drawn."""

PREFILL_TOKENS = 16_384
"""Most prompt tokens to compute at a time, unless a single prompt has more."""

MARGIN = 4e-5
"""Least error of a logit to reckon with. Seen in float32: 1e-5 with batches of 96 of the embedded model's size."""

SAFETY = 4
"""The margin is at least this often the greatest error seen."""


@dataclass(slots=True)
class Job:
    """One call of `sample`."""

    waiting: deque[Row]
    size: int
    """Most rows to draw at a time."""
    active: list[Row] = field(default_factory=list)
    """The rows being drawn, or about to join those that are."""
    batch: Batch | None = None
    alone: bool = False
    """Every token is computed from its row's ids."""
    grown: list[Row] = field(default_factory=list)
    """Rows that have become longer than those they were drawn with may be."""

    def take(self) -> list[Row]:
        """Waiting rows for which there is room, all of a prompt together, so that it is computed once."""
        out: list[Row] = []
        room, tokens = self.size - len(self.active), 0
        while self.waiting and room > 0:
            first = self.waiting[0].ids
            family = next((i for i, row in enumerate(self.waiting) if row.ids != first), len(self.waiting))
            tokens += len(first)
            if (self.active or out) and (family > room or tokens > PREFILL_TOKENS):
                break
            out += [self.waiting.popleft() for _ in range(min(family, room))]
            room -= family
        return out


class HFSampler:
    """Sampler `hf` with its model in memory. `sample` may be called many times; what was learnt of the noise stays."""

    def __init__(self, model: Weights, options: Options) -> None:
        self.chat = Chat.load(model)
        self.engine = Engine(load(model, device=options.device, dtype=options.dtype, base=options.base), self.chat.pad_id)
        self.batch_size = options.batch_size
        float32 = self.engine.model.dtype == torch.float32
        self.exact = options.exact == "yes" or (options.exact == "auto" and float32)
        self.margin = MARGIN if self.exact else 0.0
        if self.exact and not float32:
            self.engine.remember = None  # nearly every draw is a close call in 16 bits: no margin is worth the trouble
        self._steps = 0
        self._stop_texts: dict[tuple[str, ...], Stops] = {}

    def sample(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Yield one completion for every index of every request, in no particular order."""
        rows, errors = plan(requests, self.chat, self.engine.context)
        yield from errors
        turn = self.engine.turn
        short = [row for row in rows if turn is None or len(row.prompt) <= turn]
        long = [row for row in rows if turn is not None and len(row.prompt) > turn]
        grown = yield from self._drawn(short)
        if self.engine.starts_anew:
            long, grown = [*long, *grown], []
        yield from self._drawn(long)
        yield from self._drawn(grown, alone=True)

    def _drawn(self, rows: Sequence[Row], *, alone: bool = False) -> Generator[Completion, None, list[Row]]:
        """Draw rows that may be computed together; gives those back that have grown over the turning point."""
        for row in rows:
            row.parked = False
        job = Job(waiting=deque(rows), size=self.batch_size or rows_that_fit(self.engine, rows), alone=alone)
        while job.waiting or job.active:
            try:
                with torch.inference_mode():
                    finished = self._advance(job)
            except (RuntimeError, MemoryError) as error:
                if not out_of_memory(error):
                    raise
                finished = None
            if finished is None:  # outside the handler, where the failed step's tensors are no longer referred to
                yield from self._smaller(job)
            else:
                yield from finished
        return job.grown

    def loglikelihood(self, contexts: Sequence[Sequence[Message]], continuations: Sequence[str]) -> list[tuple[float, bool]]:
        """Per pair: the continuation's log-probability after the context, and whether greedy decoding would write it."""
        return loglikelihoods(self.engine, self.chat, contexts, continuations)

    def close(self) -> None:
        """Give all memory back; the sampler is not used again."""
        self.engine.close()

    def _advance(self, job: Job) -> list[Completion]:
        """Draw one token for every row at hand; gives the samples that this finished."""
        if job.batch is not None:
            job.batch.feed()
            self._watch(job.batch)
        batch = self._refilled(job)
        drawn = batch.draw(self.margin)
        ids, logprobs, close = drawn.ids.tolist(), drawn.logprobs.tolist(), drawn.close.tolist()
        for i, row in enumerate(batch.rows):
            if not row.idle:
                token, logprob = self._decide(row, batch.logits[i]) if close[i] and self.exact else (ids[i], logprobs[i])
                self._push(row, token, logprob)
        finished = [self._completion(row) for row in job.active if row.done]
        job.grown += [row for row in job.active if row.parked]
        job.active = [row for row in job.active if not row.idle]
        if not job.active:
            job.batch = None
        return finished

    def _refilled(self, job: Job) -> Batch:
        """The batch at hand, or a new one without the rows that are done and with some that were waiting."""
        old = job.batch
        if old is not None and len(job.active) > FULL * (job.size if job.waiting else len(old.rows)):
            return old
        joining = job.take()
        if old is not None and not joining and len(job.active) > FULL * len(old.rows):
            return old
        job.active += joining
        job.batch = None
        job.batch = start(self.engine, joining, old, alone=job.alone)
        return job.batch

    def _smaller(self, job: Job) -> list[Completion]:
        """After running out of memory: the rows at hand wait again, for a batch half as large; a single one fails."""
        rows, job.active, job.batch = job.active, [], None
        self.engine.free()
        if len(rows) == 1:
            return [rows[0].failed(f"out of memory at {len(rows[0].ids)} tokens, in a batch of one")]
        job.size = max(1, len(rows) // 2)
        job.waiting.extendleft(reversed(rows))
        return []

    def _push(self, row: Row, token: int, logprob: float) -> None:
        row.drawn.append(token)
        row.logprob += logprob
        if not math.isfinite(logprob):
            row.error, row.done = "the model's logits are not finite numbers", True
            return
        stops = self._stops(row)
        row.done = token in self.chat.end_ids or len(row.drawn) >= row.limit or (stops is not None and stops.hit(row.drawn))
        turn = self.engine.turn
        row.parked = turn is not None and not row.done and len(row.prompt) <= turn and len(row.ids) == turn + 1

    def _stops(self, row: Row) -> Stops | None:
        texts = row.request.sampling.stop
        if texts and texts not in self._stop_texts:
            self._stop_texts[texts] = Stops(texts, self.chat)
        return self._stop_texts.get(texts)

    def _decide(self, row: Row, batched: torch.Tensor) -> tuple[int, float]:
        """The next id of a row, and its log-probability, from the row's own ids alone."""
        logits = self.engine.alone(row.ids, prompt=len(row.prompt))
        self._learn(logits[0], batched)
        seeds, steps = np.array([row.seed], dtype=np.uint64), np.array([len(row.drawn)], dtype=np.uint64)
        key = torch.from_numpy(keys(seeds, steps)).to(logits.device)
        drawn = draw(logits, Knobs.of([row.request.sampling], logits.device), key, 0.0)
        return int(drawn.ids), float(drawn.logprobs)

    def _watch(self, batch: Batch) -> None:
        """After steps 1, 2, 4, 8, ... look at one row's error: on this model or machine it may be greater than expected."""
        self._steps += 1
        live = [i for i, row in enumerate(batch.rows) if not row.idle]  # what is fed to a finished row is not its own any more
        if self.exact and self._steps & (self._steps - 1) == 0 and batch.memory is not None and live:
            row = batch.rows[live[-1]]
            self._learn(self.engine.alone(row.ids, prompt=len(row.prompt))[0], batch.logits[live[-1]])

    def _learn(self, alone: torch.Tensor, batched: torch.Tensor) -> None:
        error = alone - batched
        worst = float((error - error.mean()).abs().max())
        if SAFETY * worst > self.margin:  # not true of NaN
            self.margin = SAFETY * worst

    def _completion(self, row: Row) -> Completion:
        if row.error is not None:
            return row.failed(row.error)
        ended = row.drawn[-1] in self.chat.end_ids
        text = self.chat.text(row.drawn[:-1] if ended else row.drawn)
        stops = self._stops(row)
        cut = None if stops is None else stops.cut(text)
        return Completion(
            request=row.request.id,
            index=row.index,
            text=text if cut is None else cut,
            finish="stop" if ended or cut is not None else "length",
            tokens=len(row.drawn),
            logprob=self._logprob(row),
            token_ids=tuple(row.drawn),
            prompt_digest=row.digest,
        )

    def _logprob(self, row: Row) -> float:
        """The sample's log-probability in hundredths."""
        hundredths = row.logprob * 100
        reach = 100 * self.margin / 2 * math.sqrt(len(row.drawn))  # the errors of many tokens partly cancel
        if abs(hundredths - math.floor(hundredths) - 0.5) <= reach and self.exact:
            logits = self.engine.alone(row.ids[:-1], last=len(row.drawn), prompt=len(row.prompt)).double()
            drawn = torch.tensor(row.drawn, device=logits.device)[:, None]
            hundredths = 100 * float((logits.gather(1, drawn) - logits.logsumexp(1, keepdim=True)).sum())
        return round(hundredths) / 100
