"""The trainer from end to end, in this process, on the small random model."""

from __future__ import annotations

import inspect
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from cogumi_qlora import qlora

from cogumi.chat import Chat, digest
from cogumi.errors import BadInput, RunFailed
from cogumi.protocols import Trainer
from cogumi.records import AdapterManifest, Demonstration, Training, Weights
from cogumi.testing import check_trainer
from cogumi.weights import fingerprint, read_manifest

README = Path(__file__).parents[1] / "README.md"
FAST = {"learning_rate": 1e-2, "lora_r": 4, "lora_dropout": 0.0}
HEART = 120
"""Epochs, of one step each, after which four answers are known by heart: the loss is 0.011 and hardly changes any more."""


class Progress:
    """A report that remembers."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, int, str]] = []

    def __call__(self, done: int, total: int, note: str) -> None:
        self.calls.append((done, total, note))


def train(examples: Sequence[Demonstration], model: Weights, folder: Path, **options: object) -> tuple[Training, Progress]:
    progress = Progress()
    return qlora(**(FAST | options)).train(examples, model, folder, progress), progress


@pytest.fixture(scope="module")
def learnt(model: Weights, tmp_path_factory: pytest.TempPathFactory) -> tuple[Training, Path]:
    """A training in 4 bits until the answers are known by heart, and its folder.

    At half of `FAST`'s rate: at the whole of it the loss jumps about, and where it ends depends on the processor's roundings.
    """
    known = [example_of(i) for i in range(4)]
    folder = tmp_path_factory.mktemp("trained")
    return train(known, model, folder, epochs=HEART, learning_rate=5e-3)[0], folder


@pytest.fixture
def trained(learnt: tuple[Training, Path]) -> Training:
    return learnt[0]


@pytest.fixture
def adapted(model: Weights, learnt: tuple[Training, Path]) -> Weights:
    """The model with what was trained."""
    return replace(model, adapter=str(learnt[1] / "adapter"))


def example_of(i: int, **fields: object) -> Demonstration:
    messages = ({"role": "user", "content": f"{i} + {i}?"}, {"role": "assistant", "content": f"It is {2 * i}."})
    return Demonstration(id=f"math/{i}", messages=messages, **fields)


def test_it_is_a_trainer_that_loads_nothing_heavy() -> None:
    heavy = ("torch", "numpy", "transformers", "peft")
    code = f"import sys, cogumi_qlora; cogumi_qlora.qlora(); print([m for m in {heavy} if m in sys.modules])"
    assert isinstance(qlora(), Trainer)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_it_learns_its_targets(trained: Training, adapted: Weights) -> None:
    assert trained.steps == len(trained.losses) == HEART
    assert trained.losses[-1] < 0.02 < 1.0 < trained.losses[0]
    assert trained.weight_change > 0.001
    assert trained.notes == ()
    assert read_manifest(Path(str(adapted.adapter))).quantization == "nf4"


def loaded_with_plain_peft(model: Weights):
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    config = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=torch.float32
    )
    base = AutoModelForCausalLM.from_pretrained(model.path, dtype=torch.float32, quantization_config=config)
    return PeftModel.from_pretrained(base.dequantize(), model.adapter).eval()


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
def test_plain_peft_loads_it_and_says_what_was_learned(adapted: Weights) -> None:
    """Greedy decoding gives each target, token by token, and then the end of the turn."""
    import torch

    loaded, chat = loaded_with_plain_peft(adapted), Chat.load(adapted)
    for example in map(example_of, range(4)):
        ids = chat.prompt_ids(example.messages[:-1])
        target = chat.target_ids(example.messages[-1]["content"])
        with torch.no_grad():
            said = loaded(input_ids=torch.tensor([[*ids, *target]])).logits[0].argmax(-1).tolist()
        assert said[len(ids) - 1 : -1] == target


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
def test_merging_as_the_readme_says_is_exact(adapted: Weights) -> None:
    import torch

    ids = torch.tensor([[1, 3, 40, 50, 60, 4]])
    loaded = loaded_with_plain_peft(adapted)
    with torch.no_grad():
        apart = loaded(input_ids=ids).logits
        merged = loaded.merge_and_unload()(input_ids=ids).logits
    torch.testing.assert_close(merged, apart, rtol=1e-4, atol=1e-4)


def test_the_adapter_says_how_it_was_made(trained: Training, adapted: Weights, model: Weights) -> None:
    folder = Path(str(adapted.adapter))
    base = fingerprint(model)["weights"]
    assert read_manifest(folder) == AdapterManifest(base=base, quantization="nf4", compute_dtype="float32")
    record = json.loads((folder / "qlora.json").read_text())
    assert (record["steps"], record["weight_change"]) == (trained.steps, trained.weight_change)
    config = json.loads((folder / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(Path(model.path).resolve())
    names = ["down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"]
    assert config["target_modules"] == names


def test_the_bytes_do_not_depend_on_where_things_are(model: Weights, examples: Sequence[Demonstration], tmp_path: Path) -> None:
    """But for the base's own folder in adapter_config.json, which loaders need."""
    moved = replace(model, name="other", path=str(shutil.copytree(model.path, tmp_path / "model")))
    train(examples, model, tmp_path / "one", epochs=1)
    train(examples, moved, tmp_path / "deeply" / "two", epochs=1)
    one, two = (bytes_of(tmp_path / name) for name in ("one", "deeply/two"))
    assert one.keys() == two.keys()
    assert {name for name in one if one[name] != two[name]} == {"adapter/adapter_config.json"}
    there = two["adapter/adapter_config.json"].replace(moved.path.encode(), str(Path(model.path).resolve()).encode())
    assert there == one["adapter/adapter_config.json"]


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
def test_autopeft_opens_the_adapter_as_it_is(adapted: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch
    from peft import AutoPeftModelForCausalLM

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    opened = AutoPeftModelForCausalLM.from_pretrained(adapted.adapter)
    ids = torch.tensor([[1, 3, 40, 50, 60, 4]])
    with torch.no_grad(), opened.disable_adapter():
        bare = opened(input_ids=ids).logits
    with torch.no_grad():
        assert not torch.allclose(opened(input_ids=ids).logits, bare, atol=0.1)


def test_a_finished_training_is_not_redone(model: Weights, examples: Sequence[Demonstration], tmp_path: Path) -> None:
    first, steps = train(examples, model, tmp_path, epochs=1, packing="on")
    assert [call[:2] for call in steps.calls] == [(0, 3), (1, 3), (2, 3), (3, 3), (3, 3)]
    again, nothing = train(examples, model, tmp_path, epochs=1, packing="on")
    assert again == first
    assert nothing.calls == []
    other, steps = train(examples[:-1], model, tmp_path, epochs=1, packing="on")
    assert len(steps.calls) == 5
    assert other.losses != first.losses


class Stop(Exception):
    """Raised in the middle of a training."""


def stop_at(step: int) -> Callable[[int, int, str], None]:
    def report(done: int, total: int, note: str) -> None:
        if done == step:
            raise Stop

    return report


def test_other_options_start_anew(model: Weights, examples: Sequence[Demonstration], tmp_path: Path) -> None:
    options = FAST | {"epochs": 2, "checkpoint_steps": 1}
    with pytest.raises(Stop):
        qlora(**options).train(examples, model, tmp_path / "stopped", stop_at(4))
    assert len(list(tmp_path.glob("stopped/checkpoints/*/checkpoint-*"))) == 2
    resumed, progress = train(examples, model, tmp_path / "stopped", **options, seed=1)
    new, _ = train(examples, model, tmp_path / "new", **options, seed=1)
    other, _ = train(examples, model, tmp_path / "other", **options)
    assert progress.calls[1][0] == 1
    weights = [(tmp_path / t / "adapter/adapter_model.safetensors").read_bytes() for t in ("stopped", "new", "other")]
    assert resumed.losses == new.losses != other.losses
    assert weights[0] == weights[1] != weights[2]


def test_when_checkpoints_are_written_changes_nothing(
    model: Weights, examples: Sequence[Demonstration], tmp_path: Path
) -> None:
    """Neither the bytes nor whether a stopped training goes on."""
    options = FAST | {"epochs": 2, "lora_dropout": 0.1}
    with pytest.raises(Stop):
        qlora(**options, checkpoint_steps=1).train(examples, model, tmp_path / "stopped", stop_at(4))
    resumed, progress = train(examples, model, tmp_path / "stopped", **options, checkpoint_steps=2)
    whole, _ = train(examples, model, tmp_path / "whole", **options)
    assert progress.calls[1][0] == 4
    assert resumed == whole
    assert bytes_of(tmp_path / "stopped") == bytes_of(tmp_path / "whole")


def test_how_a_step_is_cut_changes_rounding_only(model: Weights, examples: Sequence[Demonstration], tmp_path: Path) -> None:
    """Four at once, two and two, or four in one row: the same mean over target tokens, not a mean of means."""
    cuts = [
        {"batch_size": 4, "packing": "off"},
        {"batch_size": 2, "gradient_accumulation": 2, "packing": "off"},
        {"batch_size": 1, "gradient_accumulation": 4},
    ]
    whole, *others = (train(examples, model, tmp_path / str(i), epochs=1, quantize="none", **c)[0] for i, c in enumerate(cuts))
    for other in others:
        assert other.losses == pytest.approx(whole.losses, rel=1e-4)
        assert other.weight_change == pytest.approx(whole.weight_change, rel=1e-2)


def test_recomputed_activations_change_rounding_only(model: Weights, examples: Sequence[Demonstration], tmp_path: Path) -> None:
    kept, _ = train(examples, model, tmp_path / "kept", epochs=1, lora_dropout=0.1)
    recomputed, _ = train(examples, model, tmp_path / "recomputed", epochs=1, lora_dropout=0.1, gradient_checkpointing="on")
    assert recomputed.losses == pytest.approx(kept.losses, rel=1e-4)


def test_soft_labels_alone_do_not_move_far(model: Weights, tmp_path: Path) -> None:
    """At T = 1 the base is its own target: the loss is zero and the adapter stays where it is."""
    soft = [example_of(i, train_temperature=1.0) for i in range(4)]
    training, _ = train(soft, model, tmp_path, epochs=2, learning_rate=1e-5)
    assert max(training.losses) < 1e-4


def test_a_learning_rate_too_small_is_said_plainly(model: Weights, tmp_path: Path) -> None:
    """So small that float32 cannot hold it: B stays at zero."""
    training, _ = train([example_of(1)], model, tmp_path, epochs=1, learning_rate=1e-46)
    assert training.weight_change == 0.0
    assert training.notes == (
        "the adapter did not move: the trained model is the base model; raise the learning rate or train longer",
    )


def test_without_bitsandbytes_it_says_so(model: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes.nn.modules", None)
    training, progress = train([example_of(1)], model, tmp_path / "auto", epochs=4)
    assert read_manifest(tmp_path / "auto" / "adapter").quantization == "none"
    assert "could not be held in 4 bits" in training.notes[0]
    assert training.notes[0] in [note for _, _, note in progress.calls]
    with pytest.raises(RunFailed, match="cannot be held in 4 bits"):
        train([example_of(1)], model, tmp_path / "nf4", quantize="nf4")


def test_plain_lora_on_request_has_nothing_to_say(model: Weights, tmp_path: Path) -> None:
    training, _ = train([example_of(1)], model, tmp_path, epochs=4, quantize="none")
    assert training.notes == ()
    assert read_manifest(tmp_path / "adapter").quantization == "none"


def test_a_mismatch_stops_before_the_model_is_loaded(model: Weights, tmp_path: Path) -> None:
    wrong = example_of(1, prompt_digest=digest([1, 2, 3]))
    progress = Progress()
    with pytest.raises(BadInput, match="math/1"):
        qlora().train([example_of(0), wrong], model, tmp_path / "run", progress)
    assert progress.calls == []
    assert not (tmp_path / "run").exists()


def test_the_models_own_context_is_the_limit(model: Weights, tmp_path: Path) -> None:
    long = ({"role": "user", "content": "x" * 300}, {"role": "assistant", "content": "y"})
    with pytest.raises(BadInput, match="long: 306 tokens, the limit is 256"):
        train([Demonstration(id="long", messages=long)], model, tmp_path)


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda folder: (folder / "model.safetensors").unlink(), "no \\*.safetensors"),
        (lambda folder: (folder / "config.json").unlink(), "no config.json"),
        (lambda folder: (folder / "config.json").write_text("{"), "not JSON"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"torn"), "not a safetensors file"),
        (lambda folder: drop_a_layer(folder), "weights are missing"),
        (lambda folder: quantised(folder), "quantised already"),
    ],
    ids=["weights gone", "config gone", "config torn", "weights torn", "weights incomplete", "quantised"],
)
def test_a_broken_model_folder_is_one_line(break_it, words: str, model: Weights, tmp_path: Path) -> None:
    folder = shutil.copytree(model.path, tmp_path / "model")
    break_it(Path(folder))
    with pytest.raises(BadInput, match=words) as caught:
        train([example_of(1)], replace(model, path=str(folder)), tmp_path / "run")
    assert "\n" not in str(caught.value)


def drop_a_layer(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def quantised(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"quantization_config": {"quant_method": "gptq"}}))


def test_an_adapter_to_train_on_top_of_is_refused(model: Weights, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="merge it first"):
        train([example_of(1)], replace(model, adapter="somewhere"), tmp_path)


def test_a_folder_that_cannot_be_written_is_one_line(model: Weights, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BadInput, match="cannot be written"):
        train([example_of(1)], model, tmp_path / "file" / "run")


def test_a_loss_that_is_no_number_stops_the_run(model: Weights, tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="loss of step"):
        train([example_of(i) for i in range(4)], model, tmp_path, epochs=30, learning_rate=1e30, max_grad_norm=0)


def test_running_out_of_memory_says_what_to_do(model: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch
    from cogumi_qlora import base

    def load(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(base, "_load_nf4", load)
    with pytest.raises(RunFailed, match="gradient_checkpointing=on"):
        train([example_of(1)], model, tmp_path)


def test_it_keeps_what_every_trainer_promises(model: Weights) -> None:
    check_trainer(lambda: qlora(**FAST, epochs=3, checkpoint_steps=2), model)


def test_the_readme_lists_every_option_with_its_default() -> None:
    table = [line for line in README.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    listed: dict[str, str] = {}
    for line in table:
        names, defaults = (cell.replace("`", "").split(", ") for cell in line.strip("| ").split(" | ")[:2])
        listed |= dict(zip(names, defaults * len(names) if len(defaults) == 1 else defaults, strict=True))
    wanted = {name: option.default for name, option in inspect.signature(qlora).parameters.items()}
    assert listed.keys() == wanted.keys()
    for name, default in wanted.items():
        assert listed[name] == default if isinstance(default, str) else float(listed[name]) == default, name
