from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import pytest
from folders import TEMPLATE, adapter_folder, model_folder, put, safetensors

from cogumi.errors import BadInput
from cogumi.models import check_model, find_model, fingerprint, has_template
from cogumi.plugins import Entry, Plugin, Registry
from cogumi.records import Model


def registry(**models: Model) -> Registry:
    plugin = Plugin(name="test", dist="cogumi-test", version="1")
    entries = {
        ("model", name): Entry(kind="model", name=name, factory=lambda model=model: model, plugin=plugin)
        for name, model in models.items()
    }
    return Registry(entries=entries)


def refusal(folder: Path, adapter: str | None = None) -> str:
    with pytest.raises(BadInput) as caught:
        find_model(str(folder), registry(), adapter=adapter)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_folder_is_a_model(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "model")
    assert find_model(str(folder), registry()) == Model(name=str(folder), path=str(folder))


def test_a_registered_name_brings_its_settings(tmp_path: Path) -> None:
    known = Model(name="small", path=str(model_folder(tmp_path / "model")), data="bundled", training={"epochs": 4})
    assert find_model("small", registry(small=known)) == known


def test_an_unknown_name_answers_with_near_matches() -> None:
    known = Model(name="tiny", path="nowhere")
    with pytest.raises(BadInput) as caught:
        find_model("tinny", registry(tiny=known))
    assert str(caught.value) == "model: 'tinny' is no folder and no known model (did you mean tiny?)"


@pytest.mark.parametrize("name", ["/no/such/folder", "./model", "../up/model", "a/b/c", ""])
def test_what_cannot_be_a_repository_is_not_looked_for_on_the_hub(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match=r"^model: |config\.json"):
        find_model(name, registry())


@pytest.mark.parametrize("registered", [False, True])
def test_without_a_connection_a_repository_is_one_clear_line(registered: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub")

    def offline(repo: str, **_: object) -> str:
        raise ConnectionError("no route to the hub\nand a long story")

    monkeypatch.setattr(hub, "snapshot_download", offline)
    known = registry(distant=Model(name="distant", path="org/model"))
    with pytest.raises(BadInput) as caught:
        find_model("distant" if registered else "org/model", known)
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
        find_model("org/model", registry())
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
        ({"config__json": {"auto_map": {"AutoModel": "evil.Model"}}}, "/config.json: auto_map: the model wants to run code"),
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
    before = fingerprint(Model(name="m", path=str(folder)))
    (folder / "pytorch_model.bin").write_bytes(b"anything")
    check_model(Model(name="m", path=str(folder)))
    assert fingerprint(Model(name="m", path=str(folder))) == before


def test_code_in_a_folder_is_the_users_to_allow(tmp_path: Path) -> None:
    folder = put(model_folder(tmp_path / "model"), config__json={"auto_map": {"AutoModel": "own.Model"}})
    assert find_model(str(folder), registry(), trust_remote_code=True).trust_remote_code


def test_only_the_user_allows_code(tmp_path: Path) -> None:
    eager = Model(name="eager", path=str(model_folder(tmp_path / "model")), trust_remote_code=True)
    assert not find_model("eager", registry(eager=eager)).trust_remote_code


def test_an_adapter_of_this_base_is_taken(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "model")
    weights = str(fingerprint(Model(name="m", path=str(folder)))["weights"])
    adapter = adapter_folder(tmp_path / "adapter", base_weights=weights)
    assert find_model(str(folder), registry(), adapter=str(adapter)).adapter == str(adapter)


def test_an_adapter_of_another_base_is_refused_by_its_width(tmp_path: Path) -> None:
    folder, adapter = model_folder(tmp_path / "model"), adapter_folder(tmp_path / "adapter", inputs=128)
    message = refusal(folder, adapter=str(adapter))
    assert message.startswith(f"{adapter / 'adapter_model.safetensors'}: adapter: the adapter was made for another base: ")
    assert message.endswith("takes 128 inputs, the base has 64 (use its own base)")


def test_an_adapter_of_another_base_is_refused_by_the_bases_weights(tmp_path: Path) -> None:
    other = fingerprint(Model(name="m", path=str(model_folder(tmp_path / "other", weight=5))))["weights"]
    adapter = adapter_folder(tmp_path / "adapter", base_weights=str(other))
    message = refusal(model_folder(tmp_path / "model"), adapter=str(adapter))
    assert message == f"{adapter}: adapter: the adapter was trained on another base (their/base) (use its own base)"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"adapter_config__json": None}, ": not an adapter's folder: it has no adapter_config.json"),
        ({"adapter_config__json": b"{"}, "/adapter_config.json: not JSON: "),
        ({"adapter_model__safetensors": None}, ": adapter: no adapter_model.safetensors in this folder"),
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
    model = Model(name="m", path=str(model_folder(tmp_path / "model")))
    before = fingerprint(model)
    put(tmp_path / "model", **change)
    after = fingerprint(model)
    assert [name for name in before if before[name] != after[name]] == [part]


def test_a_fingerprint_is_of_contents_and_not_of_names(tmp_path: Path) -> None:
    model = Model(name="m", path=str(model_folder(tmp_path / "model")), adapter=str(adapter_folder(tmp_path / "adapter")))
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
    assert has_template(Model(name="m", path=str(folder))) == found
