"""The sampler: requests in, completions out, each as soon as it is done.

Sample i of a request is the same text in any batch, order, worker or resumed run. Its uniform numbers depend on its seed
alone, and where the rounding noise of a batched computation could have changed a draw (a close call), that draw is decided
by the logits of the row computed alone, which are a function of the row's own ids.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch

from cogumi.chat import Chat
from cogumi.records import Completion, Model, Request
from cogumi_hf.batch import Batch, start
from cogumi_hf.draw import Knobs, draw, keys
from cogumi_hf.engine import Engine, out_of_memory
from cogumi_hf.load import load
from cogumi_hf.rows import Row, plan
from cogumi_hf.stops import Stops

CPU_ROWS = 96

FULL = 0.75
"""A batch is made anew when no more than this share of its rows is still being drawn."""


@dataclass(slots=True)
class Job:
    """One call of `sample`."""

    waiting: deque[Row]
    size: int
    """Most rows to draw at a time."""
    active: list[Row] = field(default_factory=list)
    """The rows being drawn, or about to join those that are."""
    batch: Batch | None = None


class HFSampler:
    """Sampler `hf`. See `cogumi_hf.hf` for the options."""

    def __init__(self, model: Model, *, device: str, dtype: str, batch_size: int, base: str) -> None:
        self.chat = Chat.load(model)
        self.engine = Engine(load(model, device=device, dtype=dtype, base=base), self.chat.pad_id)
        self.batch_size = batch_size or CPU_ROWS
        self.margin = 4e-5
        self._known_stops: dict[tuple[str, ...], Stops] = {}

    def sample(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Yield one completion for every index of every request, in no particular order."""
        rows, errors = plan(requests, self.chat, self.engine.context)
        yield from errors
        job = Job(waiting=deque(rows), size=self.batch_size)
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
                yield from (self._completion(row) for row in finished)

    def close(self) -> None:
        """Give all memory back; the sampler is not used again."""
        self.engine.close()

    def _advance(self, job: Job) -> list[Row]:
        """Draw one token for every row at hand; gives the rows that this finished."""
        if job.batch is not None:
            job.batch.feed()
        batch = self._refilled(job)
        drawn = batch.draw(self.margin)
        ids, logprobs, close = drawn.ids.tolist(), drawn.logprobs.tolist(), drawn.close.tolist()
        for i, row in enumerate(batch.rows):
            if not row.done:
                token, logprob = self._decide(row) if close[i] else (ids[i], logprobs[i])
                self._push(row, token, logprob)
        finished = [row for row in job.active if row.done]
        job.active = [row for row in job.active if not row.done]
        if not job.active:
            job.batch = None
        return finished

    def _refilled(self, job: Job) -> Batch:
        """The batch at hand; a new one without the rows that are done when a quarter of them is."""
        old = job.batch
        if old is not None and len(job.active) > FULL * len(old.rows):
            return old
        joining = [job.waiting.popleft() for _ in range(min(len(job.waiting), job.size - len(job.active)))]
        job.active += joining
        job.batch = None
        job.batch = start(self.engine, joining, old)
        return job.batch

    def _push(self, row: Row, token: int, logprob: float) -> None:
        row.drawn.append(token)
        row.logprob += logprob
        stops = self._stops(row.request.sampling.stop)
        row.done = token in self.chat.end_ids or len(row.drawn) >= row.limit or (stops is not None and stops.hit(row.drawn))

    def _stops(self, texts: tuple[str, ...]) -> Stops | None:
        if texts and texts not in self._known_stops:
            self._known_stops[texts] = Stops(texts, self.chat)
        return self._known_stops.get(texts)

    def _decide(self, row: Row) -> tuple[int, float]:
        """The next id of a row, and its log-probability, from the row's own ids alone."""
        logits = self.engine.alone(row.ids)
        seeds, steps = np.array([row.seed], dtype=np.uint64), np.array([len(row.drawn)], dtype=np.uint64)
        key = torch.from_numpy(keys(seeds, steps)).to(logits.device)
        drawn = draw(logits, Knobs.of([row.request.sampling], logits.device), key, 0.0)
        return int(drawn.ids), float(drawn.logprobs)

    def _logprob(self, row: Row) -> float:
        """The sample's log-probability in hundredths, the same in every batch: decided alone near a rounding border."""
        hundredths = row.logprob * 100
        reach = 25 * self.margin * math.sqrt(len(row.drawn))
        if abs(hundredths - math.floor(hundredths) - 0.5) <= reach:
            with torch.inference_mode():
                logits = self.engine.alone(row.ids[:-1], last=len(row.drawn)).double()
                drawn = torch.tensor(row.drawn, device=logits.device)[:, None]
                hundredths = 100 * float((logits.gather(1, drawn) - logits.logsumexp(1, keepdim=True)).sum())
        return round(hundredths) / 100

    def _completion(self, row: Row) -> Completion:
        ended = row.drawn[-1] in self.chat.end_ids
        text = self.chat.text(row.drawn[:-1] if ended else row.drawn)
        stops = self._stops(row.request.sampling.stop)
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

    def _smaller(self, job: Job) -> list[Completion]:
        """After running out of memory: the rows at hand wait again, for a batch half as large; a single one fails."""
        rows, job.active, job.batch = job.active, [], None
        self.engine.free()
        if len(rows) == 1:
            return [rows[0].failed(f"out of memory at {len(rows[0].ids)} tokens, in a batch of one")]
        job.size = max(1, len(rows) // 2)
        job.waiting.extendleft(reversed(rows))
        return []
