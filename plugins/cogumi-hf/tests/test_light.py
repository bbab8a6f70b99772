"""What the sampler says before anything is loaded, and that it may be asked again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cogumi_hf import checks, hf, light, options, register_checks
from cogumi_peft import probing

from cogumi.errors import BadInput
from cogumi.protocols import Resolver, Sampler, serves
from cogumi.records import Endpoint, Finding, Message, Request, Sampling, Weights
from cogumi.weights import fingerprint


def ask(name: str) -> Request:
    sampling = Sampling(temperature=0.8, max_tokens=8)
    return Request(id=name, messages=(Message(role="user", content=name),), sampling=sampling, indices=(0, 1))


def test_it_resolves_by_the_cores_rules(tiny: Weights) -> None:
    sampler = hf(tiny)
    assert isinstance(sampler, Sampler)
    assert isinstance(sampler, Resolver)
    found = sampler.resolve()
    assert found.model == tiny
    assert found.fingerprint == fingerprint(tiny)
    assert found.notes == ()


def test_a_gguf_file_becomes_a_folder_and_is_sampled_from_there(
    tiny: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it is converted to is `cogumi_peft.gguf`'s to know; here any folder does."""
    file = tmp_path / "small.gguf"
    monkeypatch.setattr(light, "as_folder", lambda model: replace(tiny, name=model.name))
    sampler = hf(Weights(name="small", path=str(file)), device="cpu")
    found = sampler.resolve()
    assert found.model == replace(tiny, name="small")
    assert found.fingerprint == fingerprint(tiny)
    assert len(list(sampler.sample([ask("a")]))) == 2


def test_what_is_no_gguf_file_is_refused_when_the_model_is_resolved(tmp_path: Path) -> None:
    pytest.importorskip("gguf")
    (tmp_path / "small.gguf").write_bytes(b"GGML")
    with pytest.raises(BadInput, match="not a GGUF file"):
        hf(Weights(name="small", path=str(tmp_path))).resolve()


def test_whether_texts_depend_on_their_batch_is_known_once_the_model_is_found(
    tiny: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options, "gpu_possible", lambda: True)
    monkeypatch.setattr(light, "as_folder", lambda model: tiny)
    sampler = hf(Weights(name="small", path=str(tmp_path / "small.gguf")))
    assert not serves(sampler).exact
    sampler.resolve()
    assert serves(sampler).exact


def test_a_served_model_is_refused() -> None:
    sampler = hf(Endpoint(name="far", url="http://localhost:1/v1", served="far"))
    assert not serves(sampler).endpoints
    for wrong in (sampler.resolve, sampler.load):
        with pytest.raises(BadInput, match="loads models from disk"):
            wrong()


@pytest.mark.parametrize(
    ("given", "gpu", "own", "exact"),
    [
        ({}, False, "bfloat16", True),
        ({}, True, "bfloat16", False),
        ({}, True, "float32", True),
        ({"device": "cpu"}, True, "bfloat16", True),
        ({"device": "cuda"}, True, "bfloat16", False),
        ({"dtype": "bfloat16"}, False, "float32", False),
        ({"dtype": "bfloat16", "exact": "yes"}, False, "float32", True),
        ({"exact": "no"}, False, "float32", False),
        ({"dtype": "float32"}, True, "bfloat16", True),
    ],
)
def test_it_says_whether_texts_depend_on_their_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], gpu: bool, own: str, exact: bool
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"dtype": own}))
    monkeypatch.setattr(options, "gpu_possible", lambda: gpu)
    assert serves(hf(Weights(name="m", path=str(tmp_path)), **given)).exact is exact


def test_a_gpu_that_the_user_hides_is_none(tiny: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert not options.gpu_possible()
    with pytest.raises(BadInput, match="shows no GPU"):
        hf(tiny, device="cuda").resolve()


def test_an_open_stream_is_drawn_from_until_it_is_dry(tiny: Weights) -> None:
    """Requests that come while completions are seen are drawn by the next call, with the texts they have in one call."""
    sampler = hf(tiny, device="cpu")
    waiting = [ask("first")]

    def stream() -> Iterator[Request]:
        while waiting:
            yield waiting.pop()

    seen = {}
    for later in (["second", "third"], []):
        for completion in sampler.sample(stream()):
            seen[completion.request, completion.index] = completion.text
        waiting += map(ask, later)
    once = {(c.request, c.index): c.text for c in sampler.sample(map(ask, ("first", "second", "third")))}
    sampler.close()
    assert seen == once


def test_the_doctor_hears_of_torch_and_templates() -> None:
    offered: dict[str, Any] = {}
    register_checks(offered.__setitem__)
    assert list(offered) == ["torch", "chat-templates"]
    found = [finding for check in offered.values() for finding in check()]
    assert [f.name for f in found] == ["torch", "GPU", "chat templates"]
    assert found[0].ok
    assert found[0].detail.startswith(__import__("torch").__version__)
    assert all(f.fix for f in found if f.ok is False)


@pytest.mark.parametrize(
    ("answer", "names", "told"),
    [
        ({"error": "it died"}, [("torch", False)], "it died"),
        ({"torch": "2", "cuda": "13", "gpus": []}, [("torch", True), ("GPU", False)], "sees no GPU"),
        (
            {"torch": "2", "cuda": "13", "gpus": [{"name": "T4", "memory": 16 * 2**30, "bf16": False}]},
            [("torch", True), ("GPU", True)],
            "T4, 16 GB, no bf16",
        ),
    ],
)
def test_what_is_wrong_with_torch_is_a_finding(
    monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any], names: list[tuple[str, bool]], told: str
) -> None:
    monkeypatch.setattr(probing, "ask", lambda module: answer)
    monkeypatch.setattr(checks.shutil, "which", lambda name: "/usr/bin/nvidia-smi")
    found = list(checks.torch())
    assert [(f.name, f.ok) for f in found] == names
    assert told in found[-1].detail


def test_a_missing_template_renderer_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_version", lambda dist: None if dist == "jinja2" else "5")
    detail = "jinja2 not installed, which render chat templates"
    assert list(checks.chat_templates()) == [Finding(name="chat templates", ok=False, detail=detail, fix="pip install jinja2")]
