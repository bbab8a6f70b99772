from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from cogumi.chat import NO_TEMPLATE, Chat, digest  # noqa: E402
from cogumi.errors import BadInput  # noqa: E402
from cogumi.records import Message, Weights  # noqa: E402

PAD, BOS, EOS, USER, ASSISTANT, END = range(6)
SPECIAL = ["<pad>", "<s>", "</s>", "<user>", "<assistant>", "<end>"]
PLAIN = (
    "<s>{% for m in messages %}{% if m['role'] == 'assistant' %}<assistant>{{ m['content'] }}</s>"
    "{% else %}<user>{{ m['content'] }}{% endif %}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
)
TURNS = PLAIN.replace("{{ m['content'] }}</s>", "{{ m['content'] }}<end>\n")
STRIPPING = TURNS.replace("{{ m['content'] }}<end>", "{{ m['content'] | trim }}<end>")
SILENT = PLAIN.replace("</s>", "")
QUESTION = (Message(role="user", content="Why?"),)


def tokenizer(template: str | None = PLAIN, *, writes_bos: bool = False, **special: str | None) -> Any:
    """A byte-level tokenizer with three ordinary special tokens and three of a chat template."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate([*SPECIAL, *letters])}
    core = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    core.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    if writes_bos:
        core.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", BOS)])
    names = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", **special}
    fast: Any = PreTrainedTokenizerFast
    made = fast(tokenizer_object=core, **{name: token for name, token in names.items() if token is not None})
    made.chat_template = template
    return made


@pytest.fixture(scope="module")
def plain() -> Chat:
    return Chat(tokenizer())


@pytest.fixture(scope="module")
def bare() -> Chat:
    return Chat(tokenizer(None, writes_bos=True))


def test_a_prompt_is_what_the_template_writes(plain: Chat) -> None:
    ids = plain.prompt_ids([Message(role="system", content="Be brief."), *QUESTION])
    assert plain.tokenizer.decode(ids) == "<s><user>Be brief.<user>Why?<assistant>"


@pytest.mark.parametrize("template", [PLAIN, TURNS, SILENT, None])
@pytest.mark.parametrize("writes_bos", [True, False])
def test_there_is_one_bos_and_it_comes_first(template: str | None, writes_bos: bool) -> None:
    ids = Chat(tokenizer(template, writes_bos=writes_bos)).prompt_ids(QUESTION)
    expected = 1 if template is not None or writes_bos else 0
    assert ids.count(BOS) == expected
    assert ids[:1] == [BOS] * expected or expected == 0


def test_without_a_template_the_texts_are_joined_and_it_is_said(bare: Chat) -> None:
    messages = [Message(role="system", content="Be brief."), *QUESTION]
    assert bare.tokenizer.decode(bare.prompt_ids(messages)) == "<s>Be brief.\n\nWhy?"
    assert bare.notes == (NO_TEMPLATE,)
    assert "joined by blank lines" in NO_TEMPLATE
    assert Chat(tokenizer()).notes == ()


@pytest.mark.parametrize(("template", "end"), [(PLAIN, EOS), (TURNS, END), (STRIPPING, END), (SILENT, EOS), (None, EOS)])
def test_a_target_ends_with_the_templates_own_end_of_turn(template: str | None, end: int) -> None:
    chat = Chat(tokenizer(template))
    ids = chat.target_ids("Because.")
    assert ids[-1] == end
    assert ids.count(end) == 1
    assert chat.end_ids == {end}
    assert chat.text(ids) == "Because."


def test_letters_in_the_end_of_turn_do_not_hide_it() -> None:
    template = PLAIN.replace("{{ m['content'] }}</s>", "{{ m['content'] }}<end> bye, bob and question")
    assert Chat(tokenizer(template)).end_id == END


def test_prompt_and_target_are_what_the_template_makes_of_the_whole_conversation(plain: Chat) -> None:
    whole = [*QUESTION, Message(role="assistant", content="Because.")]
    text = plain.tokenizer.apply_chat_template([dict(m) for m in whole], tokenize=False)
    assert (
        plain.prompt_ids(QUESTION) + plain.target_ids("Because.")
        == plain.tokenizer(text, add_special_tokens=False)["input_ids"]
    )


@settings(max_examples=60)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30).filter(lambda text: "<" not in text))
def test_any_text_comes_back_from_its_ids(plain: Chat, text: str) -> None:
    assert plain.text(plain.target_ids(text)) == text


def test_the_pad_token_is_the_end_of_turn_where_there_is_none(plain: Chat) -> None:
    assert plain.pad_id == PAD
    assert Chat(tokenizer(TURNS, pad_token=None)).pad_id == END
    assert Chat(tokenizer(None, pad_token=None)).pad_id == EOS


def test_a_digest_tells_prompts_apart() -> None:
    assert digest([1, 2, 3]) == digest((1, 2, 3))
    assert len({digest(ids) for ids in ([1, 23], [12, 3], [1, 2, 3], [3, 2, 1], [])}) == 5
    assert len(digest([1])) == 16


def saved(folder: Path, made: Any, **files: str) -> Weights:
    made.save_pretrained(folder)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text, encoding="utf-8")
    return Weights(name="m", path=str(folder))


def test_a_folder_is_loaded_with_its_template_and_further_end_tokens(tmp_path: Path) -> None:
    config = {"eos_token_id": [EOS, END], "temperature": 0.1, "top_k": 5}
    chat = Chat.load(saved(tmp_path, tokenizer(), generation_config__json=json.dumps(config)))
    assert chat.has_template
    assert chat.end_ids == {EOS, END}
    assert chat.prompt_ids(QUESTION) == Chat(tokenizer()).prompt_ids(QUESTION)


@pytest.mark.parametrize(
    ("config", "ends"), [({"eos_token_id": END}, {EOS, END}), ({"eos_token_id": None}, {EOS}), ({}, {EOS})]
)
def test_a_generation_config_may_name_one_end_or_none(tmp_path: Path, config: dict[str, Any], ends: set[int]) -> None:
    assert Chat.load(saved(tmp_path, tokenizer(), generation_config__json=json.dumps(config))).end_ids == ends


def test_a_tokenizer_without_an_end_token_is_refused(tmp_path: Path) -> None:
    model = saved(tmp_path, tokenizer(eos_token=None))
    with pytest.raises(BadInput) as caught:
        Chat.load(model)
    expected = f"{tmp_path}: eos_token: the tokenizer has no end-of-sequence token (name one in tokenizer_config.json)"
    assert str(caught.value) == expected


@pytest.mark.parametrize(
    "damage", ["{}", '{"version": "1.0", "model": {"type": "Unheard"}}', '{"added_tokens": [], "model": 3}', "", "[]"]
)
def test_a_tokenizer_that_cannot_be_loaded_is_one_clear_line(tmp_path: Path, damage: str) -> None:
    model = saved(tmp_path, tokenizer(), tokenizer__json=damage)
    with pytest.raises(BadInput) as caught:
        Chat.load(model)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path}: the tokenizer cannot be loaded: ")
    assert "\n" not in message


def test_marks_of_thoughts_that_are_special_tokens_stay_in_the_text() -> None:
    from tokenizers import AddedToken

    made = tokenizer()
    made.add_special_tokens(
        {"additional_special_tokens": [AddedToken(t, special=True) for t in ("[THINK]", "[/THINK]", "<|x|>")]}
    )
    chat = Chat(made)
    ids = made("[THINK]12?[/THINK]<|x|>\nIt is é.")["input_ids"]
    assert chat.text(ids) == "[THINK]12?[/THINK]\nIt is é."
    assert chat.text([*ids, EOS]) == "[THINK]12?[/THINK]\nIt is é."


def test_marks_of_channels_stay_only_where_there_are_channels() -> None:
    for extra, text in (("<|channel|>", "<|start|>a<|channel|>final"), ("<|y|>", "afinal")):
        made = tokenizer()
        made.add_special_tokens({"additional_special_tokens": ["<|start|>", extra]})
        assert Chat(made).text(made(f"<|start|>a{extra}final")["input_ids"]) == text
