"""What `hf` draws: the promises every sampler makes, and those of this one."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import pytest
import torch
from cogumi_hf import hf

from cogumi.chat import Chat, digest
from cogumi.records import Completion, Model, Request, Sampling

TEXTS = [f"What is {i} and {i * i}?" + " Well?" * (i % 4) for i in range(12)]


def request(number: int, *, samples: int = 4, **settings: Any) -> Request:
    sampling = Sampling(**{"temperature": 0.8, "max_tokens": 24, **settings})
    message = {"role": "user", "content": TEXTS[number % len(TEXTS)]}
    return Request(id=f"r{number}", messages=(message,), sampling=sampling, indices=tuple(range(samples)))  # type: ignore[arg-type]


def drawn(model: Model, requests: list[Request], **options: Any) -> dict[tuple[str, int], Completion]:
    sampler = hf(model, **options)
    try:
        return {(c.request, c.index): c for c in sampler.sample(requests)}
    finally:
        sampler.close()


def test_a_completion_tells_all_of_itself(tiny: Model) -> None:
    wanted = request(3)
    out = drawn(tiny, [wanted])
    chat = Chat.load(tiny)
    assert sorted(out) == [("r3", i) for i in range(4)]
    for c in out.values():
        assert c.token_ids is not None
        assert c.tokens == len(c.token_ids) <= 24
        assert c.prompt_digest == digest(chat.prompt_ids(wanted.messages))
        assert c.finish == ("stop" if c.token_ids[-1] == 2 else "length")
        assert c.text == chat.text(c.token_ids)


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_greedy_is_what_transformers_itself_generates(save: Any, networks: Any, name: str) -> None:
    network = networks[name]
    model = save(network())
    out = drawn(model, [request(i, samples=1, temperature=0.0) for i in range(12)])
    chat, reference = Chat.load(model), network().eval()
    for i in range(12):
        prompt = torch.tensor([chat.prompt_ids(request(i).messages)])
        ids = reference.generate(
            prompt, attention_mask=torch.ones_like(prompt), do_sample=False, max_new_tokens=24, pad_token_id=0
        )
        assert out[f"r{i}", 0].token_ids == tuple(ids[0, prompt.shape[1] :].tolist())


def test_same_texts_in_any_batch_and_order(tiny: Model) -> None:
    requests = [request(i) for i in range(12)]
    expected = drawn(tiny, requests, batch_size=64)
    for size in (1, 3, 7, 40):
        random.Random(size).shuffle(requests)
        assert drawn(tiny, requests, batch_size=size) == expected
    some = [dataclasses.replace(r, indices=r.indices[2:]) for r in requests[:5]]
    assert drawn(tiny, some) == {(r.id, i): expected[r.id, i] for r in some for i in (2, 3)}
