"""Models on disk: found, checked, known by contents; adapters and what they say of themselves."""

from __future__ import annotations

import os
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
from folders import TEMPLATE, adapter_folder, model_folder, put, safetensors

from cogumi import files
from cogumi.codec import to_json
from cogumi.errors import BadInput
from cogumi.files import remembered_digest, write_json
from cogumi.records import AdapterManifest, Endpoint, Origin, Weights
from cogumi.weights import (
    HUB_FILES,
    MANIFEST,
    NO_TEMPLATE,
    ORIGIN,
    check_model,
    fingerprint,
    has_template,
    read_manifest,
    read_origin,
    resolve,
    write_manifest,
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of digests that no other test fills."""
    monkeypatch.delenv("COGUMI_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "cogumi" / "digests"


def weights(path: Path | str, *, adapter: str | None = None, trust: bool = False) -> Weights:
    """The model in this folder."""
    return Weights(name="m", path=str(path), adapter=adapter, trust_remote_code=trust)


def refusal(folder: Path, adapter: str | None = None) -> str:
    with pytest.raises(BadInput) as caught:
        resolve(weights(folder, adapter=adapter))
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_folder_is_a_model(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "model")
    found = resolve(weights(folder))
    assert found.model == weights(folder)
    assert found.fingerprint == fingerprint(weights(folder))
    assert found.notes == ()


def test_what_a_model_brings_is_kept(tmp_path: Path) -> None:
    known = replace(weights(model_folder(tmp_path / "model")), data="bundled", training={"epochs": 4})
    assert resolve(known).model == known


def test_a_model_without_a_template_is_noted(tmp_path: Path) -> None:
    folder = put(model_folder(tmp_path / "model"), tokenizer_config__json={"eos_token": "</s>"})
    assert resolve(weights(folder)).notes == (NO_TEMPLATE,)


def test_what_a_model_was_converted_from_is_noted(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "model")
    origin = Origin(file="m.gguf", sha256="0", held={"Q8_0": 4}, dtype="float32", files={}, versions={}, notes=("dequantised",))
    before = resolve(weights(folder)).fingerprint
    write_json(folder / ORIGIN, to_json(origin))
    assert read_origin(folder) == origin
    assert resolve(weights(folder)).notes == ("dequantised",)
    assert resolve(weights(folder)).fingerprint == before
    (folder / ORIGIN).write_text('{"file": "m.gguf"}')
    assert ORIGIN in refusal(folder)


def test_a_gguf_file_is_for_samplers_that_read_it(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(b"GGUF")
    expected = "model: a GGUF file, which this sampler does not read (name a sampler that does, or convert it to safetensors)"
    assert refusal(tmp_path / "m.gguf").endswith(expected)


def test_a_home_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    folder, adapter = model_folder(tmp_path / "model"), adapter_folder(tmp_path / "adapter")
    found = resolve(weights("~/model", adapter="~/adapter")).model
    assert found == weights(folder, adapter=str(adapter))


def test_a_served_model_is_not_on_disk() -> None:
    with pytest.raises(
        BadInput, match=r"^model: this sampler loads models from disk and asks no server \(name another sampler"
    ):
        resolve(Endpoint(name="far", url="http://h:1/v1", served="m"))


@pytest.mark.parametrize("name", ["/no/such/folder", "./model", "../up/model", "a/b/c", ""])
def test_what_cannot_be_a_repository_is_not_looked_for_on_the_hub(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match=r"model: no such folder \(give a local folder, or |config\.json"):
        resolve(weights(name))


def test_without_a_connection_a_repository_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub")

    def offline(repo: str, **_: object) -> str:
        raise ConnectionError("no route to the hub\nand a long story")

    monkeypatch.setattr(hub, "snapshot_download", offline)
    with pytest.raises(BadInput) as caught:
        resolve(weights("org/model"))
    assert str(caught.value) == (
        "model: 'org/model' cannot be downloaded: no route to the hub "
        "(check the name and the connection, or give a local folder)"
    )


def test_a_downloaded_repository_is_checked_like_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub")
    asked: list[list[str]] = []

    def download(repo: str, *, allow_patterns: list[str]) -> str:
        asked.append(allow_patterns)
        return str(put(tmp_path / "snapshot", config__json={}))

    monkeypatch.setattr(hub, "snapshot_download", download)
    with pytest.raises(BadInput, match=r"snapshot: weights: no \*\.safetensors in this folder"):
        resolve(weights("org/model"))
    assert asked == [HUB_FILES]
    assert not any(pattern.endswith((".bin", ".pt", ".py", ".pkl")) or pattern == "*" for pattern in asked[0])


def test_a_file_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "weights").write_text("")
    assert refusal(tmp_path / "weights") == (
        f"{tmp_path / 'weights'}: model: not a folder (give the folder that holds config.json)"
    )


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"config__json": None}, ": not a model's folder: it has no config.json (give another folder)"),
        ({"config__json": b"{"}, "/config.json: not JSON: "),
        ({"config__json": b"\xff"}, "/config.json: not JSON: "),
        ({"config__json": []}, "/config.json: not a JSON object"),
        ({"generation_config__json": b"{,}"}, "/generation_config.json: not JSON: "),
        ({"tokenizer__json": b'{"version'}, "/tokenizer.json: not JSON: "),
        ({"tokenizer_config__json": b"nothing"}, "/tokenizer_config.json: not JSON: "),
        ({"tokenizer__json": None, "tokenizer_config__json": None}, ": no tokenizer in this folder"),
        ({"model__safetensors": None}, ": weights: no *.safetensors in this folder (give the folder that holds the weights)"),
        ({"model__safetensors": b""}, "/model.safetensors: not a safetensors file ("),
        (
            {"model__safetensors": b"version https://git-lfs.github.com/spec/v1\n"},
            "/model.safetensors: not a safetensors file (",
        ),
        ({"model__safetensors": safetensors({"a": (9,)})[:-1]}, "/model.safetensors: 105 bytes long where 106 are expected"),
        ({"model__safetensors__index__json": {"weight_map": {"a": "model-2.safetensors"}}}, ".json: weight_map: model-2.saf"),
        ({"config__json": {"auto_map": {"AutoModel": "evil.Weights"}}}, "/config.json: auto_map: the model wants to run code"),
        (
            {"tokenizer_config__json": {"auto_map": {"AutoTokenizer": ["evil.T", None]}}},
            "_config.json: auto_map: the model wants",
        ),
    ],
)
def test_an_unusable_folder_is_refused(tmp_path: Path, change: dict[str, object], problem: str) -> None:
    folder = put(model_folder(tmp_path / "model"), **change)
    message = refusal(folder)
    assert message.startswith(str(folder))
    assert problem in message


class Bomb:
    """A pickle that leaves a mark when it is loaded."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[Path, str]]:
        return Path.write_text, (self.mark, "the pickle was executed")


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.pth", "model.ckpt", "model.pkl"])
def test_pickled_weights_are_refused_and_never_loaded(tmp_path: Path, name: str) -> None:
    mark = tmp_path / "mark"
    bomb = pickle.dumps(Bomb(mark))
    pickle.loads(bomb)
    assert mark.read_text() == "the pickle was executed"  # so it would have been
    mark.unlink()
    folder = put(model_folder(tmp_path / "model"), model__safetensors=None)
    (folder / name).write_bytes(bomb)
    message = refusal(folder)
    assert message.startswith(f"{folder}: weights: pickled weights ({name}) are never loaded")
    assert "(convert it to safetensors: " in message
    assert not mark.exists()


def test_safetensors_beside_a_pickle_are_what_counts(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "model")
    before = fingerprint(weights(folder))
    (folder / "pytorch_model.bin").write_bytes(b"anything")
    check_model(weights(folder))
    assert fingerprint(weights(folder)) == before


def test_code_in_a_folder_is_the_users_to_allow(tmp_path: Path) -> None:
    folder = put(model_folder(tmp_path / "model"), config__json={"auto_map": {"AutoModel": "own.Model"}})
    assert resolve(weights(folder, trust=True)).model == weights(folder, trust=True)


def test_an_adapter_of_this_base_is_taken(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "model")
    adapter = adapter_folder(tmp_path / "adapter", base=str(fingerprint(weights(folder))["weights"]))
    found = resolve(weights(folder, adapter=str(adapter)))
    assert found.model == weights(folder, adapter=str(adapter))
    assert found.fingerprint["adapter"] is not None


def test_an_adapter_of_another_base_is_refused_by_its_width(tmp_path: Path) -> None:
    folder, adapter = model_folder(tmp_path / "model"), adapter_folder(tmp_path / "adapter", inputs=128)
    message = refusal(folder, adapter=str(adapter))
    assert message.startswith(f"{adapter / 'adapter_model.safetensors'}: adapter: the adapter was made for another base: ")
    assert message.endswith("takes 128 inputs, the base has 64 (use its own base)")


def test_an_adapter_of_another_base_is_refused_by_the_bases_weights(tmp_path: Path) -> None:
    other = fingerprint(weights(model_folder(tmp_path / "other", weight=5)))["weights"]
    adapter = adapter_folder(tmp_path / "adapter", base=str(other))
    message = refusal(model_folder(tmp_path / "model"), adapter=str(adapter))
    assert message == f"{adapter}: adapter: the adapter was trained on another base (their/base) (use its own base)"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"adapter_config__json": None}, ": not an adapter's folder: it has no adapter_config.json"),
        ({"adapter_config__json": b"{"}, "/adapter_config.json: not JSON: "),
        ({"adapter_model__safetensors": None}, ": adapter: no adapter_model.safetensors in this folder"),
        ({MANIFEST.replace(".", "__"): {"base": 3}}, f"/{MANIFEST}: base: int where str is expected"),
        ({MANIFEST.replace(".", "__"): {"base": "0", "bass": 1}}, f"/{MANIFEST}: bass: no such field (did you mean base?)"),
        ({"adapter_model__safetensors": b"\x80\x04pickle"}, "/adapter_model.safetensors: not a safetensors file"),
    ],
)
def test_an_unusable_adapter_is_refused(tmp_path: Path, change: dict[str, object], problem: str) -> None:
    adapter = put(adapter_folder(tmp_path / "adapter"), **change)
    message = refusal(model_folder(tmp_path / "model"), adapter=str(adapter))
    assert message.startswith(f"{adapter}{problem}")


def test_a_missing_adapter_is_named(tmp_path: Path) -> None:
    message = refusal(model_folder(tmp_path / "model"), adapter=str(tmp_path / "none"))
    assert message == f"{tmp_path / 'none'}: adapter: not a folder (give the folder that holds adapter_config.json)"


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("config", {"config__json": {"hidden_size": 65}}),
        ("config", {"generation_config__json": {"eos_token_id": [2, 3]}}),
        ("weights", {"model__safetensors": safetensors({"embed": (5,)})}),
        ("tokenizer", {"tokenizer__json": {"version": "2.0"}}),
        ("tokenizer", {"added_tokens__json": {"<x>": 9}}),
        ("template", {"chat_template__jinja": b"{{ messages }}"}),
    ],
)
def test_each_part_of_a_fingerprint_follows_its_contents(tmp_path: Path, part: str, change: dict[str, object]) -> None:
    model = weights(model_folder(tmp_path / "model"))
    before = fingerprint(model)
    put(tmp_path / "model", **change)
    after = fingerprint(model)
    assert [name for name in before if before[name] != after[name]] == [part]


def test_a_fingerprint_is_of_contents_and_not_of_names(tmp_path: Path) -> None:
    model = Weights(name="m", path=str(model_folder(tmp_path / "model")), adapter=str(adapter_folder(tmp_path / "adapter")))
    before = fingerprint(model)
    (tmp_path / "model").rename(tmp_path / "moved")
    (tmp_path / "adapter").rename(tmp_path / "moved-adapter")
    moved = replace(model, name="n", path=str(tmp_path / "moved"), adapter=str(tmp_path / "moved-adapter"))
    assert fingerprint(moved) == before
    adapter_folder(tmp_path / "moved-adapter", inputs=65)
    assert fingerprint(moved)["adapter"] != before["adapter"]
    assert fingerprint(replace(moved, adapter=None))["adapter"] is None


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, True),
        ({"tokenizer_config__json": {"chat_template": ""}}, False),
        ({"tokenizer_config__json": {}}, False),
        ({"tokenizer_config__json": None}, False),
        ({"tokenizer_config__json": None, "chat_template__jinja": TEMPLATE.encode()}, True),
    ],
)
def test_whether_there_is_a_chat_template_is_told_from_files(tmp_path: Path, change: dict[str, object], found: bool) -> None:
    folder = put(model_folder(tmp_path / "model"), **change)
    assert has_template(weights(folder)) == found


# --- digests that are remembered --------------------------------------------------------------------------------------


def same_size_and_time(path: Path, content: bytes) -> None:
    """Change a file so that neither its size nor its modification time tells."""
    before = path.stat()
    assert len(content) == before.st_size
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_mtime_ns == before.st_mtime_ns


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that are really read for a digest."""
    seen: list[Path] = []
    real = files.file_digest

    def watched(path: Path) -> str:
        seen.append(path)
        return real(path)

    monkeypatch.setattr(files, "file_digest", watched)
    return seen


def test_weights_are_read_once_and_remembered(tmp_path: Path, reads: list[Path], cache: Path) -> None:
    folder = model_folder(tmp_path / "model")
    first = fingerprint(weights(folder))
    assert reads == [folder / "model.safetensors"]
    assert fingerprint(weights(folder)) == first
    assert reads == [folder / "model.safetensors"]
    assert len(list(cache.iterdir())) == 1


def test_a_file_that_changed_within_the_same_size_and_time_is_read_again(tmp_path: Path, reads: list[Path]) -> None:
    path = tmp_path / "weights"
    path.write_bytes(b"one")
    first = remembered_digest(path)
    same_size_and_time(path, b"two")
    assert remembered_digest(path) != first
    assert len(reads) == 2


def test_a_file_that_was_replaced_is_read_again(tmp_path: Path) -> None:
    path, other = tmp_path / "weights", tmp_path / "other"
    path.write_bytes(b"one")
    first = remembered_digest(path)
    other.write_bytes(b"two")
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)
    assert remembered_digest(path) != first


@pytest.mark.parametrize("memory", [b"", b"{", b"[]", b"{}", b'{"seen": null, "digest": 3}'])
def test_a_damaged_memory_is_no_harm(tmp_path: Path, memory: bytes, cache: Path) -> None:
    path = tmp_path / "weights"
    path.write_bytes(b"one")
    first = remembered_digest(path)
    (note,) = cache.iterdir()
    note.write_bytes(memory)
    assert remembered_digest(path) == first
    assert note.read_bytes() != memory


def test_a_cache_that_cannot_be_written_costs_time_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads: list[Path]
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    path = tmp_path / "weights"
    path.write_bytes(b"one")
    assert remembered_digest(path) == remembered_digest(path) == files.file_digest(path)
    assert len(reads) == 3


# --- what an adapter says of itself -----------------------------------------------------------------------------------


def test_a_manifest_comes_back_as_it_was_written(tmp_path: Path) -> None:
    manifest = AdapterManifest(base="0" * 64, quantization="nf4", double_quantization=False, compute_dtype="bfloat16")
    write_manifest(tmp_path, manifest)
    assert read_manifest(tmp_path) == manifest
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [MANIFEST]


def test_an_adapter_from_elsewhere_says_nothing(tmp_path: Path) -> None:
    folder, adapter = model_folder(tmp_path / "model"), adapter_folder(tmp_path / "adapter")
    assert read_manifest(adapter) is None
    check_model(weights(folder, adapter=str(adapter)))


def test_a_manifest_that_says_something_unknown_is_refused(tmp_path: Path) -> None:
    put(tmp_path, **{MANIFEST.replace(".", "__"): {"base": "0", "quantization": "int3"}})
    with pytest.raises(BadInput, match=r"quantization: str where none\|nf4 is expected"):
        read_manifest(tmp_path)


def test_the_weights_of_an_adapted_model_are_its_bases(tmp_path: Path) -> None:
    folder, adapter = model_folder(tmp_path / "model"), adapter_folder(tmp_path / "adapter")
    adapted = weights(folder, adapter=str(adapter))
    assert fingerprint(adapted)["weights"] == fingerprint(weights(folder))["weights"]


# --- what is read of files that others write --------------------------------------------------------------------------


@pytest.mark.parametrize("others", [{}, {"rope": {"theta": 1e6}, "architectures": ["A"], "vocab_size": None}])
def test_keys_that_nobody_reads_may_be_anything(tmp_path: Path, others: dict[str, object]) -> None:
    folder = put(model_folder(tmp_path / "model"), config__json={"hidden_size": 64, **others})
    adapter = adapter_folder(tmp_path / "adapter")
    check_model(weights(folder, adapter=str(adapter)))


@pytest.mark.parametrize(
    ("file", "value", "problem"),
    [
        ("config__json", {"hidden_size": "wide"}, "config.json: hidden_size: str where int is expected"),
        (
            "model__safetensors__index__json",
            {"weight_map": ["model.safetensors"]},
            "model.safetensors.index.json: weight_map: list where an object is expected",
        ),
    ],
)
def test_a_key_that_is_read_is_named_where_it_does_not_fit(tmp_path: Path, file: str, value: object, problem: str) -> None:
    folder = put(model_folder(tmp_path / "model"), **{file: value})
    assert problem in refusal(folder, str(adapter_folder(tmp_path / "adapter")))
