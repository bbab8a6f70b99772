import json
from pathlib import Path

import pytest
from cogumi_tiny import FOLDER, tiny
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open

from cogumi.chat import Chat
from cogumi.records import Message

CHAT = Chat.load(tiny())
CONVERSATION = (
    Message(role="system", content="Be brief."),
    Message(role="user", content="Ann has 12 apples.\nHow many?"),
    Message(role="assistant", content="12"),
    Message(role="user", content="And now?"),
)


def weights():
    with safe_open(FOLDER / "model.safetensors", framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, not a mapping


def config():
    return json.loads((FOLDER / "config.json").read_text())


def test_the_folder_is_complete_and_small():
    names = {path.name for path in FOLDER.iterdir()}
    expected = {"config.json", "generation_config.json", "model.safetensors", "README.md"}
    assert names == expected | {"tokenizer.json", "tokenizer_config.json"}
    assert (FOLDER / "model.safetensors").stat().st_size <= 6_000_000


def test_it_is_a_llama_of_one_to_three_million_parameters():
    assert config()["architectures"] == ["LlamaForCausalLM"]
    assert 1e6 <= sum(tensor.numel() for tensor in weights().values()) <= 3e6


def test_every_layer_size_is_a_multiple_of_64():
    sizes = {(name, size) for name, tensor in weights().items() for size in tensor.shape}
    assert not [(name, size) for name, size in sizes if size % 64]
    found = config()
    assert found["num_attention_heads"] * found["head_dim"] == found["hidden_size"]


def test_special_tokens_are_distinct_and_the_same_everywhere():
    tokenizer = CHAT.tokenizer
    ids = [tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id]
    assert None not in ids
    assert len(set(ids)) == 3
    for name in ("config.json", "generation_config.json"):
        found = json.loads((FOLDER / name).read_text())
        assert [found[key] for key in ("bos_token_id", "eos_token_id", "pad_token_id")] == ids


def test_sampling_is_left_to_the_caller():
    assert set(json.loads((FOLDER / "generation_config.json").read_text())) == {"bos_token_id", "eos_token_id", "pad_token_id"}


@given(st.text())
def test_any_text_comes_back(text):
    ids = CHAT.tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    assert CHAT.tokenizer.decode(ids, clean_up_tokenization_spaces=False) == text


def test_code_comes_back_as_an_assistants_turn():
    text = Path(__file__).read_text()
    assert CHAT.text(CHAT.target_ids(text)) == text


def test_digits_stand_alone():
    tokens = CHAT.tokenizer.tokenize("1234+56=1290")
    assert tokens == list("1234+56=1290")


def test_a_prompt_has_one_bos_and_a_turn_one_eos():
    ids = CHAT.prompt_ids(CONVERSATION)
    assert (ids[0], ids.count(CHAT.tokenizer.bos_token_id)) == (CHAT.tokenizer.bos_token_id, 1)
    assert ids.count(CHAT.tokenizer.eos_token_id) == 1  # of the earlier assistant turn
    assert CHAT.end_ids == {CHAT.tokenizer.eos_token_id}
    assert CHAT.target_ids("12")[-1] == CHAT.end_id


def test_the_template_marks_the_assistants_tokens_and_its_eos():
    found = CHAT.tokenizer.apply_chat_template(
        [dict(m) for m in CONVERSATION[:3]], tokenize=True, return_dict=True, return_assistant_tokens_mask=True
    )
    marked = [i for i, m in zip(found["input_ids"], found["assistant_masks"], strict=True) if m]
    assert marked == CHAT.target_ids("12")


def test_a_prompt_and_its_target_are_the_ids_of_the_whole_conversation():
    whole = CHAT.tokenizer.apply_chat_template([dict(m) for m in CONVERSATION[:3]], tokenize=True, return_dict=True)
    assert CHAT.prompt_ids(CONVERSATION[:2]) + CHAT.target_ids("12") == whole["input_ids"]


def test_the_recipe_renders_what_the_template_renders():
    from recipe.text import render

    assert CHAT.tokenizer.apply_chat_template([dict(m) for m in CONVERSATION], tokenize=False, add_generation_prompt=True) == (
        render(CONVERSATION)
    )


def test_it_loads_in_float32_and_writes_a_solution():
    import torch
    from cogumi_math.prompts import zero_shot
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(FOLDER)
    assert model.dtype == torch.float32
    prompt = CHAT.prompt_ids(zero_shot("A farm has 7 cows and 9 hens. How many legs do they have in all?"))
    drawn = model.generate(torch.tensor([prompt]), max_new_tokens=80, do_sample=False)[0, len(prompt) :].tolist()
    assert drawn[-1] == CHAT.end_id
    assert CHAT.text(drawn).splitlines()[-1] == "#### 46"


def test_it_loads_in_four_bits_as_it_is():
    pytest.importorskip("bitsandbytes")
    import torch
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    four = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.float32)
    model = AutoModelForCausalLM.from_pretrained(FOLDER, quantization_config=four, device_map="cpu")
    held = [name for name, module in model.named_modules() if type(module).__name__ == "Linear4bit"]
    assert len(held) == 7 * config()["num_hidden_layers"]
    plain = AutoModelForCausalLM.from_pretrained(FOLDER)
    ids = torch.tensor([CHAT.prompt_ids(CONVERSATION)])
    with torch.no_grad():
        near = torch.softmax(model(ids).logits.float(), -1) - torch.softmax(plain(ids).logits, -1)
    assert near.abs().max() < 0.5
