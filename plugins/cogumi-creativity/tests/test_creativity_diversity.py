import random

import pytest
from cogumi_creativity.diversity import diversity, self_bleu

LINES = [
    f"{opening} the {thing} waits by the {scene}"
    for opening in ("now", "then")
    for thing in ("kite", "fox")
    for scene in ("sea", "hill")
]


def test_the_example():
    figures = diversity(["the kite waits", "the kite sleeps"])
    assert (figures["distinct_1"], figures["distinct_2"]) == (4 / 6, 3 / 6)


def test_punctuation_is_a_word_of_its_own():
    assert diversity(["wait, wait."])["distinct_1"] == 3 / 4


def test_equal_texts_are_not_diverse_and_texts_of_other_words_are():
    same = diversity(["the kite waits by the sea"] * 4)
    assert same["self_bleu"] == pytest.approx(1.0)
    assert same["self_bleu"] <= 1.0
    assert (same["distinct_1"], same["distinct_2"]) == (5 / 24, 5 / 24)
    other = diversity(["red kites wait here", "bread is cheap today", "nobody knows my name"])
    assert (other["distinct_1"], other["distinct_2"], other["self_bleu"]) == (1.0, 9 / 12, 0.0)


def test_the_more_texts_share_the_higher_is_self_bleu_and_the_lower_distinct_n():
    near, far = diversity(LINES[:2]), diversity(["now the kite waits by the sea", "then a fox sleeps on the hill"])
    assert near["self_bleu"] > far["self_bleu"]
    assert near["distinct_1"] < far["distinct_1"]
    assert near["distinct_2"] < far["distinct_2"]


def test_self_bleu_is_each_text_against_all_others():
    nltk = pytest.importorskip("nltk.translate.bleu_score")
    lines = [line.split() for line in LINES]
    expected = [nltk.sentence_bleu(lines[:i] + lines[i + 1 :], line) for i, line in enumerate(lines)]
    assert self_bleu(LINES) == pytest.approx(sum(expected) / len(expected))


def test_figures_do_not_depend_on_the_order():
    shuffled = LINES[:]
    random.Random(1).shuffle(shuffled)
    assert diversity(shuffled) == diversity(LINES)


def test_too_few_texts_leave_figures_out():
    assert diversity([]) == {}
    assert diversity(["a word"]) == {"distinct_1": 1.0, "distinct_2": 0.5}
