import random

import pytest
from cogumi_knowledge.normal import key, normalise
from hypothesis import given, settings
from hypothesis import strategies as st

PUNCTUATION = {*map(chr, range(33, 48)), *map(chr, range(58, 65)), *map(chr, range(91, 97)), *map(chr, range(123, 127))}
PIECES = [
    "the", "The", "a", "An", "theatre", "an", "_", "'", "’", "‘", "´", "`", "-", ".", "&", " ", "\t", "é", "É", "8", "U.S.",
    "Mary's", "A_B", "“", "–", "ß", "İ", "\n", "Lima", "x",
]  # fmt: skip


def by_hand(text):
    """TriviaQA's rule once more, letter by letter and word by word, without the module's means."""
    spaced = "".join(" " if c in PUNCTUATION or c in "‘’´`_" else c for c in text.replace("_", " ").lower())
    kept, word = [], ""
    for c in [*spaced, " "]:
        if c.isalnum() or c == "_":
            word += c
            continue
        kept.append(" " if word in ("a", "an", "the") else word)
        kept.append(c)
        word = ""
    return " ".join("".join(kept).split())


@pytest.mark.parametrize("seed", range(400))
def test_it_is_the_rule_of_triviaqa_on_made_up_texts(seed):
    draw = random.Random(seed)
    text = "".join(draw.choice(PIECES) + draw.choice(["", " "]) for _ in range(draw.randint(1, 12)))
    assert normalise(text) == by_hand(text)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.characters(max_codepoint=0x7F) | st.sampled_from("‘’´`äÉ–“"), max_size=40))
def test_it_is_the_rule_of_triviaqa_on_any_text(text):
    assert normalise(text) == by_hand(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The  Beatles!", "beatles"),
        ("St. Mary's", "st mary s"),
        ("rock'n’roll", "rock n roll"),
        ("A-Team", "team"),
        ("snake_case", "snake case"),
        ("Theatre of an Era", "theatre of era"),
        ("“Emma”", "“emma”"),
        ("1,000", "1 000"),
        ("", ""),
        ("The A", ""),
    ],
)
def test_examples(text, expected):
    assert normalise(text) == expected


def test_a_text_of_which_nothing_would_be_left_keeps_its_own_key():
    assert [key(text) for text in ("The A", "!!!", "A", "Lima.", " ")] == ["the a", "!!!", "a", "lima", ""]


def test_an_accent_may_be_a_character_of_its_own():
    assert key("Montre\u0301al") == key("Montr\u00e9al")
