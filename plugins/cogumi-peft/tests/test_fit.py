"""Whether config, weights, tokenizer and template fit together, told before anything is loaded."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cogumi_peft import fitting
from cogumi_peft.fit import fit
from small_networks import TEMPLATE, adapter, folder, network, tokenizer

from cogumi.errors import BadInput
from cogumi.weights import resolve, tensors_of

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
Change = Callable[[Path], None]


@pytest.mark.parametrize("family", ["llama", "gemma", "qwen2", "phi3", "mistral"])
@pytest.mark.parametrize("shards", ["5GB", "100KB"])
def test_what_is_whole_fits(tmp_path: Path, family: str, shards: str) -> None:
    made = network(family)
    model = folder(tmp_path / "model", made)
    for old in (tmp_path / "model").glob("*.safetensors"):
        old.unlink()
    made.save_pretrained(tmp_path / "model", max_shard_size=shards)
    assert not [note for note in fit(model) if "no row" not in note]


def config(**changes: Any) -> Change:
    def change(place: Path) -> None:
        path = place / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


def tensors(**changes: Any) -> Change:
    def change(place: Path) -> None:
        from safetensors.torch import load_file, save_file

        found = load_file(place / "model.safetensors")
        found = {name: tensor for name, tensor in found.items() if name not in changes}
        save_file(found, place / "model.safetensors", metadata={"format": "pt"})

    return change


def words(**options: Any) -> Change:
    """Another tokenizer: `add` plain tokens, `special` ones, `template` another one."""

    def change(place: Path) -> None:
        made = tokenizer()
        made.add_tokens(options.get("add", []))
        made.add_tokens(options.get("special", []), special_tokens=True)
        made.chat_template = options.get("template", TEMPLATE)
        made.save_pretrained(place)

    return change


def renamed(place: Path) -> None:
    (place / "model.safetensors").rename(place / "consolidated.safetensors")


REFUSED: dict[str, tuple[Change, str]] = {
    "unknown architecture": (config(model_type="unheard", architectures=["Unheard"]), "config.json: the model cannot be made"),
    "no language model": (config(model_type="vit"), "config.json: the model cannot be made"),
    "a tensor less": (
        tensors(**{"model.layers.1.mlp.up_proj.weight": None}),
        "weights are missing, e.g. model.layers.1.mlp",
    ),
    "a layer more": (config(num_hidden_layers=3), "weights are missing, e.g. model.layers.2"),
    "a wider inside": (config(intermediate_size=96), r"has the shape \[64, 128\] where config.json asks for \[64, 96\]"),
    "a longer vocabulary": (config(vocab_size=120), r"has the shape \[99, 64\] where config.json asks for \[120, 64\]"),
    "another name": (renamed, "weights: it has neither model.safetensors nor model.safetensors.index.json"),
    "tokens that the template writes": (
        words(special=["<|turn|>"], template=TEMPLATE.replace("'['", "'<|turn|>['")),
        r"the embedding's 99 rows: the chat template writes <\|turn\|> \(id 99\), which has none",
    ),
    "tokens that a text may hold": (words(add=["<more>", "<again>"]), r"99 rows: a text may hold <more> \(id 99\)"),
    "a template that raises": (
        words(template="{{ raise_exception('never') }}"),
        "chat_template.jinja:1: chat_template: it cannot write a conversation of user, assistant: never",
    ),
    "a malformed template": (
        words(template="{% for m in messages %}\n{{ m['content'] }"),
        "chat_template.jinja:2: .*unexpected '}'",
    ),
    "two BOS": (words(template="{{ bos_token }}" + TEMPLATE), "a prompt begins with two BOS tokens"),
    "no question": (words(template="{{ bos_token }}Hello{{ eos_token }}"), "does not write what the user says"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused(tmp_path: Path, case: str) -> None:
    change, told = REFUSED[case]
    model = folder(tmp_path / "model", network())
    change(tmp_path / "model")
    with pytest.raises(BadInput, match=told) as caught:
        fit(model)
    assert str(caught.value).startswith(f"{tmp_path / 'model'}")
    assert "\n" not in str(caught.value)


def test_special_tokens_that_nothing_writes_need_no_row(tmp_path: Path) -> None:
    """Some families have one for images, beyond the embedding of the model without eyes."""
    model = folder(tmp_path / "model", network())
    words(special=["<image>"])(tmp_path / "model")
    assert fit(model) == ["1 special tokens have no row in the embedding, e.g. <image>"]


def test_an_embedding_with_rows_to_spare_fits(tmp_path: Path) -> None:
    assert fit(folder(tmp_path / "model", network(vocab_size=128))) == []


def test_tensors_that_are_left_out_are_told(tmp_path: Path) -> None:
    model = folder(tmp_path / "model", network())
    config(num_hidden_layers=1)(tmp_path / "model")
    assert fit(model) == [
        "9 tensors of the weights have no place in the model and are left out, e.g. model.layers.1.input_layernorm.weight"
    ]


def test_nothing_is_read_but_headers(tmp_path: Path) -> None:
    """Of a file that has its header and then a hole of 8 GB nothing is read, or this would not end."""
    model = folder(tmp_path / "model", network())
    path = tmp_path / "model" / "model.safetensors"
    rows = 2**25
    shapes = {name: tensor.shape for name, tensor in tensors_of(path).items()}
    header, end = {}, 0
    for name, shape in shapes.items():
        wide = [rows, *shape[1:]] if shape[0] == 99 else shape
        size = 4 * wide[0] * (wide[1] if len(wide) > 1 else 1)
        header[name] = {"dtype": "F32", "shape": wide, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text)
    os.truncate(path, 8 + len(text) + end)
    config(vocab_size=rows)(tmp_path / "model")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert fit(model) == []
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000  # kilobytes


def test_it_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    model = folder(tmp_path / "model", network())
    words(special=["<image>"])(tmp_path / "model")
    asked: list[str] = []
    real = fitting.ask

    def counting(*arguments: str) -> dict[str, Any]:
        asked.append(arguments[0])
        return real(*arguments)

    monkeypatch.setattr(fitting, "ask", counting)
    first = fitting.fitted(resolve(model))
    assert first == ("1 special tokens have no row in the embedding, e.g. <image>",)
    assert fitting.fitted(resolve(model)) == first
    assert asked == ["cogumi_peft.fit"]
    fitting.fitted(resolve(replace(model, trust_remote_code=True)))  # whose code no fingerprint tells
    words(template="{{ raise_exception('never') }}")(tmp_path / "model")
    for _ in range(2):
        with pytest.raises(BadInput, match="never"):
            fitting.fitted(resolve(model))
    assert len(asked) == 4


def test_where_it_cannot_be_tried_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(fitting, "ask", lambda *_: {"error": "torch did not start within 180 s"})
    (note,) = fitting.fitted(resolve(folder(tmp_path / "model", network())))
    assert note.endswith("is only seen when they are loaded: torch did not start within 180 s")


CLI = ("diagnose", "--plugins", "math", "--guard", "none", "--held-out", "3", "--samples", "3")


@pytest.mark.parametrize("case", ["tokens that the template writes", "a malformed template", "unknown architecture", "adapter"])
def test_the_command_line_refuses_before_it_makes_a_folder(tmp_path: Path, case: str) -> None:
    pytest.importorskip("cogumi_math")
    pytest.importorskip("cogumi_hf")
    model, more, told = folder(tmp_path / "model", network()), [], "does not fit this model"
    if case == "adapter":
        other = folder(tmp_path / "other", network(intermediate_size=96))
        more = ["--adapter", adapter(other, tmp_path / "adapter")]
    else:
        change, told = REFUSED[case]
        change(tmp_path / "model")
    data = tmp_path / "data.jsonl"
    data.write_text("".join(json.dumps({"question": f"{i} + {i}?", "answer": f"#### {2 * i}"}) + "\n" for i in range(9)))
    command = [
        sys.executable,
        "-m",
        "cogumi",
        *CLI,
        "--model",
        model.path,
        "--data",
        f"math={data}",
        "--out",
        str(tmp_path / "run"),
    ]
    done = subprocess.run([*command, *more], capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"})
    assert done.returncode == 2, done.stderr
    assert re.search(told, " ".join(done.stderr.split()))
    assert not (tmp_path / "run").exists()
