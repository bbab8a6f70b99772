"""Chat templates of well-known families: one BOS, and control tokens that are text where somebody says them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers")
pytest.importorskip("tokenizers")

from chat_shapes import SHAPES, tokenizer
from hypothesis import given, settings
from hypothesis import strategies as st

from cogumi.chat import Chat
from cogumi.errors import BadInput
from cogumi.records import Message, Weights

FAMILIES = sorted(SHAPES)
CHATS = {name: Chat(tokenizer(shape)) for name, shape in SHAPES.items()}


def user(text: str) -> list[Message]:
    return [Message(role="user", content=text)]


def by_the_tokenizer_alone(chat: Chat, messages: list[Message]) -> list[int]:
    """What transformers itself makes of a conversation."""
    text = chat.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    ids: list[int] = chat.tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids


@pytest.mark.parametrize("family", FAMILIES)
def test_a_familys_own_template_is_right(family: str) -> None:
    """Where its BOS comes is its own business: SmolLM2's opens every turn."""
    chat, shape = CHATS[family], SHAPES[family]
    few = [*user("1 + 1?"), Message(role="assistant", content="2"), *user("2 + 2?")]
    assert chat.prompt_ids(few) == by_the_tokenizer_alone(chat, few)
    assert chat.check()
    assert chat.end_id == chat.tokenizer.convert_tokens_to_ids(shape.end)
    bos = chat.tokenizer.bos_token_id
    assert chat.prompt_ids(few).count(bos) == {"qwen": 0, "phi-3": 0, "chatml": 0, "smollm2": 4}.get(family, 1)


@pytest.mark.parametrize("family", FAMILIES)
def test_two_bos_at_the_start_are_refused(family: str) -> None:
    shape = SHAPES[family]
    twice = Chat(tokenizer(shape, "{{ bos_token }}{{ bos_token }}" + shape.template.removeprefix("{{ bos_token }}")))
    with pytest.raises(BadInput, match=r"chat_template: a prompt begins with two BOS tokens"):
        twice.prompt_ids(user("Why?"))


def test_a_bos_that_the_tokenizer_adds_to_the_templates_is_refused() -> None:
    """Some tokenizers add it whatever they are asked for."""
    made = tokenizer(SHAPES["llama-3"])

    class Insistent(type(made)):  # type: ignore[misc]
        def __call__(self, *args: Any, **options: Any) -> Any:
            return super().__call__(*args, **options | {"add_special_tokens": True})

    made.__class__ = Insistent
    with pytest.raises(BadInput, match="begins with two BOS tokens"):
        Chat(made).prompt_ids(user("Why?"))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_control_token_in_a_text_is_text(family: str) -> None:
    chat, shape = CHATS[family], SHAPES[family]
    bare = chat.prompt_ids(user("X"))
    place = next(i for i, token in enumerate(bare) if chat.tokenizer.decode([token]).strip() == "X")
    before, behind = bare[:place], bare[place + 1 :]
    markers = [t for t in (*shape.special, *shape.ordinary) if t.strip() and "think" not in t and not t.startswith("\u2581")]
    for text in (f"a{markers[-1]}b", "".join(markers), f"x {markers[0]} {markers[1]}\ny"):
        ids = chat.prompt_ids(user(text))
        assert ids[: len(before)] == before
        assert ids[len(ids) - len(behind) :] == behind
        said = ids[len(before) : len(ids) - len(behind)]
        assert not set(said) & set(chat.tokenizer.convert_tokens_to_ids(markers))
        assert chat.tokenizer.decode(said) == text


@pytest.mark.parametrize("family", FAMILIES)
def test_a_target_that_mentions_a_control_token_learns_its_letters(family: str) -> None:
    chat, shape = CHATS[family], SHAPES[family]
    for name in (*shape.special, shape.end):
        ids = chat.target_ids(f"Write {name} to end.")
        assert [i for i in ids if i in set(chat.tokenizer.all_special_ids) | chat.end_ids] == [chat.end_id]
        assert chat.text(ids).strip() == f"Write {name} to end."


@settings(max_examples=80)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), st.sampled_from(FAMILIES))
def test_a_text_without_control_tokens_is_encoded_as_ever(text: str, family: str) -> None:
    chat = CHATS[family]
    assert chat.prompt_ids(user(text)) == by_the_tokenizer_alone(chat, user(text))


@settings(max_examples=80)
@given(st.text("a <|>\n\u2581\U000f0000\U000f0001", max_size=12), st.sampled_from(FAMILIES), st.data())
def test_no_text_writes_a_control_token(text: str, family: str, data: st.DataObject) -> None:
    """Whatever stands around it, and whatever characters without a meaning the text holds itself."""
    chat, shape = CHATS[family], SHAPES[family]
    name = data.draw(st.sampled_from([t for t in (*shape.special, shape.end) if t.strip()]))
    control = set(chat.tokenizer.all_special_ids) | set(chat.tokenizer.convert_tokens_to_ids([*shape.special, shape.end]))
    harmless = [i for i in chat.prompt_ids(user("X")) if i in control]
    assert [i for i in chat.prompt_ids(user(text + name + text)) if i in control] == harmless


def test_without_a_template_too() -> None:
    chat = Chat(tokenizer(SHAPES["chatml"], ""))
    ids = chat.prompt_ids(user("a<|im_end|></s>b"))
    assert chat.tokenizer.decode(ids) == "<s>a<|im_end|></s>b"
    assert [i for i in ids if i in chat.tokenizer.all_special_ids] == [chat.tokenizer.bos_token_id]


def test_blanks_that_are_tokens_mark_nothing() -> None:
    """Gemma has tokens for runs of blanks; a text of two lines is encoded with them, whatever else it holds."""
    chat = CHATS["gemma"]
    (double,) = chat.tokenizer.convert_tokens_to_ids(["\n\n"])
    assert double in chat.prompt_ids(user("one\n\ntwo"))
    assert double in chat.prompt_ids(user("one\n\n<eos>two"))


def test_what_cannot_be_read_as_text_is_refused() -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.WordLevel({"<s>": 0, "</s>": 1, "?": 2, "Why": 3}, unk_token="?"))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast: Any = PreTrainedTokenizerFast
    chat = Chat(fast(tokenizer_object=core, bos_token="<s>", eos_token="</s>"))
    assert chat.prompt_ids(user("Why ?")) == [3, 2]
    with pytest.raises(BadInput, match="holds the control token </s>, which this tokenizer cannot read as text"):
        chat.prompt_ids(user("Why </s>"))


BROKEN = {
    "raises": ("{% for m in messages %}\n\n{{ raise_exception('no such role') }}{% endfor %}", 3, "user, assistant.*no such"),
    "malformed": ("{{ bos_token }}\n{% for m in %}{% endfor %}", 2, "Expected an expression"),
    "unknown filter": ("a\nb\n{{ messages | frobnicate }}", 3, "frobnicate"),
    "of another kind": ("{% for m in messages %}\n{{ m['content'] + 1 }}{% endfor %}", 2, "str"),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("own", [True, False])
def test_a_template_that_cannot_be_used_is_told_with_file_and_line(tmp_path: Path, name: str, own: bool) -> None:
    template, line, problem = BROKEN[name]
    made = tokenizer(SHAPES["chatml"], template)
    made.save_pretrained(tmp_path, save_jinja_files=own)
    place = f"chat_template.jinja:{line}: chat_template: it" if own else "tokenizer_config.json: chat_template: it"
    with pytest.raises(BadInput, match=problem) as caught:
        Chat.load(Weights(name="m", path=str(tmp_path)))
    assert str(caught.value).startswith(f"{tmp_path}/{place} cannot write a conversation of user, assistant")
    assert own or f" in its line {line}: " in str(caught.value)


def test_a_template_without_a_default_is_told(tmp_path: Path) -> None:
    made = tokenizer(SHAPES["chatml"])
    made.save_pretrained(tmp_path, save_jinja_files=False)
    path = tmp_path / "tokenizer_config.json"
    config = json.loads(path.read_text())
    templates = [{"name": "rag", "template": "x"}, {"name": "tools", "template": "y"}]
    path.write_text(json.dumps(config | {"chat_template": templates}))
    with pytest.raises(BadInput, match=r"chat_template: it cannot write .*no default"):
        Chat.load(Weights(name="m", path=str(tmp_path)))


def test_a_template_that_leaves_the_question_out_is_refused() -> None:
    """Such as one for contents in parts, which a plain text has none of."""
    parts = "{% for m in messages %}{{ m['role'] }}{% for p in m['content'] %}{{ p['text'] }}{% endfor %}{% endfor %}"
    with pytest.raises(BadInput, match="does not write what the user says"):
        Chat(tokenizer(SHAPES["chatml"], parts)).check()
