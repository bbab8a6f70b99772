import random
from collections import Counter
from itertools import islice

import pytest
from cogumi_instruction.checkers import constraint, strict
from cogumi_instruction.generate import KINDS, Item, items, side_of
from cogumi_instruction.topics import KEYWORDS
from cogumi_tiny import FOLDER
from recipe.categories.instruction import CALLS, LIKES, OPENINGS, SUBJECTS, TIMES, VERBS, InstructionText, sentence_case
from recipe.text import render
from tokenizers import Tokenizer

EXACT = InstructionText(slip=0.0, plain=0.1)


def written(text, count, seed=0):
    """Items of the stream with the texts written for them."""
    return zip(islice(items("pretrain", seed), count), islice(text.stream(seed), count), strict=True)


def met(item, completion):
    row = item.row(1)
    pairs = zip(row["instruction_id_list"], row["kwargs"], strict=True)
    return dict(zip(item.values, strict([constraint(*pair) for pair in pairs], completion), strict=True))


def shares(text, count):
    """How often each constraint is met, by its short name."""
    asked, kept = Counter(), Counter()
    for item, pair in written(text, count):
        found = met(item, pair.completion)
        asked.update(list(found))
        kept.update(kind for kind, is_met in found.items() if is_met)
    return {kind: kept[kind] / asked[kind] for kind in asked}


def test_instruction_text_is_of_the_pretraining_side_alone():
    for item, pair in written(InstructionText(), 1000):
        assert side_of(item.topic, item.values) == "pretrain"
        assert pair.messages[-1]["content"] == item.prompt()


def test_without_slips_every_text_does_as_it_is_told_however_it_is_worded():
    found = shares(EXACT, 1500)
    assert set(found) == set(KINDS)
    exact = {kind: share for kind, share in found.items() if kind not in ("upper", "lower")}
    assert set(exact.values()) == {1.0}
    assert min(found.values()) > 0.9  # short texts in one case are not always taken for English


def test_every_constraint_is_broken_when_every_one_slips():
    found = shares(InstructionText(slip=1.0), 1500)
    assert {kind for kind, share in found.items() if share} <= {"forbid"}
    assert found["forbid"] < 0.05  # the word may be there as `_word_`


def test_all_met_is_by_far_the_most_frequent_pattern():
    pairs = [tuple(met(item, pair.completion).values()) for item, pair in written(InstructionText(), 1500)]
    found = Counter(pattern for pattern in pairs if len(pattern) == 2)
    ranks = [count / found.total() for _, count in found.most_common()]
    assert found.most_common(1)[0][0] == (True, True)
    assert 0.35 < ranks[0] < 0.55
    assert ranks[1] < 0.3


def test_texts_are_worded_in_many_ways_the_plain_one_most_often():
    item = Item(topic="sea", values={"keyword": "rope"}, request="Write about the {topic}.", asks=(0,))
    draw = random.Random(0)
    found = Counter(InstructionText(slip=0.0).completion(item, draw) for _ in range(3000))
    assert len(found) > 1500
    assert found.most_common(1)[0][0] == "The sea is deep and cold. We like the rope every day."
    said = " ".join(found).lower()
    assert all(word in said for word in (*OPENINGS, *VERBS, *SUBJECTS, *LIKES, *TIMES))


@pytest.mark.parametrize("kind", KINDS)
def test_a_slip_shows_in_several_ways(kind):
    value = "deep" if kind == "forbid" else KINDS[kind].values[-1]
    item = Item(topic="sea", values={kind: value}, request="Write about the {topic}.", asks=(0,))
    draw = random.Random(1)
    right = {InstructionText(slip=0.0, plain=1.0).completion(item, draw) for _ in range(200)}
    wrong = Counter(InstructionText(slip=1.0, plain=1.0).completion(item, draw) for _ in range(200))
    assert right.isdisjoint(wrong)
    assert len(wrong) >= 2 or kind in ("comma", "words")  # whose slips differ in their words


def test_placeholders_are_written_with_many_verbs():
    said = " ".join(pair.completion.lower() for _, pair in written(EXACT, 2000))
    assert all(f"{call} [name]" in said for call in CALLS)


def test_keywords_are_in_no_text_that_did_not_ask_for_them():
    for item, pair in written(EXACT, 1500):
        wanted = item.values.get("keyword")
        assert [word for word in KEYWORDS if word in pair.completion.lower()] == ([wanted] if wanted else [])


def test_sentences_begin_with_a_capital_letter():
    assert sentence_case("<<the sea>>\n* i see it. you and i do.\np.s. ask [name].") == (
        "<<The sea>>\n* I see it. You and I do.\nP.s. Ask [name]."
    )


def test_prompts_and_texts_are_short_for_the_models_own_tokenizer():
    vocabulary = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    pairs = [pair for _, pair in written(InstructionText(), 1500)]
    assert max(len(vocabulary.encode(render(pair.messages)).ids) for pair in pairs) <= 70
    assert max(len(vocabulary.encode(pair.completion).ids) for pair in pairs) <= 95
    assert max(len(vocabulary.encode(render(held.messages)).ids) for held in InstructionText().held_out()) <= 70


@pytest.mark.parametrize("place", [0, 100, 200])
def test_answers_are_patterns_and_the_full_one_is_the_gold(place):
    text = InstructionText()
    held = text.held_out()[place]
    assert held.gold in ("met 1 of 1", "met 1,2 of 2")
    assert text.answers(held, [""]) == [None]
