import ast
import re
from collections import Counter
from itertools import islice

import pytest
from cogumi_code.generate import items, side_of
from cogumi_code.grammar import parameter, value
from cogumi_tiny import FOLDER
from recipe.categories.code import COMMENTS, ITEMS, CodeText
from recipe.text import render
from tokenizers import Tokenizer

EXACT = {"slip": 0.0, "swap": 0.0}


def written(text, count, seed=0):
    """Items of the stream with the bodies written for them."""
    return zip(islice(items("pretrain", seed), count), islice(text.stream(seed), count), strict=True)


def function(item, body):
    names = {}
    exec(f"def f({parameter(item.spec)}):\n{body}\n", names)
    return names["f"]


def wrong(item, body):
    return function(item, body)(item.example) != value(item.spec, item.example)


def test_code_text_is_of_the_pretraining_side_alone():
    text = CodeText()
    for item, pair in written(text, 1000):
        assert side_of(item.spec) == "pretrain"
        assert item.prompt().strip() in pair.messages[-1]["content"]


def test_without_slips_every_body_does_what_it_should_however_it_is_written():
    for item, pair in written(CodeText(**EXACT, plain=0.1), 1500):
        assert not wrong(item, pair.completion), (item, pair.completion)


def test_bodies_are_written_in_many_ways_the_plain_one_most_often():
    bodies = [pair.completion for _, pair in written(CodeText(**EXACT), 3000)]
    plain = sum(re.fullmatch(r"    return [^\n]*", body) is not None for body in bodies) / len(bodies)
    assert 0.1 < plain < 0.2
    assert sum("for x in" in body for body in bodies) > sum(f"for {ITEMS[0]} in" in body for body in bodies)
    assert all(any(f"# {remark}" in body for body in bodies) for remark in COMMENTS)
    assert any("append" in body for body in bodies)
    kinds = Counter(ast.dump(ast.parse(f"def f(n):\n{body}")) for body in bodies)
    assert len(kinds) > 2500


def test_slips_come_as_often_as_asked_and_scatter():
    often = sum(wrong(item, pair.completion) for item, pair in written(CodeText(slip=1.0, swap=0.0), 800)) / 800
    seldom = sum(wrong(item, pair.completion) for item, pair in written(CodeText(slip=0.1, swap=0.0), 800)) / 800
    assert often > 0.7
    assert 0.03 < seldom < 0.25
    item = next(i for i in items("pretrain") if i.spec.source == "numbers" and all(op.k > 6 for op in i.spec.ops))
    text = CodeText(slip=1.0, swap=0.0, plain=1.0)
    import random

    draw = random.Random(0)
    found = Counter(text.solution(item, draw) for _ in range(500))
    assert len(found) > 60
    assert found.most_common(1)[0][1] < 25


def test_prompts_and_bodies_are_short_for_the_models_own_tokenizer():
    vocabulary = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    pairs = [pair for _, pair in written(CodeText(), 1500)]
    assert max(len(vocabulary.encode(render(pair.messages)).ids) for pair in pairs) <= 110
    assert max(len(vocabulary.encode(pair.completion).ids) for pair in pairs) <= 60
    assert max(len(vocabulary.encode(render(held.messages)).ids) for held in CodeText().held_out()) <= 110


@pytest.mark.parametrize("place", [0, 100, 200])
def test_answers_are_behaviours_and_the_right_one_is_the_gold(place):
    text = CodeText()
    held = text.held_out()[place]
    right = held.gold.replace("return ", "found = ", 1).rstrip() + "\n    return found"
    same, other, never, nothing = text.answers(held, [right, "    return -12345\n", "    return 1 / 0\n", "no idea"])
    assert same == held.gold
    assert other not in (None, held.gold)
    assert (never, nothing) == (None, None)
