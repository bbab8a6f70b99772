from __future__ import annotations

from dataclasses import replace

import pytest
from cogumi_qlora.encode import altered, encode, encode_all

from cogumi.chat import Chat, digest
from cogumi.errors import BadInput
from cogumi.records import Demonstration, Message, Weights

QUESTION = Message(role="user", content="1 + 1?")


@pytest.fixture(scope="module")
def chat(model: Weights) -> Chat:
    return Chat.load(model)


@pytest.fixture
def sampled(chat: Chat) -> Demonstration:
    """An example as distillation hands it over: with the ids it was sampled with."""
    return Demonstration(
        id="math/1",
        messages=(QUESTION, Message(role="assistant", content="2")),
        prompt_digest=digest(chat.prompt_ids([QUESTION])),
        token_ids=tuple(chat.target_ids("2")),
    )


def test_the_ids_are_the_prompt_and_the_sampled_target(chat: Chat, sampled: Demonstration) -> None:
    encoded = encode(sampled, chat, 100)
    assert encoded.ids[: encoded.start] == tuple(chat.prompt_ids([QUESTION]))
    assert encoded.ids[encoded.start :] == sampled.token_ids
    assert encoded.ids.count(chat.tokenizer.bos_token_id) == 1


def test_sampled_ids_win_over_the_tokenizers_own(chat: Chat, sampled: Demonstration) -> None:
    """A model may spell a text in other tokens than its tokenizer would; those it sampled are learned."""
    plus = chat.tokenizer.convert_tokens_to_ids("<|user|>")  # a special token, so the decoded text stays the same
    ids = (plus, *chat.target_ids("2"))
    assert encode(replace(sampled, token_ids=ids), chat, 100).ids[-3:] == ids


def test_the_end_of_turn_is_learned_where_ids_are_not_known(chat: Chat, sampled: Demonstration) -> None:
    encoded = encode(replace(sampled, token_ids=None), chat, 100)
    assert encoded.ids[-1] == chat.end_id
    assert encoded.targets == 2


BAD = {
    "another prompt": ({"prompt_digest": "0" * 16}, "token ids differ"),
    "another text": ({"token_ids": (9, 2)}, "do not decode"),
    "no end": ({"token_ids": "cut"}, "cut off"),
    "no target": ({"token_ids": (), "messages": (QUESTION, Message(role="assistant", content=""))}, "cut off"),
    "an end inside": ({"token_ids": "twice"}, "end-of-turn token stands inside"),
    "a BOS inside": ({"token_ids": "bos"}, "BOS token stands inside"),
    "not an assistant": ({"messages": (QUESTION, QUESTION)}, "assistant"),
    "no prompt": ({"messages": (Message(role="assistant", content="2"),)}, "assistant"),
    "a negative temperature": ({"train_temperature": -0.1}, "temperature"),
    "an infinite temperature": ({"train_temperature": float("inf")}, "temperature"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_mismatch_names_the_example(case: str, chat: Chat, sampled: Demonstration) -> None:
    fields, words = BAD[case]
    target = chat.target_ids("2")
    special = {"cut": target[:1], "twice": [*target, chat.end_id], "bos": [chat.tokenizer.bos_token_id, *target]}
    if isinstance(fields.get("token_ids"), str):
        fields = fields | {"token_ids": tuple(special[fields["token_ids"]])}
    with pytest.raises(BadInput, match=rf"example math/1: .*{words}"):
        encode(replace(sampled, **fields), chat, 100)


def with_template(model: Weights, template: str) -> Chat:
    """The tokenizer with another template."""
    tokenizer = Chat.load(model).tokenizer
    tokenizer.chat_template = template
    return Chat(tokenizer)


def test_two_bos_at_the_start_are_refused(model: Weights, chat: Chat, sampled: Demonstration) -> None:
    twice = with_template(model, "{{ bos_token }}" + chat.tokenizer.chat_template)
    with pytest.raises(BadInput, match="begins with two BOS tokens"):
        encode(replace(sampled, prompt_digest=None, token_ids=None), twice, 100)


def test_a_template_may_open_every_turn_with_bos(model: Weights, sampled: Demonstration) -> None:
    turns = "{% for m in messages %}{{ bos_token }}{{ m['role'] }}\n{{ m['content'] }}{{ eos_token }}{% endfor %}"
    opened = with_template(model, turns + "{% if add_generation_prompt %}{{ bos_token }}assistant\n{% endif %}")
    encoded = encode(replace(sampled, prompt_digest=None, token_ids=None), opened, 200)
    assert encoded.ids.count(opened.tokenizer.bos_token_id) == len(sampled.messages)


def test_too_long_is_refused_with_both_numbers(chat: Chat, sampled: Demonstration) -> None:
    length = len(encode(sampled, chat, 100).ids)
    assert encode(sampled, chat, length)
    with pytest.raises(BadInput, match=f"math/1: {length} tokens, the limit is {length - 1}"):
        encode(sampled, chat, length - 1)


def test_no_examples_and_repeated_ids_are_refused(chat: Chat, sampled: Demonstration) -> None:
    with pytest.raises(BadInput, match="nothing to train on"):
        encode_all([], chat, 100)
    with pytest.raises(BadInput, match="math/1: two examples"):
        encode_all([sampled, sampled], chat, 100)


def test_texts_that_the_tokenizer_changes_are_told_of(model: Weights, sampled: Demonstration) -> None:
    from tokenizers import normalizers

    tokenizer = Chat.load(model).tokenizer
    tokenizer.backend_tokenizer.normalizer = normalizers.Lowercase()
    chat = Chat(tokenizer)
    plain = replace(sampled, prompt_digest=None, token_ids=None)
    odd = replace(plain, id="math/2", messages=(QUESTION, Message(role="assistant", content="Two")))
    encoded = encode_all([plain, odd], chat, 100)
    assert altered([plain, odd], encoded, chat) == ["math/2"]


def test_a_control_token_in_a_text_is_learned_as_text(chat: Chat, sampled: Demonstration) -> None:
    """In the question and in the answer: the template's own are the only ones."""
    said = "say <|user|> or <eos>"
    messages = (Message(role="user", content=said), Message(role="assistant", content=said))
    ids = encode(replace(sampled, messages=messages, prompt_digest=None, token_ids=None), chat, 200).ids
    special = [i for i in ids if i in set(chat.tokenizer.added_tokens_decoder)]
    assert chat.tokenizer.convert_ids_to_tokens(special) == ["<bos>", "<|user|>", "<eos>", "<|assistant|>", "<eos>"]
