"""`check_sampler`: the promises of a sampler, checked by drawing the same samples in different ways."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from cogumi.protocols import Sampler
from cogumi.records import Completion, Request, Sampling
from cogumi.testing.fakes import make_requests
from cogumi.testing.promises import made_by, never_raises, require, short

Rows = Mapping[tuple[str, int], Completion]


def check_sampler(
    sampler: Sampler | Callable[[], Sampler],
    *,
    requests: Sequence[Request] = (),
    diverse: bool = True,
    failing: Request | None = None,
) -> None:
    """Check a sampler, and close it. Given a factory, a second sampler must draw the same texts as the first.

    `requests` replaces the few short prompts that are asked by default (each with ten samples at temperature 1).
    `diverse=False`: this sampler is not expected to give different texts (a recording, a fake). `failing` is a request
    that it cannot answer, e.g. an endless prompt: it must come back as error rows without disturbing the others.
    """
    make = made_by(sampler, Sampler)
    asked = list(requests) or make_requests(3, samples=10, temperature=1.0)
    first = make()
    rows = _draw(first, asked)
    _check_ways(first, asked, rows)
    if diverse:
        _check_diversity(first, asked, rows)
    if not requests:
        _check_greedy(first, asked)
    if failing is not None:
        _check_failing(first, asked, failing, rows)
    _check_close(first)
    second = make()
    if second is not first:
        _same(rows, _draw(second, asked), "drawn by a new sampler")
        _check_close(second)


def _draw(sampler: Sampler, requests: Iterable[Request]) -> Rows:
    """All samples of the requests by request and index, each of them checked, each wanted one exactly once."""
    asked = list(requests)
    wanted = Counter((r.id, i) for r in asked for i in r.indices)
    with never_raises("sample(): what goes wrong with a sample is a row with an error, and sampling"):
        drawn = list(sampler.sample(iter(asked)))
    for row in drawn:
        require(isinstance(row, Completion), f"sample() yields Completions, not {short(row)}")
    got = Counter((row.request, row.index) for row in drawn)
    extra, missing = got - wanted, wanted - got
    require(not missing, f"every wanted sample is yielded, errors too: missing are {_some(missing)}")
    require(not extra, f"every wanted sample is yielded once and no others: too many are {_some(extra)}")
    samplings = {r.id: r.sampling for r in asked}
    for row in drawn:
        _check_row(row, samplings[row.request])
    return {(row.request, row.index): row for row in drawn}


def _some(keys: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{request}[{index}]" for request, index in itertools.islice(keys, 5))


def _check_row(row: Completion, sampling: Sampling) -> None:
    which = f"{row.request}[{row.index}]"
    require(row.finish in ("stop", "length", "error"), f"finish is stop, length or error, not {short(row.finish)} ({which})")
    require(isinstance(row.text, str), f"text is a str, not {short(row.text)} ({which})")
    if row.finish == "error":
        require(bool(row.error), f"an error row says in `error` what went wrong ({which})")
        require(row.text == "", f"an error row has no text ({which})")
        return
    require(row.error is None, f"a row with an error finishes with 'error', not '{row.finish}' ({which})")
    limit = sampling.max_tokens
    require(0 <= row.tokens <= limit, f"tokens is between 0 and max_tokens = {limit}, not {row.tokens} ({which})")
    if row.token_ids is not None:
        told = f"token_ids holds the {row.tokens} tokens drawn, not {len(row.token_ids)} ({which})"
        require(len(row.token_ids) == row.tokens, told)
    if row.logprob is not None:
        told = f"logprob is finite and at most 0, not {row.logprob} ({which})"
        require(math.isfinite(row.logprob) and row.logprob <= 1e-6, told)
    for stop in sampling.stop:
        require(stop not in row.text, f"a text ends before the stop text {short(stop)} ({which})")


def _check_ways(sampler: Sampler, requests: Sequence[Request], rows: Rows) -> None:
    """Order, subset and batch must not change a sample."""
    _draw(sampler, [])
    _draw(sampler, [replace(requests[0], indices=())])
    backwards = [replace(r, indices=r.indices[::-1]) for r in reversed(requests)]
    _same(rows, _draw(sampler, backwards), "drawn in reverse order")
    _same(rows, _draw(sampler, [replace(r, indices=r.indices[1::2]) for r in requests]), "drawn with fewer others")
    for request in requests[:2]:
        alone = replace(request, indices=request.indices[-1:])
        _same(rows, _draw(sampler, [alone]), "drawn alone")


def _same(rows: Rows, again: Rows, how: str) -> None:
    for key, row in again.items():
        was = rows[key]
        told = f"{_some([key])} is {short(was.text)} and, {how}, {short(row.text)}"
        require(_content(was) == _content(row), f"a sample is the same whatever it is drawn with: {told}")


def _content(row: Completion) -> tuple[object, ...]:
    return row.text, row.finish, row.tokens, row.token_ids


def _check_diversity(sampler: Sampler, requests: Sequence[Request], rows: Rows) -> None:
    warm = [r for r in requests if r.sampling.temperature > 0 and len(r.indices) > 1]
    for request in warm:
        texts = {rows[request.id, index].text for index in request.indices}
        told = f"{len(request.indices)} samples of '{request.id}' are all {short(next(iter(texts)))}"
        require(len(texts) > 1, f"above temperature 0 the samples of a prompt are drawn one by one, not copied: {told}")
    if warm:
        other = [replace(r, sampling=replace(r.sampling, seed=r.sampling.seed + 1)) for r in warm]
        changed = _draw(sampler, other)
        differs = any(rows[key].text != row.text for key, row in changed.items())
        require(differs, "another seed draws other samples: with seed + 1 every text stayed the same")


def _check_greedy(sampler: Sampler, requests: Sequence[Request]) -> None:
    greedy = [replace(r, sampling=replace(r.sampling, temperature=0.0), indices=(0, 1, 2)) for r in requests]
    rows = _draw(sampler, greedy)
    for request in greedy:
        texts = [rows[request.id, index].text for index in request.indices]
        told = f"samples of '{request.id}' are {', '.join(map(short, texts))}"
        require(len(set(texts)) == 1, f"at temperature 0 all samples of a prompt are the same: {told}")
    _check_stop(sampler, greedy[0], rows[greedy[0].id, 0].text)


def _check_stop(sampler: Sampler, request: Request, text: str) -> None:
    """A stop text cuts the greedy text right before its first occurrence."""
    middle = text.strip()[len(text.strip()) // 2 :][:1]
    if not middle:
        return
    stopped = replace(request, sampling=replace(request.sampling, stop=(middle,)), indices=(0,))
    row = _draw(sampler, [stopped])[request.id, 0]
    told = f"stopping {short(text)} at {short(middle)} gave {short(row.text)} with finish '{row.finish}'"
    cut = text.partition(middle)[0].strip()
    require(row.text.strip() == cut and row.finish == "stop", f"a stop text ends a sample: {told}")


def _check_failing(sampler: Sampler, requests: Sequence[Request], failing: Request, rows: Rows) -> None:
    again = dict(_draw(sampler, [requests[0], failing, *requests[1:]]))
    for index in failing.indices:
        row = again.pop((failing.id, index))
        told = f"'{failing.id}' finished with '{row.finish}'"
        require(row.finish == "error", f"a request that cannot be answered comes back as error rows: {told}")
    _same(rows, again, "drawn next to a request that fails")


def _check_close(sampler: Sampler) -> None:
    with never_raises("close(), also when it is called twice,"):
        sampler.close()
        sampler.close()
