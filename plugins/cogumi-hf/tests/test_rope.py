"""Rotations that depend on the length: what is drawn is what `generate()` gives for each prompt alone."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from cogumi_hf import hf
from cogumi_hf.sampler import HFSampler

from cogumi.records import Completion, Message, Request, Sampling, Weights

TURN, CONTEXT = 96, 512
LONG = {
    "rope_type": "longrope",
    "short_factor": [1.0 + 0.1 * i for i in range(8)],
    "long_factor": [2.0 + 1.5 * i for i in range(8)],
    "original_max_position_embeddings": TURN,
    "rope_theta": 10000.0,
}
SHORT = 128
"""The context of the kinds that name no other length: dynamic NTK begins beyond it, and no row gets there."""
KINDS: dict[str, dict[str, Any]] = {
    "longrope": LONG,
    "dynamic": {"rope_type": "dynamic", "factor": 4.0, "rope_theta": 10000.0},
    "linear": {"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0},
    "yarn": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64, "rope_theta": 10000.0},
    "llama3": {
        "rope_type": "llama3",
        "factor": 4.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64,
        "rope_theta": 10000.0,
    },
}


def question(length: int, *, samples: int = 1, **settings: Any) -> Request:
    """A request whose prompt has this many ids: the template writes 19 of its own."""
    text = "".join(chr(97 + (7 * i + length) % 26) for i in range(length - 19))
    sampling = Sampling(**{"temperature": 0.8, "max_tokens": 24, **settings})
    return Request(
        id=f"r{length}", messages=(Message(role="user", content=text),), sampling=sampling, indices=tuple(range(samples))
    )


def network(family: str, kind: str) -> Any:
    """A random network whose positions are rotated in this way."""
    from transformers import LlamaConfig, LlamaForCausalLM, Phi3Config, Phi3ForCausalLM

    shape: dict[str, Any] = {
        "vocab_size": 99, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "max_position_embeddings": CONTEXT if kind == "longrope" else SHORT,
        "initializer_range": 0.15, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
        "rope_parameters": dict(KINDS[kind]),
    }  # fmt: skip
    torch.manual_seed(0)
    if family == "llama":
        return LlamaForCausalLM(LlamaConfig(**shape)).eval()
    return Phi3ForCausalLM(Phi3Config(**shape, original_max_position_embeddings=TURN)).eval()


MODELS = [("phi3", "longrope"), ("llama", "longrope"), *(("llama", kind) for kind in ("dynamic", "linear", "yarn", "llama3"))]


def generated(family: str, kind: str, prompt: list[int], tokens: int) -> tuple[tuple[int, ...], float]:
    """What `generate()` gives for a prompt alone, by a network that computed nothing before; and its log-probability."""
    ids, made = torch.tensor([prompt]), network(family, kind)
    # Some versions of transformers drop Phi-3's cache on the way and feed the last token alone; without a cache all are right.
    cached = family != "phi3" or "next_sequence_length" in inspect.getsource(type(made).prepare_inputs_for_generation)
    out = made.generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=tokens, pad_token_id=0,
        return_dict_in_generate=True, output_logits=True, use_cache=cached,
    )  # fmt: skip
    drawn = out.sequences[0, len(prompt) :].tolist()
    logprob = sum(float(step[0].log_softmax(0)[token]) for step, token in zip(out.logits, drawn, strict=True))
    return tuple(drawn), logprob


def lengths(kind: str) -> list[int]:
    """Prompts on both sides of the turning point, just before it, on it and behind it."""
    return [30, 60, TURN - 1, TURN, TURN + 1, 156] if kind == "longrope" else [20, 40, 90]


@pytest.mark.parametrize(("family", "kind"), MODELS)
def test_greedy_is_what_generate_gives_alone(save: Any, family: str, kind: str) -> None:
    model: Weights = save(network(family, kind))
    sampler = hf(model, device="cpu").load()
    requests = [question(length, temperature=0.0, max_tokens=80) for length in lengths(kind)]
    out = {c.request: c for c in sampler.sample(requests)}
    long = 0
    for request in requests:
        prompt, c = sampler.chat.prompt_ids(request.messages), out[request.id]
        assert request.id == f"r{len(prompt)}"
        expected, logprob = generated(family, kind, prompt, min(80, sampler.engine.context - len(prompt)))
        assert c.token_ids == expected
        assert c.logprob == pytest.approx(logprob, abs=0.02)
        long += len(prompt) <= TURN < len(prompt) + len(expected)
    assert long >= 2 or kind != "longrope"  # some grew over the turning point, or this says nothing
    sampler.close()


@pytest.mark.parametrize("family", ["phi3", "llama"])
@pytest.mark.parametrize("dtype", ["float32", pytest.param("bfloat16", marks=pytest.mark.slow)])
def test_the_same_texts_in_any_batch_and_order(save: Any, family: str, dtype: Any) -> None:
    model: Weights = save(network(family, "longrope"))
    requests = [question(length, samples=3, max_tokens=60) for length in lengths("longrope")]
    expected = everything(model, requests, dtype=dtype, exact="yes")
    for size in (1, 4, 7):
        random.Random(size).shuffle(requests)
        assert everything(model, requests, batch_size=size, dtype=dtype, exact="yes") == expected


def everything(model: Weights, requests: list[Request], **options: Any) -> dict[tuple[str, int], Completion]:
    sampler = hf(model, device="cpu", **options)
    try:
        return {(c.request, c.index): c for c in sampler.sample(requests)}
    finally:
        sampler.close()


@pytest.mark.parametrize("family", ["phi3", "llama"])
def test_a_score_does_not_depend_on_what_is_scored_beside_it(save: Any, family: str) -> None:
    sampler = hf(save(network(family, "longrope")), device="cpu").load()
    contexts = [question(length).messages for length in lengths("longrope")]
    together = sampler.loglikelihood(contexts, ["hello there"] * len(contexts))
    for context, (score, greedy) in zip(contexts, together, strict=True):
        ((alone, also),) = sampler.loglikelihood([context], ["hello there"])
        assert score == pytest.approx(alone, abs=1e-3)
        assert greedy is also
    sampler.close()


def test_only_longrope_has_a_turning_point(save: Any) -> None:
    points = {}
    for family, kind in MODELS:
        engine = HFSampler(save(network(family, kind)), hf(Weights(name="x", path="x"), device="cpu").options).engine
        points[family, kind] = engine.turn, engine.starts_anew
    assert {key: turn for key, (turn, _) in points.items() if turn} == {("phi3", "longrope"): TURN, ("llama", "longrope"): TURN}
    assert [key for key, (_, anew) in points.items() if anew] == [("phi3", "longrope")]


def test_a_row_that_is_done_does_not_count_as_longer(save: Any, networks: dict[str, Callable[..., Any]]) -> None:
    """Rows that are done are fed on with their batch; absolute positions end with the context."""
    model: Weights = save(networks["gpt2"]())
    requests = [question(length, temperature=0.9, max_tokens=120) for length in (250, 30, 31, 32, 33, 34)]
    together = everything(model, requests)
    assert all(c.error is None for c in together.values())
    assert together == everything(model, requests, batch_size=1)
