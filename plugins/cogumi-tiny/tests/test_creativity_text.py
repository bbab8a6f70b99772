import random
from collections import Counter
from itertools import islice, pairwise
from statistics import mean

import pytest
from cogumi_creativity.generate import bundled, items, side_of
from cogumi_creativity.medoid import medoid
from cogumi_creativity.words import SCENES, THEME_OF
from cogumi_tiny import FOLDER
from recipe.categories.creativity import DEEDS, ENDINGS, MOODS, ON_THEME, OPENINGS, OWNERS, PLAIN, CreativityText, on_theme
from recipe.text import render
from tokenizers import Tokenizer

from cogumi.records import Ballot, Problem

EXACT = {"slip": 0.0, "repeat": 0.0}


def written(text, count, seed=0):
    """Items of the stream with the lines written for them."""
    lines = (pair.completion for pair in text.stream(seed))
    return list(islice(zip(items("pretrain", seed), lines, strict=False), count))


def doubled(line):
    words = line.split()
    return any(a == b for a, b in pairwise(words))


def test_creativity_text_is_of_the_pretraining_side_alone_and_a_function_of_its_seed():
    text = CreativityText()
    pairs = list(islice(text.stream(3), 1000))
    for item, pair in zip(items("pretrain", 3), pairs, strict=False):
        assert side_of(item.look, item.thing, item.scene) == "pretrain"
        assert item.prompt() in pair.messages[-1]["content"]
    assert pairs == list(islice(text.stream(3), 1000))
    assert pairs != list(islice(text.stream(4), 1000))


def test_no_training_prompt_is_held_out():
    held = {h.messages[-1]["content"] for h in CreativityText().held_out()}
    assert len(held) == 300
    assert held.isdisjoint(pair.messages[-1]["content"] for pair in islice(CreativityText().stream(0), 20_000))


def test_without_slips_every_line_names_what_was_asked_for_and_says_nothing_twice():
    for item, line in written(CreativityText(**EXACT, plain=0.1), 2000):
        assert on_theme(item, line), (item, line)
        assert not doubled(line), line
        assert 8 <= len(line.split()) <= 25


def test_wordings_differ_and_the_plain_one_of_the_theme_is_the_most_frequent():
    found = written(CreativityText(**EXACT), 8000)
    assert len({line for _, line in found}) > 7900
    for theme, plain in PLAIN.items():
        lines = [line for item, line in found if THEME_OF[item.scene] == theme]
        for said, wordings in zip(plain, (OPENINGS, DEEDS, ENDINGS), strict=True):
            often = Counter(next(w for w in wordings if w in line) for line in lines)
            assert set(often) == set(wordings)
            (first, most), (_, second) = often.most_common(2)
            assert first == said
            assert 0.3 < most / len(lines) < 0.4
            assert second / len(lines) < 0.15
    assert all(any(f" {word} " in line for _, line in found) for word in (*OWNERS, *MOODS))


def test_slips_come_as_often_as_asked_and_scatter():
    asked = [
        (sum(on_theme(item, line) for item, line in written(CreativityText(slip=slip, repeat=0.0), 2000)) / 2000)
        for slip in (0.1, 0.28, 1.0)
    ]
    assert asked == pytest.approx([0.9**3, 0.72**3, 0.0], abs=0.03)
    assert all(doubled(line) for _, line in written(CreativityText(slip=0.0, repeat=1.0), 100))
    draw, item = random.Random(0), bundled("train")[0]
    scenes = Counter(
        scene for _ in range(2000) for scene in SCENES if f" {scene}," in CreativityText(slip=1.0, repeat=0.0).line(item, draw)
    )
    assert len(scenes) == len(SCENES) - 1
    assert max(scenes.values()) < 2 * min(scenes.values())


def test_prompts_and_lines_are_short_for_the_models_own_tokenizer():
    vocabulary = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    pairs = list(islice(CreativityText().stream(0), 2000))
    prompts = [len(vocabulary.encode(render(pair.messages)).ids) for pair in pairs]
    lines = [len(vocabulary.encode(pair.completion).ids) for pair in pairs]
    assert max(prompts) <= 60
    assert max(lines) <= 48
    assert (sum(prompts) + sum(lines)) / len(pairs) <= 85


def test_answers_say_whether_a_line_is_on_theme():
    text = CreativityText()
    held, item = text.held_out()[0], bundled("test")[0]
    named = f"Once a {item.look.title()} {item.thing.upper()} met the {item.scene}. "
    part = f"A {item.look} {item.thing} sleeps."
    longer = f"A {item.look} {item.thing}s and the {item.scene}."
    assert held.gold == ON_THEME
    assert text.answers(held, [named, part, f" {part}\n", longer, "", " \n"]) == [ON_THEME, part, part, longer, None, None]


def test_the_medoid_of_ten_lines_is_on_theme_far_more_often_than_a_line_at_random():
    draw, text, prompts = random.Random(0), CreativityText(), bundled("test")[:60]
    lines = [[text.line(item, draw) for _ in range(10)] for item in prompts]
    chance = mean(on_theme(item, line) for item, drawn in zip(prompts, lines, strict=True) for line in drawn)
    votes = [medoid().vote(Problem(id="p", prompt="p"), [Ballot(answer=line) for line in drawn]) for drawn in lines]
    central = mean(on_theme(item, vote.winner or "") for item, vote in zip(prompts, votes, strict=True))
    assert chance < 0.45
    assert central > 0.65
