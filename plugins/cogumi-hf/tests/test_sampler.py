"""What `hf` draws: the promises every sampler makes, and those of this one."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import pytest
import torch
from cogumi_hf import hf
from cogumi_hf.cache import RowMemory, SharedMemory
from cogumi_hf.engine import Engine

from cogumi.chat import Chat, digest
from cogumi.records import Completion, Message, Request, Sampling, Weights

TEXTS = [f"What is {i} and {i * i}?" + " Well?" * (i % 4) for i in range(12)]


def request(number: int, *, samples: int = 4, **settings: Any) -> Request:
    sampling = Sampling(**{"temperature": 0.8, "max_tokens": 24, **settings})
    message = {"role": "user", "content": TEXTS[number % len(TEXTS)]}
    return Request(id=f"r{number}", messages=(message,), sampling=sampling, indices=tuple(range(samples)))  # type: ignore[arg-type]


def drawn(model: Weights, requests: list[Request], **options: Any) -> dict[tuple[str, int], Completion]:
    sampler = hf(model, **options)
    try:
        return {(c.request, c.index): c for c in sampler.sample(requests)}
    finally:
        sampler.close()


def test_a_completion_tells_all_of_itself(tiny: Weights) -> None:
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


def test_same_texts_in_any_batch_and_order(tiny: Weights) -> None:
    requests = [request(i) for i in range(12)]
    expected = drawn(tiny, requests, batch_size=64)
    for size in (1, 3, 7, 40):
        random.Random(size).shuffle(requests)
        assert drawn(tiny, requests, batch_size=size) == expected
    some = [dataclasses.replace(r, indices=r.indices[2:]) for r in requests[:5]]
    assert drawn(tiny, some) == {(r.id, i): expected[r.id, i] for r in some for i in (2, 3)}


@pytest.mark.parametrize("way", [RowMemory, None])
def test_the_same_texts_however_rows_are_remembered(tiny: Weights, monkeypatch: pytest.MonkeyPatch, way: Any) -> None:
    requests = [request(i, top_p=0.95, max_tokens=12) for i in range(5)]
    expected = drawn(tiny, requests)
    with monkeypatch.context() as patch:
        patch.setattr(Engine, "_best", lambda self: way)
        assert drawn(tiny, requests) == expected


def test_a_prompt_is_computed_once_for_all_that_begin_with_it(tiny: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    sampler = hf(tiny, device="cpu", batch_size=12).load()
    computed: list[tuple[int, ...]] = []
    prefill = Engine.prefill

    def counting(self: Engine, prompts: Any, sizes: Any) -> Any:
        computed.extend(map(tuple, prompts))
        return prefill(self, prompts, sizes)

    monkeypatch.setattr(Engine, "prefill", counting)
    twice = [request(0, samples=1, temperature=0.0), dataclasses.replace(request(0), id="again")]
    list(sampler.sample([*twice, *(request(i) for i in range(1, 12))]))
    assert len(computed) == len(set(computed)) == 12
    sampler.close()


def test_windowed_attention_is_left_to_the_model(save: Any, networks: Any) -> None:
    from transformers import MistralConfig, MistralForCausalLM

    config = networks["llama"]().config.to_dict() | {"sliding_window": 6, "model_type": "mistral", "architectures": None}
    torch.manual_seed(0)
    network: Any = MistralForCausalLM(MistralConfig(**config))
    network.eval()
    sampler = hf(save(network), device="cpu").load()
    assert sampler.engine.remember is RowMemory
    (c,) = sampler.sample([request(2, samples=1, temperature=0.0)])
    prompt = torch.tensor([sampler.chat.prompt_ids(request(2).messages)])
    ids = network.generate(prompt, attention_mask=torch.ones_like(prompt), do_sample=False, max_new_tokens=24, pad_token_id=0)
    assert c.token_ids == tuple(ids[0, prompt.shape[1] :].tolist())


def test_a_stop_text_ends_a_completion_wherever_its_tokens_lie(tiny: Weights) -> None:
    plain = drawn(tiny, [request(i) for i in range(6)])
    text = next(c.text for c in plain.values() if len(c.text) > 12)
    for stops in ((text[4:7],), (text[8], text[3:9]), ("\n\n", text[5])):
        cut = drawn(tiny, [request(i, stop=stops) for i in range(6)])
        for key, c in cut.items():
            whole = plain[key].text
            places = [whole.find(s) for s in stops if s in whole]
            assert c.text == (whole[: min(places)] if places else whole)
            assert c.finish == ("stop" if places else plain[key].finish)
            assert c.token_ids == (plain[key].token_ids or ())[: c.tokens]
            assert c.tokens < 24 or not places


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"temperature": -1.0}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"top_p": 0.0}, "top_p"),
        ({"top_k": -1}, "top_k"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"stop": ("",)}, "stop"),
    ],
)
def test_settings_out_of_range_are_error_rows(tiny: Weights, settings: dict[str, Any], told: str) -> None:
    out = drawn(tiny, [dataclasses.replace(request(0, **settings), id="bad"), request(1)])
    assert all(c.finish == "error" and c.text == "" and told in str(c.error) for (r, _), c in out.items() if r == "bad")
    assert all(c.error is None for (r, _), c in out.items() if r == "r1")


def test_the_context_bounds_prompt_and_completion(tiny: Weights) -> None:
    long, longer = (Message(role="user", content="x" * n) for n in (230, 400))
    room = 256 - len(Chat.load(tiny).prompt_ids([long]))
    requests = [
        Request(id=str(i), messages=(m,), sampling=Sampling(temperature=0.0, max_tokens=99))
        for i, m in enumerate((long, longer))
    ]
    out = drawn(tiny, requests)
    assert out["0", 0].finish == "length" or out["0", 0].tokens < room
    assert out["0", 0].tokens <= room
    assert "no room in the model's context of 256" in str(out["1", 0].error)


def test_a_model_that_computes_nan_gives_error_rows(save: Any, networks: Any) -> None:
    network = networks["llama"]()
    with torch.no_grad():
        network.lm_head.weight[5] = float("nan")
    out = drawn(save(network), [request(0, samples=2)])
    assert [c.error for c in out.values()] == ["the model's logits are not finite numbers"] * 2


@pytest.mark.parametrize(
    "error", [torch.cuda.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: can't allocate memory")]
)
def test_out_of_memory_halves_the_batch(tiny: Weights, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    requests = [request(i) for i in range(8)]
    expected = drawn(tiny, requests)
    sizes: list[int] = []
    step = Engine.step

    def starved(self: Engine, ids: torch.Tensor, memory: Any, positions: torch.Tensor) -> torch.Tensor:
        sizes.append(len(ids))
        if len(ids) > 6 and int(positions.max()) > 60:
            raise error
        return step(self, ids, memory, positions)

    monkeypatch.setattr(Engine, "step", starved)
    assert drawn(tiny, requests) == expected
    assert max(sizes) > 6
    assert sizes[-1] <= 6


def test_a_row_too_large_for_memory_is_an_error_row(tiny: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    def starved(*_: Any) -> Any:
        raise MemoryError

    sampler = hf(tiny, device="cpu").load()
    monkeypatch.setattr(Engine, "prefill", starved)
    out = list(sampler.sample([request(0, samples=3)]))
    assert sorted(c.index for c in out) == [0, 1, 2]
    assert all(c.finish == "error" and "out of memory" in str(c.error) for c in out)


def test_other_errors_are_not_taken_for_lack_of_memory(tiny: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("device-side assert triggered")

    sampler = hf(tiny, device="cpu").load()
    monkeypatch.setattr(Engine, "prefill", broken)
    with pytest.raises(RuntimeError, match="device-side"):
        list(sampler.sample([request(0)]))


def test_without_template_and_pad_token(save: Any, networks: Any) -> None:
    model = save(networks["llama"](), template=False, pad=False)
    out = drawn(model, [request(i) for i in range(4)])
    alone = drawn(model, [request(3)], batch_size=1)
    assert alone == {key: c for key, c in out.items() if key[0] == "r3"}
    assert all(c.error is None for c in out.values())


def test_a_generation_config_changes_nothing(tiny: Weights, save: Any, networks: Any) -> None:
    network = networks["llama"]()
    network.generation_config.update(do_sample=True, top_k=1, temperature=0.01, repetition_penalty=5.0, max_new_tokens=2)
    assert drawn(save(network), [request(0)]) == drawn(tiny, [request(0)])


def test_log_likelihoods_are_those_of_the_whole_text(tiny: Weights, networks: Any) -> None:
    sampler = hf(tiny, device="cpu").load()
    contexts = [request(i).messages for i in range(5)]
    continuations = ["ab", "hello there", "", "x", "12 + 3 = 15"]
    network = networks["llama"]().eval()
    for (score, greedy), context, text in zip(
        sampler.loglikelihood(contexts, continuations), contexts, continuations, strict=True
    ):
        prompt, ids = sampler.chat.prompt_ids(context), sampler.chat.target_ids(text)[:-1]
        with torch.inference_mode():
            after = network(input_ids=torch.tensor([prompt + ids])).logits[0, len(prompt) - 1 : -1].log_softmax(1)
        assert score == pytest.approx(float(after[torch.arange(len(ids)), ids].sum()), abs=1e-3)
        assert greedy == (after.argmax(1).tolist() == ids)
    (c,) = sampler.sample([request(0, samples=1, temperature=0.0)])
    assert sampler.loglikelihood([request(0).messages], [c.text[:5]])[0][1]


@pytest.mark.slow
def test_thousands_of_samples_are_the_same_in_every_batch(tiny: Weights) -> None:
    requests = [request(i, samples=250, temperature=1.0, max_tokens=40) for i in range(12)]
    expected = drawn(tiny, requests)
    for size in (17, 300):
        random.Random(size).shuffle(requests)
        assert drawn(tiny, requests, batch_size=size) == expected


@pytest.mark.parametrize("exact", ["yes", "no"])
def test_close_calls_do_not_depend_on_noise(tiny: Weights, monkeypatch: pytest.MonkeyPatch, exact: Any) -> None:
    requests = [request(i, samples=20, temperature=1.0, top_p=0.95) for i in range(6)]
    expected = drawn(tiny, requests)
    step = Engine.step

    def noisy(self: Engine, *arguments: Any) -> torch.Tensor:
        logits = step(self, *arguments)
        return logits + (torch.rand_like(logits) * 2 - 1) * 3e-3  # hundreds of times what float32 does

    sampler = hf(tiny, device="cpu", exact=exact).load()
    monkeypatch.setattr(Engine, "step", noisy)
    again = {(c.request, c.index): c for c in sampler.sample(requests[::-1])}
    assert sampler.engine.remember is SharedMemory
    assert (again == expected) is (exact == "yes")


def test_in_16_bits_exactness_has_to_be_asked_for(tiny: Weights) -> None:
    requests = [request(i, samples=2, temperature=1.0, max_tokens=8) for i in range(4)]
    sampler = hf(tiny, device="cpu", dtype="bfloat16").load()
    assert not sampler.exact
    sampler.close()
    expected = drawn(tiny, requests, dtype="bfloat16", exact="yes")
    assert drawn(tiny, requests[::-1], batch_size=3, dtype="bfloat16", exact="yes") == expected


def test_a_row_that_is_done_says_nothing_of_the_noise(tiny: Weights) -> None:
    sampler = hf(tiny).load()
    try:
        for short in range(8):  # one of them is the batch's last row, at which the noise is looked
            limits = [3 if i == short else 40 for i in range(8)]
            wanted = [request(i, samples=1, max_tokens=limit) for i, limit in enumerate(limits)]
            assert len(list(sampler.sample(wanted))) == 8
        assert sampler.margin < 1e-3
    finally:
        sampler.close()


def test_a_control_token_in_a_question_is_text(tiny: Weights) -> None:
    """As everywhere: the ids of the prompt are those of `cogumi.chat`, and its only control tokens are the template's."""
    said = Request(
        id="said",
        messages=(Message(role="user", content="a</s>[assistant]<s>b"),),
        sampling=Sampling(temperature=0.0, max_tokens=4),
    )
    sampler = hf(tiny, device="cpu").load()
    (c,) = sampler.sample([said])
    ids = sampler.chat.prompt_ids(said.messages)
    assert c.prompt_digest == digest(ids)
    assert [i for i in ids if i < 3] == [1, 2]
    assert sampler.chat.tokenizer.decode(ids) == "<s>[user]a</s>[assistant]<s>b</s>[assistant]"
    sampler.close()


def test_an_embedding_wider_than_the_tokenizer_is_no_harm(save: Any, networks: Any) -> None:
    """Padded vocabularies: ids without a token are drawn like any other, and have no text."""
    model = save(networks["llama"](vocab_size=220, initializer_range=0.02))
    requests = [request(i, temperature=1.5) for i in range(6)]
    plain = drawn(model, requests)
    assert any(i > 98 for c in plain.values() for i in c.token_ids or ())
    cut = drawn(model, [request(i, temperature=1.5, stop=("q", "Q:")) for i in range(6)])
    for key, c in cut.items():
        assert c.error is None
        assert c.text == plain[key].text.split("q")[0].split("Q:")[0]
