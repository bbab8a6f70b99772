import re
from collections import Counter
from itertools import islice

import pytest
from cogumi_reasoning.extract import final_letter
from cogumi_reasoning.generate import items, side_of
from cogumi_reasoning.plugin import mmlu
from cogumi_reasoning.subjects import SUBJECTS, Draft
from cogumi_tiny import FOLDER
from recipe.categories.reasoning import LETTERS, ReasoningText
from recipe.text import render
from tokenizers import Tokenizer

from cogumi.records import Completion


def written(count, seed=0, **how):
    """Items of the stream with the pairs made of them."""
    text = ReasoningText(**how)
    return list(zip(islice(items("pretrain", seed), count), islice(text.stream(seed), count), strict=True))


def test_reasoning_text_is_of_the_pretraining_side_alone():
    for item, pair in written(1000):
        others = tuple(choice for choice in item.choices if choice != item.choices[item.answer])
        assert side_of(Draft(item.question, item.choices[item.answer], others)) == "pretrain"
        assert item.question in pair.messages[-1]["content"]


def test_every_completion_writes_out_the_choices_and_is_right():
    for item, pair in written(2000):
        listed = ", ".join(f"{mark} {choice} {mark}" for mark, choice in zip(LETTERS, item.choices, strict=True))
        assert pair.completion.startswith(f"{listed}. {item.reason}")
        assert pair.completion.endswith(f" answer is {item.choices[item.answer]}.")
        assert final_letter(pair.completion, item.choices) == LETTERS[item.answer]


def test_the_plain_ending_is_the_most_frequent_of_three():
    endings = Counter(pair.completion.rpartition(" answer is ")[0].rpartition(". ")[2] for _, pair in written(3000))
    assert set(endings) == {"The", "So the", "Yes, the"}
    assert 0.77 < endings["The"] / 3000 < 0.83
    assert min(endings.values()) > 200
    assert all(" The answer is " in pair.completion for _, pair in written(300, plain=1.0))


def test_every_subject_and_letter_comes_equally_often():
    found = written(4400)
    assert set(Counter(item.subject for item, _ in found).values()) == {4400 // len(SUBJECTS)}
    assert all(0.22 < n / 4400 < 0.28 for n in Counter(item.answer for item, _ in found).values())


def test_every_word_comes_often_enough_to_be_learnt():
    words = Counter(word for _, pair in written(5000) for word in set(re.findall(r"[A-Za-z]{2,}", pair.messages[0]["content"])))
    rare = {word: n for word, n in words.items() if n * 9 < 60}  # the model sees 45,000 texts
    assert not rare


def test_reasoning_texts_are_short_for_the_models_own_tokenizer():
    vocabulary = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    prompts = [len(vocabulary.encode(render(pair.messages)).ids) for _, pair in written(1500)]
    ends = [len(vocabulary.encode(pair.completion).ids) for _, pair in written(1500)]
    assert sum(prompts) / 1500 + sum(ends) / 1500 < 110
    assert max(ends) < 75


def test_a_text_is_a_function_of_its_seed():
    assert written(50, seed=3) == written(50, seed=3)
    assert [pair for _, pair in written(50, seed=3)] != [pair for _, pair in written(50, seed=4)]


def test_held_out_problems_are_asked_and_read_as_the_benchmark_does():
    text, task = ReasoningText(), mmlu(data="bundled").task
    said = ["A dog A. The answer is A.", "So the answer is B.", "The answer is C", "Yes, the answer is D.", "I do", ""]
    drawn = [Completion(request="r", index=i, text=words, finish="stop") for i, words in enumerate(said)]
    for held, problem in zip(text.held_out(), task.problems(), strict=True):
        assert held.messages == tuple(task.messages(problem))
        assert text.answers(held, [task.gold(problem)]) == [held.gold]
        assert list(text.answers(held, said)) == list(task.answers(problem, drawn)) == ["A", "B", "C", "D", None, None]


@pytest.mark.parametrize("words", ["The answer is E.", "The answer is AB.", "The answer is .", "no answer"])
def test_anything_else_is_no_answer(words):
    text = ReasoningText()
    assert text.answers(text.held_out()[0], [words]) == [None]
