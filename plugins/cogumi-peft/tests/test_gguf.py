"""GGUF files as model folders: what comes out, what is refused, and what is left when it goes wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from cogumi_peft.bases import whole
from cogumi_peft.gguf import as_folder, cache, convert, find, folder_of, header

from cogumi.chat import Chat
from cogumi.errors import BadInput, RunFailed
from cogumi.files import file_digest
from cogumi.records import Message, Weights
from cogumi.weights import ORIGIN, read_origin, resolve

Write = Callable[..., dict[str, Any]]
CONVERT = "import sys; from pathlib import Path; from cogumi_peft.gguf import folder_of; print(folder_of(Path(sys.argv[1])))"


def model(path: Path) -> Weights:
    return Weights(name="m", path=str(path))


def refusal(path: Path) -> str:
    with pytest.raises(BadInput) as caught:
        as_folder(model(path))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def unreadable(path: Path, folder: Path) -> str:
    """What the converting process would say, without its start."""
    with pytest.raises(convert.Unreadable) as caught:
        convert.convert(path, folder)
    return str(caught.value)


@dataclass(frozen=True)
class Made:
    """A file, the folder that a process of its own converted it to, and the numbers that it stands for."""

    file: Path
    folder: Path
    numbers: dict[str, Any]


@pytest.fixture(scope="module")
def made(gguf_file: Write, tmp_path_factory: pytest.TempPathFactory) -> Made:
    place = tmp_path_factory.mktemp("made")
    numbers = gguf_file(place / "small.gguf")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COGUMI_CACHE_DIR", str(place / "cache"))
        return Made(place / "small.gguf", folder_of(place / "small.gguf"), numbers)


# --- what comes out ---------------------------------------------------------------------------------------------------


def test_every_number_is_what_the_file_stands_for(made: Made) -> None:
    network = whole(model(made.folder), torch.float32, torch.device("cpu"))
    state = network.state_dict()
    assert torch.equal(state["model.embed_tokens.weight"], made.numbers["token_embd"])
    assert torch.equal(state["lm_head.weight"], made.numbers["token_embd"])
    for layer in range(2):
        for ours, theirs in (("mlp.down_proj", "ffn_down"), ("self_attn.v_proj", "attn_v"), ("input_layernorm", "attn_norm")):
            assert torch.equal(state[f"model.layers.{layer}.{ours}.weight"], made.numbers[f"blk.{layer}.{theirs}"])
    assert network.config.rope_parameters["rope_theta"] == 10_000.0
    assert not hasattr(network.config, "quantization_config")


def test_it_is_a_models_folder_like_any_other(made: Made) -> None:
    found = resolve(model(made.folder))
    assert {path.suffix for path in made.folder.iterdir()} == {".safetensors", ".json", ".jinja"}
    (said,) = found.notes
    assert said.startswith("the weights are dequantised from small.gguf (Q8_0 100%) to float32")


def test_its_origin_holds_the_digest_of_every_file(made: Made) -> None:
    origin = read_origin(made.folder)
    assert origin is not None
    assert (origin.file, origin.sha256, origin.dtype) == ("small.gguf", file_digest(made.file), "float32")
    assert list(origin.held) == ["Q8_0", "F32"]
    assert sum(origin.held.values()) == sum(numbers.numel() for numbers in made.numbers.values())
    assert dict(origin.files) == {path.name: file_digest(path) for path in made.folder.iterdir() if path.name != ORIGIN}


def test_text_is_cut_as_the_vocabulary_was_learnt_on(made: Made) -> None:
    chat = Chat.load(model(made.folder))
    tokens = chat.tokenizer.convert_ids_to_tokens(chat.tokenizer("a  12\n\n3")["input_ids"])
    assert tokens == ["a", "ĠĠ", "1", "2", "ĊĊ", "3"]
    named = (chat.tokenizer.bos_token, chat.tokenizer.eos_token, chat.tokenizer.pad_token)
    assert named == ("<|im_start|>", "<|im_end|>", "<|im_end|>")
    ids = chat.prompt_ids([Message(role="user", content="hi")])
    assert ids[0] == 1
    assert chat.end_id == 2
    assert chat.text(ids) == "user\nhi\nassistant\n"


@pytest.mark.parametrize(("held", "dtype"), [("F16", "float16"), ("BF16", "bfloat16"), ("F32", "float32")])
def test_what_is_not_quantised_keeps_its_type_where_that_holds_every_number(
    gguf_file: Write, tmp_path: Path, held: str, dtype: str
) -> None:
    numbers = gguf_file(tmp_path / "x.gguf", held=held, norms=held)
    (tmp_path / "out").mkdir()
    convert.convert(tmp_path / "x.gguf", tmp_path / "out")
    origin = read_origin(tmp_path / "out")
    assert origin is not None
    assert origin.dtype == dtype
    assert "every number as it was" in origin.notes[0]
    network = whole(model(tmp_path / "out"), torch.float32, torch.device("cpu"))
    assert torch.equal(network.state_dict()["model.embed_tokens.weight"], numbers["token_embd"])


def test_a_rule_that_transformers_does_not_know_is_said(gguf_file: Write, tmp_path: Path) -> None:
    gguf_file(tmp_path / "x.gguf", rule="poro-chat")
    (tmp_path / "out").mkdir()
    convert.convert(tmp_path / "x.gguf", tmp_path / "out")
    assert any("'poro-chat'" in note for note in resolve(model(tmp_path / "out")).notes)


# --- what is meant ----------------------------------------------------------------------------------------------------


def test_a_folder_with_one_file_means_that_file(tmp_path: Path) -> None:
    (tmp_path / "x.GGUF").touch()
    assert find(tmp_path) == tmp_path / "x.GGUF"
    (tmp_path / "model.safetensors").touch()
    assert find(tmp_path) is None


def test_a_folder_with_two_is_refused_by_their_names(tmp_path: Path) -> None:
    for name in ("a.gguf", "b.gguf"):
        (tmp_path / name).touch()
    assert "2 GGUF files in this folder, e.g. a.gguf and b.gguf (name the file)" in refusal(tmp_path)


def test_what_is_no_gguf_is_left_alone(tmp_path: Path) -> None:
    assert as_folder(model(tmp_path)) == model(tmp_path)
    assert as_folder(Weights(name="m", path="some/name")) == Weights(name="m", path="some/name")


def test_a_file_that_is_not_there_is_no_name_on_a_hub() -> None:
    assert refusal(Path("models/none.gguf")) == "models/none.gguf: model: no such file (give a GGUF file, or a model's folder)"


# --- what is refused --------------------------------------------------------------------------------------------------


def test_every_cut_is_found_out_before_anything_is_loaded(made: Made, tmp_path: Path) -> None:
    raw = made.file.read_bytes()
    for size in [0, 3, 4, 8, 20, 24, 40, *range(50, len(raw), len(raw) // 40), len(raw) - 1]:
        (tmp_path / "x.gguf").write_bytes(raw[:size])
        said = refusal(tmp_path / "x.gguf")
        assert "cut off" in said or (size < 4 and "not a GGUF file" in said), (size, said)


def test_damage_in_the_header_is_one_line(made: Made, tmp_path: Path) -> None:
    """Each byte of the header set to 255: it is found out, or is within a value that may be anything."""
    raw = made.file.read_bytes()
    said = []
    for place in range(0, header.read(made.file).data, 7):
        (tmp_path / "x.gguf").write_bytes(raw[:place] + b"\xff" + raw[place + 1 :])
        try:
            header.read(tmp_path / "x.gguf")
        except BadInput as error:
            said.append(str(error))
    assert len(said) > 100
    assert not any("\n" in line for line in said)


def test_what_is_no_gguf_says_so(tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\n")
    assert "not a GGUF file: it does not begin with GGUF" in refusal(tmp_path / "x.gguf")


def test_a_piece_of_a_model_is_refused(gguf_file: Write, tmp_path: Path) -> None:
    gguf_file(tmp_path / "x.gguf", pieces=3)
    assert "one of 3 pieces of a model (merge the pieces first" in refusal(tmp_path / "x.gguf")


def test_an_unknown_architecture_is_one_line_and_leaves_nothing(
    gguf_file: Write, tmp_path: Path, cache: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    gguf_file(tmp_path / "x.gguf", architecture="strange")
    said = refusal(tmp_path / "x.gguf")
    assert said.startswith(f"{tmp_path / 'x.gguf'}: model: transformers makes no ")
    assert said.endswith("(architecture 'strange')")
    assert [path.suffix for path in (cache / "gguf").iterdir()] == [".lock"]
    assert capfd.readouterr().err.startswith("converting x.gguf (Q8_0, F32) to safetensors, once, in ")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"without": ("blk.1.ffn_up",)}, "the file lacks model.layers.1.mlp.up_proj.weight"),
        ({"extra": {"rope_freqs": (8,)}}, "numbers and transformers takes .* of them, e.g. rope_freqs.weight"),
        ({"poison": "output_norm"}, "damaged: model.norm.weight holds what are no finite numbers"),
    ],
)
def test_a_tensor_that_is_missing_left_over_or_no_number_is_refused(
    gguf_file: Write, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    gguf_file(tmp_path / "x.gguf", **change)
    (tmp_path / "out").mkdir()
    with pytest.raises(convert.Unreadable, match=said):
        convert.convert(tmp_path / "x.gguf", tmp_path / "out")


def test_another_file_than_the_one_that_is_expected_is_refused(made: Made) -> None:
    with pytest.raises(BadInput, match=r"its SHA-256 is .* where 0000000000000000\.\.\. is expected"):
        folder_of(made.file, sha256="0" * 64)


def test_without_the_package_that_reads_it_the_error_names_the_command(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "find_spec", lambda name: None)
    with pytest.raises(BadInput, match=r"reading GGUF needs the package gguf \(pip install gguf\)"):
        folder_of(made.file)


def test_a_full_disk_is_found_out_before_it_is_written_to(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "WIDTH", 10**12)
    with pytest.raises(BadInput, match=r"GB are free in .*set COGUMI_CACHE_DIR"):
        folder_of(made.file)


def test_a_cache_that_cannot_be_written_is_one_line(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "taken").write_text("a file")
    monkeypatch.setenv("COGUMI_CACHE_DIR", str(tmp_path / "taken"))
    with pytest.raises(BadInput, match=r"the converted model cannot be kept: Not a directory \(set COGUMI_CACHE_DIR"):
        folder_of(made.file)


# --- whole or not at all ----------------------------------------------------------------------------------------------


@pytest.fixture
def as_made(made: Made, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, Path], None]:
    """Conversions that copy what was converted once, which takes no time."""
    kept = {path.name: path.read_bytes() for path in made.folder.iterdir()}

    def copy(gguf: Path, draft: Path, architecture: str) -> None:
        for name, content in kept.items():
            (draft / name).write_bytes(content)

    monkeypatch.setattr(cache, "_convert", copy)
    return copy  # type: ignore[return-value]


@pytest.mark.usefixtures("as_made")
def test_what_is_there_is_used_and_what_is_damaged_made_anew(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_of(made.file)
    assert cache.is_whole(folder)
    with monkeypatch.context() as patch:
        patch.setattr(cache, "_make", None)
        assert folder_of(made.file) == folder
    for name in ("model.safetensors", "tokenizer.json", ORIGIN):
        good = (folder / name).read_bytes()
        (folder / name).write_bytes(good[: len(good) // 2])
        assert not cache.is_whole(folder)
        assert folder_of(made.file) == folder
        assert (folder / name).read_bytes() == good
    (folder / "stray.safetensors").touch()
    assert not cache.is_whole(folder)


@pytest.mark.usefixtures("as_made")
def test_what_a_killed_conversion_left_counts_for_nothing(made: Made) -> None:
    folder = folder_of(made.file)
    half = folder.rename(folder.with_name(f"{folder.name}.part"))
    (half / "tokenizer.json").unlink()
    assert folder_of(made.file) == folder
    assert cache.is_whole(folder)
    assert not half.exists()


def test_what_is_not_read_back_as_written_is_not_taken(made: Made, as_made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def torn(gguf: Path, draft: Path, architecture: str) -> None:
        as_made(gguf, draft, architecture)
        (draft / "config.json").write_text("{}")

    monkeypatch.setattr(cache, "_convert", torn)
    with pytest.raises(RunFailed, match="what was written is not what is read back"):
        folder_of(made.file)
    left = made.file.parent / "cache" / "gguf"
    assert not list(left.glob("*.part"))


@pytest.mark.slow
def test_killed_whenever_it_leaves_nothing_that_counts(made: Made, cache: Path) -> None:
    command = [sys.executable, "-c", CONVERT, str(made.file)]
    begin = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    seconds = time.monotonic() - begin
    (done,) = [path for path in (cache / "gguf").iterdir() if path.is_dir()]
    expected = {path.name: path.read_bytes() for path in done.iterdir()}
    for share in (0.3, 0.6, 0.8, 0.9, 0.95):
        for path in done.iterdir():
            path.unlink()
        done.rmdir()
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(share * seconds)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        assert not done.exists() or {path.name: path.read_bytes() for path in done.iterdir()} == expected
        subprocess.run(command, check=True, capture_output=True)
        assert {path.name: path.read_bytes() for path in done.iterdir()} == expected


@pytest.mark.slow
def test_two_processes_at_once_both_work(made: Made, cache: Path) -> None:
    command = [sys.executable, "-c", CONVERT, str(made.file)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [child.communicate() for child in both]
    assert [child.returncode for child in both] == [0, 0]
    assert said[0][0] == said[1][0]
    assert sorted("waiting for it" in errors for _, errors in said) == [False, True]
    assert len([path for path in (cache / "gguf").iterdir() if path.is_dir()]) == 1


def test_looking_for_one_loads_nothing_heavy() -> None:
    heavy = "{'torch', 'numpy', 'transformers', 'gguf'}"
    code = f"import sys, cogumi_peft.gguf as g; assert not {heavy} & set(sys.modules), sorted(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
