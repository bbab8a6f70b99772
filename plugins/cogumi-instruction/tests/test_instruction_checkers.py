"""The harness's own evaluation functions run beside ours."""

import subprocess
import sys

import pytest
from cogumi_instruction.checkers import FIELDS, Unready, Unusable, _registry, constraint, loose, strict, variants
from cogumi_instruction.gold import conforming

RANDOM_THERE = (1122, 1129)
"""Keys whose `letter` is `#` and `!`, for which the harness draws a letter at random."""


def built(row):
    return tuple(constraint(*pair) for pair in zip(row["instruction_id_list"], row["kwargs"], strict=True))


def harness(row, text):
    """Strict and loose verdicts of lm-evaluation-harness."""
    from lm_eval.tasks.ifeval import utils

    found = utils.process_results(row, [text])
    return tuple(found["inst_level_strict_acc"]), tuple(found["inst_level_loose_acc"])


def responses(rows):
    """For each row its conforming text, four spoilt ones and the conforming text of the row before."""
    before = "Sure! Here it is."
    for row in rows:
        text = conforming(built(row))
        introduced = f"Sure, here it is:\n{text}\nIs there more, or less?"
        yield row, (text, introduced, text.replace(" ", " *", 2), text.swapcase(), text[: len(text) // 2], before)
        before = text


def test_every_constraint_of_the_harness_is_known_with_its_kwargs():
    registry = _registry()
    assert set(FIELDS) == set(registry)
    for instruction, fields in FIELDS.items():
        checker = registry[instruction](instruction)
        assert set(fields) == set(checker.get_instruction_args_keys())


def test_verdicts_are_the_harnesss_on_real_prompts(rows):
    seen = set()
    compared = [row for row in rows[::4] if row["key"] not in RANDOM_THERE]
    for row, texts in responses(compared):
        for text in texts:
            ours = strict(built(row), text), loose(built(row), text)
            assert ours == harness(row, text), (row["key"], text)
            seen.add((all(ours[0]), all(ours[1])))
    assert seen == {(True, True), (False, True), (False, False)}


def test_a_sign_is_counted_where_the_harness_draws_a_letter():
    wanted = {"letter": "#", "let_frequency": 2, "let_relation": "at least"}
    for _ in range(5):
        assert strict([constraint("keywords:letter_frequency", wanted)], "# tea ##") == (True,)
        assert strict([constraint("keywords:letter_frequency", wanted)], "# tea eee") == (False,)


def test_an_empty_text_meets_nothing():
    empty = [constraint("punctuation:no_comma", {}), constraint("keywords:forbidden_words", {"forbidden_words": ["tea"]})]
    assert strict(empty, " \n") == loose(empty, " \n") == (False, False)


def test_json_nested_too_deeply_is_no_json():
    assert strict([constraint("detectable_format:json_format", {})], "[" * 100_000) == (False,)


def test_the_variants_of_a_text():
    assert variants("a\n*b*\nc") == ("a\n*b*\nc", "*b*\nc", "a\n*b*", "*b*", "a\nb\nc", "b\nc", "a\nb", "b")
    assert variants("one") == ("one", "")


def test_a_language_is_told_the_same_way_whatever_was_asked_before():
    german = constraint("language:response_language", {"language": "de"})
    texts = ["Der Tee ist warm", "tea is in", "a die an", "il tè e in", "no se", "be an in die", "ok", "in an", "das man"]
    first = [german.met_by(text) for text in texts]
    assert [german.met_by(text) for text in reversed(texts)] == first[::-1]
    assert [german.met_by(text) for text in texts * 5] == first * 5
    assert len(set(first)) == 2


@pytest.mark.parametrize(
    ("instruction", "kwargs", "field", "expected"),
    [
        ("punctuation:no_coma", {}, "instruction_id_list", "punctuation:no_coma: no such instruction"),
        ("punctuation:no_comma", {"num_words": 3}, "kwargs", "num_words is none of its kwargs"),
        ("length_constraints:number_words", {"relation": "at least"}, "kwargs", "num_words is missing"),
        ("length_constraints:number_words", {"num_words": "3", "relation": "at least"}, "kwargs", "num_words is a str"),
        ("length_constraints:number_words", {"num_words": True, "relation": "at least"}, "kwargs", "num_words is a bool"),
        ("length_constraints:number_words", {"num_words": 2.5, "relation": "at least"}, "kwargs", "num_words is a float"),
        ("length_constraints:number_words", {"num_words": -3, "relation": "at least"}, "kwargs", "num_words is below zero"),
        ("length_constraints:number_words", {"num_words": 3, "relation": "at most"}, "kwargs", "relation is 'at most'"),
        ("keywords:existence", {"keywords": []}, "kwargs", "keywords is empty"),
        ("keywords:existence", {"keywords": ["tea", None]}, "kwargs", "not made of texts"),
        ("keywords:existence", {"keywords": ["te(a"]}, "kwargs", "keywords is not a regular expression"),
        ("startend:end_checker", {"end_phrase": ""}, "kwargs", "end_phrase is empty"),
        (
            "keywords:letter_frequency",
            {"letter": "tea", "let_frequency": 2, "let_relation": "at least"},
            "kwargs",
            "letter is not one character",
        ),
        (
            "length_constraints:nth_paragraph_first_word",
            {"num_paragraphs": 2, "nth_paragraph": 3, "first_word": "tea"},
            "kwargs",
            "nth_paragraph is not from 1 to num_paragraphs",
        ),
    ],
)
def test_what_does_not_fit_is_refused(instruction, kwargs, field, expected):
    with pytest.raises(Unusable, match=expected) as caught:
        constraint(instruction, kwargs)
    assert caught.value.field == field


def test_nulls_are_absent_and_whole_floats_are_numbers():
    served = {"num_words": 3.0, "relation": "less than", "keywords": None, "letter": None}
    words = constraint("length_constraints:number_words", served)
    assert words.kwargs == {"num_words": 3, "relation": "less than"}
    assert strict([words], "two words") == (True,)


def test_without_the_sentence_model_what_needs_it_is_refused(monkeypatch):
    monkeypatch.setattr("cogumi_instruction.punkt.available", lambda: False)
    with pytest.raises(Unready, match="needs NLTK's sentence model punkt_tab") as caught:
        constraint("length_constraints:number_sentences", {"num_sentences": 2, "relation": "at least"})
    assert "pip install" in caught.value.fix


def test_sentences_are_counted_as_the_model_splits_them(real):
    two = constraint("length_constraints:number_sentences", {"num_sentences": 3, "relation": "less than"})
    assert strict([two], "Dr. Smith drinks tea with Mr. Jones. He likes it.") == (True,)
    assert strict([two], "One. Two. Three.") == (False,)


def test_nothing_is_downloaded_and_nothing_heavy_is_loaded(tmp_path):
    code = (
        "import socket, sys\n"
        "def refuse(*_): raise AssertionError('a connection')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "import cogumi_instruction.plugin\n"
        "heavy = {'torch', 'numpy', 'nltk', 'langdetect', 'lm_eval', 'datasets'}\n"
        "assert not heavy & set(sys.modules)\n"
        "from importlib.metadata import PackageNotFoundError\n"
        "from cogumi_instruction import checkers, punkt\n"
        "def missing(name): raise PackageNotFoundError(name)\n"
        "punkt.distribution = missing\n"
        "import nltk\n"
        f"nltk.data.path[:] = [{str(tmp_path)!r}]\n"
        "assert not punkt.available()\n"
        "assert [ok for _, ok, _, _ in cogumi_instruction.plugin.doctor()] == [None]\n"
        "assert checkers.constraint('punctuation:no_comma', {}).met_by('tea')\n"
        "assert 'torch' not in sys.modules\n"
        "nltk.data.find, nltk.download\n"
        "try: nltk.data.find('tokenizers/punkt_tab')\n"
        "except LookupError: print('as before')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("as before\n", "")
